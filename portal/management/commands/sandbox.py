"""Serves the stand-in for Telnyx alone: ``manage.py sandbox``."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.sandbox import command


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C; meanwhile ``var/sandbox.json`` tells ``sandbox_call`` the port."""

    help = "Serve the sandbox: Telnyx's voice API over HTTP, with calls that nobody pays for."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        command.add_arguments(parser, settings.SANDBOX_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            command.serve(settings.VAR_DIR, options, self._say)
        except command.CannotOpen as reason:
            raise CommandError(str(reason)) from None

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
