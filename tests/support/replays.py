"""Stored events of a test, run dry and run again by the same person."""

from typing import Any
from unittest import mock

from portal.actors import Actor
from portal.models import TelnyxAccount
from tests.support.events import receive
from tests.support.factories import make_event, run_owed
from tests.support.rows import CallEvent, Replay
from voice.events import processing
from voice.replay import runs
from voice.replay.selection import Selection

ADA = Actor("user: ada")
EVERYTHING = Selection(account="main")
ROOM = "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"


def a_call(account: TelnyxAccount, leg: str = "a") -> None:
    """A call of four events, worked off."""
    bridged = make_event("call.bridged", -10, leg)
    receive(account, make_event(leg=leg, seconds=-20), make_event("call.answered", -17, leg), bridged)
    receive(account, make_event("call.hangup", -1, leg))
    run_owed()


def rehearse(selection: Selection = EVERYTHING) -> Replay:
    row = runs.request_dry_run(selection, ADA)
    return worked_off(row)


def run(row: Replay, *, side_effects: bool = False) -> Replay:
    assert runs.begin(row, ADA, side_effects=side_effects)
    return worked_off(row)


def again(selection: Selection = EVERYTHING, *, side_effects: bool = False) -> Replay:
    return run(rehearse(selection), side_effects=side_effects)


def worked_off(row: Replay) -> Replay:
    for _ in range(9):
        runs.work(row.pk, 5)
        row.refresh_from_db()
    assert not row.is_open
    return row


def lines(row: Replay, *, is_rehearsed: bool) -> dict[tuple[str, str], Any]:
    """What was told, by place; of the calls' own record of their sources only where there is one."""
    found = row.lines.filter(is_rehearsed=is_rehearsed)
    return {
        (line.kind, line.key): (line.is_new, line.changes, line.said) for line in found if line.changes or line.said
    }


def die(account: TelnyxAccount, document: dict[str, Any]) -> CallEvent:
    """An event that a defect kills eight times."""
    receive(account, document)
    with mock.patch.object(processing, "changes", side_effect=RuntimeError("defect")):
        for _ in range(8):
            CallEvent.objects.filter(status="received").update(lease_until=None)
            run_owed()
    event = CallEvent.objects.get(event_id=document["data"]["id"])
    assert (event.status, event.attempts) == ("dead", 8)
    return event


def quarantine(account: TelnyxAccount, document: dict[str, Any], **columns: Any) -> CallEvent:
    """A row as an older version, whose reader knew less, would have left it."""
    receive(account, document)
    event = CallEvent.objects.get(event_id=document["data"]["id"])
    blank = dict.fromkeys(("event_type", "call_control_id", "call_leg_id", "call_session_id", "connection_id"), "")
    told = {
        "dedupe_key": f"sha256:{event.pk.hex}",
        "event_id": None,
        "payload": None,
        "occurred_at": None,
        "attempt": None,
    }
    CallEvent.objects.filter(pk=event.pk).update(
        **blank
        | told
        | {"status": "quarantined", "error": "a key nobody knew", "reason": "unreadable", "attempts": 0}
        | columns
    )
    event.refresh_from_db()
    return event
