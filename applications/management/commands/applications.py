"""Manages applications as code: written to YAML, compared with it, made so."""

import getpass
import json
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from applications.exchange import plan_files, plans, runs, yaml_documents
from applications.exchange.apply import Outcome
from applications.exchange.plans import Plan, Problem, Step, Unreadable
from applications.kinds import Kind
from applications.wording import display_value
from portal.actors import Actor
from portal.checks import OWN_CHECKS
from portal.models import AuditEvent, TelnyxAccount
from portal.progress import Bar
from portal.telnyx.errors import TelnyxError

_SIGNS = {"create": "+", "update": "~", "delete": "-"}


class Command(BaseCommand):
    """Manages applications as code.

    Exit status: 0 all is as told, 1 something is wrong or failed, 2 ``plan`` found something to do.
    """

    requires_system_checks = OWN_CHECKS
    help = "Export the applications at Telnyx to YAML, plan what a file would change there, and apply it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        export = verbs.add_parser("export", help="Print what Telnyx has as YAML.")
        export.add_argument("--no-ids", action="store_true", help="Leave Telnyx's ids out, for another account.")
        plan = verbs.add_parser("plan", help="Print what the file would change; exit 2 if anything.")
        plan.add_argument("--json", action="store_true", help="Print the plan as JSON.")
        plan.add_argument("--out", metavar="FILE", help="Write the plan down, for apply to carry out as it is.")
        apply = verbs.add_parser("apply", help="Make Telnyx as the file says, after asking.")
        apply.add_argument("--yes", action="store_true", help="Do not ask.")
        apply.add_argument("--json", action="store_true", help="Print what came of each step as JSON; needs --yes.")
        accepted = "Delete what the plan says, also when it looks like a mass delete."
        apply.add_argument("--accept-deletes", action="store_true", help=accepted)
        for verb in (plan, apply):
            or_plan = ", or a plan that --out has written" if verb is apply else ""
            verb.add_argument("file", help=f"YAML, as export prints it{or_plan}.")
            pruned = "Delete what the file's sections do not name; a kind without a section is left alone."
            verb.add_argument("--prune", action="store_true", help=pruned)
            only = "Only what has this name or id; may be repeated."
            verb.add_argument("--target", action="append", default=[], metavar="NAME", help=only)
        for verb in (export, plan, apply):
            verb.add_argument("--account", metavar="NAME", help="May be left out while there is one.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except TelnyxError as error:
            raise CommandError(str(error)) from error

    def _export(self, options: dict[str, Any]) -> None:
        account = _account(options["account"])
        with closing(Bar(self.stderr, account.name)) as bar:
            for part in yaml_documents.dump(account, ids=not options["no_ids"], on_read=bar.update):
                self.stdout.write(part, ending="")
        AuditEvent.note(_actor(""), "application.export", account=account.name, format="yaml")

    def _plan(self, options: dict[str, Any]) -> None:
        plan = self._made(_account(options["account"]), options, _text(options["file"]))
        if options["out"]:
            _write(options["out"], plan_files.dumps(plan))
        if options["json"]:
            self.stdout.write(plan_files.dumps(plan))
        else:
            self._show(plan)
        if plan.steps:
            sys.exit(2)

    def _apply(self, options: dict[str, Any]) -> None:
        plan = self._plan_to_apply(options)
        if options["json"] and not options["yes"]:
            raise CommandError("With --json nobody is asked: give --yes, too.")
        if not options["json"]:
            self._show(plan)
        if plan.steps:
            self._ask(plan, yes=options["yes"])
        outcomes, reasons = self._run(plan, options)
        done = sum(outcome.state == "done" for outcome in outcomes)
        if options["json"]:
            told = {"account": plan.account.name, "actor": _actor(options["file"]).label, "who": _who()}
            counts = {"done": done, "failed": len(outcomes) - done, "not_tried": len(plan.steps) - len(outcomes)}
            results = [outcome.as_json() for outcome in outcomes]
            self.stdout.write(_json({**told, **counts, "reasons": reasons, "results": results}))
        elif plan.steps and not reasons:
            self.stdout.write(f"{done} of {len(plan.steps)} done.")
        if reasons:
            raise CommandError("\n".join(reasons))
        if done < len(plan.steps):
            raise CommandError("Not everything could be done.")

    def _plan_to_apply(self, options: dict[str, Any]) -> Plan:
        """Return the plan that the file is, or the one that is made of it now."""
        text = _text(options["file"])
        written = plan_files.loads(text)
        if written is None:
            return self._made(_account(options["account"]), options, text)
        if options["prune"] or options["target"]:
            raise CommandError("A plan is carried out as it was written: --prune and --target belong to plan.")
        try:
            return plan_files.read(written, _account(options["account"] or plan_files.account_name(written)))
        except Unreadable as unreadable:
            raise _bad(options["file"], unreadable.problems) from unreadable

    def _made(self, account: TelnyxAccount, options: dict[str, Any], text: str) -> Plan:
        file = options["file"]
        try:
            entries, kinds = yaml_documents.load(text)
        except Unreadable as unreadable:
            raise _bad(file, unreadable.problems) from unreadable
        with closing(Bar(self.stderr, account.name)) as bar:
            more = {"prune": options["prune"], "targets": options["target"], "on_read": _told(bar)}
            plan = plans.make(account, entries, kinds, **more)
        if plan.problems:
            raise _bad(file, plan.problems)
        return plan

    def _show(self, plan: Plan) -> None:
        for step in plan.steps:
            id = f" ({step.telnyx_id})" if step.telnyx_id else ""
            self.stdout.write(f"{_SIGNS[step.action]} {step.action} {step.kind.slug} {step.name}{id}")
            for name, (before, after) in step.changes.items():
                self.stdout.write(f"    {name}: {_change(step, before, after)}")
            for sentence in step.dependents:
                self.stdout.write(f"    ! {sentence}")
        for sentence in plan.mass_deletes:
            self.stdout.write(f"! {sentence} apply needs --accept-deletes for that.")
        counts = plan.counts
        summary = "{create} to create, {update} to update, {delete} to delete, {unchanged} unchanged."
        self.stdout.write(summary.format(**counts))

    def _ask(self, plan: Plan, *, yes: bool) -> None:
        if yes:
            return
        if not sys.stdin.isatty():
            raise CommandError("There is nobody to ask. Give --yes to apply without being asked.")
        world = "LIVE" if plan.account.is_live else "sandbox"
        if input(f"Do this at the {world} account {plan.account}? Type yes: ").strip() != "yes":
            raise CommandError("Nothing was done.")

    def _run(self, plan: Plan, options: dict[str, Any]) -> tuple[list[Outcome], list[str]]:
        """Return what came of each step, and why it was not begun or did not come to its end."""
        actor, outcomes = _actor(options["file"]), list[Outcome]()
        with closing(Bar(self.stderr, plan.account.name)) as bar:
            try:
                begun = runs.begin(plan, actor, _who(), accept_deletes=options["accept_deletes"], on_read=_told(bar))
                for outcome in runs.carried_out(begun, plan, actor):
                    outcomes.append(outcome)
                    bar.update(len(outcomes), len(plan.steps))
                    self._tell(outcome, bar)
            except runs.Outdated as changed:
                return outcomes, ["Telnyx changed since the plan was made; nothing was done.", *changed.sentences]
            except runs.NotBegun as refused:
                return outcomes, [*refused.sentences]
            except runs.Lost:
                return outcomes, ["It was silent for so long that another run took its place."]
        return outcomes, []

    def _tell(self, outcome: Outcome, bar: Bar) -> None:
        if outcome.message:
            bar.close()
            at = f"line {outcome.step.line}: " if outcome.step.line else ""
            self.stderr.write(f"{at}{outcome.step.action} {outcome.step.name}: {outcome.message}")


def _account(name: str | None) -> TelnyxAccount:
    accounts = list(TelnyxAccount.objects.all() if name is None else TelnyxAccount.objects.filter(name=name))
    if name is not None and not accounts:
        raise CommandError(f"There is no account {name}.")
    if len(accounts) != 1:
        raise CommandError("Say which account, with --account: there are several, or none yet.")
    return accounts[0]


def _text(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(f"{text}\n", "utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error}") from error


def _told(bar: Bar) -> Callable[[Kind, int, int | None], None]:
    return lambda kind, done, total: bar.update(done, total)


def _actor(file: str) -> Actor:
    return Actor(f"command line: {Path(file).name}" if file else "command line")


def _who() -> str:
    """Return who sits at the command line, and where."""
    try:
        return f"{getpass.getuser()} on {socket.gethostname()}"
    except (KeyError, OSError):  # a container knows no names
        return socket.gethostname()


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _change(step: Step, before: Any, after: Any) -> str:
    return _said(after) if step.action == "create" else f"{_said(before)} → {_said(after)}"


def _said(value: Any) -> str:
    return display_value(value).replace("\n", ", ") or "empty"


def _bad(file: str, problems: list[Problem]) -> CommandError:
    return CommandError("\n".join(f"{file}: {problem}" for problem in problems))
