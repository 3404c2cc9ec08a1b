"""Names what can be counted of calls, each as a condition on their columns: roll-ups and the call log share it.

So a figure and the list that it links to cannot mean two things.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, Count, DecimalField, DurationField, F, Q, QuerySet, Sum
from django.db.models.expressions import ExpressionWrapper
from django.db.models.functions import Cast, Round

from voice.metrics import conditions as of
from voice.metrics.histograms import SETUP, TALK, Histogram
from voice.models import Call

_LENGTHS = {"talk": ("answered_at", "ended_at"), "setup": ("started_at", "answered_at")}
_PACKETS = ("packets_in", "skipped_in", "packets_out", "skipped_out")


@dataclass(frozen=True)
class Measure:
    """Counts the calls that ``which`` describes, or adds up of them what ``sums`` names: talk, cost, packets."""

    which: Q
    sums: str = ""


def _steps(histogram: Histogram, which: Q) -> dict[str, Measure]:
    begin_of, end_of = _LENGTHS[histogram.name]
    return {
        name: Measure(which & of.within(begin_of, end_of, begin, end)) for name, (begin, end) in histogram.steps.items()
    }


MEASURES: Mapping[str, Measure] = {
    "calls": Measure(Q()),
    "answered": Measure(of.ANSWERED),
    "put_through": Measure(of.PUT_THROUGH),
    "abandoned": Measure(of.ABANDONED),
    "abandoned_early": Measure(of.ABANDONED & of.within("started_at", "ended_at", 0, of.EARLY_SECONDS)),
    "cancelled": Measure(Q(ending__in=of.CANCELLED) & ~of.ANSWERED),
    "network": Measure(of.COUNTS_FOR_NETWORK),
    "delivered": Measure(of.COUNTS_FOR_NETWORK & of.DELIVERED),
    "lost": Measure(Q(state=Call.State.LOST)),
    "short": Measure(of.TALKED & of.within("answered_at", "ended_at", 0, of.SHORT_SECONDS)),
    "talked": Measure(of.TALKED),
    "set_up": Measure(of.SET_UP),
    "talk_us": Measure(of.TALKED, "talk"),
    "setup_us": Measure(of.SET_UP, "setup"),
    "priced": Measure(of.PRICED),
    "detected": Measure(of.DETECTED),
    **{f"detected:{who}": Measure(Q(answered_by=who)) for who in Call.Answerer},
    "heard": Measure(of.HEARD),
    "mos:good": Measure(of.mos(of.GOOD_MOS, None)),
    "mos:fair": Measure(of.mos(of.FAIR_MOS, of.GOOD_MOS)),
    "mos:poor": Measure(of.mos(of.POOR_MOS, of.FAIR_MOS)),
    "mos:bad": Measure(of.mos(None, of.POOR_MOS)),
    "counted_in": Measure(of.COUNTED_IN),
    "counted_out": Measure(of.COUNTED_OUT),
    "packets_in": Measure(of.COUNTED_IN, "packets_in"),
    "skipped_in": Measure(of.COUNTED_IN, "skipped_in"),
    "packets_out": Measure(of.COUNTED_OUT, "packets_out"),
    "skipped_out": Measure(of.COUNTED_OUT, "skipped_out"),
    "vouched": Measure(of.VOUCHED),
    **{f"vouched:{level.lower()}": Measure(of.vouched(level)) for level in "ABC"},
    "vouched:wrong": Measure(Q(attestation_valid=False)),
    "told": Measure(of.TOLD),
    "late": Measure(of.LATE),
    "sent_again": Measure(of.SENT_AGAIN),
    "recovered": Measure(of.RECOVERED),
    "answered_by_rule": Measure(of.ANSWERED_BY_RULE),
    **{f"category:{category}": Measure(Q(ending_category=category)) for category in Call.Ending},
    **_steps(TALK, of.TALKED),
    **_steps(SETUP, of.SET_UP),
}
_ENDING, _PRICED, _MINUTE, _MINUTES = "ending:", "priced:", "minute:", "%Y%m%d%H%M"


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


def currencies(counts: Mapping[str, int]) -> list[str]:
    """Return the currencies of what was counted, that of most legs first; ``NO_CURRENCY`` may be among them."""
    found = {name.removeprefix(_PRICED): n for name, n in counts.items() if name.startswith(_PRICED)}
    return sorted(found, key=lambda one: (-found[one], one))


def of_minute(minute: datetime) -> str:
    """Return the name of the measure that counts who was on the line then."""
    return f"{_MINUTE}{minute.astimezone(UTC):{_MINUTES}}"


def find(name: str) -> Measure | None:
    """Return the measure of this name; of a single ending, a currency, a minute, too."""
    if name.startswith(_ENDING):
        told = name.removeprefix(_ENDING).split("/")
        return Measure(_ended(Ending(*told))) if len(told) == len(fields(Ending)) else None
    if name.startswith(_PRICED):
        key = name.removeprefix(_PRICED)
        is_one = key == of.NO_CURRENCY or of.currency_key(key) == key
        return Measure(of.priced_in(key)) if is_one else None
    if name.startswith(_MINUTE):
        minute = _minute(name.removeprefix(_MINUTE))
        return Measure(of.on_the_line(minute)) if minute else None
    return MEASURES.get(name)


def _ended(one: Ending) -> Q:
    return Q(ending=one.code, ending_category=one.category, ended_by=one.who)


def _minute(text: str) -> datetime | None:
    try:
        found = datetime.strptime(text, _MINUTES).replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if found.strftime(_MINUTES) == text and 1970 <= found.year <= 9998 else None


def calls_of(name: str, counted_as: str = "") -> Q:
    """Match the calls that a measure counts; of all kinds, unless one is named."""
    return (Q(counted_as=counted_as) if counted_as else ~Q(counted_as="")) & _found(name).which


def _found(name: str) -> Measure:
    if measure := find(name):
        return measure
    raise KeyError(name)


def aggregates() -> dict[str, Any]:
    """Return how each measure is counted, by name."""
    return {name: aggregate(measure) for name, measure in MEASURES.items()}


def aggregates_of_prices() -> dict[str, Any]:
    """Return how the legs with a price are counted, whose prices are in one currency."""
    sums = {"priced": "", "priced_us": "talk", "cost_millionths": "cost"}
    return {name: aggregate(Measure(of.PRICED, what)) for name, what in sums.items()}


def aggregate(measure: Measure) -> Any:
    """Return how a measure is counted."""
    if measure.sums == "cost":
        amount = Cast("cost", DecimalField(max_digits=20, decimal_places=9))
        return Sum(Cast(Round(amount * 1_000_000), BigIntegerField()), filter=measure.which)
    if measure.sums in _PACKETS:
        return Sum(Cast(measure.sums, BigIntegerField()), filter=measure.which)
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
