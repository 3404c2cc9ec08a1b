"""Loads templates so that icons are seen and not read: to a screen reader an icon is the word that names its glyph."""

import re
from typing import Any

from django.template import Origin
from django.template.loaders import app_directories, filesystem

_ICON = re.compile(r'<span(?=\s)(?![^<>]*\baria-)(?=[^<>]*\bclass="[^"<>]*\bmaterial-symbols-outlined\b)')


def _silent(source: str) -> str:
    """Mark what draws an icon and says nothing else; one with a name of its own (``aria-label``) is left alone."""
    return _ICON.sub('<span aria-hidden="true"', source)


class Folders(filesystem.Loader):
    """Loads from the folders of the settings."""

    def get_contents(self, origin: Origin) -> Any:
        return _silent(super().get_contents(origin))


class Apps(app_directories.Loader):
    """Loads what apps bring, Unfold above all."""

    def get_contents(self, origin: Origin) -> Any:
        return _silent(super().get_contents(origin))
