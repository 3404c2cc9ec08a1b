"""Serves the stand-in for Telnyx alone: ``manage.py sandbox``."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.sandbox.server import service


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C; meanwhile ``var/sandbox.json`` tells ``sandbox_call`` the port."""

    help = "Serve the sandbox: Telnyx's voice API over HTTP, with calls that nobody pays for."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT, help="default: %(default)s")
        parser.add_argument("--empty", action="store_true", help="forget the state of earlier runs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # whoever asks it waits for its port: from then on no request waits for the SDK
            service.serve(settings.VAR_DIR, options["port"], self._say, empty=options["empty"], reads_sdk_at_start=True)
        except service.Unusable as error:
            raise CommandError(str(error)) from None

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
