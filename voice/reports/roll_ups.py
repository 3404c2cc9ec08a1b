"""Counts the calls of a quarter of an hour anew, after one of them was changed: never adds to what stands there."""

import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet

from portal import sql
from voice.catalogue import actions
from voice.metrics import quarters
from voice.models import CallCommand, ConferenceParticipant, RollUp, StaleQuarter
from voice.reports import counting

SETTLE = timedelta(seconds=10)  # a busy quarter is counted once for all that changed meanwhile
_PUT_OFF = timedelta(hours=1)
_PIECE_SECONDS, _MOST = 1.0, 100
_UNCOUNTED = CallCommand.objects.filter(status__in=tuple(counting.NEVER_PLACED), reported_at__isnull=True)
_UNTOLD = ConferenceParticipant.objects.filter(recount_after__isnull=False)
_MOST_COMMANDS, _MOST_PARTICIPANTS = 500, 500

_log = structlog.get_logger(__name__)


def is_due(settle: timedelta = SETTLE) -> bool:
    """Tell whether any quarter is to be counted now."""
    return _due(settle).exists() or _UNCOUNTED.all().exists() or _UNTOLD.all().exists()


def count_due(settle: timedelta = SETTLE) -> int:
    """Count quarters that are due, those first that wait longest, for about a second; return how many."""
    begin, done = time.monotonic(), 0
    mark_never_placed()
    mark_conferences()
    for quarter in list(_due(settle).order_by("marked_at").values_list("quarter", flat=True)[:_MOST]):
        done += _count_or_put_off(quarter)
        if time.monotonic() - begin > _PIECE_SECONDS:
            break
    return done


def count(quarter: datetime) -> bool:
    """Count the calls of this quarter, unless somebody else has just done so.

    The mark is taken away first: a call that is changed from here on marks it again.
    """
    with transaction.atomic():
        taken, _ = StaleQuarter.objects.filter(quarter=quarter).delete()
        if not taken:
            return False
        groups = counting.of_quarter(quarter)
        RollUp.objects.filter(quarter=quarter).delete()
        RollUp.objects.bulk_create(
            [
                RollUp(quarter=quarter, **group._asdict(), calls=counts.get("calls", 0), counts=dict(counts))
                for group, counts in groups.items()
            ],
            batch_size=500,
        )
    return True


def _count_or_put_off(quarter: datetime) -> bool:
    """Count the quarter; a defect puts this one off, and no more: the others are counted."""
    try:
        return count(quarter)
    except Exception as error:
        if sql.is_outage(error):  # it is so for all of them
            raise
        _log.exception("quarter not counted", quarter=quarter.isoformat())
        StaleQuarter.objects.filter(quarter=quarter).update(marked_at=sql.Now() + _PUT_OFF)
        return False


def mark_never_placed() -> int:
    """Have the quarters counted anew in which a dial was asked for that came to nothing since; return how many dials.

    Nobody who ends a command has to think of it: what is not marked yet is told by its row.
    """
    with transaction.atomic():
        rows = _UNCOUNTED.select_for_update(skip_locked=True, no_key=True).order_by()
        found = list(rows.values_list("pk", "created_at", "action")[:_MOST_COMMANDS])
        quarters.mark(quarters.of_time(at) for _, at, action in found if action in actions.NEW_CALLS)
        CallCommand.objects.filter(pk__in=[pk for pk, _, _ in found]).update(reported_at=sql.Now())
    return len(found)


def mark_conferences() -> int:
    """Have the quarters counted anew whose calls were in a conference with somebody of whom something came late.

    Who was together with whom is read when a call is counted; the other one may be of another session, and its events
    may come after that. Return how many seats were looked at. A seat that changes meanwhile is looked at again.
    """
    untold: Any = _UNTOLD.order_by("recount_after").values("pk", "conference", "recount_after")
    found = list(untold[:_MOST_PARTICIPANTS])
    earliest: dict[Any, datetime] = {}
    for seat in found:  # the earliest of each conference comes first
        earliest.setdefault(seat["conference"], seat["recount_after"])
    concerned = set[datetime | None]()
    for conference, at in earliest.items():
        stayed = Q(left_at__isnull=True) | Q(left_at__lt=F("joined_at")) | Q(left_at__gte=at)
        seats = ConferenceParticipant.objects.filter(stayed, conference=conference, joined_at__isnull=False)
        concerned |= set(seats.order_by().values_list("call__counted_in", flat=True).distinct())
    with transaction.atomic():  # a judge locks quarters before calls, and an event calls before seats
        quarters.mark(concerned)
        for seat in found:
            _UNTOLD.filter(pk=seat["pk"], recount_after=seat["recount_after"]).update(recount_after=None)
    return len(found)


def _due(settle: timedelta) -> QuerySet[StaleQuarter]:
    return StaleQuarter.objects.filter(marked_at__lte=sql.Now() - settle)
