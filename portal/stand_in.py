"""Runs the sandbox in a process that needs neither Django nor, until somebody acts, the SDK.

``python -m portal.stand_in --port N``: what ``make run`` starts. ``manage.py sandbox`` serves the same.
"""

import argparse
import logging
import sys

from portal import keys
from portal.runtime import logs
from portal.sandbox.server import service


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m portal.stand_in")
    parser.add_argument("--port", type=int, required=True)
    keys.close_to_others()
    handler = logging.StreamHandler()
    handler.setFormatter(logs.formatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    try:
        service.serve(keys.var_dir(), parser.parse_args().port)
    except service.Unusable as error:
        sys.exit(f"portal: {error}")


if __name__ == "__main__":
    main()
