"""Fills what came after a call was stored: columns of sound, trust, cost and queue, and rows of its recordings.

The events of the call are read once more, a piece of calls at a time, newest first. It may be stopped and begun again,
and running it twice changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from portal import sql
from voice.calls.projection import assign, told_later
from voice.models import Call, CallEvent
from voice.recordings import projection as recordings

_TOGETHER = 50
_TELLING = (
    *("call.initiated", "call.answered", "call.hangup", "call.cost", "texml.call.initiated", "texml.call.ringing"),
    *("texml.call.answered", "texml.call.completed", "texml.cost", "call.enqueued", "texml.queue"),
)
_UNUSED = (CallEvent.Status.QUARANTINED, CallEvent.Status.RECEIVED)


@dataclass(frozen=True)
class Piece:
    """Counts calls that were looked at, and those that were changed; ``last`` is when the oldest of them began."""

    looked_at: int
    changed: int
    last: datetime


def fill(since: datetime | None = None) -> Iterator[Piece]:
    """Fill the calls that began since then, or all; yield after each piece."""
    window = Q(started_at__gte=since) if since else Q()
    before = Q()
    while True:
        rows = Call.objects.filter(window, before).order_by("-started_at", "-id")
        places = list(rows.values_list("started_at", "id")[:_TOGETHER])
        if not places:
            return
        changed = sum(_fill(call_id) for call_id in _with_events([pk for _, pk in places]))
        at, pk = places[-1]
        yield Piece(len(places), changed, at)
        before = Q(started_at__lt=at) | Q(started_at=at, id__lt=pk)


def _with_events(ids: list[Any]) -> list[Any]:
    """Keep the calls that have an event which may tell something; their order."""
    told = CallEvent.objects.filter(call__in=ids, event_type__in=(*_TELLING, *recordings.TYPES))
    known = set(told.exclude(status__in=_UNUSED).order_by().values_list("call", flat=True).distinct())
    return [pk for pk in ids if pk in known]


def _fill(call_id: Any) -> bool:
    """Fill one call, locked as by its events: call → conference → recording."""
    with transaction.atomic():
        call = sql.fetch_locked(Call, id=call_id)
        if call is None:
            return False
        told = CallEvent.objects.filter(call=call, event_type__in=(*_TELLING, *recordings.TYPES))
        events = told.exclude(status__in=_UNUSED).defer("body", "headers").order_by("received_at", "id")
        columns: set[str] = set()
        has_recordings = False
        for event in events:
            columns |= set(assign(call, told_later(call, event)).columns)
            has_recordings |= any(recordings.apply(event, call))
        if columns:
            # the reports hear of it by the judgement, which marks the quarter: quarters are locked before calls
            sql.update(call, sorted({*columns, *call.ask_for_judgement(sql.clock())}))
        return bool(columns) or has_recordings
