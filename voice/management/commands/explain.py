"""Says why a call ended: one that is here, or one whose events and commands stand in a file."""

import json
import sys
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management import BaseCommand, CommandError

from portal import payloads
from portal.checks import OWN_CHECKS
from portal.masking import masked_text
from portal.progress import Bar
from portal.texts import pluralised
from voice.calls import search
from voice.explanations import cases, judging, rows
from voice.explanations.judgement import precedence
from voice.explanations.judgement.verdicts import Verdict
from voice.models import Call, CallCommand

_SEVERAL = "Several accounts have a {} of this id: say which with --account."


class Command(BaseCommand):
    """Explains endings; stores nothing but with --fill. Exit status: 1 when a call is not known, or a line not read."""

    requires_system_checks = OWN_CHECKS
    help = "Say why a call ended, who ended it, how sure that is, and what to do next."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("call", nargs="?", metavar="CALL_CONTROL_ID", help="Also the id of a session or a command.")
        parser.add_argument("--file", metavar="CASES.jsonl", help="A case a line instead; - reads from the terminal.")
        parser.add_argument("--account", metavar="NAME", help="Whose call it is, should several have that id.")
        parser.add_argument(
            "--fill", action="store_true", help="Judge the calls that ended before endings were kept; may be stopped."
        )
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        if sum(map(bool, (options["call"], options["file"], options["fill"]))) != 1:
            raise CommandError("Name a call, or a file with --file; or give --fill.")
        if options["fill"]:
            self._fill()
        elif options["file"]:
            self._explain_file(options["file"], options["format"])
        else:
            verdict = _of_rows(options["call"], options["account"])
            self._say(options["call"], verdict, options["format"], masked=True)

    def _fill(self) -> None:
        bar, done = Bar(self.stderr, "calls judged"), 0
        for some in judging.judge_old():
            done += some
            bar.update(done, None)
        bar.close()
        self.stdout.write(f"{done} judged.")

    def _explain_file(self, name: str, form: str) -> None:
        bad = 0
        with _opened(name) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    case = payloads.loads(line.encode(errors="replace"), replace=True)
                    verdict = precedence.judge(cases.read(case))
                except (cases.BadCase, payloads.Unreadable) as error:
                    bad += 1
                    self.stderr.write(f"line {number}: {error}")
                else:
                    self._say(str(case.get("id") or f"line {number}"), verdict, form)
        if bad:
            raise CommandError(f"{pluralised(bad, 'line', 'lines')} could not be read.")

    def _say(self, name: str, verdict: Verdict, form: str, *, masked: bool = False) -> None:
        told = verdict.told()
        if masked:  # what is pasted into a ticket says no caller's number
            told = {key: masked_text(value) if isinstance(value, str) else value for key, value in told.items()}
            told["flags"] = [masked_text(flag) for flag in verdict.flags]
        if form == "json":
            self.stdout.write(json.dumps({"id": name, **told}, ensure_ascii=False))
            return
        self.stdout.write(f"{name}: {told['sentence']}")
        self.stdout.write(
            f"  ended by: {verdict.who}, {verdict.category} ({verdict.code}); confidence: {verdict.confidence}"
        )
        for words, value in (("next", told["next_step"]), ("also", "; ".join(map(str, verdict.flags)))):
            if value:
                self.stdout.write(f"  {words}: {masked_text(str(value)) if masked else value}")
        for proof in verdict.evidence:
            self.stdout.write(f"  evidence: {proof.kind} {proof.what} {proof.id}")


def _of_rows(text: str, account: str | None) -> Verdict:
    calls, commands = Call.objects.select_related("account"), CallCommand.objects.all()
    if account:
        calls, commands = calls.filter(account__name=account), commands.filter(account__name=account)
    found = list(calls.filter(call_control_id=text)[:2])
    if len(found) > 1:
        raise CommandError(_SEVERAL.format("call"))
    if found:
        return rows.verdict_of(found[0])
    if identifier := _uuid(text):
        if legs := search.session(calls, calls.filter(call_session_id=str(identifier))[:20]):
            if len({leg.account_id for leg in legs}) > 1:
                raise CommandError(_SEVERAL.format("session"))
            return rows.verdicts_of(legs)[legs[0].pk]
        if command := commands.filter(pk=identifier).select_related("call").first():
            return rows.verdict_of(command.call) if command.call else rows.verdict_of_command(command)
    raise CommandError("No call, session or command of this id is known here.")


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdin
        return
    try:
        with Path(name).open(encoding="utf-8", errors="replace") as lines:
            yield lines
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from error
