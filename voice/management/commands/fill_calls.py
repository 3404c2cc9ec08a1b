"""Fills what is told of calls since a newer version, from the events that are stored of older ones."""

import re
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal import sql
from portal.checks import OWN_CHECKS
from portal.progress import Bar
from voice.measurements import filling

_SINCE = re.compile(r"(\d{1,5})([hd])")


class Command(BaseCommand):
    """Reads events once more, newest calls first. May be stopped and begun again; twice changes nothing."""

    requires_system_checks = OWN_CHECKS
    help = "Fill sound, trust, cost, queue and recordings of calls that were stored by an older version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", metavar="30d", help="Only calls that began since then: a number with h or d.")

    def handle(self, *args: Any, **options: Any) -> None:
        since = None
        if text := options["since"]:
            if not (match := _SINCE.fullmatch(text)):
                raise CommandError("--since: write a number with h or d, as 30d.")
            since = sql.clock() - timedelta(**{{"h": "hours", "d": "days"}[match[2]]: int(match[1])})
        bar, done, changed = Bar(self.stderr, "calls looked at"), 0, 0
        for piece in filling.fill(since):
            done, changed = done + piece.looked_at, changed + piece.changed
            bar.update(done, None)
        bar.close()
        self.stdout.write(f"{done} looked at, {changed} filled.")
