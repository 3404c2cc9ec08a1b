"""When Telnyx is asked for what webhooks did not bring: by the clock, by the command, by the button; one at a time."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from applications.pulls import pulls
from portal import sql
from portal.actors import PORTAL, Actor
from portal.celery import app
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL
from tests.support.clock import Clock
from tests.support.clocks import is_near
from tests.support.factories import make_call, make_event
from tests.support.recoveries import NONE_ALIVE, undelivered
from tests.support.rows import Call, CallEvent, Recovery
from tests.support.sandbox_ledger import wire
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice import tasks
from voice.recovery import backfill, runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def reconcile() -> Callable[..., tuple[str, str]]:
    def run(*arguments: str) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        call_command("reconcile_calls", *arguments, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return run


@pytest.mark.alone("every account is asked, and nobody answers at the neighbour's")
def test_the_command_tells_in_words_what_it_found(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, reconcile: Any
) -> None:
    undelivered(sandbox, make_event("call.hangup", -600))
    undelivered(sandbox, make_event("call.answered", -600))
    out, err = reconcile()
    assert "2 failed deliveries read; 2 events recovered, 1 call ended by them." in out
    assert (out.startswith("sandbox: "), err) == (True, "")
    assert AuditEvent.objects.get().actor == "command line"
    make_account(name="other")  # nobody answers there
    out, _ = reconcile("--account", "sandbox")
    assert (out.count("\n"), "2 failed deliveries read; nothing was missing." in out) == (1, True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting takes no time here, and moves the clock all the same; what was waited for, in seconds."""
    waited: list[float] = []
    now = sql.clock

    stands_in = SimpleNamespace(sleep=waited.append, monotonic=time.monotonic)
    monkeypatch.setattr("voice.management.commands.reconcile_calls.time", stands_in)
    monkeypatch.setattr(sql, "clock", lambda: now() + timedelta(seconds=sum(waited)))
    return waited


@pytest.mark.alone("every account is asked, and nobody answers at the neighbour's")
def test_the_command_waits_for_what_is_too_young_so_that_nothing_is_missing_after_it(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, reconcile: Any, clock: list[float]
) -> None:
    undelivered(sandbox, make_event("call.hangup", -600))
    undelivered(sandbox, make_event("call.answered", -30), minutes=0.5)
    out, err = reconcile()
    assert "1 delivery failed within the last two minutes" in err
    assert out.count("1 failed delivery read; 1 event recovered") == 1
    assert set(CallEvent.objects.values_list("event_type", flat=True)) == {"call.hangup", "call.answered"}
    assert 100 < sum(clock) <= 120


@pytest.mark.alone("every account is asked, and nobody answers at the neighbour's")
def test_without_waiting_the_young_are_left_to_the_next_run(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, reconcile: Any, clock: list[float]
) -> None:
    undelivered(sandbox, make_event("call.answered", -30), minutes=0.5)
    reconcile("--no-wait")
    assert (CallEvent.objects.count(), clock) == (0, [])


def test_the_command_fails_with_words_when_telnyx_cannot_be_asked(
    sandbox_account: TelnyxAccount, capsys: Any, reconcile: Any
) -> None:
    make_account(name="dead")
    with pytest.raises(CommandError, match="Not everything could be read from Telnyx"):
        call_command("reconcile_calls")
    seen = capsys.readouterr()
    assert "dead: Telnyx cannot be reached" in seen.err
    assert "not read whole (nothing was missing so far)" in seen.out
    assert "sandbox: " in seen.out
    assert dict(Recovery.objects.values_list("account__name", "state")) == {"dead": "failed", "sandbox": "done"}


def test_the_command_says_when_calls_could_not_be_asked_for(account: TelnyxAccount, capsys: Any) -> None:
    make_call(account, started_at=ago(3600))
    none = {"data": [], "meta": {"total_pages": 1}}
    said = {"webhook_deliveries": none, "active_calls": NONE_ALIVE, "call_events": none, "calls": "500 Oops"}
    with telnyx_says(account, **said), pytest.raises(CommandError, match="Not everything"):
        call_command("reconcile_calls")
    seen = capsys.readouterr()
    assert "main: Telnyx could not be read" in seen.err
    assert "0 failed deliveries read; nothing was missing." in seen.out


