"""Tells what became of each line of a batch: by the verdict of its call where there is one, else by its command."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Case, Count, F, Q, QuerySet, Value, When

from portal import csv_lines
from portal.masking import display_number, masked_for
from portal.texts import visible
from voice.catalogue import endings
from voice.models import Call, CallCommand, DialBatch

_Status = CallCommand.Status
_ACCEPTED, _RUNNING, _ENDED, _UNDONE = "accepted", Call.Ending.RUNNING.value, "ended", "undone"
_SETTLED_SO = Q(status=_Status.EXPIRED, settled_at__isnull=False)  # it was sent, and nobody knew what came of it
_OF_COMMANDS = {
    _Status.QUEUED.value: ("Waiting", "busy"),
    _Status.SENDING.value: ("Being dialled", "busy"),
    _ACCEPTED: ("Dialled", "good"),
    _ENDED: ("Over, not judged yet", "plain"),
    _Status.REFUSED.value: ("Refused", "bad"),
    _Status.UNCERTAIN.value: ("Uncertain", "warn"),
    _Status.EXPIRED.value: ("Not sent", "warn"),
    _UNDONE: ("Not carried out", "warn"),
}
_CATEGORIES = [one.value for one in Call.Ending if one != Call.Ending.RUNNING]
# every outcome that a line can have, as a person reads them: what goes on, what came of calls, what never became one
ORDER = (
    *(_Status.QUEUED.value, _Status.SENDING.value, _RUNNING, _ACCEPTED, _ENDED, *_CATEGORIES),
    *(_Status.REFUSED.value, _Status.UNCERTAIN.value, _UNDONE, _Status.EXPIRED.value),
)
_HEAD = ("line", "number", "outcome", "status", "sent_at", "call_control_id", "answered_at", "talk_seconds", "error")


@dataclass(frozen=True)
class Figure:
    """Says how many lines have an outcome."""

    outcome: str
    label: str
    tone: str
    count: int


def lines(batch: DialBatch, user: Any) -> QuerySet[Any]:
    """Return the lines, each with its ``outcome``; of their calls nothing to who may not see calls."""
    rows = CallCommand.objects.filter(batch=batch)
    if not may_see_calls(user):
        by_command = Case(
            When(_SETTLED_SO, then=Value(_UNDONE)),
            When(status=_Status.OK, then=Value(_ACCEPTED)),
            default=F("status"),
        )
        without: QuerySet[Any] = rows.annotate(outcome=by_command)
        return without
    of_call = Case(
        When(_SETTLED_SO, then=Value(_UNDONE)),
        When(~Q(status=_Status.OK), then=F("status")),
        When(call=None, then=Value(_ACCEPTED)),
        When(~Q(call__state__in=Call.OVER), then=Value(_RUNNING)),
        When(call__ending_category="", then=Value(_ENDED)),
        default=F("call__ending_category"),
    )
    found: QuerySet[Any] = rows.annotate(outcome=of_call).select_related("call").defer("call__facts")
    return found


def figures(batch: DialBatch, user: Any) -> list[Figure]:
    """Count the lines of each outcome there is."""
    rows = lines(batch, user).order_by().values_list("outcome").annotate(count=Count("pk"))
    counts: dict[str, int] = dict(rows)
    known = [one for one in ORDER if one in counts]
    return [Figure(one, label(one), tone(one), counts[one]) for one in [*known, *sorted(counts.keys() - {*known})]]


def label(outcome: str) -> str:
    """Word an outcome."""
    return _OF_COMMANDS[outcome][0] if outcome in _OF_COMMANDS else endings.category_label(outcome)


def tone(outcome: str) -> str:
    """Return the word of its colour and shape."""
    return _OF_COMMANDS[outcome][1] if outcome in _OF_COMMANDS else endings.tone(outcome)


def told(line: Any) -> str:
    """Word what became of a line: why its call ended, as its page says it; else as ``label``."""
    if line.outcome in _CATEGORIES and line.call is not None and line.call.ending:
        return endings.label(line.call.ending, line.call.ending_category, line.call.ended_by)
    return label(line.outcome)


def csv(rows: QuerySet[Any], user: Any) -> Iterator[str]:
    """Write the lines as CSV, as this person may see them."""
    yield csv_lines.line(_HEAD)
    for line in rows.order_by("sequence", "pk").iterator(200):
        yield csv_lines.line(_cells(line, user))


def may_see_calls(user: Any) -> bool:
    return bool(user.has_perm("voice.view_call"))


def _cells(line: CallCommand, user: Any) -> list[str]:
    call = line.call if may_see_calls(user) else None
    talk = call.talk_seconds if call else None
    return [
        str(line.sequence),
        visible(display_number(number(line), user)),
        told(line),
        line.status,
        _moment(line.first_sent_at),
        call.call_control_id if call else "",
        _moment(call.answered_at if call else None),
        "" if talk is None else f"{talk:g}",
        visible(str(masked_for(user, line.error))),
    ]


def number(line: CallCommand) -> str:
    """Return the number of a line."""
    to = line.parameters.get("to") if isinstance(line.parameters, dict) else None
    return to if isinstance(to, str) else ""


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""
