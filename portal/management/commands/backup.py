"""Writes a backup of the database."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal import backups
from portal.checks import OWN_CHECKS


class Command(BaseCommand):
    """Writes a backup below a folder and reads it again, while the portal runs."""

    requires_system_checks = OWN_CHECKS
    help = (
        "Write a backup of the database below FOLDER, and look whether it can be brought back. The keys are not in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = backups.make(options["folder"], self.stderr.write)
        except (backups.Unusable, OSError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{made} is whole. Keep the encryption keys as well, and apart from it.")
