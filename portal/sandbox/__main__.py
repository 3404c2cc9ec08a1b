"""Serves the sandbox alone, without Django: ``telnyx-sandbox``, ``python -m portal.sandbox``."""

import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from portal.sandbox import command
from portal.sandbox.server.server import signalled

PORT = 9000


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    parser = ArgumentParser(prog="telnyx-sandbox", description="Telnyx's voice API, with calls that nobody pays for.")
    command.add_arguments(parser, PORT)
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the state is kept; without it, it is forgotten")
    options, stop = vars(parser.parse_args(arguments)), signalled()
    with tempfile.TemporaryDirectory(prefix="telnyx-sandbox-") as forgotten:
        try:
            sandbox = command.open_sandbox((options["data"] or Path(forgotten)) / "sandbox.sqlite3", options)
        except command.CannotOpen as reason:
            sys.stderr.write(f"{reason}\n")
            return 1
        with sandbox:
            command.tell(sandbox, lambda line: sys.stdout.write(f"{line}\n"))
            sys.stdout.write(f"Page: {sandbox.control_url}\n")
            sys.stdout.flush()
            stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
