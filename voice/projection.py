"""Derives a call from its events: a merge that any order and any repetition leave equal.

Per column the winning event is kept in ``facts`` with its key: weight, time, rank, id. A heavier one wins; of equal
weight the later one, or for "first time" columns the earlier one. Nothing here writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.times import read_time
from voice.event_types import meaning
from voice.models import Call, CallEvent, Conference

_FIRST = {"started_at", "answered_at", "bridged_at"}
_LENGTHS = {"from_number": 255, "to_number": 255, "hangup_cause": 100, "hangup_source": 50, "sip_hangup_cause": 50}
_PLAIN = {
    "from_number": "from",
    "to_number": "to",
    "hangup_cause": "hangup_cause",
    "hangup_source": "hangup_source",
    "sip_hangup_cause": "sip_hangup_cause",
}
_DIRECTIONS = {"incoming": "incoming", "outgoing": "outgoing", "inbound": "incoming", "outbound": "outgoing"}
_MAX_STATE = 20_000

Key = list[Any]


@dataclass(frozen=True)
class Claim:
    """One event's word for one column. ``weight`` outranks time: an end absorbs, a told start beats a guessed one."""

    column: str
    value: Any
    weight: int = 1
    at: datetime | None = None


def changes(call: Call, event: CallEvent) -> dict[str, Any]:
    """The columns of ``call`` that ``event`` changes, ``facts`` among them; empty when it tells nothing new."""
    at = event.occurred_at or event.received_at
    rank = meaning(event.event_type).rank
    return merge(call, _claims(event, at), at, rank, event.dedupe_key)


def merge(call: Call | Conference, claims: Iterator[Claim], at: datetime, rank: int, source: str) -> dict[str, Any]:
    """The winners among ``claims`` and what ``call`` (or a conference) has.

    ``rank`` and ``source`` decide between equal times.
    """
    facts, changed = dict(call.facts), {}
    for claim in claims:
        key: Key = [claim.weight, (claim.at or at).isoformat(timespec="microseconds"), rank, source]
        if _wins(key, facts.get(claim.column), first=claim.column in _FIRST):
            facts[claim.column] = key
            if getattr(call, claim.column) != claim.value:
                changed[claim.column] = claim.value
    for column in ("from", "to"):
        if f"{column}_number" in changed:
            changed[f"{column}_reversed"] = changed[f"{column}_number"][::-1]
    # sorted, so that equal facts are equal bytes too
    return changed | {"facts": dict(sorted(facts.items()))} if facts != call.facts else {}


def _wins(key: Key, kept: Key | None, *, first: bool) -> bool:
    if kept is None or key[0] != kept[0]:
        return kept is None or key[0] > kept[0]
    return key[1:] < kept[1:] if first else key[1:] > kept[1:]


def _claims(event: CallEvent, at: datetime) -> Iterator[Claim]:
    payload, told = event.payload or {}, meaning(event.event_type)
    yield from _identity(event)
    started = read_time(payload.get("start_time"))
    yield Claim("started_at", started, 2, started) if started else Claim("started_at", at)
    if told.state == "ended":
        yield Claim("state", "ended", weight=9)
        yield Claim("ended_at", read_time(payload.get("end_time")) or at)
    elif told.state:
        parked = event.event_type == "call.initiated" and payload.get("state") == "parked"
        yield Claim("state", "parked" if parked else told.state)
        if told.stamp:
            yield Claim(told.stamp, at)
    for column, name in _PLAIN.items():
        if isinstance(value := payload.get(name), str) and value:
            yield Claim(column, value[: _LENGTHS[column]])
    if direction := _DIRECTIONS.get(str(payload.get("direction"))):
        yield Claim("direction", direction)
    if isinstance(state := payload.get("client_state"), str) and len(state) <= _MAX_STATE:
        yield Claim("client_state", state)
    if isinstance(tags := payload.get("tags"), list):
        yield Claim("tags", [tag for tag in tags if isinstance(tag, str)][:64])
    if event.event_type == "call.recording.saved":
        yield Claim("has_recording", True)


def _identity(event: CallEvent) -> Iterator[Claim]:
    for column in ("call_leg_id", "call_session_id", "connection_id"):
        if value := getattr(event, column):
            yield Claim(column, value)
