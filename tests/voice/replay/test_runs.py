"""A replay as a whole: its pieces, its lease, its end, and what the audit trail keeps of it."""

import re
import threading
import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from tests.model.clock import database_time
from tests.support.clocks import is_near
from tests.support.commands import act, made_uncertain, seen
from tests.support.events import receive
from tests.support.factories import make_event, run_owed
from tests.support.replays import ADA, EVERYTHING, again, die, rehearse, run, worked_off
from tests.support.rows import Call, CallCommand, CallEvent, Replay
from voice import tasks
from voice.replay import apply as replay_apply
from voice.replay import runs
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db


def many(account: TelnyxAccount, count: int) -> None:
    receive(account, *(make_event(leg=str(at), seconds=-at) for at in range(count)))
    run_owed()
    Call.objects.update(state="ringing")


def test_a_piece_ends_when_its_time_is_over_and_the_next_one_goes_on(account: TelnyxAccount) -> None:
    many(account, 12)
    row = rehearse()
    runs.begin(row, ADA)
    pieces = 0
    while row.is_open:
        runs.work(row.pk, 0.0001)
        row.refresh_from_db()
        pieces += 1
    assert (row.state, row.done, row.total) == ("done", 12, 12)
    assert pieces > 3
    assert set(Call.objects.values_list("state", flat=True)) == {"parked"}
    assert row.lines.filter(is_rehearsed=False).count() == 12


@pytest.mark.skipif(connection.vendor != "sqlite", reason="it is SQLite's clock that is set")
def test_events_of_a_whole_second_are_gone_past(account: TelnyxAccount) -> None:
    with database_time():
        many(account, 3)
        assert rehearse().done == 3


def test_each_further_slice_begins_where_the_last_one_ended(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_SLICE", 2)
    many(account, 5)
    with CaptureQueriesContext(connection) as told:
        assert rehearse().done == 5
    slices = [one["sql"] for one in told if one["sql"].endswith("LIMIT 2")]
    assert len(slices) == 4
    bounds = [re.search(r'"received_at" >= ([^)]+?) AND|"received_at" >= ([^)]+)\)', sql) for sql in slices]
    assert [bool(bound) for bound in bounds] == [False, True, True, True]  # an OR alone is no beginning for an index


@pytest.mark.parametrize("slow", ["total", "slice"])
def test_counting_and_looking_for_events_may_take_longer_than_an_events_lease(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    many(account, 2)
    row, real, taken = runs.request_dry_run(EVERYTHING, ADA), runs.rows, []

    def rows(one: Replay) -> Any:
        if (one.total is None) == (slow == "total"):  # it takes an hour less than the lease that then holds
            lease = Replay.objects.get(pk=one.pk).lease_until
            assert lease is not None
            taken.append(lease - timezone.now() > timedelta(minutes=9))
        return real(one)

    monkeypatch.setattr(runs, "rows", rows)
    runs.work(row.pk, 5)
    row.refresh_from_db()
    assert (row.state, row.done) == ("ready", 2)
    assert taken
    assert all(taken)


def test_a_cancelled_one_stops_between_two_events(account: TelnyxAccount) -> None:
    many(account, 12)
    row = rehearse()
    runs.begin(row, ADA)
    real, seen = runs._run_event, []

    def one(*given: Any) -> None:
        seen.append(given)
        if len(seen) == 5:
            runs.cancel(Replay.objects.get(pk=row.pk), ADA)
        real(*given)

    with mock.patch.object(runs, "_run_event", one):
        runs.work(row.pk, 5)
    row.refresh_from_db()
    assert (row.state, row.done) == ("cancelled", 4)
    assert Call.objects.filter(state="parked").count() == 4
    assert runs.due(9) == []
    runs.work(row.pk, 5)
    assert Call.objects.filter(state="parked").count() == 4


def test_a_worker_that_lost_its_lease_writes_nothing_more(account: TelnyxAccount) -> None:
    many(account, 6)
    row = rehearse()
    runs.begin(row, ADA)
    real, stolen = runs._run_event, []

    def one(*given: Any) -> None:
        if not stolen:
            stolen.append(given)
            Replay.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))
            runs.work(row.pk, 5)  # another worker takes it over and does all of it
            Call.objects.update(state="ringing")
        real(*given)

    with mock.patch.object(runs, "_run_event", one):
        runs.work(row.pk, 5)
    assert set(Call.objects.values_list("state", flat=True)) == {"ringing"}
    row.refresh_from_db()
    assert (row.state, row.done, row.counts) == ("done", 6, {"changed": 6})


