"""Brings the applications from Telnyx, or says how they differ."""

import json
import sys
from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.core.management import BaseCommand, CommandError

from applications.kinds import KINDS, Kind
from applications.mirror.store import differences
from applications.models import SILENT_SECONDS, Pull
from applications.pulls import listing
from applications.pulls.pulls import begin, run, stopped_for_what_is_accepted, wait
from portal.accounts import accounts_named
from portal.actors import Actor
from portal.checks import OWN_CHECKS
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.progress import Bar
from portal.telnyx.errors import TelnyxError

_ACTOR = Actor("command line")


class Command(BaseCommand):
    """Pulls, or checks for drift.

    Exit status: 0 all is as told, 1 a pull failed or was stopped, 2 drift was found by ``--check``.
    """

    requires_system_checks = OWN_CHECKS
    help = "Pull the applications of all accounts from Telnyx and print what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", metavar="NAME", help="Only this account; without: all.")
        parser.add_argument("--check", action="store_true", help="Write nothing, print drift as JSON, exit 2 on drift.")
        parser.add_argument(
            "--accept-missing", action="store_true", help="Mark missing what is gone, however much it is."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = accounts_named(options["account"])
        if options["check"]:
            return self._check(accounts)
        well = [self._pull(kind, account, options["accept_missing"]) for account in accounts for kind in KINDS]
        if not all(well):
            raise CommandError("Not everything could be pulled.")
        return None

    def _check(self, accounts: list[TelnyxAccount]) -> None:
        try:
            drift = [
                {"account": account.name, "kind": kind.slug} | change
                for account in accounts
                for kind in KINDS
                for change in self._differences(kind, account)
            ]
        except TelnyxError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(drift, indent=2, ensure_ascii=False, default=str))
        if drift:
            sys.exit(2)

    def _differences(self, kind: Kind, account: TelnyxAccount) -> list[JsonObject]:
        with closing(Bar(self.stderr, f"{account.name} {kind.slug}")) as bar:
            return differences(kind, account, listing.whole(kind, account, on_read=bar.update))

    def _pull(self, kind: Kind, account: TelnyxAccount, accept_missing: bool) -> bool:
        record, began = begin(kind, account, _ACTOR)
        if not began:
            self.stderr.write(f"{account.name} {kind.slug}: waiting for the pull by {record.requested_by}.")
            wait(record, SILENT_SECONDS + 1)
            not_accepted = stopped_for_what_is_accepted(record, accept_missing)
            # killed, if it runs and is silent: then this one takes over
            if not_accepted or record.state == Pull.State.RUNNING:
                record, began = begin(kind, account, _ACTOR)
        if began:
            bar = Bar(self.stderr, f"{account.name} {kind.slug}")
            run(record, _ACTOR, accept_missing=accept_missing, on_page=lambda at: bar.update(at.progress, at.total))
            bar.close()
        counts = ", ".join(f"{number} {name}" for name, number in record.counts.items())
        self.stdout.write(f"{account.name} {kind.slug}: {counts}")
        for error in record.errors:
            about = error["id"] or record.state
            self.stderr.write(f"{account.name} {kind.slug}: {about}: {error['message']}")
        return record.state == Pull.State.DONE
