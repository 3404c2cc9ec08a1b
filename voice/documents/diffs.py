"""Compares two states of a document, line by line."""

import difflib

from voice.models import TexmlDocument, TexmlVersion

DRAFT = "draft"


def diff(document: TexmlDocument, before: str, after: str) -> str:
    """Return what differs between two of its states, as ``diff -u`` writes it. ``LookupError`` names what is none.

    A state is the number of a version, or ``draft``.
    """
    texts = [text_of(document, name) for name in (before, after)]
    old, new = (text.splitlines(keepends=True) for text in texts)
    lines = difflib.unified_diff(old, new, label(before), label(after))
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def label(name: str) -> str:
    """Return how a state is called that ``diff`` has compared."""
    return name if name == DRAFT else f"version {int(name)}"


def text_of(document: TexmlDocument, name: str) -> str:
    """Return all that is compared of a state: the document, its variables, its apology. ``LookupError`` as ``diff``."""
    state: TexmlVersion | None = None
    if name == DRAFT:
        return _written(document.draft, document)
    if name.isascii() and name.isdecimal() and len(name) < 10:
        state = document.versions.filter(number=int(name)).first()
    if state is None:
        raise LookupError(name)
    return _written(state.source, state)


def _written(source: str, state: TexmlDocument | TexmlVersion) -> str:
    declared = [f"variable {name}: {default}\n" for name, default in sorted(state.variables.items())]
    return "".join([source.rstrip("\n"), "\n", *declared, f"apology: {state.apology}\n"])
