"""Describes a replay in words: what changes on which call, before and after, numbers as this person may see them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from portal.masking import display_number, masked_for
from portal.phone_numbers import pretty
from portal.times import read_time
from voice.catalogue.event_types import HANGUP_CAUSES, label
from voice.models import ReplayLine

Kind = ReplayLine.Kind
_COLUMNS = {
    "direction": "Direction",
    "from_number": "From",
    "to_number": "To",
    "state": "State",
    "started_at": "Started",
    "answered_at": "Answered",
    "bridged_at": "Bridged",
    "ended_at": "Ended",
    "joined_at": "Joined",
    "left_at": "Left",
    "hangup_cause": "Ending",
    "hangup_source": "Ended by",
    "sip_hangup_cause": "SIP code",
    "answered_by": "Answered by",
    "call_leg_id": "Leg id",
    "call_session_id": "Session id",
    "connection_id": "Application",
    "cost": "Cost",
    "is_texml": "TeXML",
    "parent_control_id": "Dialled by the document of",
    "end_reason": "Reason of the end",
}
_SEARCHED = {"from_reversed": "from_number", "to_reversed": "to_number"}
_ORDER = list(_COLUMNS)
_COUNTS = (
    ("changed", "Change something"),
    ("unchanged", "Change nothing"),
    ("readable", "Quarantined, can now be read"),
    ("through", "Dead, go through"),
    ("kept", "Stay quarantined"),
    ("waiting", "Have not had their own turn yet, and keep it"),
    ("failed", "Fail, and stay as they are"),
    ("commands", "Commands made"),
)
NOTHING = "nothing"


@dataclass(frozen=True)
class Description:
    """Holds one line: ``title`` says where, ``said`` why an event stays as it is.

    ``pairs`` are what, before (empty when that says nothing) and after.
    """

    line: ReplayLine
    title: str
    detail: str = ""
    pairs: list[tuple[str, str, str]] = field(default_factory=list)
    said: str = ""


def describe(lines: Iterable[ReplayLine], user: Any = None) -> list[Description]:
    """Describe the lines to ``user``; without one, as for somebody who sees no whole number."""
    return [_of_event(line, user) if line.kind == Kind.EVENT else _of_row(line, user) for line in lines]


def counts(found: dict[str, int]) -> list[tuple[int, str]]:
    """List what came of how many events, in words; nothing of those that are none."""
    return [(found[name], words) for name, words in _COUNTS if found.get(name)]


def _of_event(line: ReplayLine, user: Any) -> Description:
    about, status = line.about, line.changes.get("status")
    pairs = [("Status", str(status[0]), str(status[1]))] if status else []
    title = label(about.get("event_type", "")) or "Unreadable event"
    return Description(line, title, _time(about.get("received_at"), "seconds"), pairs, masked_for(user, line.said))


def _of_row(line: ReplayLine, user: Any) -> Description:
    pairs = [pair for name in _in_order(line.changes) if (pair := _pair(name, line, user))]
    return Description(line, _title(line, user), _detail(line), pairs)


def _in_order(names: Iterable[str]) -> list[str]:
    """Order names as people read a call; what is no column of theirs comes last."""
    return sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))


def _title(line: ReplayLine, user: Any) -> str:
    if line.kind == Kind.CALL:
        ends = (_number(str(line.about.get(name, "")), user) or "?" for name in ("from", "to"))
        return " → ".join(ends)
    if line.kind == Kind.CONFERENCE:
        return f"Conference …{line.key[-8:]}"
    return f"Conference …{line.about.get('conference', '')[-8:]}, leg …{line.about.get('call_control_id', '')[-8:]}"


def _detail(line: ReplayLine) -> str:
    return str(line.about.get("direction", "")) if line.kind == Kind.CALL else ""


def _pair(name: str, line: ReplayLine, user: Any) -> tuple[str, str, str] | None:
    before, after = line.changes[name]
    if name == "facts":
        return _sources(before, after, line)
    if name in _SEARCHED:  # backwards, a number is still a number
        words = f"{_COLUMNS[_SEARCHED[name]]}, for the search"
        return None if _SEARCHED[name] in line.changes else (words, "", "put right")
    words = _COLUMNS.get(name, name.replace("_", " ").capitalize())
    first, then = _value(name, before, user), _value(name, after, user)
    return words, "" if line.is_new else first, then


def _sources(before: Any, after: Any, line: ReplayLine) -> tuple[str, str, str] | None:
    """Describe columns that stay as they are and are now known from another event."""
    if line.is_new:
        return None
    old, new = (value if isinstance(value, dict) else {} for value in (before, after))
    moved = [name for name in {**old, **new} if old.get(name) != new.get(name) and name not in line.changes]
    names = ", ".join(_COLUMNS.get(name, name.replace("_", " ")).lower() for name in sorted(moved))
    return ("Now told by another event", "", names) if names else None


def _value(name: str, value: Any, user: Any) -> str:
    if not value:
        return NOTHING
    if name.endswith("_number"):
        return _number(str(value), user)
    if name.endswith("_at"):
        return _time(value)
    if isinstance(value, list):
        return ", ".join(str(masked_for(user, str(member))) for member in value)
    text = "yes" if value is True else str(masked_for(user, {name: value})[name])
    return {"state": text.replace("_", " "), "hangup_cause": HANGUP_CAUSES.get(text, text)}.get(name, text)


def _time(kept: Any, timespec: str = "milliseconds") -> str:
    """Write the time of a line in UTC, as the form of a replay takes it, and so does the command."""
    at = read_time(kept)
    return f"{at.replace(tzinfo=None).isoformat(' ', timespec)} UTC" if at else str(kept or "")


def _number(text: str, user: Any) -> str:
    return pretty(display_number(text, user))
