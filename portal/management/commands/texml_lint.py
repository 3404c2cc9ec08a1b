"""Judges TeXML documents from the command line."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand

from portal.texml.findings import Finding
from portal.texml.judging.linter import Surroundings, lint_template
from portal.texml.tree import LARGEST

_STDIN = "-"


def beginning(name: str) -> bytes:
    """Read as much of a file as tells that it is too large. Raises ``OSError``; ``ValueError`` for a name with NUL."""
    if name == _STDIN:
        return sys.stdin.buffer.read(LARGEST + 1)
    with Path(name).open("rb") as file:
        return file.read(LARGEST + 1)


class Command(BaseCommand):
    """Needs no database.

    Exit status: 0 nothing worse than a warning, 1 an error was found or a file cannot be read.
    """

    help = "Check TeXML documents, and exit 1 on errors."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE", help="- reads the standard input.")
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument(
            "--variable", action="append", default=[], metavar="NAME", help="Is declared. May be given several times."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        surroundings = Surroundings(variables=frozenset(options["variable"]))
        judged: list[tuple[str, Finding]] = []
        is_well = True
        for name in options["files"]:
            try:
                source = beginning(name)
            except (OSError, ValueError) as error:
                self.stderr.write(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.")
                is_well = False
                continue
            judged += [(name, finding) for finding in lint_template(source, surroundings)]
        if options["format"] == "json":
            found = [{"file": name, **finding.as_json()} for name, finding in judged]
            self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            for name, one in judged:
                self.stdout.write(f"{name}:{one.line}:{one.column}: {one.level} {one.rule}: {one.message}")
        if not is_well or any(finding.level in {"fatal", "error"} for _, finding in judged):
            sys.exit(1)
