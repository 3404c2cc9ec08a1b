"""Alerts: a row opens when something is wrong and closes when it is no longer, once, whoever looks."""

import os
import signal
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections
from django.test import Client
from django.utils import timezone
from nacl.signing import SigningKey

from applications.kinds import KINDS
from applications.models import CallControlApplication, Pull
from portal.actors import PORTAL
from portal.celery import app
from portal.models import Heartbeat, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.commands import made_uncertain
from tests.support.factories import CONNECTION, FROM, make_call, make_event, run_owed
from tests.support.http_servers import answer, serving
from tests.support.polling import eventually
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice import alerts, commands, dispatch, handlers
from voice.models import (
    AccountBreaker,
    Alert,
    AlertRound,
    Call,
    CallCommand,
    CallEvent,
    Recovery,
    RejectedRequest,
    RejectionCount,
)

pytestmark = pytest.mark.django_db
_Kind = Alert.Kind


def look(minutes: float = 0) -> None:
    """A round of checks, as if it were so many minutes later; they have run all day."""
    now = timezone.now() + timedelta(minutes=minutes)
    alerts.check(now, now - timedelta(days=1))


def opened(kind: str) -> list[str]:
    return sorted(Alert.objects.filter(kind=kind, closed_at=None).values_list("subject", flat=True))


def only(kind: str) -> Alert:
    return Alert.objects.get(kind=kind)


# --- what opens and closes -------------------------------------------------------------------------------------------


def forge(account: TelnyxAccount, times: int) -> None:
    for _ in range(times):
        assert post_webhook(Client(), account, make_event(), key=SigningKey.generate()).status_code == 400


def test_forged_webhooks_open_one_alert_with_the_reason(account: TelnyxAccount) -> None:
    forge(account, 4)
    look()
    assert opened(_Kind.SIGNATURE_FAILURES) == []
    forge(account, 1)
    look()
    look()
    assert opened(_Kind.SIGNATURE_FAILURES) == ["main"]
    assert "5 webhooks of main were refused" in only(_Kind.SIGNATURE_FAILURES).summary
    assert "from another key" in only(_Kind.SIGNATURE_FAILURES).summary


def test_it_closes_when_ten_minutes_and_five_more_brought_no_forged_webhook(account: TelnyxAccount) -> None:
    forge(account, 5)
    look()
    for minutes in (9, 11, 13):
        look(minutes)
        assert opened(_Kind.SIGNATURE_FAILURES) == ["main"]
    look(17)
    assert only(_Kind.SIGNATURE_FAILURES).closed_at is not None


@pytest.mark.parametrize("every", [6, 13])
def test_a_steady_trickle_of_refused_webhooks_is_one_alert(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    only_this = {_Kind.SIGNATURE_FAILURES: alerts.CHECKS[_Kind.SIGNATURE_FAILURES]}
    monkeypatch.setattr(alerts, "CHECKS", only_this)
    begun = timezone.now().replace(minute=0, second=0, microsecond=0)
    for minutes in range(360):
        now = begun + timedelta(minutes=minutes)
        if minutes % every == 0:
            told = {"account": account, "code": "other_key"}
            RejectedRequest.objects.create(at=now, reason="x", **told)
            row, _ = RejectionCount.objects.get_or_create(hour=now.replace(minute=0), **told)
            RejectionCount.objects.filter(pk=row.pk).update(count=row.count + 1)
        alerts.check(now, now - timedelta(days=1))
    assert only(_Kind.SIGNATURE_FAILURES).is_open


def test_five_forged_among_fifty_good_webhooks_are_no_alert(account: TelnyxAccount) -> None:
    forge(account, 5)
    for at in range(45):
        assert post_webhook(Client(), account, make_event(leg=str(at))).status_code == 200
    look()
    assert opened(_Kind.SIGNATURE_FAILURES) == []
    RejectionCount.objects.update(count=6)
    look()
    assert opened(_Kind.SIGNATURE_FAILURES) == ["main"]


def test_our_own_probe_is_no_alert(account: TelnyxAccount) -> None:
    for _ in range(6):
        url, nonce = f"/webhooks/{account.webhook_token}/call-control/", {"X-Portal-Probe": "abcdefghijklmnopq"}
        assert Client().post(url, b"{}", content_type="application/json", headers=nonce).status_code == 400
    look()
    assert RejectedRequest.objects.exists()
    assert opened(_Kind.SIGNATURE_FAILURES) == []


@pytest.fixture
def failing_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "_registry", handlers.Registry())

    def trip(event: Any, call: Any) -> None:
        raise RuntimeError("it never works")

    handlers.on("call.initiated")(trip)


