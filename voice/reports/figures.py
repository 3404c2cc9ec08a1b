"""Reads the counts of a window from the roll-ups, adds them up as somebody wants them, and makes figures of them."""

import uuid
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple, TypeVar

from django.db.models import QuerySet, Sum

from voice.metrics.conditions import LONGEST
from voice.models import RollUp
from voice.reports.definitions.metric import Metric
from voice.reports.windows import Window

K = TypeVar("K", bound=Hashable)
EVERY = ""  # counted as whatever: of all kinds together


class Row(NamedTuple):
    """Is one roll-up."""

    quarter: datetime
    account_id: uuid.UUID
    connection_id: str
    counted_as: str
    number: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Scope:
    """Narrows what is counted: to an account, an application of it, one of its numbers."""

    account_id: uuid.UUID | None = None
    connection_id: str = ""
    number: str = ""
    without_application: bool = False  # no search asks for just these


class Tally:
    """Holds the counts of each kind of call, and of all kinds."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {EVERY: Counter()}

    def add(self, counted_as: str, counts: Mapping[str, int]) -> None:
        self._counts[EVERY].update(counts)
        self._counts.setdefault(counted_as, Counter()).update(counts)

    def tell(self, name: str, value: int) -> None:
        """Set what is of all kinds together, and does not add up."""
        self._counts[EVERY][name] = value

    def of(self, counted_as: str) -> Mapping[str, int]:
        return self._counts.get(counted_as, {})

    def value(self, metric: Metric) -> float | None:
        return metric.value(self.of(metric.counted_as))


Number = tuple[uuid.UUID, str]  # another account's may be the same


def rows(window: Window, scope: Scope) -> list[Row]:
    """Read the roll-ups of a window: of all numbers together, or of the scope's."""
    return list(_read(_of(window, scope).filter(number=scope.number)))


def busiest(window: Window, scope: Scope, most: int) -> tuple[list[Number], int]:
    """Find the own numbers with the most calls, so many at most, and say how many more there are."""
    grouped = _of_numbers(window, scope).order_by().values("account_id", "number").annotate(n=Sum("calls"))
    found = list(grouped.order_by("-n", "number", "account_id")[: most + 1])
    more = grouped.count() - most if len(found) > most else 0
    return [(one["account_id"], one["number"]) for one in found[:most]], more


def of_numbers(window: Window, scope: Scope, numbers: list[Number]) -> dict[Number, Tally]:
    """Add up the roll-ups of each of these own numbers, in their order."""
    told = dict.fromkeys(numbers)
    found = _of_numbers(window, scope).filter(number__in={number for _, number in numbers})
    wanted = (row for row in _read(found) if (row.account_id, row.number) in told)
    by_number = tallies(wanted, lambda row: (row.account_id, row.number))
    return {number: by_number.get(number, Tally()) for number in told}


def _of(window: Window, scope: Scope) -> QuerySet[RollUp]:
    found = RollUp.objects.filter(quarter__gte=window.begin, quarter__lt=window.end)
    if scope.account_id:
        found = found.filter(account=scope.account_id)
    return found.filter(connection_id=scope.connection_id) if scope.connection_id else found


def _of_numbers(window: Window, scope: Scope) -> QuerySet[RollUp]:
    found = _of(window, scope)
    return found.filter(number=scope.number) if scope.number else found.exclude(number="")


def _read(found: QuerySet[RollUp]) -> Iterator[Row]:
    return (Row(*one) for one in found.values_list(*Row._fields).iterator(chunk_size=2000))


def tally(found: Iterable[Row]) -> Tally:
    """Add all of them up."""
    total = Tally()
    for row in found:
        total.add(row.counted_as, row.counts)
    return total


def tallies(found: Iterable[Row], key: Callable[[Row], K]) -> dict[K, Tally]:
    """Add them up by what ``key`` makes of each."""
    by_key: dict[K, Tally] = {}
    for row in found:
        by_key.setdefault(key(row), Tally()).add(row.counted_as, row.counts)
    return by_key


def by_part(found: Iterable[Row], parts: list[Window]) -> list[Tally]:
    """Add them up by the hour or the day that they lie in: one for each part, empty ones too."""
    result = [Tally() for _ in parts]
    at = 0
    for row in sorted(found, key=lambda one: one.quarter):
        while at < len(parts) - 1 and row.quarter >= parts[at].end:
            at += 1
        result[at].add(row.counted_as, row.counts)
    return result


def busiest_minute(found: Iterable[Row], window: Window) -> tuple[int, datetime | None]:
    """Return how many legs were on the line in the busiest minute of a window, and which that was.

    ``found`` has what began ``LONGEST`` before the window, too: it may be on the line in it.
    """
    first, end = _minute(window.begin), _minute(window.end)
    changes = Counter[int]({end: 0})
    for row in found:
        if window.begin - LONGEST <= row.quarter < window.end:
            _add_changes(changes, row)
    most, busiest_of_all, now = 0, None, 0
    for minute, following in pairwise(sorted(changes)):
        now += changes[minute]
        if now > most and following > first and minute < end:
            most, busiest_of_all = now, max(minute, first)
    return most, None if busiest_of_all is None else datetime.fromtimestamp(busiest_of_all * 60, UTC)


def _add_changes(changes: Counter[int], row: Row) -> None:
    """Note in which minutes legs came on the line, and after which they had left it."""
    quarter = _minute(row.quarter)
    for name, n in row.counts.items():
        what, _, at = name.partition(":")
        if what == "came":
            changes[quarter + int(at)] += n
        elif what == "left":
            changes[quarter + int(at) + 1] -= n


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60