def test_after_a_killed_worker_the_next_one_goes_on_behind_it(account: TelnyxAccount) -> None:
    many(account, 8)
    row = rehearse()
    others = rehearse()
    held = {"lease_until": Now() + timedelta(hours=1), "holder": uuid.uuid4(), "state": "running"}
    Replay.objects.filter(pk=others.pk).update(**held)  # somebody is at it
    runs.begin(row, ADA)
    real, seen = replay_apply.apply, 0

    def apply(event_id: uuid.UUID, *, rules: bool) -> Any:
        nonlocal seen
        seen += 1
        if seen == 4:
            raise SystemExit
        return real(event_id, rules=rules)

    with mock.patch.object(replay_apply, "apply", apply), pytest.raises(SystemExit):
        runs.work(row.pk, 5)
    assert Call.objects.filter(state="parked").count() == 3
    assert runs.due(9) == []  # its lease still holds
    Replay.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))
    assert runs.due(9) == [row.pk]
    worked_off(row)
    assert (row.state, row.done, row.counts) == ("done", 8, {"changed": 8})
    others.refresh_from_db()
    assert (others.state, others.holder) == ("running", held["holder"])
    assert runs.due(9) == []
    assert row.lines.filter(is_rehearsed=False).count() == 8


def test_an_event_that_kills_every_worker_ends_the_replay_and_is_named(account: TelnyxAccount) -> None:
    many(account, 3)
    poison = CallEvent.objects.order_by("received_at").first()
    row, real = rehearse(), replay_apply.apply
    runs.begin(row, ADA)

    def apply(event_id: uuid.UUID, *, rules: bool) -> Any:
        if event_id == poison.pk:
            raise SystemExit
        return real(event_id, rules=rules)

    with mock.patch.object(replay_apply, "apply", apply):
        for _ in range(runs.MOST_CLAIMS):
            with pytest.raises(SystemExit):
                runs.work(row.pk, 5)
            Replay.objects.update(lease_until=None)
        runs.work(row.pk, 5)
    row.refresh_from_db()
    assert row.state == "failed"
    assert str(poison.pk) in row.problem
    assert AuditEvent.objects.filter(action="replay.end").exists()


def test_a_database_that_is_away_fails_no_event(account: TelnyxAccount) -> None:
    many(account, 3)
    row = rehearse()
    runs.begin(row, ADA)
    with mock.patch.object(replay_apply, "apply", side_effect=OperationalError), pytest.raises(OperationalError):
        runs.work(row.pk, 5)
    Replay.objects.update(lease_until=None)
    assert worked_off(row).counts == {"changed": 3}


def test_events_that_come_later_are_not_among_them(account: TelnyxAccount) -> None:
    many(account, 2)
    row = rehearse()
    many(account, 1)
    assert run(row).total == 2


def test_it_runs_once_however_often_it_is_begun(account: TelnyxAccount) -> None:
    many(account, 2)
    row = run(rehearse())
    assert not runs.begin(row, ADA)
    assert AuditEvent.objects.filter(action="replay.run").count() == 1


@pytest.mark.alone("it runs every event again that there is")
def test_the_audit_trail_tells_of_runs_and_not_of_dry_runs(account: TelnyxAccount) -> None:
    many(account, 2)
    row = rehearse(Selection(statuses=("processed",)))
    assert not AuditEvent.objects.filter(action__startswith="replay").exists()
    run(row)
    end, begin = AuditEvent.objects.filter(action__startswith="replay").order_by("-id")
    assert (begin.action, begin.actor, end.action) == ("replay.run", "user: ada", "replay.end")
    assert begin.details == {"selection": {"statuses": ["processed"]}, "side_effects": False}
    assert end.details == {"side_effects": False, "state": "done", "total": 2, "done": 2, "counts": {"changed": 2}}


@pytest.mark.django_db(transaction=True)
def test_the_sweep_works_it_off_without_anybody_being_woken(account: TelnyxAccount) -> None:
    many(account, 3)
    row = runs.request_dry_run(EVERYTHING, ADA)
    call_command("sweep", "--once")
    row.refresh_from_db()
    assert (row.state, row.counts) == ("ready", {"changed": 3})
    runs.begin(row, ADA)
    call_command("sweep", "--once")
    row.refresh_from_db()
    assert row.state == "done"
    assert set(Call.objects.values_list("state", flat=True)) == {"parked"}


