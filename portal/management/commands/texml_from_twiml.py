"""Makes a TeXML document of a TwiML document, from the command line."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal.texml.tree import Malformed
from portal.texml.twiml import from_twiml

_STDIN = "-"


class Command(BaseCommand):
    """Prints the document, and on the standard error what changes. Needs no database."""

    help = "Print a TwiML document as TeXML, and tell line by line what changes."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="- reads the standard input.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["file"]
        try:
            imported = from_twiml(sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes())
        except (OSError, ValueError) as error:  # ValueError: a name with NUL
            if not isinstance(error, Malformed):
                raise CommandError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
            found = error.finding
            raise CommandError(f"{name}:{found.line}:{found.column}: {found.message}") from None
        self.stdout.write(imported.document, ending="")
        for one in imported.changes:
            self.stderr.write(f"{name}:{one.line}:{one.column}: {one.what}: {one.message}")
