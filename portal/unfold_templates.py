"""Loads Unfold's templates for everybody: what a mouse alone reached is a button, and icons are seen and not read.

``unfold_edits.toml`` says what is put where: no template of Unfold's is kept here a second time.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import unfold
from django.template import Origin
from django.template.loaders import app_directories, filesystem

UNFOLD = Path(unfold.__file__).parent
_ICON = re.compile(r'<span(?=\s)(?![^<>]*\baria-)(?=[^<>]*\bclass="[^"<>]*\bmaterial-symbols-outlined\b)')


@cache
def edits() -> dict[str, list[tuple[str, str]]]:
    """Return by template's name what is found in it, and what is put there."""
    read = tomllib.loads(Path(__file__).with_name("unfold_edits.toml").read_text())["edits"]
    found: dict[str, list[tuple[str, str]]] = {}
    for edit in read:
        found.setdefault(edit["template"], []).append((edit["find"], edit["put"]))
    return found


def _silent(source: str) -> str:
    """Mark what draws an icon and says nothing else; one with a name of its own (``aria-label``) is left alone.

    To a screen reader an icon is the word that names its glyph.
    """
    return _ICON.sub('<span aria-hidden="true"', source)


class Folders(filesystem.Loader):
    """Loads from the folders of the settings."""

    def get_contents(self, origin: Origin) -> Any:
        return _silent(super().get_contents(origin))


class Apps(app_directories.Loader):
    """Loads what apps bring, Unfold above all."""

    def get_contents(self, origin: Origin) -> Any:
        source = super().get_contents(origin)
        if Path(origin.name).is_relative_to(UNFOLD):
            for find, put in edits().get(str(origin.template_name), ()):
                source = source.replace(find, put, 1)
        return _silent(source)
