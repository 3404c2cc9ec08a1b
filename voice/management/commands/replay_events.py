"""Runs stored events again, or says what that would change."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal.actors import Actor
from portal.checks import OWN_CHECKS
from portal.progress import Bar
from portal.texts import pluralised
from voice.events.following import wake_following
from voice.models import Replay, ReplayLine
from voice.replay import runs, wording
from voice.replay.dry_run import DryRun
from voice.replay.forms import ReplayForm
from voice.replay.ledger import Ledger, shown_lines
from voice.replay.selection import Selection

_ACTOR = Actor("command line")
_SHOWN = 200
# option → field of the form, which is what judges it
_OPTIONS = {
    "account": "account",
    "application": "application",
    "type": "event_types",
    "status": "statuses",
    "source": "sources",
    "since": "received_from",
    "until": "received_until",
    "occurred_since": "occurred_from",
    "occurred_until": "occurred_until",
    "call": "call",
    "session": "session",
    "id": "ids",
}
_SEVERAL = {"type": "TYPE", "status": "STATUS", "source": "SOURCE", "id": "ID"}


class Command(BaseCommand):
    """Runs a replay. Exit status: 0 all done (or nothing was asked), 1 something failed, was refused or cancelled."""

    requires_system_checks = OWN_CHECKS
    help = "Run stored events again. Rules and handlers do not run, unless asked for. Without a filter: all events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", metavar="NAME")
        parser.add_argument("--application", metavar="ID", help="Its id at Telnyx, or its name.")
        for name, word in _SEVERAL.items():
            parser.add_argument(f"--{name}", action="append", metavar=word, help="May be given several times.")
        moment = "2026-11-20, “2026-11-20 10:15” (UTC), or how long ago: 90m, 2h, 7d."
        parser.add_argument("--since", metavar="TIME", help=f"Received then or later: {moment}")
        parser.add_argument("--until", metavar="TIME", help="Received then or earlier.")
        parser.add_argument("--occurred-since", metavar="TIME")
        parser.add_argument("--occurred-until", metavar="TIME")
        parser.add_argument("--call", metavar="CALL_CONTROL_ID")
        parser.add_argument("--session", metavar="CALL_SESSION_ID")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and write nothing.")
        parser.add_argument(
            "--with-side-effects",
            action="store_true",
            help="Rules and handlers run too: calls that are going on may really be acted on.",
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *args: Any, **options: Any) -> None:
        selection = _selection(options)
        count = selection.rows().count()
        words = "; ".join(f"{name} {value}" for name, value in selection.words()) or "all"
        self.stdout.write(f"{pluralised(count, 'event', 'events')}: {words}")
        if not count:
            return
        if options["dry_run"]:
            self._rehearse(selection, count)
        elif self._is_wanted(selection, count, options):
            self._run(selection, options["with_side_effects"])
        else:
            raise CommandError("Nothing was run.")

    def _rehearse(self, selection: Selection, count: int) -> None:
        """Try it in memory: not even a row that tells of it is written."""
        ledger, counts, bar = Ledger(), dict[str, int](), Bar(self.stderr, "looking")
        dry_run = DryRun(ledger)
        for at, event_id in enumerate(runs.in_order(selection.rows()).values_list("pk", flat=True).iterator(), 1):
            for name in runs.fate(dry_run.apply(event_id)):
                counts[name] = counts.get(name, 0) + 1
            bar.update(at, count)
        bar.close()
        self._tell(shown_lines(ledger.lines()), counts)

    def _is_wanted(self, selection: Selection, count: int, options: dict[str, Any]) -> bool:
        if options["yes"]:
            return True
        if not sys.stdin.isatty():
            if options["with_side_effects"]:
                raise CommandError("--with-side-effects needs --yes where nobody can be asked.")
            return True
        self._rehearse(selection, count)
        if options["with_side_effects"]:
            self.stdout.write("Rules and handlers run too: calls that are going on may really be acted on.")
        return input(f"Run {count:,} again? [y/N] ").strip().lower() in {"y", "yes"}

    def _run(self, selection: Selection, side_effects: bool) -> None:
        row = runs.request_run(selection, _ACTOR)
        runs.begin(row, _ACTOR, side_effects=side_effects)
        bar = Bar(self.stderr, "running")
        try:
            while row.is_open:
                wake_following(runs.work(row.pk, 1.0))
                row.refresh_from_db()
                bar.update(row.done, row.total)
                if row.is_open and not runs.is_due(row.pk):
                    time.sleep(0.2)  # a worker has taken it
        except KeyboardInterrupt:
            runs.cancel(row, _ACTOR)
        bar.close()
        self._tell(shown_lines(row.lines.filter(is_rehearsed=False)), row.counts)
        if row.state != Replay.State.DONE or row.counts.get("failed"):
            raise CommandError(row.problem or f"It is {row.state}: {row.done:,} of {row.total or 0:,} were run again.")

    def _tell(self, lines: list[ReplayLine], counts: dict[str, int]) -> None:
        for description in wording.describe(lines[:_SHOWN]):
            new = " (new)" if description.line.is_new else ""
            self.stdout.write(f"{description.line.kind} {description.title}{new} {description.detail}".rstrip())
            for what, before, after in description.pairs:
                self.stdout.write(f"  {what}: {before} → {after}" if before else f"  {what}: {after}")
            if description.said:
                self.stdout.write(f"  {description.said}")
        if len(lines) > _SHOWN:
            self.stdout.write(f"And {len(lines) - _SHOWN:,} more.")
        if not lines:
            self.stdout.write("Nothing changes.")
        for number, words in wording.counts(counts):
            self.stdout.write(f"{words}: {number:,}")


def _selection(options: dict[str, Any]) -> Selection:
    given = {field: options[name] for name, field in _OPTIONS.items() if options[name]}
    joined = {_OPTIONS[name]: ",".join(options[name]) for name in ("type", "id") if options[name]}
    form = ReplayForm(given | joined)
    if not form.is_valid():
        names = {field: f"--{name.replace('_', '-')}" for name, field in _OPTIONS.items()}
        problems = (f"{names.get(name, '')}: {' '.join(map(str, messages))}" for name, messages in form.errors.items())
        raise CommandError(" ".join(problems))
    return form.selection()
