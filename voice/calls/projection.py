"""Derives a call from its events: a merge that any order and any repetition leave equal.

Per column the winning event is kept in ``facts`` with its key: weight, time, rank, id. A heavier one wins; of equal
weight the later one, or for "first time" columns the earlier one. Nothing here writes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model

from portal.times import read_time, within_reach
from voice.calls import measures
from voice.catalogue import texml_fields
from voice.catalogue.event_types import meaning
from voice.models import Call, CallEvent, Conference, Recording

_FIRST = {"started_at", "answered_at", "bridged_at"}
_LENGTHS = {"from_number": 255, "to_number": 255, "hangup_cause": 100, "hangup_source": 50, "sip_hangup_cause": 50}
_LENGTHS |= {"queue": 100}
PARTIES = {"from_number": "from", "to_number": "to"}
_ENDING = {name: name for name in ("hangup_cause", "hangup_source", "sip_hangup_cause")}
_DIRECTIONS = {"incoming": "incoming", "outgoing": "outgoing", "inbound": "incoming", "outbound": "outgoing"}
_MAX_STATE, CUT = 20_000, "…"
_OF_A_RECORDING = {  # whether there is one, and its weight: the callback of a <Record> knows better than its action
    "call.recording.saved": (True, 1),
    "texml.recording.completed": (True, 1),
    "texml.recording.absent": (False, 0),
    "texml.recording.ended": (True, -1),
}
_DETECTED = {"call.machine.detection.ended", "call.machine.premium.detection.ended"}
_QUEUED = {"call.enqueued", "texml.queue"}
_DETECTED_BY_TEXML = {"texml.amd", "texml.call.completed"}
_ANSWERERS = {  # by the first word: human_residence, machine_end_beep, fax_detected, not_sure
    "human": Call.Answerer.PERSON.value,
    "machine": Call.Answerer.MACHINE.value,
    "fax": Call.Answerer.FAX.value,
    "silence": Call.Answerer.SILENCE.value,
    "not": Call.Answerer.UNSURE.value,
    "unknown": Call.Answerer.UNSURE.value,
}
_CONTROL_ID = re.compile(r"[A-Za-z0-9:_\-=]{1,512}", re.ASCII)
_NEVER = datetime.min.replace(tzinfo=UTC)

Key = list[Any]


@dataclass(frozen=True)
class Fact:
    """States one column's value by one event. ``weight`` outranks time: an end absorbs, a told start beats a guess."""

    column: str
    value: Any
    weight: int = 1
    at: datetime | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)  # columns of the same source: they come and go with it

    @property
    def columns(self) -> dict[str, Any]:
        return {self.column: self.value, **self.beside}


def changes(call: Call, event: CallEvent, *, restore: bool = False) -> dict[str, Any]:
    """Return the columns of ``call`` that ``event`` changes, ``facts`` among them; empty when it tells nothing new.

    With ``restore`` the columns whose winner it already is become again what it tells. Many of TeXML's callbacks have
    no time. When they came must say nothing, or another order would make another call: others of their weight win.
    """
    at, event_type = event.happened_at, meaning(event.event_type)
    changed = merge(call, _facts_of(event, at), _told_at(event), event_type.rank, event.dedupe_key, restore=restore)
    if call.state == Call.State.LOST and changed.get("state", "ended") not in Call.OVER:
        facts = {name: key for name, key in changed.get("facts", call.facts).items() if name != "ended_at"}
        changed |= {"ended_at": None, "facts": facts}  # it was taken for lost too early: it lives, and has no end yet
    return changed


def merge(
    call: Call | Conference | Recording,
    stated: Iterator[Fact],
    at: datetime,
    rank: int,
    source: str,
    *,
    restore: bool = False,
) -> dict[str, Any]:
    """Merge ``stated`` with what ``call`` (or another row of facts) has, and return the columns whose winner changes.

    ``rank`` and ``source`` decide between equal times.
    """
    facts: dict[str, Any] = dict(call.facts)
    changed: dict[str, Any] = {}
    for fact in stated:
        key: Key = [fact.weight, (fact.at or at).isoformat(timespec="microseconds"), rank, source]
        kept = facts.get(fact.column)
        if (restore and key == kept) or _wins(key, kept, first=fact.column in _FIRST):
            facts[fact.column] = key
            changed |= {name: value for name, value in fact.columns.items() if getattr(call, name) != value}
    for column in ("from", "to"):
        number = changed.get(f"{column}_number", getattr(call, f"{column}_number", "") if restore else "")
        if number and getattr(call, f"{column}_reversed") != number[::-1]:
            changed[f"{column}_reversed"] = number[::-1]
    # sorted, so that equal facts are equal bytes too
    return changed | {"facts": dict(sorted(facts.items()))} if facts != call.facts else changed