def test_the_task_does_a_piece(account: TelnyxAccount) -> None:
    many(account, 2)
    row = runs.request_dry_run(EVERYTHING, ADA)
    tasks.work_replay(str(row.pk))
    row.refresh_from_db()
    assert row.state == "ready"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_run_each_event_once(account: TelnyxAccount) -> None:
    many(account, 10)
    row = rehearse()
    runs.begin(row, ADA)

    def worker() -> None:
        for _ in range(20):
            runs.work(row.pk, 0.005)
        connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worked_off(row)
    assert (row.done, row.counts) == (10, {"changed": 10})


def test_a_month_later_it_is_gone(account: TelnyxAccount) -> None:
    many(account, 1)
    old = again()
    Replay.objects.update(created_at=timezone.now() - timedelta(days=31))
    rehearse()
    assert not Replay.objects.filter(pk=old.pk).exists()
    assert AuditEvent.objects.filter(action="replay.end").exists()


def test_those_of_lately_stay_and_those_that_are_worked_at_and_the_oldest_of_these_is_due_first(
    account: TelnyxAccount,
) -> None:
    now = timezone.now()
    for state, days in (("done", 29), ("running", 31), ("looking", 32), ("ready", 31), ("cancelled", 31)):
        at = now - timedelta(days=days)
        Replay.objects.create(selection={}, state=state, created_at=at, requested_by="user: ada")
    asked = runs.request_run(EVERYTHING, ADA)
    others = Replay.objects.exclude(pk=asked.pk)
    assert sorted(row.state for row in others) == ["done", "looking", "running"]
    assert runs.due(1) == [others.get(state="looking").pk]
    assert runs.due(9) == [others.get(state=state).pk for state in ("looking", "running")]


def test_who_runs_it_takes_the_place_of_who_looked_and_it_begins_at_the_first_event(
    account: TelnyxAccount, operator: User
) -> None:
    many(account, 2)
    row = rehearse()
    assert (row.done, row.total, row.has_run) == (2, 2, False)
    assert runs.begin(row, Actor("user: bob", operator), side_effects=True)
    assert (row.requested_by, row.user, row.side_effects, row.has_run) == ("user: bob", operator, True, True)
    assert (row.done, row.total, row.counts, row.cursor_at, row.cursor_id) == (0, None, {}, None, None)


def test_a_run_is_not_over_because_its_dry_run_was(account: TelnyxAccount) -> None:
    many(account, 2)
    row = rehearse()
    assert is_near(row.finished_at)
    Replay.objects.filter(pk=row.pk).update(claims=4)  # workers were lost while it was looked at
    assert runs.begin(row, ADA)
    assert (row.finished_at, row.claims, is_near(row.started_at)) == (None, 0, True)


def test_the_audit_trail_tells_once_who_cancelled_a_run_and_nothing_of_a_dry_run_that_was_dropped(
    account: TelnyxAccount,
) -> None:
    many(account, 2)
    bob, dropped = Actor("user: bob"), rehearse()
    runs.cancel(dropped, bob)
    assert (dropped.state, AuditEvent.objects.filter(action="replay.end").exists()) == ("cancelled", False)
    row = rehearse()
    runs.begin(row, ADA)
    for _ in range(2):
        runs.cancel(row, bob)
    assert (row.state, is_near(row.finished_at), row.lease_until, row.holder) == ("cancelled", True, None, None)
    end = AuditEvent.objects.get(action="replay.end")
    assert (end.actor, end.details["state"], end.details["done"]) == ("user: bob", "cancelled", 0)


def test_what_is_done_is_not_cancelled_any_more(account: TelnyxAccount) -> None:
    many(account, 2)
    row = again()
    runs.cancel(row, ADA)
    assert (row.state, row.done) == ("done", 2)


# --- What it answers -------------------------------------------------------------------------------------------------


def asked_to_hang_up(account: TelnyxAccount) -> CallCommand:
    """Nobody knows whether Telnyx did."""
    receive(account, make_event(seconds=-60))
    run_owed()
    return made_uncertain(act(Call.objects.get(), "hangup"))


def test_an_event_that_runs_its_rules_again_settles_the_command_that_it_answers(account: TelnyxAccount) -> None:
    command = asked_to_hang_up(account)
    receive(account, make_event("call.hangup", -20))
    run_owed()
    assert seen(command).status == "uncertain"  # whoever processed the event died before it came to that
    again(side_effects=True)
    assert (seen(command).status, "call.hangup" in seen(command).settlement) == ("ok", True)


def test_a_dead_event_that_goes_through_settles_the_command_that_it_answers(account: TelnyxAccount) -> None:
    command = asked_to_hang_up(account)
    die(account, make_event("call.hangup", -20))
    rehearse()
    assert seen(command).status == "uncertain"
    again()
    assert (seen(command).status, "call.hangup" in seen(command).settlement) == ("ok", True)
