"""Serves the stand-in for Telnyx alone: ``manage.py sandbox``."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.sandbox import command
from portal.sandbox.server.server import wait_for_signal


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C; meanwhile ``var/sandbox.json`` tells ``sandbox_call`` the port."""

    help = "Serve the sandbox: Telnyx's voice API over HTTP, with calls that nobody pays for."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        command.add_arguments(parser, settings.SANDBOX_PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        state, note = settings.VAR_DIR / "sandbox.sqlite3", settings.VAR_DIR / "sandbox.json"
        try:
            sandbox = command.open_sandbox(state, options)
        except command.CannotOpen as reason:
            raise CommandError(str(reason)) from None
        with sandbox:
            _write(note, {"port": sandbox.port, "pid": os.getpid()})
            try:
                command.say(sandbox, self.stdout.write)
                self.stdout.flush()
                wait_for_signal()
            finally:
                _remove(note)


def _write(note: Path, content: dict[str, int]) -> None:
    draft = note.with_suffix(".json.new")
    draft.write_text(json.dumps(content))
    draft.replace(note)


def _remove(note: Path) -> None:
    # only our own: a second sandbox may have written its port meanwhile
    try:
        if json.loads(note.read_text())["pid"] == os.getpid():
            note.unlink()
    except (OSError, ValueError, KeyError):
        pass
