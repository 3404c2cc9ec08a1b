"""Names what can be counted of calls, each as a condition on their columns: roll-ups and the call log share it.

So a figure and the list that it links to cannot mean two things.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, DecimalField, DurationField, F, Q, QuerySet, Sum
from django.db.models.expressions import ExpressionWrapper
from django.db.models.functions import Cast, Round

from voice.metrics.histograms import SETUP, TALK, Histogram
from voice.models import Call

_SECOND = timedelta(seconds=1)
_LENGTHS = {"talk": ("answered_at", "ended_at"), "setup": ("started_at", "answered_at")}
EARLY_SECONDS, SHORT_SECONDS = 5, 6
CANCELLED = ("cancelled", "we_gave_up")  # rules of voice.explanations: our side ended it before an answer
_ANSWERED = Q(answered_at__isnull=False) | Q(bridged_at__isnull=False)
# whose end is known, and whose times do not contradict each other
_TALKED = Q(state=Call.State.ENDED, answered_at__isnull=False, ended_at__gte=F("answered_at"))
_SET_UP = Q(answered_at__isnull=False, answered_at__gte=F("started_at"))
_ABANDONED = Q(state=Call.State.ENDED, ended_by=Call.Party.CALLER, bridged_at__isnull=True)
_COUNTS_FOR_NETWORK = ~(Q(ending__in=CANCELLED) | Q(ending_category=Call.Ending.CONFIGURATION))
_DELIVERED = _ANSWERED | Q(ending_category__in=(Call.Ending.BUSY, Call.Ending.NOT_ANSWERED)) | Q(ending="declined")


@dataclass(frozen=True)
class Measure:
    """Counts the calls that ``which`` describes, or adds up of them what ``sums`` names: talk, setup, cost."""

    which: Q
    sums: str = ""


def _within(begin_of: str, end_of: str, begin: int, end: int | None) -> Q:
    """Match where it took ``begin`` seconds or more, and less than ``end``, from one time to another."""
    found = Q(**{f"{end_of}__gte": F(begin_of) + begin * _SECOND if begin else F(begin_of)})
    return found if end is None else found & Q(**{f"{end_of}__lt": F(begin_of) + end * _SECOND})


def _steps(histogram: Histogram, which: Q) -> dict[str, Measure]:
    begin_of, end_of = _LENGTHS[histogram.name]
    return {
        name: Measure(which & _within(begin_of, end_of, begin, end)) for name, (begin, end) in histogram.steps.items()
    }


MEASURES: Mapping[str, Measure] = {
    "calls": Measure(Q()),
    "answered": Measure(_ANSWERED),
    "put_through": Measure(Q(bridged_at__isnull=False)),
    "abandoned": Measure(_ABANDONED),
    "abandoned_early": Measure(_ABANDONED & _within("started_at", "ended_at", 0, EARLY_SECONDS)),
    "cancelled": Measure(Q(ending__in=CANCELLED) & ~_ANSWERED),
    "network": Measure(_COUNTS_FOR_NETWORK),
    "delivered": Measure(_COUNTS_FOR_NETWORK & _DELIVERED),
    "lost": Measure(Q(state=Call.State.LOST)),
    "short": Measure(_TALKED & _within("answered_at", "ended_at", 0, SHORT_SECONDS)),
    "talked": Measure(_TALKED),
    "set_up": Measure(_SET_UP),
    "talk_us": Measure(_TALKED, "talk"),
    "setup_us": Measure(_SET_UP, "setup"),
    "priced": Measure(_TALKED & ~Q(cost="")),
    "priced_us": Measure(_TALKED & ~Q(cost=""), "talk"),
    "cost_millionths": Measure(_TALKED & ~Q(cost=""), "cost"),
    **{f"category:{category}": Measure(Q(ending_category=category)) for category in Call.Ending},
    **_steps(TALK, _TALKED),
    **_steps(SETUP, _SET_UP),
}
_ENDING = "ending:"


@dataclass(frozen=True)
class Ending:
    """Is how calls ended: the rule that decided, its category, and who ended them. There is a measure of each."""

    code: str
    category: str
    who: str

    @property
    def name(self) -> str:
        return f"{_ENDING}{self.code}/{self.category}/{self.who}"


def endings(counts: Mapping[str, int]) -> dict[Ending, int]:
    """Return how often each ending was counted, the most frequent first."""
    found = {
        Ending(*name.removeprefix(_ENDING).split("/")): n for name, n in counts.items() if name.startswith(_ENDING)
    }
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0].name)))


def find(name: str) -> Measure | None:
    """Return the measure of this name, of a single ending, too."""
    if not name.startswith(_ENDING):
        return MEASURES.get(name)
    told = name.removeprefix(_ENDING).split("/")
    if len(told) != len(fields(Ending)):
        return None
    one = Ending(*told)
    return Measure(Q(ending=one.code, ending_category=one.category, ended_by=one.who))


def calls_of(name: str, counted_as: str = "") -> Q:
    """Match the calls that a measure counts; of all kinds, unless one is named."""
    return (Q(counted_as=counted_as) if counted_as else ~Q(counted_as="")) & _found(name).which


def _found(name: str) -> Measure:
    if measure := find(name):
        return measure
    raise KeyError(name)


def aggregates() -> dict[str, Any]:
    """Return how each measure is counted, by name."""
    return {name: _aggregate(measure) for name, measure in MEASURES.items()}


def _aggregate(measure: Measure) -> Any:
    if measure.sums == "cost":
        amount = Cast("cost", DecimalField(max_digits=20, decimal_places=9))
        return Sum(Cast(Round(amount * 1_000_000), BigIntegerField()), filter=measure.which)
    if measure.sums:
        begin, end = _LENGTHS[measure.sums]
        length = ExpressionWrapper(F(end) - F(begin), output_field=DurationField())
        return Sum(length, filter=measure.which)
    return Count("pk", filter=measure.which) if measure.which else Count("pk")


def as_number(value: Any) -> int:
    """Return what a measure came to as it is kept: counts, microseconds, millionths."""
    return value // timedelta(microseconds=1) if isinstance(value, timedelta) else int(value or 0)


def in_window(calls: QuerySet[Call], begin: datetime, end: datetime) -> QuerySet[Call]:
    """Keep the calls that began in a window; its end is no part of it."""
    return calls.filter(started_at__gte=begin, started_at__lt=end)
