"""Rounds of alerts: one row for what is wrong, whoever looks, and where the rounds run."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError, connections
from django.utils import timezone

from portal import sql
from portal.celery import app
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.alerts import alert, look, opened, received
from tests.support.polling import PATIENCE, eventually
from tests.support.rows import AccountBreaker, Alert, AlertMute, AlertRound, CallEvent, Recovery
from tests.support.times import ago
from voice.alerts import checks
from voice.alerts import rounds as alert_rounds
from voice.management.commands import sweep

pytestmark = pytest.mark.django_db


# --- one row, whoever looks ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_many_checkers_at_once_make_one_row(account: TelnyxAccount) -> None:
    received(account, status="dead")
    at_once = threading.Barrier(6)

    def together() -> None:
        at_once.wait()
        try:
            look()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as checkers:
        for done in [checkers.submit(together) for _ in range(6)]:
            done.result()
    assert Alert.objects.filter(kind="dead_events").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_processes_one_runs_the_round(account: TelnyxAccount) -> None:
    alert_rounds.check_due()
    AlertRound.objects.update(at=ago(40))
    at_once = threading.Barrier(6)

    def together() -> bool:
        at_once.wait()
        try:
            return alert_rounds.check_due()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as checkers:
        assert [done.result() for done in [checkers.submit(together) for _ in range(6)]].count(True) == 1
    assert not alert_rounds.check_due()


def test_of_two_rounds_that_do_not_find_an_alert_any_more_the_first_says_since_when(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    received(account, status="dead")
    received(make_account("other"), status="dead")
    AccountBreaker.objects.create(account=account, state="open", since=ago(9))
    look()
    CallEvent.objects.filter(account=account).update(status="processed")
    AccountBreaker.objects.update(state="closed")
    leave, at = alert_rounds._leave, timezone.now()

    def twice(alert: Alert, closes_after: timedelta, now: datetime) -> None:
        leave(alert, closes_after, at)  # another's round, which has read it as open, too
        leave(alert, closes_after, now)

    monkeypatch.setattr(alert_rounds, "_leave", twice)
    look(1)
    gone, there = Alert.objects.filter(kind="dead_events").order_by("subject")  # of main, of other
    assert (gone.closed_at, there.closed_at, there.clear_since) == (at, None, None)
    waiting = Alert.objects.get(kind="breaker_open")  # it closes a little later
    assert (waiting.clear_since, waiting.is_open) == (at, True)


def test_a_pause_of_the_rounds_begins_the_watch_anew(account: TelnyxAccount) -> None:
    alert_rounds.check_due()
    begun = AlertRound.objects.get().since
    AlertRound.objects.update(at=ago(60), since=ago(600))
    assert alert_rounds.check_due()
    assert AlertRound.objects.get().since < begun
    AlertRound.objects.update(at=ago(600), since=ago(900))
    assert alert_rounds.check_due()
    assert AlertRound.objects.get().since > begun


@pytest.mark.parametrize(("seconds", "at", "since"), [(29, 29, 3600), (30, 0, 3600), (179, 0, 3600), (180, 0, 0)])
def test_a_round_is_due_after_half_a_minute_and_after_three_the_portal_was_off(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: int, at: int, since: int
) -> None:
    now = timezone.now()
    monkeypatch.setattr(sql, "clock", lambda: now)
    AlertRound.objects.create(pk=1, at=now - timedelta(seconds=seconds), since=now - timedelta(hours=1))
    assert alert_rounds.check_due() is (at == 0)
    row = AlertRound.objects.get()
    assert (now - row.at, now - row.since) == (timedelta(seconds=at), timedelta(seconds=since))


@pytest.mark.parametrize(("seconds", "found"), [(40, ["events"]), (200, [])])
def test_a_round_that_is_due_looks_at_what_was_there_since_the_rounds_have_no_gap(
    account: TelnyxAccount, seconds: float, found: list[str]
) -> None:
    received(account, minutes_ago=30)
    AlertRound.objects.create(pk=1, at=ago(seconds), since=ago(3600))
    assert alert_rounds.check_due()
    assert opened("backlog") == found


def test_an_open_alert_tells_when_it_was_last_found_so_and_what_it_is_by_then(account: TelnyxAccount) -> None:
    now, later = timezone.now(), timezone.now() + timedelta(minutes=7)
    received(account, status="dead")
    alert_rounds.check(now, ago(9999))
    received(account, status="dead")
    alert_rounds.check(later, ago(9999))
    told = Alert.objects.get(kind="dead_events")
    assert (told.opened_at, told.seen_at, told.closed_at) == (now, later, None)
    assert told.summary.startswith("2 events were given up")
    CallEvent.objects.update(status="processed")
    over = later + timedelta(minutes=1)
    alert_rounds.check(over, ago(9999))
    told.refresh_from_db()
    assert (told.seen_at, told.closed_at) == (later, over)


@pytest.mark.parametrize(
    ("kind", "minutes"), [("signature_failures", 5), ("breaker_open", 2), ("backlog", 2), ("process_stale", 1)]
)
def test_what_comes_and_goes_stays_open_for_as_long_as_was_promised(db: None, kind: str, minutes: int) -> None:
    row, gone = alert(kind=kind), timezone.now()
    for seconds, is_open in ((0, True), (60 * minutes - 1, True), (60 * minutes, False)):
        now = gone + timedelta(seconds=seconds)
        alert_rounds.check(now, now - timedelta(days=1))
        row.refresh_from_db()
        assert row.is_open is is_open, seconds


def test_an_alert_that_is_not_found_any_more_changes_nothing_of_another(account: TelnyxAccount) -> None:
    received(account, status="dead")
    gone = alert(account, kind="breaker_open")
    look()
    gone.refresh_from_db()
    found = Alert.objects.get(kind="dead_events")
    assert (gone.clear_since is None, found.clear_since, found.is_open) == (False, None, True)


@pytest.mark.parametrize(("more", "kept"), [(0, True), (1, False)])
def test_words_that_are_too_long_are_cut_and_show_it(account: TelnyxAccount, more: int, kept: bool) -> None:
    words = "Missed webhooks of main cannot be fetched from Telnyx: "
    problem = "x" * (300 - len(words) + more)
    for seconds in (9, 8):
        at = ago(seconds)
        Recovery.objects.create(account=account, state="failed", started_at=at, seen_alive_at=at, problem=problem)
    look()
    told = Alert.objects.get(kind="recovery_failing").summary
    assert told == (words + problem if kept else f"{words}{problem[:-2]}…")


def test_a_check_that_breaks_stops_no_other_and_changes_nothing_of_its_own(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    received(account, status="dead")
    look()

    def broken(_: Any) -> Iterator[Any]:
        raise OperationalError("a statement took too long")

    first = replace(checks.registered()["dead_events"], find=broken)
    monkeypatch.setitem(checks.registered(), "dead_events", first)
    AccountBreaker.objects.create(account=account, state="open", since=ago(9))
    look(5)
    assert opened("dead_events") == ["main"]
    assert opened("breaker_open") == ["main"]


def test_an_outage_of_everything_is_not_a_hundred_alerts(account: TelnyxAccount) -> None:
    AccountBreaker.objects.bulk_create(
        [AccountBreaker(account=make_account(f"account-{at}"), state="open", since=ago(9)) for at in range(25)]
    )
    look()
    look(1)
    assert len(opened("breaker_open")) == alert_rounds.MOST_OF_A_KIND


def test_what_is_new_is_opened_up_to_the_twentieth_however_many_are_known(account: TelnyxAccount) -> None:
    AccountBreaker.objects.bulk_create(
        [AccountBreaker(account=make_account(f"account-{at}"), state="open", since=ago(9)) for at in range(19)]
    )
    look()
    assert len(opened("breaker_open")) == 19
    AccountBreaker.objects.create(account=account, state="open", since=ago(1))  # the last one that is found
    look(1)
    assert (len(opened("breaker_open")), "main" in opened("breaker_open")) == (20, True)


def test_what_is_long_over_is_forgotten(account: TelnyxAccount) -> None:
    old = {"kind": "drift", "opened_at": ago(0), "seen_at": ago(0)}
    Alert.objects.create(subject="over", closed_at=timezone.now() - timedelta(days=91), **old)
    Alert.objects.create(subject="lately", closed_at=timezone.now() - timedelta(days=89), **old)
    Alert.objects.create(subject="open", **(old | {"opened_at": timezone.now() - timedelta(days=400)}))
    for subject, until in (("over", ago(91 * 86_400)), ("lately", ago(89 * 86_400)), ("for ever", None)):
        AlertMute.objects.create(subject=subject, until=until, created_at=ago(400 * 86_400), reason="x", by="y")
    alert_rounds.clean_up()
    assert set(Alert.objects.values_list("subject", flat=True)) == {"lately", "open"}
    assert set(AlertMute.objects.values_list("subject", flat=True)) == {"lately", "for ever"}


# --- where it runs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_rounds, "_TICK_SECONDS", 0.02)


@pytest.mark.django_db(transaction=True)
def test_the_sweep_looks_and_nothing_there_stops_it(
    account: TelnyxAccount, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, rounds, attend = received(account), [], alert_rounds.check_and_notify

    def sometimes() -> None:
        rounds.append(1)
        if len(rounds) < 3:
            raise OperationalError("away")
        attend()

    monkeypatch.setattr(alert_rounds, "check_and_notify", sometimes)
    with alert_rounds.watching():
        call_command("sweep", "--once")
        assert CallEvent.objects.get(pk=event.pk).status == "processed"
        eventually(AlertRound.objects.exists)
    assert not any(thread.name == "alerts" for thread in threading.enumerate())


@pytest.mark.django_db(transaction=True)
def test_the_service_has_it_at_work(account: TelnyxAccount, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    attend, attended = alert_rounds.check_and_notify, threading.Event()

    def told() -> None:
        attend()
        attended.set()

    def live() -> None:
        attended.wait(PATIENCE)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(alert_rounds, "check_and_notify", told)
    monkeypatch.setattr(sweep, "_END_SECONDS", PATIENCE)  # its alarm would end the tests on a busy machine
    outside = threading.Thread(target=live)
    outside.start()
    try:
        call_command("sweep")
    finally:
        outside.join(PATIENCE)
        for number, handler in before.items():
            signal.signal(number, handler)
    assert AlertRound.objects.exists()


def test_what_a_round_opens_is_told_in_the_same_breath(account: TelnyxAccount, mails: None, settings: Any) -> None:
    received(account, status="dead")
    app.tasks[settings.CELERY_BEAT_SCHEDULE["alerts"]["task"]].apply(throw=True)
    assert opened("dead_events") == ["main"]
    (told,) = mail.outbox
    assert told.subject.startswith("[Voice portal] Alert: 1 event was given up")


def test_celery_does_it_too(account: TelnyxAccount, settings: Any) -> None:
    app.tasks[settings.CELERY_BEAT_SCHEDULE["alerts"]["task"]].apply(throw=True)
    assert AlertRound.objects.exists()


# --- which one it is ------------------------------------------------------------------------------------------------


def test_what_is_found_again_is_told_of_each_as_it_is_by_then_and_of_none_that_is_over(account: TelnyxAccount) -> None:
    other, over = make_account("other"), alert(account, closed_at=ago(60))
    for of in (account, other):
        received(of, status="dead")
    look()
    received(other, status="dead")
    look(1)
    told = {
        row.subject: (row.account, row.summary.split(" given up")[0]) for row in Alert.objects.filter(closed_at=None)
    }
    assert told == {"main": (account, "1 event was"), "other": (other, "2 events were")}
    over.refresh_from_db()
    assert over.summary == "3 events were given up (main)."


def test_an_alert_that_is_over_waits_for_nothing_any_more(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, state="open", since=ago(9))
    look()
    AccountBreaker.objects.update(state="closed")
    look(1)
    look(4)
    told = Alert.objects.get(kind="breaker_open")
    assert (told.is_open, told.clear_since) == (False, None)
