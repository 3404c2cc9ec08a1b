"""Brings a backup of the database back, or looks whether it could be."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal import backups


class Command(BaseCommand):
    """Brings a backup back into an empty database; with ``--check`` nothing is changed."""

    help = "Bring BACKUP back into the database of DATABASE_URL, which must be empty. With --check only look."
    requires_system_checks = ()  # those of a database that has no tables yet fail

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", type=Path, metavar="BACKUP")
        parser.add_argument("--check", action="store_true", help="Read every row of it, and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        done = backups.check if options["check"] else backups.restore
        try:
            manifest = done(options["backup"], self.stderr.write)
        except (backups.Unusable, OSError) as error:
            raise CommandError(str(error)) from None
        rows = f"{sum(manifest.rows.values()):,} rows of {manifest.made_at:.16}"
        if options["check"]:
            self.stdout.write(f"It is whole: {rows}.")
        else:
            self.stdout.write(f"{rows} are back. Migrate and start: make run, or manage.py migrate and your processes.")
