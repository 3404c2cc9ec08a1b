"""Lists how late a leg's webhooks came, and what became of its commands on their way: of very many both ends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from portal.masking import masked_for
from portal.times import read_time
from voice.calls.measures import LATE_SECONDS
from voice.catalogue import actions
from voice.catalogue.event_types import label
from voice.models import Call, CallCommand, CallEvent

_MOST = 60
_HALF = _MOST // 2
_ORIGINS = {"backfill": "fetched from Telnyx’s record"}


@dataclass(frozen=True)
class Webhook:
    """Holds one delivery: seconds from Telnyx to us, seconds until it was processed here, Telnyx's attempt."""

    at: datetime
    title: str
    delay: float | None
    processing: float | None
    attempt: int | None
    origin: str
    status: str

    @property
    def is_late(self) -> bool:
        return self.delay is not None and self.delay > LATE_SECONDS


@dataclass(frozen=True)
class Sent:
    """Holds one command: seconds it waited and why, HTTP status and milliseconds of its last attempt."""

    at: datetime
    title: str
    by: str
    waited: float | None
    why: str
    http_status: int | None
    milliseconds: int | None
    attempts: int
    status: str


def webhooks(call: Call) -> tuple[list[Webhook], int]:
    """List the leg's webhooks as they happened; and how many between the first and the last are not listed."""
    rows = CallEvent.objects.filter(call=call).defer("body", "headers", "payload", "error")
    found, between = _ends(rows.order_by("received_at", "id"))
    return [_webhook(event) for event in found], between


def commands(call: Call, user: Any) -> tuple[list[Sent], int]:
    """List the leg's commands as they were asked for, and how many between are not listed."""
    rows = CallCommand.objects.filter(call=call).defer("parameters", "answer")
    found, between = _ends(rows.order_by("created_at", "id"))
    return [_sent(command, user) for command in found], between


def _webhook(event: CallEvent) -> Webhook:
    was_pushed = event.source != CallEvent.Source.BACKFILL
    delay = (event.received_at - event.occurred_at).total_seconds() if event.occurred_at and was_pushed else None
    processing = (event.processed_at - event.received_at).total_seconds() if event.processed_at else None
    origin = _ORIGINS.get(event.source, "")
    title = label(event.event_type) if event.event_type else "unreadable"
    shown = max(delay, 0.0) if delay is not None else None  # their clock may be a little ahead of ours
    return Webhook(event.happened_at, title, shown, processing, event.attempt, origin, event.status)


def _sent(command: CallCommand, user: Any) -> Sent:
    tries = [one for one in command.attempts if isinstance(one, dict)]
    last: dict[str, Any] = tries[-1] if tries else {}
    first = read_time(tries[0].get("at")) if tries else None
    waited = max((first - command.created_at).total_seconds(), 0.0) if first else None
    why = command.held_why or command.error
    by = str(masked_for(user, command.requested_by))
    return Sent(
        command.created_at,
        actions.label(command.action),
        by,
        waited,
        str(masked_for(user, why)),
        last.get("http_status"),
        last.get("ms"),
        len(tries),
        command.status,
    )


def _ends(rows: QuerySet[Any]) -> tuple[list[Any], int]:
    """Read the first and the last rows, and count those between."""
    found = list(rows[: _MOST + 1])
    if len(found) <= _MOST:
        return found, 0
    last = list(rows.reverse()[:_HALF])[::-1]
    return found[:_HALF] + last, rows.count() - _MOST
