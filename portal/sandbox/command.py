"""Reads a sandbox's options from a command line, and opens it: for ``telnyx-sandbox`` and ``manage.py sandbox``."""

import json
import os
import sqlite3
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal.sandbox.core.keys import key_of_text
from portal.sandbox.server.server import HOST, Sandbox, signalled
from portal.sandbox.strictness import UNKNOWN_MEMBERS

SLOWEST = 1000.0


class CannotOpen(Exception):
    """The sandbox cannot be opened; ``str()`` says why and what to do."""


def add_arguments(parser: ArgumentParser, port: int) -> None:
    """Add what a sandbox can be told."""
    parser.add_argument("--port", type=int, default=port, help="default: %(default)s; 0 takes a free one")
    parser.add_argument("--empty", action="store_true", help="forget the state of earlier runs")
    parser.add_argument("--host", default=HOST, help="the address to listen on, default: %(default)s")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name beside this machine's own under which it may be asked; may be told several times",
    )
    parser.add_argument(
        "--unknown-members",
        choices=UNKNOWN_MEMBERS,
        default=UNKNOWN_MEMBERS[0],
        help="what becomes of members of a body that the SDK does not know, default: %(default)s",
    )
    parser.add_argument("--pace", type=_pace, default=1.0, help="what every duration of a call is multiplied by: 0.02")
    parser.add_argument("--seed", help="have the same ids, and signing key, whenever this is the same")
    parser.add_argument("--key", type=_key, metavar="BASE64", help="the signing key: base64 of 32 bytes")


def serve(folder: Path, options: dict[str, Any], say: Callable[[str], Any]) -> None:
    """Serve until SIGTERM or Ctrl-C; meanwhile ``sandbox.json`` in ``folder`` tells ``sandbox_call`` the port."""
    note, stop = folder / "sandbox.json", signalled()
    with open_sandbox(folder / "sandbox.sqlite3", options) as sandbox:
        _write(note, {"port": sandbox.port, "pid": os.getpid()})
        try:
            tell(sandbox, say)
            stop.wait()
        finally:
            _remove(note)


def open_sandbox(state: Path, options: dict[str, Any]) -> Sandbox:
    """Open the sandbox that was asked for; ``CannotOpen`` when it cannot be."""
    port = options["port"]
    try:
        return Sandbox(
            state,
            port,
            options["pace"],
            options["empty"],
            host=options["host"],
            allowed_hosts=tuple(options["allowed_host"]),
            seed=options["seed"],
            key=options["key"],
            ignores_unknown=options["unknown_members"] == "ignore",
        )
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.filename is not None:  # that of a port names no file
            problem = f"The sandbox cannot keep its state in {state.parent}: {error.strerror}."
            raise CannotOpen(f"{problem} Name a folder that this user may write to.") from None
        raise CannotOpen(f"The sandbox cannot serve on port {port}: {error}. Choose another with --port.") from None
    except sqlite3.Error as error:
        raise CannotOpen(f"{state} cannot be used ({error}). Stop what uses it, or delete it.") from None
    except ValueError:
        raise CannotOpen(f"{state.with_suffix('.key')} holds no signing key. Delete it to get a new one.") from None


def tell(sandbox: Sandbox, say: Callable[[str], Any]) -> None:
    """Tell where it is, and with which key it signs."""
    say(f"The sandbox serves {sandbox.base_url} (any API key that begins with KEY).")
    say(f"Public key: {sandbox.public_key}")


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


def _pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace <= SLOWEST:
        raise ArgumentTypeError(f"a number greater than 0, at most {SLOWEST:g}")
    return pace


def _key(text: str) -> Any:
    try:
        return key_of_text(text)
    except ValueError:
        raise ArgumentTypeError("base64 of 32 bytes") from None