def _wins(key: Key, kept: Key | None, *, first: bool) -> bool:
    if kept is None or key[0] != kept[0]:
        return kept is None or key[0] > kept[0]
    return key[1:] < kept[1:] if first else key[1:] > kept[1:]


def _facts_of(event: CallEvent, at: datetime) -> Iterator[Fact]:
    payload, event_type = _payload(event), meaning(event.event_type)
    yield from _identity(event)
    started = _time(event, payload.get("start_time"))
    guess = Fact("started_at", at, 1 if event.occurred_at or event.source != CallEvent.Source.TEXML else 0, at)
    yield Fact("started_at", started, 2, started) if started else guess
    if event_type.state and (answered := _time(event, payload.get("answered_time"))):
        yield Fact("answered_at", answered, at=answered)
    if event_type.state == "ended":
        yield Fact("state", "ended", weight=9)
        yield Fact("ended_at", _time(event, payload.get("end_time")) or at)
        yield from texts(payload, _ENDING)  # that of SIPREC's session (``siprec.stopped``) is not the call's
        yield from texts(payload, {"hangup_cause": "ending"}, weight=0)  # TeXML's
    elif event_type.state:
        parked = event.event_type == "call.initiated" and payload.get("state") == "parked"
        yield Fact("state", "parked" if parked else event_type.state)
        if event_type.stamp:
            yield Fact(event_type.stamp, at)
    # what happens later in a call may name another party: an assistant's SIP address, the queue's
    yield from texts(payload, PARTIES, weight=2 if event_type.state else 1)
    if direction := _DIRECTIONS.get(str(payload.get("direction"))):
        yield Fact("direction", direction)
    if isinstance(state := payload.get("client_state"), str):
        # a longer one must not leave an older one standing: its begin, and a mark that no base64 has
        yield Fact("client_state", state if len(state) <= _MAX_STATE else f"{state[:_MAX_STATE]}{CUT}")
    if isinstance(tags := payload.get("tags"), list):
        yield Fact("tags", [tag for tag in tags if isinstance(tag, str)][:64])
    if event.event_type in _OF_A_RECORDING:
        yield Fact("has_recording", *_OF_A_RECORDING[event.event_type])
    yield from _answerer(event.event_type, payload)
    yield from _measured(event, payload)
    if event.source == CallEvent.Source.TEXML:
        if event.event_type == "texml.call.fetch" and payload.get("call_status") == "in-progress":
            yield Fact("state", "answered")  # of an incoming call often the only word of it; any with a time wins
        if "ConferenceSid" not in (event.payload or {}):  # a conference tells of its Call Control legs, too
            yield Fact("is_texml", True)
        yield from _parent(payload, 1)


def told_later(call: Call, event: CallEvent) -> dict[str, Any]:
    """Return what ``event`` tells of the columns that came after it: for calls that were stored before."""
    stated = (fact for fact in _measured(event, _payload(event)) if fact.column != "cost" or _is_priced_by(call, event))
    return merge(call, stated, _told_at(event), meaning(event.event_type).rank, event.dedupe_key, restore=True)


def _told_at(event: CallEvent) -> datetime:
    has_time = event.occurred_at or meaning(event.event_type).state or event.source != CallEvent.Source.TEXML
    return event.happened_at if has_time else _NEVER


def _is_priced_by(call: Call, event: CallEvent) -> bool:
    return bool(call.facts.get("cost", ["", "", "", event.dedupe_key])[3] == event.dedupe_key)


