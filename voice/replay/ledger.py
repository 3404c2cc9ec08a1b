"""Records what a replay changes, or would change: a line for each row it touches, its columns before and after."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import DateTimeField, DecimalField, Model

from voice.models import Call, CallEvent, Conference, ConferenceParticipant, Replay, ReplayLine
from voice.replay.apply import Applied, Outcome

Kind = ReplayLine.Kind
Place = tuple[str, uuid.UUID, str]
Columns = dict[str, tuple[Any, Any]]
_SHOWS_FATE = {CallEvent.Status.QUARANTINED, CallEvent.Status.DEAD}


class Ledger:
    """Keeps lines by place, in memory."""

    def __init__(self) -> None:
        self._lines: dict[Place, ReplayLine] = {}

    def at(self, place: Place) -> ReplayLine | None:
        return self._lines.get(place)

    def lines(self) -> list[ReplayLine]:
        """List the lines in the order they were first touched."""
        return list(self._lines.values())

    def control_id_of(self, account_id: uuid.UUID, leg_id: str) -> str:
        """Find the call that has this leg only by what was changed here; else empty."""
        rows = (line for (kind, account, _), line in self._lines.items() if (kind, account) == (Kind.CALL, account_id))
        return next((line.key for line in rows if line.changes.get("call_leg_id", ["", ""])[1] == leg_id), "")

    def has_taken(self, account_id: uuid.UUID, dedupe_key: str) -> bool:
        """Tell whether an event that became readable here has that key now."""
        rows = (line for (kind, account, _), line in self._lines.items() if (kind, account) == (Kind.EVENT, account_id))
        return any(line.about["dedupe_key"] == dedupe_key and line.changes for line in rows)

    def note(self, applied: Applied) -> None:
        """Write down what became of an event."""
        for difference in applied.differences:
            self._add(_place(difference.row), _columns(difference.row, difference.columns, difference.is_new))
            self._describe(difference.row, difference.is_new)
        if applied.was in _SHOWS_FATE or applied.reason:
            self._note_event(applied)

    def _note_event(self, applied: Applied) -> None:
        event = applied.event
        stays = applied.outcome in {Outcome.KEPT, Outcome.FAILED}
        line = self._add(_place(event), {} if stays else {"status": (applied.was, _fate(applied))})
        line.said = applied.reason
        names = ("event_type", "source", "dedupe_key", "call_control_id")
        line.about = {name: getattr(event, name) for name in names} | {"received_at": as_json(event.received_at)}
        self._keep(line)

    def _add(self, place: Place, columns: Columns) -> ReplayLine:
        kind, account_id, key = place
        line = self.at(place) or ReplayLine(kind=kind, account_id=account_id, key=key)
        line.changes = _merged(line.changes, columns)
        self._lines[place] = line
        return line

    def _describe(self, row: Model, is_new: bool) -> None:
        line = self._lines[_place(row)]
        line.is_new = line.is_new or is_new
        if isinstance(row, Call):
            line.about = {"from": row.from_number, "to": row.to_number, "direction": row.direction}
            line.call = None if row._state.adding else row
        elif isinstance(row, ConferenceParticipant):
            line.about = {"conference": row.conference.conference_id, "call_control_id": row.call_control_id}
        self._keep(line)

    def _keep(self, line: ReplayLine) -> None:
        """Do nothing: the line is in memory."""


class StoredLedger(Ledger):
    """Stores the lines of a ``Replay``: its dry run or its run. To be used inside a transaction, event by event."""

    def __init__(self, replay: Replay, *, is_rehearsed: bool) -> None:
        super().__init__()
        self.replay, self.is_rehearsed = replay, is_rehearsed
        self._rows = ReplayLine.objects.filter(replay=replay, is_rehearsed=is_rehearsed)

    def at(self, place: Place) -> ReplayLine | None:
        kind, account_id, key = place
        return self._rows.filter(kind=kind, account=account_id, key=key).first()

    def lines(self) -> list[ReplayLine]:
        return list(self._rows)

    def control_id_of(self, account_id: uuid.UUID, leg_id: str) -> str:
        rows = self._rows.filter(kind=Kind.CALL, account=account_id, changes__call_leg_id__1=leg_id)
        return rows.values_list("key", flat=True).first() or ""

    def has_taken(self, account_id: uuid.UUID, dedupe_key: str) -> bool:
        rows = self._rows.filter(kind=Kind.EVENT, account=account_id, about__dedupe_key=dedupe_key)
        return rows.exclude(changes={}).exists()

    def _keep(self, line: ReplayLine) -> None:
        line.replay, line.is_rehearsed = self.replay, self.is_rehearsed
        line.save()


def overlay(row: Model, line: ReplayLine | None) -> None:
    """Make ``row`` what it is after the changes of ``line``, unsaved."""
    for name, (_, after) in (line.changes if line else {}).items():
        field: Any = row._meta.get_field(name)
        setattr(row, name, field.to_python(after) if isinstance(field, DateTimeField | DecimalField) else after)


def as_json(value: Any) -> Any:
    """Return a column's value as JSON keeps it, to the microsecond."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, datetime) else value


def seat_key(conference_id: str, call_control_id: str) -> str:
    """Return the key of a participant."""
    return f"{conference_id}:{call_control_id}"


def _place(row: Model) -> Place:
    if isinstance(row, Call):
        return Kind.CALL, row.account_id, row.call_control_id
    if isinstance(row, Conference):
        return Kind.CONFERENCE, row.account_id, row.conference_id
    if isinstance(row, ConferenceParticipant):
        return Kind.PARTICIPANT, row.conference.account_id, seat_key(row.conference.conference_id, row.call_control_id)
    assert isinstance(row, CallEvent)
    return Kind.EVENT, row.account_id, str(row.pk)


def _columns(row: Model, columns: Columns, is_new: bool) -> Columns:
    """Add to the columns of a new row the time that its first event gave it."""
    started = getattr(row, "started_at", None)
    return {"started_at": (None, started)} | columns if is_new and started else columns


def _merged(known: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """Merge ``columns`` into ``known``; what is back where it was is no change."""
    found = dict(known)
    for name, (before, after) in columns.items():
        first = known[name][0] if name in known else as_json(before)
        found[name] = [first, as_json(after)]
    return {name: pair for name, pair in found.items() if pair[0] != pair[1]}


def _fate(applied: Applied) -> str:
    """Return the status without its rules: what is due for them is not over yet."""
    status = applied.event.status
    return CallEvent.Status.PROCESSED if status == CallEvent.Status.RECEIVED else status


def shown_lines(lines: Iterable[ReplayLine]) -> list[ReplayLine]:
    """Keep the lines that say something."""
    return [line for line in lines if line.changes or line.is_new or line.kind == Kind.EVENT]
