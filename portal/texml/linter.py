"""Judges documents: one by itself, or several that lead to each other."""

from portal.texml.findings import Finding
from portal.texml.tree import Malformed, parse


def lint(source: str | bytes) -> list[Finding]:
    """List what is wrong with a document, in its order. It raises nothing, whatever it is given."""
    try:
        document = parse(source)
    except Malformed as malformed:
        return [malformed.finding]
    return sorted(document.findings)