def _measured(event: CallEvent, payload: dict[str, Any]) -> Iterator[Fact]:
    """State sound, trust and cost, in which queue it waits, and how late this came."""
    if sound := measures.sound(payload):
        yield Fact("mos", sound.pop("mos"), beside=sound)
    if trust := measures.trust(payload):
        yield Fact("attestation", trust.pop("attestation"), beside=trust)
    if found := measures.screening(payload):
        yield Fact("screening", found)
    if event.event_type in _QUEUED:
        yield from texts(payload, {"queue": "queue"})
    yield from _price(payload, 1)
    if event.occurred_at and event.source != CallEvent.Source.BACKFILL:
        late = ((event.known_since or event.received_at) - event.occurred_at).total_seconds()
        if late > measures.LATE_SECONDS:  # the greatest counts: its milliseconds are its weight
            yield Fact("late_seconds", round(late, 3), weight=round(late * 1000))


def _price(payload: Mapping[str, Any], weight: int) -> Iterator[Fact]:
    if cost := measures.cost(payload):
        yield Fact("cost", cost.pop("cost"), weight, beside=cost)


def _answerer(event_type: str, payload: dict[str, Any]) -> Iterator[Fact]:
    """State who answered, as machine detection says at its end."""
    told = payload.get("result") if event_type in _DETECTED else payload.get("answered_by")
    word = _ANSWERERS.get(str(told).partition("_")[0])
    if word and event_type in {*_DETECTED, *_DETECTED_BY_TEXML}:
        yield Fact("answered_by", word)


def facts_of_resource(told: dict[str, Any]) -> Iterator[Fact]:
    """State what TeXML's resource of a call tells, in Call Control's words: lighter than any event, but for its end."""
    begun, ended, state = read_time(told.get("start_time")), read_time(told.get("end_time")), told.get("state")
    yield Fact("is_texml", True, 0, begun)
    yield from texts(told, PARTIES, 0)
    yield from _parent(told, 0)
    if direction := _DIRECTIONS.get(str(told.get("direction"))):
        yield Fact("direction", direction, 0)
    yield from _price(told, 0)
    if begun:
        yield Fact("started_at", begun, 0, begun)
    if state == "ended" and ended:
        # lighter than the callback, which also knows the cause and whose time is exact
        yield Fact("state", "ended", 8, ended)
        yield Fact("ended_at", ended, 0, ended)
        yield from texts(told, {"hangup_cause": "ending"}, 0)
    elif state:
        yield Fact("state", state, 0)


def texts(payload: dict[str, Any], names: dict[str, str], weight: int = 1) -> Iterator[Fact]:
    """State the texts of ``payload``, by column and the name they have there, each as long as its column at most."""
    for column, name in names.items():
        if isinstance(value := payload.get(name), str) and value:
            yield Fact(column, value[: _LENGTHS[column]], weight)


def _parent(payload: dict[str, Any], weight: int) -> Iterator[Fact]:
    if _CONTROL_ID.fullmatch(parent := str(payload.get("parent_control_id", ""))):
        yield Fact("parent_control_id", parent, weight)


def _payload(event: CallEvent) -> dict[str, Any]:
    """Return what the event tells, in Call Control's words."""
    payload = event.payload or {}
    return texml_fields.in_call_control_words(payload) if event.source == CallEvent.Source.TEXML else payload


def _time(event: CallEvent, text: Any) -> datetime | None:
    at = read_time(text)
    return at if at and within_reach(at, event.received_at) else None


def _identity(event: CallEvent) -> Iterator[Fact]:
    for column in ("call_leg_id", "call_session_id", "connection_id"):
        if value := getattr(event, column):
            yield Fact(column, value)


@dataclass(frozen=True)
class Change:
    """Records ``columns`` by name: before, after. Of a row that is new, before is what the empty row had.

    ``beside`` are columns that are written with these, and say nothing of what happened.
    """

    row: Model
    columns: dict[str, tuple[Any, Any]]
    is_new: bool = False
    beside: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.columns) or self.is_new

    def save(self) -> None:
        """Write these columns, no others."""
        if self.columns:
            self.row.save(update_fields=[*self.columns, *self.beside])


def assign(row: Model, values: dict[str, Any], *, is_new: bool = False) -> Change:
    """Set ``values`` on ``row``, unsaved."""
    columns = {name: (getattr(row, name), value) for name, value in values.items()}
    for name, value in values.items():
        setattr(row, name, value)
    return Change(row, columns, is_new)
