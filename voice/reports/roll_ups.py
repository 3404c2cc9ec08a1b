"""Counts the calls of a quarter of an hour anew, after one of them was changed: never adds to what stands there."""

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from voice.catalogue import actions
from voice.metrics import quarters
from voice.models import CallCommand, RollUp, StaleQuarter
from voice.reports import counting

SETTLE = timedelta(seconds=10)  # a busy quarter is counted once for all that changed meanwhile
_PIECE_SECONDS, _MOST = 1.0, 100
_UNCOUNTED = CallCommand.objects.filter(status__in=tuple(counting.NEVER_PLACED), reported_at__isnull=True)
_MOST_COMMANDS = 500


def is_due(settle: timedelta = SETTLE) -> bool:
    """Tell whether any quarter is to be counted now."""
    return _due(settle).exists() or _UNCOUNTED.all().exists()


def count_due(settle: timedelta = SETTLE) -> int:
    """Count quarters that are due, those first that wait longest, for about a second; return how many."""
    begin, done = time.monotonic(), 0
    mark_never_placed()
    for quarter in list(_due(settle).order_by("marked_at").values_list("quarter", flat=True)[:_MOST]):
        done += count(quarter)
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


def mark_never_placed() -> int:
    """Have the quarters counted anew in which a dial was asked for that came to nothing since; return how many dials.

    Nobody who ends a command has to think of it: what is not marked yet is told by its row.
    """
    with transaction.atomic():
        rows = _UNCOUNTED.select_for_update(skip_locked=True, no_key=True).order_by()
        found = list(rows.values_list("pk", "created_at", "action")[:_MOST_COMMANDS])
        quarters.mark(quarters.of_time(at) for _, at, action in found if action in actions.NEW_CALLS)
        CallCommand.objects.filter(pk__in=[pk for pk, _, _ in found]).update(reported_at=Now())
    return len(found)


def _due(settle: timedelta) -> QuerySet[StaleQuarter]:
    return StaleQuarter.objects.filter(marked_at__lte=Now() - settle)