def test_a_dead_event_opens_one_and_it_closes_when_the_event_is_processed(
    account: TelnyxAccount, failing_handler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    for _ in range(8):
        CallEvent.objects.update(lease_until=None)
        run_owed()
    assert CallEvent.objects.get().status == "dead"
    look()
    look(60)
    alert = only(_Kind.DEAD_EVENTS)
    assert (alert.subject, alert.account, alert.is_open) == ("main", account, True)
    assert "status__exact=dead" in alert.link
    monkeypatch.setattr(handlers, "_registry", handlers.Registry())
    CallEvent.objects.update(status="received", attempts=0)
    run_owed()
    look(61)
    assert not only(_Kind.DEAD_EVENTS).is_open


def test_the_next_time_is_a_new_alert(account: TelnyxAccount) -> None:
    event = received(account, status="dead")
    look()
    CallEvent.objects.update(status="processed")
    look(1)
    CallEvent.objects.filter(pk=event.pk).update(status="dead")
    look(2)
    assert [one.is_open for one in Alert.objects.filter(kind=_Kind.DEAD_EVENTS)] == [True, False]


def received(account: TelnyxAccount, minutes_ago: float = 0, **columns: Any) -> CallEvent:
    """An event that came by the door, and what became of its row."""
    before = set(CallEvent.objects.values_list("pk", flat=True))
    assert post_webhook(Client(), account, make_event(leg=str(uuid.uuid4()))).status_code == 200
    rows = CallEvent.objects.exclude(pk__in=before)
    rows.update(**({"received_at": ago(minutes_ago * 60)} | columns))
    return rows.get()


def test_one_webhook_of_the_old_format_is_enough_and_of_others_five(account: TelnyxAccount) -> None:
    for at in range(4):
        assert post_webhook(Client(), account, f'{{"broken": {at}'.encode()).status_code == 200
    look()
    assert opened(_Kind.QUARANTINED_EVENTS) == []
    old = {"event_type": "call_initiated", "id": str(uuid.uuid4()), "created_at": "2026-11-20T10:00:00Z", "payload": {}}
    assert post_webhook(Client(), account, {**old, "record_type": "event"}).status_code == 200
    CallEvent.objects.exclude(error__startswith="webhook API").delete()
    look()
    assert "webhook API version" in only(_Kind.QUARANTINED_EVENTS).summary
    look(61)
    assert opened(_Kind.QUARANTINED_EVENTS) == []


def test_five_unreadable_webhooks_within_the_hour_open_one(account: TelnyxAccount) -> None:
    for at in range(5):
        assert post_webhook(Client(), account, f'{{"broken": {at}'.encode()).status_code == 200
    look()
    assert opened(_Kind.QUARANTINED_EVENTS) == ["main"]


def test_a_breaker_opens_one_which_outlives_a_short_recovery(account: TelnyxAccount) -> None:
    with serving(answer("503 Service Unavailable")) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        for at in range(5):
            dispatch.send(commands.act(make_call(account, str(at)), "hangup", {}, PORTAL).pk)
    look()
    assert "told nothing" in only(_Kind.BREAKER_OPEN).summary
    AccountBreaker.objects.update(state="closed")
    look(1)
    AccountBreaker.objects.update(state="open")
    look(2)
    AccountBreaker.objects.update(state="closed")
    look(3)
    look(4)
    assert only(_Kind.BREAKER_OPEN).is_open
    look(5.5)
    assert not only(_Kind.BREAKER_OPEN).is_open


def test_numbers_in_what_telnyx_said_are_masked(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, state="open", since=ago(9), why=f"It said no to {FROM}.")
    look()
    assert FROM not in only(_Kind.BREAKER_OPEN).summary
    assert "0101" in only(_Kind.BREAKER_OPEN).summary


def test_events_and_commands_that_wait_a_minute_open_one_each(account: TelnyxAccount) -> None:
    received(account, minutes_ago=2)
    commands.act(make_call(account), "hangup", {}, PORTAL)
    look()
    assert opened(_Kind.BACKLOG) == ["events"]
    look(1.5)
    assert opened(_Kind.BACKLOG) == ["commands", "events"]
    CallEvent.objects.update(status="processed")
    CallCommand.objects.update(status="ok")
    look(2)
    look(5)
    assert opened(_Kind.BACKLOG) == []


def test_what_is_not_due_is_no_backlog(account: TelnyxAccount) -> None:
    received(account, minutes_ago=9, attempts=3, lease_until=ago(-30))
    command = commands.act(make_call(account), "hangup", {}, PORTAL)
    CallCommand.objects.filter(pk=command.pk).update(created_at=ago(900), lease_until=ago(-600))
    held = commands.act(make_call(make_account("other"), "b"), "hangup", {}, PORTAL)
    CallCommand.objects.filter(pk=held.pk).update(created_at=ago(900))
    AccountBreaker.objects.create(account=held.account, state="open", since=ago(9))
    look()
    assert opened(_Kind.BACKLOG) == []


def test_a_process_that_is_not_heard_opens_one(account: TelnyxAccount) -> None:
    Heartbeat.beat("worker")
    Heartbeat.beat("sweep")
    look(1)
    assert opened(_Kind.PROCESS_STALE) == []
    look(2)
    assert opened(_Kind.PROCESS_STALE) == ["sweep", "worker"]
    Heartbeat.objects.filter(name="sweep").update(at=timezone.now() + timedelta(minutes=3))
    look(3)
    look(4.1)
    assert opened(_Kind.PROCESS_STALE) == ["worker"]


def test_after_a_night_off_nobody_is_blamed_before_the_portal_had_time(account: TelnyxAccount) -> None:
    Heartbeat.objects.create(name="worker", at=ago(36_000))
    received(account, minutes_ago=600)
    now = timezone.now()
    alerts.check(now, now - timedelta(seconds=50))
    assert not Alert.objects.exists()
    alerts.check(now, now - timedelta(seconds=95))
    assert set(Alert.objects.values_list("kind", flat=True)) == {_Kind.PROCESS_STALE, _Kind.BACKLOG}


def test_drift_found_by_the_last_pull_opens_one_until_a_pull_finds_none(account: TelnyxAccount) -> None:
    told = {"account": account, "kind": KINDS[0].slug, "state": "done"}
    Pull.objects.create(**told, updated=2, missing=1)
    look()
    assert "2 changed and 1 gone" in only(_Kind.DRIFT).summary
    Pull.objects.create(**(told | {"state": "failed"}))
    look(1)
    assert opened(_Kind.DRIFT) == [f"main/{told['kind']}"]
    Pull.objects.create(**told, unchanged=3)
    look(2)
    assert opened(_Kind.DRIFT) == []


def test_commands_for_a_person_open_one(account: TelnyxAccount) -> None:
    command = made_uncertain(commands.act(make_call(account), "hangup", {}, PORTAL), sent=60, over=30)
    look()
    assert opened(_Kind.UNCERTAIN_COMMANDS) == []
    CallCommand.objects.filter(pk=command.pk).update(finished_at=ago(1000))
    look()
    assert opened(_Kind.UNCERTAIN_COMMANDS) == ["main"]
    CallCommand.objects.filter(pk=command.pk).update(settled_at=timezone.now(), settlement="It happened.")
    look(1)
    assert opened(_Kind.UNCERTAIN_COMMANDS) == []


def test_two_recoveries_that_fail_open_one(account: TelnyxAccount) -> None:
    def over(state: str) -> None:
        Recovery.objects.create(
            account=account, state=state, started_at=timezone.now(), seen_alive_at=timezone.now(), problem="HTTP 500"
        )

    over("failed")
    look()
    assert opened(_Kind.RECOVERY_FAILING) == []
    over("failed")
    look()
    assert "HTTP 500" in only(_Kind.RECOVERY_FAILING).summary
    over("done")
    look(1)
    assert opened(_Kind.RECOVERY_FAILING) == []


# --- an application that is silent -----------------------------------------------------------------------------------


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    ours = {"telnyx_id": CONNECTION, "webhook_event_url": account.webhook_url}
    return CallControlApplication.objects.create(account=account, application_name="line", **ours)


def carried_out(account: TelnyxAccount, action: str = "speak", minutes_ago: float = 4, leg: str = "a") -> CallCommand:
    """A command on a live call that Telnyx said yes to."""
    parameters = {"payload": "Hello", "voice": "female"} if action == "speak" else {}
    command = commands.act(make_call(account, leg), action, parameters, PORTAL)
    at = ago(minutes_ago * 60)
    CallCommand.objects.filter(pk=command.pk).update(status="ok", created_at=at, first_sent_at=at, finished_at=at)
    return command


def test_a_command_that_brought_no_webhook_shows_that_the_application_is_silent(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    look()
    alert = only(_Kind.APPLICATION_SILENT)
    assert alert.subject == f"main/{CONNECTION}"
    assert "“line”" in alert.summary
    assert alert.link == f"/admin/applications/callcontrolapplication/{application.pk}/change/"
    look(120)
    assert only(_Kind.APPLICATION_SILENT).is_open
    assert post_webhook(Client(), account, make_event("call.hangup", leg="another")).status_code == 200
    look(121)
    assert not only(_Kind.APPLICATION_SILENT).is_open


def test_a_long_quiet_conversation_is_no_silence(account: TelnyxAccount, application: CallControlApplication) -> None:
    assert post_webhook(Client(), account, make_event("call.initiated", -1800)).status_code == 200
    CallEvent.objects.update(received_at=ago(1800))
    run_owed()
    assert Call.objects.get().is_alive
    look()
    assert opened(_Kind.APPLICATION_SILENT) == []


def test_it_is_not_silent_if_another_of_its_calls_is_heard(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    received(account, minutes_ago=2)
    look()
    assert opened(_Kind.APPLICATION_SILENT) == []


def test_a_webhook_of_another_application_says_nothing(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    received(account, minutes_ago=2, connection_id="another")
    look()
    assert opened(_Kind.APPLICATION_SILENT) == [f"main/{CONNECTION}"]


@pytest.mark.parametrize(
    ("action", "minutes"),
    [("update_client_state", 4), ("speak", 2), ("speak", 16)],
    ids=["it brings none", "it may still come", "long ago"],
)
def test_a_command_that_need_not_have_brought_one_shows_nothing(
    account: TelnyxAccount, application: CallControlApplication, action: str, minutes: float
) -> None:
    command = carried_out(account, minutes_ago=minutes)
    CallCommand.objects.filter(pk=command.pk).update(action=action)
    look()
    assert opened(_Kind.APPLICATION_SILENT) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"webhook_url": "https://elsewhere.example/"},
        {"webhook_urls": {"call.speak.started": "https://elsewhere.example/"}},
    ],
)
def test_a_call_whose_webhooks_were_ordered_elsewhere_shows_nothing(
    account: TelnyxAccount, application: CallControlApplication, parameters: dict[str, Any]
) -> None:
    command = carried_out(account)
    CallCommand.objects.filter(pk=command.pk).update(parameters=parameters)
    look()
    assert opened(_Kind.APPLICATION_SILENT) == []


def found_at_telnyx(account: TelnyxAccount, minutes_ago: float) -> Call:
    """As a recovery notes a call that Telnyx lists, and that nobody told of."""
    return Call.objects.create(
        account=account, call_control_id="v3:x", connection_id=CONNECTION, started_at=ago(minutes_ago * 60)
    )


def test_a_live_call_that_no_webhook_told_of_shows_it(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    call = found_at_telnyx(account, 2)
    look()
    assert opened(_Kind.APPLICATION_SILENT) == []
    Call.objects.filter(pk=call.pk).update(started_at=ago(300))
    look()
    assert "a live call in it is known only" in only(_Kind.APPLICATION_SILENT).summary


def test_a_call_that_is_over_shows_nothing(account: TelnyxAccount, application: CallControlApplication) -> None:
    Call.objects.filter(pk=found_at_telnyx(account, 5).pk).update(state="lost")
    look()
    assert opened(_Kind.APPLICATION_SILENT) == []


def test_events_of_two_calls_that_had_to_be_fetched_show_it(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    told = {"source": "backfill", "occurred_at": ago(600)}
    received(account, 5, **told)
    look()
    assert opened(_Kind.APPLICATION_SILENT) == []
    received(account, 5, **told)
    look()
    assert "had to be fetched" in only(_Kind.APPLICATION_SILENT).summary


def test_what_was_missed_while_nobody_checked_blames_no_application(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    for _ in range(2):
        received(account, 5, source="backfill", occurred_at=ago(600))
    carried_out(account, minutes_ago=10)
    found_at_telnyx(account, 10)
    now = timezone.now()
    alerts.check(now, now - timedelta(minutes=8))  # the portal was off until then
    assert opened(_Kind.APPLICATION_SILENT) == []
    alerts.check(now, now - timedelta(minutes=12))
    assert opened(_Kind.APPLICATION_SILENT) == [f"main/{CONNECTION}"]


def test_an_application_that_does_not_speak_to_us_is_not_silent(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    look()
    assert opened(_Kind.APPLICATION_SILENT) == [f"main/{CONNECTION}"]
    CallControlApplication.objects.update(webhook_event_url="https://other.example/hook")
    look(1)
    assert opened(_Kind.APPLICATION_SILENT) == []


def test_an_application_that_is_gone_is_not_missed(account: TelnyxAccount, application: CallControlApplication) -> None:
    carried_out(account)
    look()
    CallControlApplication.objects.update(missing_since=timezone.now())
    look(1)
    assert opened(_Kind.APPLICATION_SILENT) == []


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
    assert Alert.objects.filter(kind=_Kind.DEAD_EVENTS).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_processes_one_runs_the_round(account: TelnyxAccount) -> None:
    alerts.check_due()
    AlertRound.objects.update(at=ago(40))
    at_once = threading.Barrier(6)

    def together() -> bool:
        at_once.wait()
        try:
            return alerts.check_due()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as checkers:
        assert [done.result() for done in [checkers.submit(together) for _ in range(6)]].count(True) == 1
    assert not alerts.check_due()


def test_a_pause_of_the_rounds_begins_the_watch_anew(account: TelnyxAccount) -> None:
    alerts.check_due()
    begun = AlertRound.objects.get().since
    AlertRound.objects.update(at=ago(60), since=ago(600))
    assert alerts.check_due()
    assert AlertRound.objects.get().since < begun
    AlertRound.objects.update(at=ago(600), since=ago(900))
    assert alerts.check_due()
    assert AlertRound.objects.get().since > begun


def test_a_check_that_breaks_stops_no_other_and_changes_nothing_of_its_own(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    received(account, status="dead")
    look()

    def broken(_: Any) -> Iterator[Any]:
        raise OperationalError("a statement took too long")

    first = replace(alerts.CHECKS[_Kind.DEAD_EVENTS], find=broken)
    monkeypatch.setitem(alerts.CHECKS, _Kind.DEAD_EVENTS, first)
    AccountBreaker.objects.create(account=account, state="open", since=ago(9))
    look(5)
    assert opened(_Kind.DEAD_EVENTS) == ["main"]
    assert opened(_Kind.BREAKER_OPEN) == ["main"]


def test_an_outage_of_everything_is_not_a_hundred_alerts(account: TelnyxAccount) -> None:
    AccountBreaker.objects.bulk_create(
        [AccountBreaker(account=make_account(f"account-{at}"), state="open", since=ago(9)) for at in range(25)]
    )
    look()
    look(1)
    assert len(opened(_Kind.BREAKER_OPEN)) == alerts.MOST_OF_A_KIND


def test_what_is_long_over_is_forgotten(account: TelnyxAccount) -> None:
    old = {"kind": _Kind.DRIFT, "opened_at": ago(0), "seen_at": ago(0)}
    Alert.objects.create(subject="over", closed_at=timezone.now() - timedelta(days=91), **old)
    Alert.objects.create(subject="lately", closed_at=timezone.now() - timedelta(days=89), **old)
    Alert.objects.create(subject="open", **(old | {"opened_at": timezone.now() - timedelta(days=400)}))
    alerts.clean_up()
    assert set(Alert.objects.values_list("subject", flat=True)) == {"lately", "open"}


# --- where it runs ---------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "_TICK_SECONDS", 0.02)


@pytest.mark.django_db(transaction=True)
def test_the_sweep_looks_and_nothing_there_stops_it(
    account: TelnyxAccount, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, rounds, attend = received(account), [], alerts.attend

    def sometimes() -> None:
        rounds.append(1)
        if len(rounds) < 3:
            raise OperationalError("away")
        attend()

    monkeypatch.setattr(alerts, "attend", sometimes)
    with alerts.watching():
        call_command("sweep", "--once")
        assert CallEvent.objects.get(pk=event.pk).status == "processed"
        eventually(AlertRound.objects.exists)
    assert not any(thread.name == "alerts" for thread in threading.enumerate())


@pytest.mark.django_db(transaction=True)
def test_the_service_has_it_at_work(account: TelnyxAccount, quick: None) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def live() -> None:
        try:
            eventually(AlertRound.objects.exists)
        finally:
            connections.close_all()
            os.kill(os.getpid(), signal.SIGTERM)

    outside = threading.Thread(target=live)
    outside.start()
    try:
        call_command("sweep")
    finally:
        outside.join(20)
        for number, handler in before.items():
            signal.signal(number, handler)
    assert AlertRound.objects.exists()


def test_celery_does_it_too(account: TelnyxAccount, settings: Any) -> None:
    app.tasks[settings.CELERY_BEAT_SCHEDULE["alerts"]["task"]].apply(throw=True)
    assert AlertRound.objects.exists()
