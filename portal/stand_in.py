"""Runs the sandbox in a process that needs neither Django nor the SDK.

``python -m portal.stand_in --port N``: what ``make run`` starts. ``manage.py sandbox`` serves the same.
"""

import argparse
import logging
import sys

from portal import keys
from portal.runtime import logs
from portal.sandbox import command

_logger = logging.getLogger(__name__)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m portal.stand_in")
    command.add_arguments(parser, 0)
    keys.close_to_others()
    handler = logging.StreamHandler()
    handler.setFormatter(logs.formatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    try:
        command.serve(keys.var_dir(), vars(parser.parse_args()), _logger.info)
    except command.CannotOpen as error:
        sys.exit(f"portal: {error}")


if __name__ == "__main__":
    main()
