"""Puts values and names of fields into words for people."""

import json
from collections.abc import Mapping
from typing import Any

from portal.masking import addresses_for

_WORDS = {"url": "URL", "api": "API", "dtmf": "DTMF", "sip": "SIP", "id": "ID", "secs": "(seconds)"}


def display_value(value: Any) -> str:
    """Return a value as its field shows it."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def changes_for(user: Any, fields: Mapping[str, tuple[Any, Any]]) -> list[tuple[str, str, str]]:
    """Return field, before and after, as this person may see them."""

    def shown(value: Any) -> str:
        return display_value(addresses_for(user, value))

    return [(name, shown(before), shown(after)) for name, (before, after) in fields.items()]


def label(name: str) -> str:
    """Return the words for a field's name: ``inbound.sip_subdomain`` → "Inbound SIP subdomain"."""
    outer, _, inner = name.rpartition(".")
    name = inner if inner.startswith(f"{outer}_") else name.replace(".", "_")
    words = [_WORDS.get(word, word) for word in name.replace("shaken_stir", "SHAKEN/STIR").split("_")]
    text = " ".join(words)
    return text[0].upper() + text[1:]
