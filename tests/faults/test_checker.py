"""The checker itself: a sound world passes, and each invariant sees the world in which it is broken."""

import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults.checker import INVARIANTS, violations
from tests.faults.client import Sent
from tests.faults.evidence import Evidence
from voice.calls.projection import changes
from voice.models import Call, CallEvent

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
CALL, COMMAND = uuid.uuid4(), uuid.uuid4()
CONTROL = "v3:one"
EVENTS = [(uuid.uuid4(), kind, at) for at, kind in enumerate(["call.initiated", "call.answered", "call.hangup"])]


def event(id: uuid.UUID, event_type: str, at: int) -> dict[str, Any]:
    told = {"from": "+13125550187", "to": "+13125550188", "direction": "incoming"}
    told |= {"hangup_cause": "normal_clearing"} if event_type == "call.hangup" else {}
    return {
        "id": id,
        "dedupe_key": str(id),
        "event_id": str(id),
        "event_type": event_type,
        "source": "webhook",
        "status": "processed",
        "occurred_at": NOW + timedelta(seconds=at),
        "received_at": NOW + timedelta(seconds=at),
        "processed_at": NOW + timedelta(seconds=at + 0.5),
        "call_control_id": CONTROL,
        "call_leg_id": "leg",
        "call_session_id": "session",
        "connection_id": "1",
        "call_id": CALL,
        "body": b"body of " + str(id).encode(),
        "payload": told,
        "error": "",
        "attempts": 1,
        "lease_until": None,
    }


def call(events: list[dict[str, Any]]) -> dict[str, Any]:
    made = Call(id=CALL, started_at=NOW)
    for row in events:
        values = {name: value for name, value in row.items() if name not in ("call_id", "body")}
        for column, value in changes(made, CallEvent(**values)).items():
            setattr(made, column, value)
    return {one.attname: getattr(made, one.attname) for one in Call._meta.concrete_fields}


def sound() -> Evidence:
    """One call of three events and one command, and nothing wrong with it."""
    events = [event(*one) for one in EVENTS]
    history = [
        Sent(row["event_id"], row["body"], True, 0.0, 0.01, 200, {"Content-Type": "application/json"}) for row in events
    ]
    away = {"Content-Type": "application/problem+json", "Retry-After": "2"}
    history.append(replace(history[0], status=503, headers=away))
    history.append(Sent("forged", b"forged", False, 0.0, 0.01, 400))
    sent = NOW + timedelta(seconds=1)
    command = {
        "id": COMMAND,
        "action": "answer",
        "status": "ok",
        "error": "",
        "settlement": "",
        "call_id": CALL,
        "event_id": EVENTS[0][0],
        "sequence": 0,
        "intent_key": "event:0",
        "created_at": NOW,
        "expires_at": NOW + timedelta(seconds=20),
        "first_sent_at": sent,
        "attempts": [{"at": sent.isoformat(), "outcome": "ok"}],
    }
    ledger = [tried(sent)]
    logs = {"web": '{"event": "handler failed", "from": "+…0187"}'}
    return Evidence(history, events, [call(events)], [command], ledger, logs, ["KEY-canary"], ["+13125550187"])


def tried(at: datetime, outcome: str = "executed", command: uuid.UUID | None = None) -> dict[str, Any]:
    return {
        "command_id": str(command or COMMAND),
        "call_control_id": CONTROL,
        "action": "answer",
        "outcome": outcome,
        "at": at.isoformat().replace("+00:00", "Z"),
    }


def test_a_sound_world_breaks_nothing() -> None:
    assert violations(sound()) == []


def test_a_resend_within_the_window_that_telnyx_ignored_breaks_nothing() -> None:
    world = sound()
    again = NOW + timedelta(seconds=1.4)  # before its call's end was processed
    world.commands[0]["attempts"].append({"at": again.isoformat(), "outcome": "ok"})
    world.ledger.append(tried(again, "deduplicated"))
    assert violations(world) == []


def lost(world: Evidence) -> None:
    del world.events[1]


def altered(world: Evidence) -> None:
    world.events[0]["body"] += b" "


def doubled(world: Evidence) -> None:
    world.events.append(world.events[0] | {"id": uuid.uuid4()})


