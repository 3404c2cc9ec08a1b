"""Evaluates conditions of rules: pure, small, and refused when built rather than when a call is waiting."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any
from xml.sax.saxutils import escape

_PATH = re.compile(r"(event\.payload|call)(\.[A-Za-z0-9_]{1,64}){1,8}|event\.(event_type|occurred_at)")
_SPOKEN, _QUOTES = ("payload", "invalid_payload"), {'"': "&quot;", "'": "&apos;"}  # of speak and gather_using_speak
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
CALL_FIELDS = (
    "call_control_id",
    "call_leg_id",
    "call_session_id",
    "connection_id",
    "direction",
    "from",
    "to",
    "state",
    "step",
    "client_state",
    "tags",
)
MISSING = object()

Context = Mapping[str, Any]


class BadPath(ValueError):
    """Says that a path names nothing of an event or a call."""


def check_path(path: str) -> str:
    """Return ``path`` if it begins with ``event.payload.`` or names a field of the call; else raise ``BadPath``."""
    if not _PATH.fullmatch(path):
        raise BadPath(f'"{path}" is no path: use event.payload.… or call.… ({", ".join(CALL_FIELDS)}).')
    if path.startswith("call.") and path.split(".")[1] not in CALL_FIELDS:
        raise BadPath(f'A call has no "{path.split(".")[1]}": it has {", ".join(CALL_FIELDS)}.')
    return path


def lookup(path: str, context: Context) -> Any:
    """Return the value at ``path``, or ``MISSING``. List members go by their number."""
    value: Any = context
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return value == wanted or (value is not None and wanted is not None and str(value) == str(wanted))


def _starts(value: Any, wanted: Any) -> bool:
    return isinstance(value, str) and value.startswith(str(wanted))


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _compare(value: Any, wanted: Any, holds: Callable[[float, float], bool]) -> bool:
    left, right = _number(value), _number(wanted)
    return left is not None and right is not None and holds(left, right)


# What a missing value means is written into each: only "exists" and "ne" can hold for one.
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value is not MISSING and _same(value, wanted),
    "ne": lambda value, wanted: value is MISSING or not _same(value, wanted),
    "in": lambda value, wanted: value is not MISSING and any(_same(value, member) for member in wanted),
    "starts_with": lambda value, wanted: value is not MISSING and _starts(value, wanted),
    "exists": lambda value, wanted: (value is not MISSING and value not in (None, "")) is bool(wanted),
    "lt": lambda value, wanted: value is not MISSING and _compare(value, wanted, lambda a, b: a < b),
    "gt": lambda value, wanted: value is not MISSING and _compare(value, wanted, lambda a, b: a > b),
}


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool)
    number = _number(value) if isinstance(value, float | str) else None
    return number is not None and isfinite(number)


# Of the operators that do not take every value: what they take, and that in words.
_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "in": (lambda value: isinstance(value, list), 'a list, as ["1", "2"]'),
    "starts_with": (lambda value: isinstance(value, str), "a text"),
    "exists": (lambda value: isinstance(value, bool), "true or false"),
    "lt": (_is_number, "a number, or a text that is one"),
    "gt": (_is_number, "a number, or a text that is one"),
}


@dataclass(frozen=True)
class Condition:
    """Tests one value: ``field op value``; ``exists`` takes true or false."""

    field: str
    op: str
    value: Any

    @classmethod
    def read(cls, given: Any) -> "Condition":
        """Read a condition from JSON; ``ValueError`` says what is wrong and what to do."""
        if (
            not isinstance(given, dict)
            or not {"field", "op"} <= given.keys()
            or given.keys() - {"field", "op", "value"}
        ):
            raise ValueError('A condition looks like {"field": "event.payload.digits", "op": "eq", "value": "1"}.')
        field, op, value = given["field"], given["op"], given.get("value", True if given["op"] == "exists" else None)
        if not isinstance(op, str) or op not in OPERATORS:
            raise ValueError(f'"{op}" is no operator: use one of {", ".join(OPERATORS)}.')
        if not isinstance(field, str):
            raise ValueError("The field of a condition is a path, as a text.")
        if (takes := _VALUES.get(op)) and not takes[0](value):
            raise ValueError(f'The value of "{op}" must be {takes[1]}.')
        return cls(check_path(field), op, value)

    def matches(self, context: Context) -> bool:
        return OPERATORS[self.op](lookup(self.field, context), self.value)

    @property
    def tells_direction(self) -> bool:
        return self.field in {"call.direction", "event.payload.direction"}


def placeholders(value: Any) -> list[str]:
    """List every path between ``{{`` and ``}}`` in a JSON value."""
    if isinstance(value, str):
        return _PLACEHOLDER.findall(value)
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [path for child in children for path in placeholders(child)]


def is_unclosed(value: Any) -> bool:
    """Tell whether a text in a JSON value begins a placeholder that has no end: it would be sent as it stands."""
    if isinstance(value, str):
        return "{{" in _PLACEHOLDER.sub("", value)
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(is_unclosed(child) for child in children)


def fill(value: Any, context: Context) -> Any:
    """Replace each placeholder in ``value``; one that is a whole text keeps its type.

    Within SSML what comes from the caller is text: its ``<`` and ``&`` are escaped. ``KeyError`` names a missing one.
    """
    if isinstance(value, dict):
        markup = _SPOKEN if value.get("payload_type", "text") != "text" else ()
        return {
            name: _fill_markup(child, context) if name in markup and isinstance(child, str) else fill(child, context)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [fill(child, context) for child in value]
    if not isinstance(value, str):
        return value
    if whole := _PLACEHOLDER.fullmatch(value):
        return _known(whole.group(1), context)
    return _PLACEHOLDER.sub(lambda found: str(_known(found.group(1), context)), value)


def _fill_markup(text: str, context: Context) -> str:
    return _PLACEHOLDER.sub(lambda found: escape(str(_known(found.group(1), context)), _QUOTES), text)


def _known(path: str, context: Context) -> Any:
    value = lookup(path, context)
    if value is MISSING or value is None:
        raise KeyError(path)
    return value
