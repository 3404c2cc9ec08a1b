"""Counts the calls of a quarter of an hour anew, after one of them was changed: never adds to what stands there."""

import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Case, Count, F, QuerySet, When
from django.db.models.functions import Now

from voice.metrics import kinds, measures, quarters
from voice.models import Call, RollUp, StaleQuarter

SETTLE = timedelta(seconds=10)  # a busy quarter is counted once for all that changed meanwhile
_PIECE_SECONDS, _MOST = 1.0, 100
_GROUP = ("account_id", "connection_id", "counted_as", "own")
_WITH_NUMBERS = (kinds.AS.INCOMING, kinds.AS.OUTGOING)  # the number of another leg may be a customer's


class _Group(NamedTuple):
    account_id: uuid.UUID
    connection_id: str
    counted_as: str
    number: str


def is_due(settle: timedelta = SETTLE) -> bool:
    """Tell whether any quarter is to be counted now."""
    return _due(settle).exists()


def count_due(settle: timedelta = SETTLE) -> int:
    """Count quarters that are due, those first that wait longest, for about a second; return how many."""
    begin, done = time.monotonic(), 0
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
        groups = _counted(measures.in_window(Call.objects.all(), quarter, quarter + quarters.QUARTER))
        RollUp.objects.filter(quarter=quarter).delete()
        RollUp.objects.bulk_create(
            [RollUp(quarter=quarter, **group._asdict(), counts=dict(counts)) for group, counts in groups.items()],
            batch_size=500,
        )
    return True


def _due(settle: timedelta) -> QuerySet[StaleQuarter]:
    return StaleQuarter.objects.filter(marked_at__lte=Now() - settle)


def _counted(calls: QuerySet[Call]) -> dict[_Group, Counter[str]]:
    """Count each measure of each application and own number, and of all its numbers together."""
    found: dict[_Group, Counter[str]] = defaultdict(Counter)
    for group, counts in _of_each_number(calls.exclude(counted_as="").order_by()):
        told = {name: value for name, value in counts.items() if value}
        found[group._replace(number="")].update(told)
        if group.number and group.counted_as in _WITH_NUMBERS:
            found[group].update(told)
    return found


def _of_each_number(calls: QuerySet[Call]) -> Iterator[tuple[_Group, dict[str, int]]]:
    own = Case(When(direction="incoming", then=F("to_number")), default=F("from_number"))
    grouped = calls.annotate(own=own).values(*_GROUP)
    names = list(measures.MEASURES)
    aggregates: dict[str, Any] = {f"m{at}": one for at, one in enumerate(measures.aggregates().values())}
    for row in grouped.annotate(**aggregates):
        yield _group(row), {name: measures.as_number(row[f"m{at}"]) for at, name in enumerate(names)}
    ended = calls.annotate(own=own).values(*_GROUP, "ending", "ending_category", "ended_by").annotate(n=Count("pk"))
    for row in ended:
        one = measures.Ending(row["ending"], row["ending_category"], row["ended_by"])
        yield _group(row), {one.name: row["n"]}


def _group(row: dict[str, Any]) -> _Group:
    return _Group(row["account_id"], row["connection_id"], row["counted_as"], row["own"])
