"""O: the events of one call in every order, and calls whose events contradict each other."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from tests.corpus.cases import CANARY_FROM, CANARY_TO, Case
from tests.support.factories import CONNECTION, make_event

Told = tuple[str, bytes]  # the source of an event, and its body


@dataclass(frozen=True, kw_only=True)
class Story(Case):
    """At most six events. ``told`` is what their call (leg ``a``) says in the end, by column."""

    events: tuple[Told, ...]
    told: tuple[tuple[str, Any], ...]


def _said(event_type: str, seconds: float, **payload: Any) -> Told:
    return "webhook", json.dumps(make_event(event_type, seconds, **payload)).encode()


def _callback(status: str, seconds: float, number: int, **fields: str) -> Told:
    """A TeXML callback of the same leg."""
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    known = {"CallSid": "v3:a-leg", "ConnectionId": CONNECTION, "From": CANARY_FROM, "To": CANARY_TO}
    told = {
        "CallStatus": status,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(number),
        "Timestamp": at,
    }
    return "texml", urlencode(known | told | fields).encode()


def stories() -> Iterator[Story]:
    begin, answer = _said("call.initiated", -20), _said("call.answered", -17, client_state="aGVsbG8=")
    bridge, end = _said("call.bridged", -10), _said("call.hangup", -1)
    whole = (begin, answer, bridge, _said("call.bridged", -8), end, _said("call.recording.saved", 0))
    for number, name, events, told in (
        ("O01", "a whole call", whole, {"state": "ended", "has_recording": True}),
        ("O02", "without its beginning", whole[1:], {"state": "ended", "direction": ""}),
        ("O02", "without its end", whole[:4], {"state": "bridged", "ended_at": None}),
        ("O02", "beginning and end alone", (begin, end), {"state": "ended", "answered_at": None}),
        ("O03", "only the end", (end,), {"state": "ended", "hangup_cause": "normal_clearing"}),
        (
            "O04",
            "two ends with different causes",
            (begin, answer, _said("call.hangup", -5, hangup_cause="timeout"), end),
            {"state": "ended", "hangup_cause": "normal_clearing"},
        ),
        ("O05", "answered after its end", (begin, end, _said("call.answered", 3)), {"state": "ended"}),
        ("O05", "all at once", _all_at_once(), {"state": "ended"}),
        (
            "O05",
            "in both tongues",
            (
                begin,
                _callback("ringing", -19, 1),
                _callback("in-progress", -17, 2),
                answer,
                end,
                _callback("completed", -0.5, 3, HangupCause="normal_clearing", EndTime="2026-01-01T00:00:00Z"),
            ),
            {"state": "ended"},
        ),
    ):
        yield Story(number=number, name=name, events=events, told=tuple(told.items()))


def _all_at_once() -> tuple[Told, ...]:
    """Five events of the same microsecond."""
    at = datetime.now(UTC).isoformat()
    documents = [make_event(f"call.{name}") for name in ("initiated", "answered", "bridged", "hangup", "hangup")]
    for number, document in enumerate(documents):
        document["data"]["occurred_at"] = at
        document["data"]["payload"] |= {"start_time": at, "end_time": at, "hangup_cause": f"cause {number}"}
    return tuple(("webhook", json.dumps(document).encode()) for document in documents)


def legs() -> tuple[tuple[Told, ...], tuple[Told, ...]]:
    """O06: two legs of one session."""
    names = ("call.initiated", "call.answered", "call.bridged", "call.hangup")
    one, two = (tuple(_said(name, at - 20, leg=leg) for at, name in enumerate(names)) for leg in ("a", "b"))
    return one, two


_TYPES = ("call.initiated", "call.answered", "call.bridged", "call.hangup", "call.recording.saved", "call.hold")
_STATUSES = ("initiated", "ringing", "in-progress", "completed", "busy")
_MOMENTS = st.integers(-4, 4)  # seconds: few, so that many are the same
_WORDS = st.sampled_from(["timeout", "user_busy", "", None, CANARY_FROM, CANARY_TO, "x" * 300, 17])
_ZONES = st.sampled_from(["+00:00", "+05:30", "-11:00"])


@st.composite
def tellings(draw: st.DrawFn) -> Told:
    """One event of leg ``a``: of any type, at one of a few moments, told in any zone, by either tongue."""
    if draw(st.integers(0, 3)) == 0:
        return _callback(draw(st.sampled_from(_STATUSES)), draw(_MOMENTS), draw(st.integers(0, 3)))
    event = make_event(draw(st.sampled_from(_TYPES)))
    event["data"]["id"] = str(draw(st.uuids()))
    event["data"]["occurred_at"] = draw(_times())
    members = ("hangup_cause", "hangup_source", "from", "to", "client_state", "connection_id")
    event["data"]["payload"] |= draw(st.dictionaries(st.sampled_from(members), _WORDS, max_size=3))
    event["data"]["payload"] |= draw(st.dictionaries(st.sampled_from(["start_time", "end_time"]), _times()))
    return "webhook", json.dumps(event).encode()


@st.composite
def _times(draw: st.DrawFn) -> str:
    zone = draw(_ZONES)
    at = NOON + timedelta(seconds=draw(_MOMENTS))
    return at.astimezone(datetime.fromisoformat(f"2026-01-01T00:00:00{zone}").tzinfo).isoformat()


NOON = datetime.now(UTC).replace(microsecond=0)
