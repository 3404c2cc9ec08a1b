"""A session told in order: what happened and what was sent, on which leg, how long after the start."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from voice import actions
from voice.event_types import ending, label
from voice.models import Call, CallCommand, CallEvent
from voice.numbers import masked, pretty, shown

_MOST = 500


@dataclass(frozen=True)
class Entry:
    """One line. ``kind`` is ``event`` or ``command``; ``status`` colours it; ``offset`` is seconds from the start."""

    kind: str
    id: str
    at: datetime
    offset: float
    leg: str
    title: str
    detail: str
    status: str
    source: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)


def legs(call: Call) -> list[tuple[str, Call]]:
    """The session's legs with a letter each, the first one A. A call without a session is its own."""
    if not call.call_session_id:
        return [("A", call)]
    rows = Call.objects.filter(account=call.account_id, call_session_id=call.call_session_id)
    return list(zip(_letters(), rows.order_by("started_at", "id")[:26], strict=False))


def entries(session: list[tuple[str, Call]], user: Any) -> list[Entry]:
    """Events and commands of these legs, oldest first; commands after the event that caused them."""
    letters = {call.pk: letter for letter, call in session}
    start = min(call.started_at for _, call in session)
    events = CallEvent.objects.filter(call__in=letters).defer("body", "headers").order_by("received_at")[:_MOST]
    told: list[Entry] = []
    if user.has_perm("voice.view_callevent"):
        told += [_of_event(event, letters[event.call_id], start, user) for event in events if event.call_id]
    if user.has_perm("voice.view_callcommand"):
        commands = CallCommand.objects.filter(call__in=letters).order_by("created_at", "sequence")[:_MOST]
        told += [_of_command(command, letters[command.call_id], start, user) for command in commands if command.call_id]
    return sorted(told, key=lambda entry: entry.at)


def _letters() -> Iterable[str]:
    return (chr(ord("A") + at) for at in range(26))


def _of_event(event: CallEvent, leg: str, start: datetime, user: Any) -> Entry:
    at = event.occurred_at or event.received_at
    source = "" if event.source == CallEvent.Source.WEBHOOK else event.source
    title, detail = label(event.event_type), _detail(event, user)
    return Entry("event", str(event.pk), at, _offset(at, start), leg, title, detail, event.status, source)


def _of_command(command: CallCommand, leg: str, start: datetime, user: Any) -> Entry:
    at = command.first_sent_at or command.created_at
    said = [f"by {command.requested_by}", _spoken(command, user), command.error]
    detail, title = " · ".join(part for part in said if part), actions.label(command.action)
    attempts = command.attempts
    return Entry(
        "command", str(command.pk), at, _offset(at, start), leg, title, detail, command.status, attempts=attempts
    )


def _offset(at: datetime, start: datetime) -> float:
    return round((at - start).total_seconds(), 1)


def _spoken(command: CallCommand, user: Any) -> str:
    """The parameter that says most: whom it connects, what it says."""
    for name in ("to", "payload", "audio_url", "digits", "cause"):
        if isinstance(value := command.parameters.get(name), str):
            if name == "to":
                return pretty(shown(value, user))
            said = value if user.has_perm("voice.view_full_number") else masked(value)
            return f"“{said[:120]}”"
    return ""


def _detail(event: CallEvent, user: Any) -> str:
    payload = event.payload or {}
    match event.event_type:
        case "call.initiated":
            return " → ".join(pretty(shown(str(payload.get(side)), user)) for side in ("from", "to"))
        case "call.hangup":
            return ending(str(payload.get("hangup_cause") or ""), str(payload.get("hangup_source") or ""))
        case "call.gather.ended":
            digits = payload.get("digits")
            return f"digits {digits or 'none'} ({payload.get('status')})"
        case "call.dtmf.received":
            return f"digit {payload.get('digit')}"
        case "call.cost":
            return f"{payload.get('total_cost')}"
        case _:
            told = payload.get("status") or payload.get("result") or payload.get("reason") or ""
            return str(told)[:200]
