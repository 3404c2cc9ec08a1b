"""Tells of an event or a command with which number it has to do, and in which application."""

from typing import Any

from voice.models import Call, CallCommand, CallEvent
from voice.suspensions import standing


def number_of(row: CallEvent | CallCommand) -> str:
    """Return the number that is dialled, or the other party of the call: whom people know it by. Empty: not known."""
    if isinstance(row, CallCommand):
        to = _parameter(row, "to") or _parameter(row, "To")
        if isinstance(to, list):
            to = next(iter(to), None)
        if isinstance(to, str) and to:
            return to
    return _other_party(row.call) if row.call else ""


def connection_of(row: CallEvent | CallCommand) -> str:
    """Return the id of the application that it happened in, or that was dialled from. Empty: not known."""
    if isinstance(row, CallCommand):
        return standing.connection_of(row) or str(_parameter(row, "connection_id") or "")
    return row.connection_id or (row.call.connection_id if row.call else "")


def _other_party(call: Call) -> str:
    return call.to_number if call.direction == "outgoing" else call.from_number


def _parameter(command: CallCommand, name: str) -> Any:
    return command.parameters.get(name) if isinstance(command.parameters, dict) else None
