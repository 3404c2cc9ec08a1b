"""Reads the counts of a window from the roll-ups, adds them up as somebody wants them, and makes figures of them."""

import uuid
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from voice.models import RollUp
from voice.reports.definitions import Metric
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

    def of(self, counted_as: str) -> Mapping[str, int]:
        return self._counts.get(counted_as, {})

    def value(self, metric: Metric) -> float | None:
        return metric.value(self.of(metric.counted_as))


def rows(window: Window, scope: Scope, *, by_number: bool = False) -> list[Row]:
    """Read the roll-ups of a window: of all numbers together, of the scope's, or of each apart ``by_number``."""
    found = RollUp.objects.filter(quarter__gte=window.begin, quarter__lt=window.end)
    if scope.account_id:
        found = found.filter(account=scope.account_id)
    if scope.connection_id:
        found = found.filter(connection_id=scope.connection_id)
    found = found.filter(number=scope.number) if scope.number or not by_number else found.exclude(number="")
    return [Row(*one) for one in found.values_list(*Row._fields).iterator(chunk_size=2000)]


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
