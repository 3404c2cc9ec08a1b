"""Makes a TeXML document of a TwiML document, from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from portal.management.commands.texml_lint import beginning
from portal.texml.tree import Malformed
from portal.texml.twiml import from_twiml


class Command(BaseCommand):
    """Prints the document, and on the standard error what changes. Needs no database."""

    help = "Print a TwiML document as TeXML, and tell line by line what changes."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="- reads the standard input.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["file"]
        try:
            imported = from_twiml(beginning(name))
        except Malformed as malformed:
            found = malformed.finding
            raise CommandError(f"{name}:{found.line}:{found.column}: {found.message}") from None
        except (OSError, ValueError) as error:
            raise CommandError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
        self.stdout.write(imported.document, ending="")
        for one in imported.changes:
            self.stderr.write(f"{name}:{one.line}:{one.column}: {one.what}: {one.message}")