def left_over(world: Evidence) -> None:
    world.events[0] |= {"status": "received", "call_id": None, "lease_until": NOW}


def leased(world: Evidence) -> None:
    world.events[0]["lease_until"] = NOW


def unsent(world: Evidence) -> None:
    world.commands[0] |= {"status": "queued", "first_sent_at": None, "attempts": []}
    world.ledger.clear()


def last_come(world: Evidence) -> None:
    """The state went to the event that was processed last instead of the one that ends the call."""
    world.calls[0]["state"] = "answered"


def forgotten(world: Evidence) -> None:
    """An event's word is in no fact."""
    world.calls[0]["facts"] = {name: key for name, key in world.calls[0]["facts"].items() if name != "hangup_cause"}


def second_command(world: Evidence) -> None:
    twin = deepcopy(world.commands[0]) | {"id": uuid.uuid4(), "intent_key": "event:0 again"}
    world.commands.append(twin)
    world.ledger.append(tried(NOW + timedelta(seconds=1), command=twin["id"]))


def sent_after_the_window(world: Evidence) -> None:
    world.commands[0]["attempts"].append({"at": (NOW + timedelta(seconds=52)).isoformat(), "outcome": "ok"})
    world.events[2]["processed_at"] = NOW + timedelta(seconds=99)


def reached_telnyx_after_the_window(world: Evidence) -> None:
    world.ledger.append(tried(NOW + timedelta(seconds=65), "deduplicated"))


def executed_twice(world: Evidence) -> None:
    world.ledger.append(tried(NOW + timedelta(seconds=2)))


def only_believed(world: Evidence) -> None:
    world.ledger.clear()


def of_nobody(world: Evidence) -> None:
    world.ledger.append(tried(NOW, command=uuid.uuid4()))


def after_the_end(world: Evidence) -> None:
    world.commands[0]["attempts"].append({"at": (NOW + timedelta(seconds=3)).isoformat(), "outcome": "ok"})


def stale(world: Evidence) -> None:
    world.commands[0]["expires_at"] = NOW


def forged_and_taken(world: Evidence) -> None:
    world.history[-1] = replace(world.history[-1], status=200)
    world.events.append(event(uuid.uuid4(), "call.dtmf.received", 1) | {"dedupe_key": "forged", "body": b"forged"})


def secret_in_a_log(world: Evidence) -> None:
    world.logs["sweep"] = "asking with KEY-canary"


def number_in_a_log(world: Evidence) -> None:
    world.logs["web"] = "answer to +13125550187"


def error_of_ours(world: Evidence) -> None:
    world.history[0] = replace(world.history[0], status=500)
    world.history.append(replace(world.history[0], status=200))


def page_as_503(world: Evidence) -> None:
    world.history[3] = replace(world.history[3], headers={"Content-Type": "text/html", "Retry-After": "2"})


def no_retry_after(world: Evidence) -> None:
    world.history[3] = replace(world.history[3], headers={"Content-Type": "application/problem+json"})


@pytest.mark.parametrize(
    ("invariant", "spoil"),
    [
        ("I1", lost),
        ("I1", altered),
        ("I2", doubled),
        ("I3", left_over),
        ("I3", leased),
        ("I3", unsent),
        ("I4", last_come),
        ("I4", forgotten),
        ("I5", second_command),
        ("I5", sent_after_the_window),
        ("I5", reached_telnyx_after_the_window),
        ("I6", executed_twice),
        ("I6", only_believed),
        ("I6", of_nobody),
        ("I7", after_the_end),
        ("I7", stale),
        ("I8", forged_and_taken),
        ("I9", secret_in_a_log),
        ("I9", number_in_a_log),
        ("I10", error_of_ours),
        ("I10", page_as_503),
        ("I10", no_retry_after),
    ],
)
def test_each_invariant_sees_the_world_that_breaks_it(invariant: str, spoil: Callable[[Evidence], None]) -> None:
    world = sound()
    spoil(world)
    assert [line for line in violations(world) if line.startswith(f"{invariant}: ")]


def test_every_invariant_is_seen_broken() -> None:
    (cases,) = (mark.args[1] for mark in test_each_invariant_sees_the_world_that_breaks_it.pytestmark)
    assert {name for name, _ in cases} == set(INVARIANTS)
