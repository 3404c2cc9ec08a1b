"""Who works at a replay: for how long it is theirs, what they lose, and in which order they take the events."""

import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import InterfaceError
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.events import receive
from tests.support.factories import make_event, make_flow, run_owed
from tests.support.replays import ADA, EVERYTHING, again, rehearse, worked_off
from tests.support.rows import Call, CallEvent, Replay
from tests.support.times import ago
from voice.replay import apply, dry_run, runs

pytestmark = pytest.mark.django_db


def two_calls(account: TelnyxAccount) -> list[CallEvent]:
    """Two calls that somebody spoiled; the events that put them right."""
    events = receive(account, make_event(seconds=-60), make_event(leg="b", seconds=-60))
    run_owed()
    Call.objects.update(state="ringing")
    return events


def test_whoever_works_at_an_event_has_half_a_minute_and_lets_go_when_the_piece_is_over(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_calls(account)
    row, real, held = rehearse(), apply.apply, []
    assert runs.begin(row, ADA)
    assert row.side_effects is False

    def applied(event_id: uuid.UUID, *, rules: bool) -> Any:
        seen = Replay.objects.get(pk=row.pk)
        left = seen.lease_until - timezone.now()
        held.append((seen.holder is None, timedelta(0) < left <= timedelta(seconds=31)))
        return real(event_id, rules=rules)

    monkeypatch.setattr(apply, "apply", applied)
    runs.work(row.pk, 0)
    row.refresh_from_db()
    assert (held, row.done, row.state) == ([(False, True)], 1, "running")
    assert (row.lease_until, row.holder, runs.is_due(row.pk)) == (None, None, True)
    runs.work(row.pk, 5)
    row.refresh_from_db()
    assert (row.done, row.state, row.lease_until, row.holder, row.claims) == (2, "done", None, None, 0)


def test_whoever_looks_for_events_has_ten_minutes(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    two_calls(account)
    real, left = runs.rows, list[timedelta]()

    def rows(one: Replay) -> Any:
        left.append(Replay.objects.get(pk=one.pk).lease_until - timezone.now())
        return real(one)

    monkeypatch.setattr(runs, "rows", rows)
    assert rehearse().done == 2
    assert left
    assert all(timedelta(minutes=9) < one <= timedelta(minutes=10, seconds=1) for one in left)


@pytest.mark.parametrize(("claims", "state"), [(4, "ready"), (5, "failed")])
def test_where_five_workers_were_lost_no_further_one_tries(account: TelnyxAccount, claims: int, state: str) -> None:
    two_calls(account)
    row = runs.request_dry_run(EVERYTHING, ADA)
    Replay.objects.update(claims=claims)
    runs.work(row.pk, 5)
    row.refresh_from_db()
    assert (row.state, row.problem.startswith("5 workers were lost at the event ")) == (state, state == "failed")


def test_workers_that_are_lost_behind_the_last_event_are_told_of_as_well(account: TelnyxAccount) -> None:
    row = runs.request_dry_run(EVERYTHING, ADA)
    Replay.objects.update(claims=5)
    runs.work(row.pk, 5)
    row.refresh_from_db()
    assert row.problem == "5 workers were lost behind the last event. What is done stays."


def test_a_connection_that_is_closed_fails_no_event(account: TelnyxAccount) -> None:
    two_calls(account)
    row = rehearse()
    runs.begin(row, ADA)
    with mock.patch.object(apply, "apply", side_effect=InterfaceError), pytest.raises(InterfaceError):
        runs.work(row.pk, 5)
    Replay.objects.update(lease_until=None)
    assert worked_off(row).counts == {"changed": 2}


def test_whoever_lost_it_to_another_one_stops_and_leaves_to_the_other_what_the_other_has(
    account: TelnyxAccount,
) -> None:
    two_calls(account)
    row, real, other = rehearse(), runs._run_event, uuid.uuid4()
    runs.begin(row, ADA)

    def taken_before(*given: Any) -> None:
        Replay.objects.filter(pk=row.pk).update(holder=other)
        real(*given)

    def taken_after(*given: Any) -> None:
        real(*given)
        Replay.objects.filter(pk=row.pk).update(holder=other)

    with mock.patch.object(runs, "_run_event", taken_before):
        runs.work(row.pk, 5)
    row.refresh_from_db()
    assert (row.state, row.done, row.holder) == ("running", 0, other)
    assert set(Call.objects.values_list("state", flat=True)) == {"ringing"}
    Replay.objects.update(lease_until=None)
    with mock.patch.object(runs, "_run_event", taken_after):
        runs.work(row.pk, 0)
    row.refresh_from_db()
    assert (row.done, row.holder, row.lease_until is None) == (1, other, False)


def test_that_one_is_due_makes_no_other_due(account: TelnyxAccount) -> None:
    asked, ready = runs.request_dry_run(EVERYTHING, ADA), rehearse()
    assert (runs.is_due(asked.pk), runs.is_due(ready.pk)) == (True, False)


def test_what_is_cancelled_is_nobodys_any_more(account: TelnyxAccount) -> None:
    row = rehearse()
    runs.begin(row, ADA)
    Replay.objects.update(lease_until=ago(-30), holder=uuid.uuid4())
    runs.cancel(row, ADA)
    assert (row.state, row.lease_until, row.holder) == ("cancelled", None, None)


def test_events_are_taken_as_they_were_received_however_they_were_stored(account: TelnyxAccount) -> None:
    first, second = two_calls(account)
    for event, seconds in ((first, 5), (second, 50)):
        CallEvent.objects.filter(pk=event.pk).update(received_at=ago(seconds))
    row = rehearse()
    assert (row.done, row.cursor_id) == (2, first.pk)


def test_commands_are_counted_beside_what_came_of_the_events(account: TelnyxAccount) -> None:
    receive(account, make_event(seconds=-3), make_event(leg="b", seconds=-2))
    run_owed()
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    assert again(side_effects=True).counts == {"unchanged": 2, "commands": 2}


def test_an_event_that_fails_while_it_is_looked_at_is_told_of_and_keeps_no_other_waiting(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, _ = two_calls(account)
    real = dry_run.changes

    def changes(call: Call, event: CallEvent, **how: Any) -> Any:
        if event.pk == broken.pk:
            raise RuntimeError("defect")
        return real(call, event, **how)

    monkeypatch.setattr(dry_run, "changes", changes)
    row = rehearse()
    assert (row.state, row.done, row.counts) == ("ready", 2, {"failed": 1, "changed": 1})
    line = row.lines.get(kind="event")
    told = (line.key, line.is_rehearsed, line.changes, line.said)
    assert told == (str(broken.pk), True, {}, "RuntimeError while it was run again.")