def passing(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object] = lambda: None) -> Clock:
    """Each time that the command waits half a minute goes by at once, and something happens ``meanwhile``."""
    clock = Clock()
    begun = clock.now

    def sleep(seconds: float) -> None:
        clock.now += 30
        assert clock.now - begun < 3600, "it waits for ever"
        meanwhile()

    stands_in = SimpleNamespace(sleep=sleep, monotonic=clock.monotonic)
    for module in ("voice.management.commands.reconcile_calls", "voice.recovery.runs"):
        monkeypatch.setattr(f"{module}.time", stands_in)
    return clock


def test_the_command_waits_for_the_end_of_anothers_run_and_then_looks_itself(
    sandbox_account: TelnyxAccount, reconcile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, _ = runs.request(sandbox_account, Actor("user: ada"))
    assert runs.begin(theirs)
    other = Recovery.objects.get(pk=theirs.pk)  # as the worker has it who is at it
    clock = passing(monkeypatch, lambda: runs.finish(other, Recovery.State.DONE, ""))
    begun = clock.now
    _, err = reconcile("--account", "sandbox", "--no-wait")
    assert err.count("sandbox: waiting for the run by user: ada.") == 1
    assert clock.now - begun == 30  # no longer than the other took
    told = [("command line", "done"), ("user: ada", "done")]
    assert list(Recovery.objects.values_list("requested_by", "state")) == told


def test_the_command_does_not_wait_for_ever_for_a_run_that_says_that_it_is_alive(
    account: TelnyxAccount, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, _ = runs.request(account, Actor("user: ada"))
    assert runs.begin(theirs)
    passing(monkeypatch)
    with pytest.raises(CommandError, match="main: another run does not end"):
        call_command("reconcile_calls", "--account", "main")
    # two minutes each time: it may have been killed meanwhile; and a quarter of an hour in all
    assert capsys.readouterr().err.count("main: waiting for the run by user: ada.") == 8
    assert Recovery.objects.get().state == "running"


def test_the_command_takes_the_place_of_a_run_that_was_killed_while_it_waited(
    sandbox_account: TelnyxAccount, reconcile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, _ = runs.request(sandbox_account, Actor("user: ada"))
    assert runs.begin(theirs)
    passing(monkeypatch, lambda: Recovery.objects.filter(pk=theirs.pk).update(seen_alive_at=ago(130)))
    reconcile("--account", "sandbox", "--no-wait")
    told = [("command line", "done"), ("user: ada", "failed")]
    assert list(Recovery.objects.values_list("requested_by", "state")) == told


@pytest.mark.parametrize("since", ["", "1", "h", "-1h", "0h", "1w", "1h30m", "1 h", "1.5h", "٣h", "31d", "9999999999d"])
def test_a_bad_since_is_said_to_be_one(sandbox_account: TelnyxAccount, reconcile: Any, since: str) -> None:
    with pytest.raises(CommandError, match="--since"):
        reconcile(f"--since={since}")
    assert not Recovery.objects.exists()


@pytest.mark.alone("every account is asked, and nobody answers at the neighbour's")
@pytest.mark.parametrize(("since", "hours"), [("172800s", 48), ("2880m", 48), ("30h", 30), ("3d", 72)])
def test_since_is_understood_in_four_units(
    sandbox_account: TelnyxAccount, reconcile: Any, since: str, hours: int
) -> None:
    reconcile("--since", since)
    begun = Recovery.objects.get().since
    assert begun
    assert abs(timezone.now() - begun - timedelta(hours=hours)) < timedelta(seconds=30)


def test_an_unknown_account_is_named(sandbox_account: TelnyxAccount, reconcile: Any) -> None:
    with pytest.raises(CommandError, match="no account nobody"):
        reconcile("--account", "nobody")


@pytest.mark.alone("every account is asked, and nobody answers at the neighbour's")
def test_the_clock_starts_one_run_an_interval_however_many_beats_there_are(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, woken: list[tuple[str, str]]
) -> None:
    for _ in range(2):  # two beats at once: nobody has begun yet
        tasks.recover_due()
    assert woken == [("voice.recover_account", str(sandbox_account.pk))] * 2
    for task, identifier in woken:
        app.tasks[task](identifier)
    assert Recovery.objects.count() == 1
    woken.clear()
    tasks.recover_due()
    assert not woken
    Recovery.objects.update(started_at=ago(5 * 60))
    tasks.recover_due()
    assert len(woken) == 1


def test_after_an_hour_without_a_beat_it_catches_up_once(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    backfill.recover(sandbox_account, PORTAL, now=timezone.now() - timedelta(hours=1))
    Recovery.objects.update(started_at=ago(3600), finished_at=ago(3600))
    undelivered(sandbox, make_event(), minutes=50)
    for _ in range(3):
        tasks.recover_account(str(sandbox_account.pk))
    assert list(Recovery.objects.values_list("events_recovered", flat=True)) == [1, 0]


def test_zero_minutes_switch_the_clock_off_but_not_the_button(
    sandbox_account: TelnyxAccount, settings: Any, woken: list[tuple[str, str]]
) -> None:
    settings.RECOVERY_INTERVAL_MINUTES = 0
    tasks.recover_due()
    assert not woken
    runs.request(sandbox_account, Actor("user: ada"))
    tasks.recover_due()
    assert len(woken) == 1


@pytest.mark.parametrize(("seconds", "is_due"), [(279, False), (280, True)])
def test_a_beat_that_comes_a_little_early_begins_its_run_whoever_else_had_one(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, settings: Any, seconds: int, is_due: bool
) -> None:
    settings.RECOVERY_INTERVAL_MINUTES = 5
    now = timezone.now()
    monkeypatch.setattr(sql, "clock", lambda: now)
    for of, at in ((account, now - timedelta(seconds=seconds)), (make_account(name="other"), now)):
        Recovery.objects.create(account=of, state="done", started_at=at, seen_alive_at=at)
    assert runs.is_due(account) is is_due


def test_the_schedule_names_the_task_and_it_runs_beside_the_commands() -> None:
    entry = django_settings.CELERY_BEAT_SCHEDULE["recover events"]
    assert entry["task"] in app.tasks
    for name in ("voice.recover_due", "voice.recover_account"):
        assert app.amqp.router.route({}, name)["queue"].name == "commands"
    assert tasks.recover_account.soft_time_limit == 900


def test_a_run_that_was_killed_is_replaced_and_writes_nothing_more(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    killed, _ = runs.request(sandbox_account, PORTAL)
    assert runs.begin(killed)
    assert backfill.recover(sandbox_account, PORTAL) == killed  # it is thought to be at work
    assert not wire(sandbox, "/v2/webhook_deliveries")
    Recovery.objects.update(seen_alive_at=ago(130))
    assert backfill.recover(sandbox_account, PORTAL).state == "done"
    asked = len(wire(sandbox, "/v2/"))
    backfill.run(killed)  # it was only frozen, and wakes up
    assert len(wire(sandbox, "/v2/")) == asked
    killed.refresh_from_db()
    assert (killed.state, killed.problem) == ("failed", "It was interrupted.")
    assert runs.watermark(sandbox_account) == Recovery.objects.get(state="done").until


def test_a_run_of_another_account_is_not_joined(account: TelnyxAccount) -> None:
    theirs, _ = runs.request(make_account(name="other"), PORTAL)
    mine, is_new = runs.request(account, PORTAL)
    assert (mine.account, is_new) == (account, True)
    assert runs.request(account, PORTAL) == (mine, False)
    assert runs.request(theirs.account, PORTAL) == (theirs, False)


def test_what_is_done_of_one_accounts_run_is_done_of_no_other(account: TelnyxAccount) -> None:
    other, until = make_account(name="other"), ago(120)
    (mine, _), (theirs, _) = runs.request(account, PORTAL), runs.request(other, PORTAL)
    assert runs.begin(mine)
    theirs.refresh_from_db()
    assert theirs.state == "queued"
    assert runs.begin(theirs)
    runs.count(mine, Counter(events_recovered=2), until=until)
    runs.finish(mine, Recovery.State.DONE, "")
    theirs.refresh_from_db()
    assert (mine.state, mine.events_recovered, is_near(mine.finished_at)) == ("done", 2, True)
    assert (theirs.state, theirs.events_recovered, theirs.finished_at) == ("running", 0, None)
    assert (runs.watermark(account), runs.watermark(other)) == (until, None)


def test_a_run_that_waited_for_a_worker_for_long_was_not_killed(account: TelnyxAccount) -> None:
    asked, _ = runs.request(account, PORTAL)
    Recovery.objects.update(started_at=ago(600), seen_alive_at=ago(600))
    assert runs.request(account, PORTAL) == (asked, False)
    assert runs.begin(asked)
    assert (asked.is_silent, is_near(asked.started_at)) == (False, True)
    Recovery.objects.update(seen_alive_at=ago(100))
    runs.count(asked, Counter())
    assert is_near(asked.seen_alive_at)


def test_a_run_whose_place_was_taken_cannot_end_otherwise(account: TelnyxAccount) -> None:
    killed, _ = runs.request(account, PORTAL)
    assert runs.begin(killed)
    Recovery.objects.update(seen_alive_at=ago(130))
    assert runs.request(account, PORTAL)[1]
    runs.finish(killed, Recovery.State.DONE, "")
    told = (killed.state, killed.problem, is_near(killed.finished_at))
    assert told == ("failed", "It was interrupted.", True)


def test_a_bug_is_told_as_an_interruption_and_leaves_the_watermark(
    sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill.open_calls, "close_lost_calls", lambda look: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backfill.recover(sandbox_account, PORTAL)
    assert (Recovery.objects.get().state, Recovery.objects.get().problem) == ("failed", "It was interrupted.")
    assert runs.watermark(sandbox_account) is None


def a_run(account: TelnyxAccount, state: str, seconds: float) -> Recovery:
    at = ago(seconds)
    return Recovery.objects.create(account=account, state=state, started_at=at, seen_alive_at=at, until=at)


def test_old_runs_are_forgotten_but_not_what_the_watermark_stands_on(sandbox_account: TelnyxAccount) -> None:
    for days in (50, 40):
        backfill.recover(sandbox_account, PORTAL, now=timezone.now() - timedelta(days=days))
    Recovery.objects.update(started_at=ago(40 * 86400))
    mark = runs.watermark(sandbox_account)
    sandbox_account.base_url = "http://127.0.0.1:9/v2"
    sandbox_account.save()
    other = make_account(name="other")
    of_another = a_run(other, "done", 41 * 86400)
    assert backfill.recover(sandbox_account, PORTAL).state == "failed"
    assert (Recovery.objects.filter(account=sandbox_account).count(), runs.watermark(sandbox_account)) == (2, mark)
    assert Recovery.objects.filter(pk=of_another.pk).exists()


def test_what_failed_at_another_account_makes_nobody_look_longer(account: TelnyxAccount) -> None:
    a_run(account, "done", 60)
    a_run(make_account(name="other"), "failed", 30)
    assert not runs.has_just_failed(account)
    a_run(account, "running", 20)
    assert not runs.has_just_failed(account)  # it is not over
    a_run(account, "failed", 10)
    assert runs.has_just_failed(account)


def test_the_page_of_a_lost_call_says_so(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account, state=Call.State.LOST, ended_at=ago(1))
    shown = text(browser.get(reverse("admin:voice_call_change", args=[call.pk])))
    assert "its end is not known" in shown


def text(answer: Any) -> str:
    """Without tags and with single spaces."""
    return " ".join(strip_tags(answer.content.decode()).replace("\xa0", " ").split())


@pytest.mark.django_db(transaction=True)
def test_of_an_account_that_was_deleted_meanwhile_nothing_is_begun(account: TelnyxAccount) -> None:
    TelnyxAccount.objects.get(pk=account.pk).delete()
    with pytest.raises(IntegrityError):
        runs.request(account, PORTAL)
    with pytest.raises(IntegrityError):
        pulls.begin(CALL_CONTROL, account, PORTAL)


def test_a_failure_before_the_last_whole_run_is_over_and_done_with(account: TelnyxAccount) -> None:
    a_run(account, "failed", 60)
    a_run(account, "done", 30)
    assert not runs.has_just_failed(account)


def test_a_run_that_was_killed_is_closed_when_its_own_account_is_looked_at(account: TelnyxAccount) -> None:
    other = make_account(name="other")
    killed, _ = runs.request(other, PORTAL)
    assert runs.begin(killed)
    Recovery.objects.update(seen_alive_at=ago(130))
    for of, state in ((account, "running"), (other, "failed")):
        runs.is_due(of)
        killed.refresh_from_db()
        assert killed.state == state
