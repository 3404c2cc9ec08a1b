"""Reads of an audit event what changed: ``was`` and ``now`` in its details are values by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.masking import set_up_for

_MOST = 40  # shown in a line of a list


@dataclass(frozen=True)
class Change:
    """Holds one value before and after, as texts: empty for what was not told."""

    name: str
    old: str
    new: str


def between(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return, for the details of an audit event, what differs of two mappings."""
    names = [name for name in dict.fromkeys([*was, *now]) if was.get(name) != now.get(name)]
    return {"was": {name: was.get(name) for name in names}, "now": {name: now.get(name) for name in names}}


def of_details(details: Any, user: Any) -> list[Change]:
    """List what changed, as this person may see it."""
    if not isinstance(details, dict) or not isinstance(details.get("now"), dict):
        return []
    was = details["was"] if isinstance(details.get("was"), dict) else {}
    was, now = set_up_for(user, was), set_up_for(user, details["now"])
    return [Change(name, _text(was, name), _text(now, name)) for name in dict.fromkeys([*was, *now])]


def others(details: Any) -> dict[str, Any]:
    """Return what the details tell beside that."""
    if not isinstance(details, dict):
        return {}
    now = details.get("now")
    if not isinstance(now, dict):
        return details
    told = {name: value for name, value in details.items() if name not in {"was", "now", "changed"}}
    # of some, as an API key, only that they changed
    untold = [name for name in details.get("changed") or () if name not in now]
    return told | ({"changed": untold} if untold else {})


def in_a_line(found: list[Change]) -> str:
    """Say it in a line of a list: the first change whole, the others by number."""
    if not found:
        return ""
    first = found[0]
    line = f"{first.name}: {_short(first.old) or 'nothing'} → {_short(first.new) or 'nothing'}"
    return line + (f" and {len(found) - 1} more" if len(found) > 1 else "")


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"
