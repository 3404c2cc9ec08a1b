"""Fetches what webhooks did not bring, and says what was found."""

import re
import time
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal import sql
from portal.accounts import accounts_named
from portal.actors import Actor
from portal.checks import OWN_CHECKS
from portal.models import TelnyxAccount
from portal.progress import Bar
from portal.telnyx.errors import TelnyxError
from portal.texts import pluralised
from voice.models import SILENT, Recovery
from voice.recovery import backfill, runs
from voice.recovery.collector import SETTLED

_ACTOR = Actor("command line")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=30)  # an event older than that is not taken for one that just came


class Command(BaseCommand):
    """Runs the recovery. Exit status: 0 all was read, 1 something could not be asked of Telnyx."""

    requires_system_checks = OWN_CHECKS
    help = "Read from Telnyx what its webhooks did not bring: failed deliveries, calls without an end, live calls."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", metavar="1h", help="Look at least so far back: a number with s, m, h or d.")
        parser.add_argument(
            "--no-wait",
            action="store_true",
            help="Leave deliveries that failed within the last two minutes to the next run.",
        )
        parser.add_argument("--account", metavar="NAME", help="Only this account; without: all.")

    def handle(self, *args: Any, **options: Any) -> None:
        since, accounts = _since(options["since"]), accounts_named(options["account"])
        begin = sql.clock()
        records = [self._recover(account, since) for account in accounts]
        if not options["no_wait"]:
            young = [record.account for record in records if self._left_young(record, begin)]
            self._wait(begin + SETTLED if young else begin)
            records += [self._recover(account, since) for account in young]
        if any(record.state != Recovery.State.DONE or record.problem for record in records):
            raise CommandError("Not everything could be read from Telnyx.")

    def _recover(self, account: TelnyxAccount, since: datetime | None) -> Recovery:
        record = self._our_turn(account)
        bar = Bar(self.stderr, f"{account}: failed deliveries")
        backfill.run(record, since=since, on_progress=lambda at: bar.update(at.deliveries_read, None))
        bar.close()
        if record.since and record.until:
            looked = f"{record.since:%Y-%m-%d %H:%M} to {record.until:%Y-%m-%d %H:%M} UTC"
            read = pluralised(record.deliveries_read, "failed delivery", "failed deliveries")
            found = record.words if record.state == Recovery.State.DONE else f"not read whole ({record.words} so far)"
            self.stdout.write(f"{account}: {looked}: {read} read; {found}.")
        if record.problem:
            self.stderr.write(f"{account}: {record.problem}")
        return record

    def _left_young(self, record: Recovery, begin: datetime) -> bool:
        """Tell whether deliveries had failed when the command began that the run left to their webhooks."""
        if record.state != Recovery.State.DONE or record.until is None:
            return False
        try:
            young = backfill.count_young(record.account, record.until, begin)
        except TelnyxError:
            return False  # what could not be asked now is left to the next run
        if young:
            words = pluralised(young, "delivery", "deliveries")
            self.stderr.write(f"{record.account}: {words} failed within the last two minutes, and may still come.")
        return bool(young)

    def _wait(self, until: datetime) -> None:
        bar, seconds = Bar(self.stderr, "waiting, seconds"), (until - sql.clock()).total_seconds()
        while (left := (until - sql.clock()).total_seconds()) > 0:
            bar.update(round(seconds - left), round(seconds))
            time.sleep(min(left, 1))
        bar.close()

    def _our_turn(self, account: TelnyxAccount) -> Recovery:
        """Wait for another's run: it may not look as far back."""
        give_up = time.monotonic() + 900
        while time.monotonic() < give_up:
            record, _ = runs.request(account, _ACTOR)
            if runs.begin(record):
                return record
            self.stderr.write(f"{account}: waiting for the run by {record.requested_by}.")
            runs.wait(record, SILENT.total_seconds())
        raise CommandError(f"{account}: another run does not end.")


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    if not (match := re.fullmatch(r"([1-9]\d{0,6})([smhd])", text, re.ASCII)):
        raise CommandError(f"--since must be a number with s, m, h or d, as 90m or 2d; not {text!r}.")
    back = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if back > _LONGEST:
        raise CommandError(f"--since goes back {_LONGEST.days} days at most.")
    return sql.clock() - back
