"""Serves the stand-in for Telnyx alone: ``manage.py sandbox``."""

import json
import os
import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.sandbox.server.server import Sandbox, wait_for_signal


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl-C; meanwhile ``var/sandbox.json`` tells ``sandbox_call`` the port."""

    help = "Serve the sandbox: Telnyx's voice API over HTTP, with calls that nobody pays for."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT, help="default: %(default)s")
        parser.add_argument("--empty", action="store_true", help="forget the state of earlier runs")

    def handle(self, *args: Any, **options: Any) -> None:
        state, note = settings.VAR_DIR / "sandbox.sqlite3", settings.VAR_DIR / "sandbox.json"
        with _opened(state, options["port"], empty=options["empty"]) as sandbox:
            _write(note, {"port": sandbox.port, "pid": os.getpid()})
            try:
                self.stdout.write(f"The sandbox serves {sandbox.base_url} (any API key that begins with KEY).")
                self.stdout.write(f"Public key: {sandbox.public_key}")
                self.stdout.flush()
                wait_for_signal()
            finally:
                _remove(note)


def _opened(state: Path, port: int, *, empty: bool) -> Sandbox:
    try:
        return Sandbox(state, port, empty=empty)
    except (OSError, OverflowError) as error:
        raise CommandError(f"The sandbox cannot serve on port {port}: {error}. Choose another with --port.") from None
    except sqlite3.Error as error:
        raise CommandError(f"{state} cannot be used ({error}). Stop what uses it, or delete it.") from None
    except ValueError:
        raise CommandError(f"{state.with_suffix('.key')} holds no signing key. Delete it to get a new one.") from None


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
