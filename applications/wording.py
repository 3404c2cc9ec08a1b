"""Puts values and names of fields into words for people."""

import json
from typing import Any

_WORDS = {"url": "URL", "api": "API", "dtmf": "DTMF", "sip": "SIP", "id": "ID", "secs": "(seconds)"}


def display_value(value: Any) -> str:
    """Return a value as its field shows it."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def label(name: str) -> str:
    """Return the words for a field's name: ``inbound.sip_subdomain`` → "Inbound SIP subdomain"."""
    outer, _, inner = name.rpartition(".")
    name = inner if inner.startswith(f"{outer}_") else name.replace(".", "_")
    words = [_WORDS.get(word, word) for word in name.replace("shaken_stir", "SHAKEN/STIR").split("_")]
    text = " ".join(words)
    return text[0].upper() + text[1:]
