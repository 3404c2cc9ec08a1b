"""Reads and compares hosts that people name: an exact one, ``*.example.com`` for all below it, ``*`` for every one."""

import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError

ANY = "*"
_LABEL = r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\]|\*", re.ASCII)


def read_hosts(text: str) -> list[str]:
    """Return the hosts of a text with commas, spaces or lines between; ``ValidationError`` names what is none."""
    words = dict.fromkeys(word.lower().rstrip(".") for word in re.split(r"[\s,;]+", text) if word)
    if wrong := [word for word in words if not _HOST.fullmatch(word)]:
        raise ValidationError(
            f"These are no hosts: {', '.join(wrong)}. Write media.example.com, or *.example.com for all below it: "
            "no address, no port."
        )
    return list(words)


def is_among(host: str, named: Iterable[str]) -> bool:
    """Tell whether ``host`` (in small letters) is one of those named; an empty one, which cannot be read, never is."""
    return bool(host) and any(
        name in (ANY, host) or (name.startswith("*.") and host.endswith(name[1:])) for name in named
    )
