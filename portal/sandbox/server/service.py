"""Serves the sandbox as a process of its own: its files in the data directory, and what keeps it from serving."""

import json
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from portal.sandbox.server.server import Sandbox, wait_for_signal

_logger = logging.getLogger(__name__)


class Unusable(Exception):
    """Says why the sandbox cannot serve, and what to do."""


def serve(
    folder: Path,
    port: int,
    say: Callable[[str], object] = _logger.info,
    *,
    empty: bool = False,
    reads_sdk_at_start: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C; meanwhile ``sandbox.json`` in ``folder`` tells ``sandbox_call`` the port."""
    with opened(folder, port, empty=empty, reads_sdk_at_start=reads_sdk_at_start) as sandbox:
        note = folder / "sandbox.json"
        _write(note, {"port": sandbox.port, "pid": os.getpid()})
        try:
            say(f"The sandbox serves {sandbox.base_url} (any API key that begins with KEY).")
            say(f"Public key: {sandbox.public_key}")
            wait_for_signal()
        finally:
            _remove(note)


def opened(folder: Path, port: int, *, empty: bool = False, reads_sdk_at_start: bool = False) -> Sandbox:
    """Return a sandbox that serves; raises ``Unusable``."""
    state = folder / "sandbox.sqlite3"
    try:
        return Sandbox(state, port, empty=empty, reads_sdk_at_start=reads_sdk_at_start)
    except (OSError, OverflowError) as error:
        raise Unusable(f"The sandbox cannot serve on port {port}: {error}. Choose another with --port.") from None
    except sqlite3.Error as error:
        raise Unusable(f"{state} cannot be used ({error}). Stop what uses it, or delete it.") from None
    except ValueError:
        raise Unusable(f"{state.with_suffix('.key')} holds no signing key. Delete it to get a new one.") from None


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
