"""Counts a quarter of an hour: its calls and what lies beside them, for each application and each own number."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Case, CharField, Count, F, Q, QuerySet, When
from django.db.models.functions import TruncMinute

from voice.catalogue import actions
from voice.commands import parties
from voice.metrics import conditions, kinds, measures, quarters
from voice.metrics.histograms import DELAY, PATH, Histogram
from voice.models import Call, CallCommand, CallEvent

NEVER_PLACED = {CallCommand.Status.REFUSED: "refused_dials", CallCommand.Status.EXPIRED: "unsent_dials"}
_WITH_NUMBERS = (kinds.AS.INCOMING, kinds.AS.OUTGOING)  # the number of another leg may be a customer's
_GROUP = ("account_id", "connection_id", "counted_as", "own")
_Counts = Iterator[tuple["Group", dict[str, int]]]


class Group(NamedTuple):
    """Is whose calls are counted together; ``number`` is empty for all numbers of an application."""

    account_id: uuid.UUID
    connection_id: str
    counted_as: str
    number: str


def of_quarter(quarter: datetime) -> dict[Group, Counter[str]]:
    """Count each measure of each application and own number, and of all its numbers together."""
    end = quarter + quarters.QUARTER
    calls = measures.in_window(Call.objects.all(), quarter, end).exclude(counted_as="").order_by()
    found: dict[Group, Counter[str]] = defaultdict(Counter)
    for told in (_measured, _ended, _priced, _on_the_line, _delivered, _answered):
        _add(found, told(calls, quarter))
    _add(found, _never_placed(quarter, end))
    return found


def _add(found: dict[Group, Counter[str]], told: _Counts) -> None:
    for group, counts in told:
        some = {name: value for name, value in counts.items() if value}
        if not some:
            continue
        found[group._replace(number="")].update(some)
        if group.number and group.counted_as in _WITH_NUMBERS:
            found[group].update(some)


def _measured(calls: QuerySet[Call], quarter: datetime) -> _Counts:
    names = list(measures.MEASURES)
    aggregates: dict[str, Any] = {f"m{at}": one for at, one in enumerate(measures.aggregates().values())}
    for row in _grouped(calls).annotate(**aggregates):
        yield _group(row), {name: measures.as_number(row[f"m{at}"]) for at, name in enumerate(names)}


def _ended(calls: QuerySet[Call], quarter: datetime) -> _Counts:
    for row in _grouped(calls, "ending", "ending_category", "ended_by").annotate(n=Count("pk")):
        one = measures.Ending(row["ending"], row["ending_category"], row["ended_by"])
        yield _group(row), {one.name: row["n"]}


def _priced(calls: QuerySet[Call], quarter: datetime) -> _Counts:
    """Count prices for each currency apart."""
    aggregates = measures.aggregates_of_prices()
    named: dict[str, Any] = {f"m{at}": one for at, one in enumerate(aggregates.values())}
    for row in _grouped(calls.filter(conditions.PRICED), "currency").annotate(**named):
        key = conditions.currency_key(row["currency"])
        yield (
            _group(row),
            {f"{name}:{key}": measures.as_number(row[f"m{at}"]) for at, name in enumerate(aggregates)},
        )


def _on_the_line(calls: QuerySet[Call], quarter: datetime) -> _Counts:
    """Count in which minute legs came on the line, and in which they left it, from the quarter's beginning."""
    calls = calls.filter(conditions.ON_THE_LINE)
    for name, column in (("came", "started_at"), ("left", "ended_at")):
        rows = _grouped(calls, minute=TruncMinute(column, tzinfo=UTC))
        for row in rows.annotate(n=Count("pk")):
            yield _group(row), {f"{name}:{(row['minute'] - quarter) // conditions.MINUTE}": row["n"]}


def _delivered(calls: QuerySet[Call], quarter: datetime) -> _Counts:
    """Count the webhooks of these calls, and how long each was under way."""
    heard = CallEvent.objects.exclude(source=CallEvent.Source.BACKFILL)
    counted = {
        "webhooks": Count("pk"),
        "webhooks_again": Count("pk", filter=Q(attempt__gt=1)),
        **_steps(DELAY, "occurred_at", "received_at"),
    }
    yield from _beside(heard, calls, counted)


def _answered(calls: QuerySet[Call], quarter: datetime) -> _Counts:
    """Count how long each stretch of the way to an answer took, of the calls that a rule answered."""
    answers = CallCommand.objects.filter(conditions.answers(), first_sent_at__lte=F("call__answered_at"))
    ends = ("event__occurred_at", "event__received_at", "first_sent_at", "call__answered_at")
    counted: dict[str, Any] = {}
    for histogram, begin_of, end_of in zip(PATH.values(), ends, ends[1:], strict=False):
        counted |= _steps(histogram, begin_of, end_of)
    yield from _beside(answers, calls, counted)


def _beside(rows: QuerySet[Any], calls: QuerySet[Call], counted: dict[str, Any]) -> _Counts:
    """Count rows that belong to calls, by what their calls are counted by."""
    own = Case(
        When(call__direction="incoming", then=F("call__to_number")),
        default=F("call__from_number"),
        output_field=CharField(),
    )
    rows = rows.filter(call__in=calls).order_by()
    if not rows.exists():  # many quarters have none, and the statement below takes longer to write than to run
        return
    named = {f"call__{name}": name for name in _GROUP[:-1]}
    grouped = rows.annotate(own=own).values(*named, "own")
    aggregates: dict[str, Any] = {f"m{at}": one for at, one in enumerate(counted.values())}
    for row in grouped.annotate(**aggregates):
        group = Group(*(row[name] for name in (*named, "own")))
        yield group, {name: row[f"m{at}"] for at, name in enumerate(counted)}


def _steps(histogram: Histogram, begin_of: str, end_of: str) -> dict[str, Any]:
    return {
        name: Count("pk", filter=conditions.within(begin_of, end_of, begin, end))
        for name, (begin, end) in histogram.steps.items()
    }


def _never_placed(begin: datetime, end: datetime) -> _Counts:
    """Count the dials of which no call came: they stand beside the dialled calls, in none of their figures."""
    rows = never_placed().filter(created_at__gte=begin, created_at__lt=end).order_by()
    for row in rows.select_related("call", "conference").defer("call__facts").iterator(chunk_size=500):
        told = row.parameters if isinstance(row.parameters, dict) else {}
        number = str(told.get("from") or told.get("From") or "")[:255]
        group = Group(row.account_id, parties.connection_of(row)[:64], kinds.AS.OUTGOING.value, number)
        name = NEVER_PLACED[CallCommand.Status(row.status)]
        yield group, {name: 1, f"{name}:{row.action}": 1}


def never_placed() -> QuerySet[CallCommand]:
    """Return the dials that Telnyx refused, and those that were not carried out: most were never sent."""
    return CallCommand.objects.filter(action__in=sorted(actions.NEW_CALLS), status__in=NEVER_PLACED)


def _grouped(calls: QuerySet[Call], *columns: str, **expressions: Any) -> Any:
    own = Case(When(direction="incoming", then=F("to_number")), default=F("from_number"))
    return calls.annotate(own=own, **expressions).values(*_GROUP, *columns, *expressions)


def _group(row: dict[str, Any]) -> Group:
    return Group(*(row[name] for name in _GROUP))
