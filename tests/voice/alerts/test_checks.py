"""The checks of alerts: what opens one, and what closes it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from nacl.signing import SigningKey

from applications.kinds import KINDS
from applications.models import Pull
from portal.actors import PORTAL
from portal.models import Heartbeat, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.alerts import look, only, opened, received
from tests.support.batches import begin
from tests.support.commands import made_uncertain
from tests.support.factories import FROM, make_call, make_event, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rows import AccountBreaker, Alert, CallCommand, CallEvent, Recovery, RejectedRequest, RejectionCount
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.alerts import checks, rounds
from voice.commands import outbox
from voice.dialling import batches
from voice.dispatch import sender
from voice.events import refusal_reasons
from voice.flows import handlers

pytestmark = pytest.mark.django_db


def forge(account: TelnyxAccount, times: int) -> None:
    for _ in range(times):
        assert post_webhook(Client(), account, make_event(), key=SigningKey.generate()).status_code == 400


def test_forged_webhooks_open_one_alert_with_the_reason(account: TelnyxAccount) -> None:
    forge(account, 4)
    look()
    assert opened("signature_failures") == []
    forge(account, 1)
    look()
    look()
    assert opened("signature_failures") == ["main"]
    assert "5 webhooks of main were refused" in only("signature_failures").summary
    assert "from another key" in only("signature_failures").summary


def test_it_closes_when_ten_minutes_and_five_more_brought_no_forged_webhook(account: TelnyxAccount) -> None:
    forge(account, 5)
    look()
    for minutes in (9, 11, 13):
        look(minutes)
        assert opened("signature_failures") == ["main"]
    look(17)
    assert only("signature_failures").closed_at is not None


@pytest.mark.parametrize("every", [6, 13])
def test_a_steady_trickle_of_refused_webhooks_is_one_alert(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    only_this = {"signature_failures": checks.registered()["signature_failures"]}
    monkeypatch.setattr(checks, "registered", lambda: only_this)
    begun = timezone.now().replace(minute=0, second=0, microsecond=0)
    for minutes in range(360):
        now = begun + timedelta(minutes=minutes)
        if minutes % every == 0:
            told = {"account": account, "code": "other_key"}
            RejectedRequest.objects.create(at=now, reason="x", **told)
            row, _ = RejectionCount.objects.get_or_create(hour=now.replace(minute=0), **told)
            RejectionCount.objects.filter(pk=row.pk).update(count=row.count + 1)
        rounds.check(now, now - timedelta(days=1))
    assert only("signature_failures").is_open


def test_five_forged_among_fifty_good_webhooks_are_no_alert(account: TelnyxAccount) -> None:
    forge(account, 5)
    for at in range(45):
        assert post_webhook(Client(), account, make_event(leg=str(at))).status_code == 200
    look()
    assert opened("signature_failures") == []
    RejectionCount.objects.update(count=6)
    look()
    assert opened("signature_failures") == ["main"]


def test_only_webhooks_of_the_account_itself_make_its_refused_ones_few(account: TelnyxAccount) -> None:
    forge(account, 5)
    told = {"event_type": "call.answered", "status": "processed", "body": b"{}", "received_at": timezone.now()}
    for of, source in ((account, "backfill"), (make_account("other"), "webhook")):
        keys = [uuid.uuid4().hex for _ in range(45)]
        CallEvent.objects.bulk_create(CallEvent(account=of, source=source, dedupe_key=key, **told) for key in keys)
    look()
    assert opened("signature_failures") == ["main"]


def test_so_many_refused_webhooks_are_an_alert_however_many_were_let_in(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge(account, 5)
    told = {"account": account, "source": "webhook", "status": "processed", "body": b"{}"}
    keys = [uuid.uuid4().hex for _ in range(45)]
    CallEvent.objects.bulk_create(CallEvent(dedupe_key=key, received_at=timezone.now(), **told) for key in keys)
    for most, subjects in ((6, []), (5, ["main"])):
        monkeypatch.setattr(checks, "REFUSED_TOO_MANY", most)
        look()
        assert opened("signature_failures") == subjects


@pytest.mark.parametrize(("hours", "found"), [(0, True), (1, True), (2, False)])
def test_refused_webhooks_count_since_the_last_hour_began(account: TelnyxAccount, hours: int, found: bool) -> None:
    now = timezone.now().replace(minute=20, second=30, microsecond=5)
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
    RejectionCount.objects.create(account=account, hour=hour, code="other_key", count=5)
    RejectedRequest.objects.create(account=account, at=now - timedelta(minutes=9), code="other_key", reason="x")
    rounds.check(now, now - timedelta(days=1))
    assert opened("signature_failures") == (["main"] if found else [])


def test_our_own_probe_is_no_alert(account: TelnyxAccount) -> None:
    for _ in range(6):
        url, nonce = f"/webhooks/{account.webhook_token}/call-control/", {"X-Portal-Probe": "abcdefghijklmnopq"}
        assert Client().post(url, b"{}", content_type="application/json", headers=nonce).status_code == 400
    look()
    assert RejectedRequest.objects.exists()
    assert opened("signature_failures") == []


@pytest.mark.parametrize("not_telnyxs", [refusal_reasons.PROBE, refusal_reasons.TOO_LARGE])
def test_what_telnyx_did_not_send_keeps_no_alert_open(
    account: TelnyxAccount, not_telnyxs: refusal_reasons.Reason
) -> None:
    forge(account, 5)
    look()
    later = timezone.now() + timedelta(minutes=10)
    RejectedRequest.objects.create(account=account, at=later, code=not_telnyxs.code, reason="x")
    look(11)
    look(17)
    assert not only("signature_failures").is_open


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
    alert = only("dead_events")
    assert (alert.subject, alert.account, alert.is_open) == ("main", account, True)
    assert alert.link == f"/admin/voice/callevent/?status__exact=dead&account__id__exact={account.pk}"
    monkeypatch.setattr(handlers, "_registry", handlers.Registry())
    CallEvent.objects.update(status="received", attempts=0)
    run_owed()
    look(61)
    assert not only("dead_events").is_open


def test_the_next_time_is_a_new_alert(account: TelnyxAccount) -> None:
    event = received(account, status="dead")
    look()
    CallEvent.objects.update(status="processed")
    look(1)
    CallEvent.objects.filter(pk=event.pk).update(status="dead")
    look(2)
    assert [one.is_open for one in Alert.objects.filter(kind="dead_events")] == [True, False]


def test_one_webhook_of_the_old_format_is_enough_and_of_others_five(account: TelnyxAccount) -> None:
    for at in range(4):
        assert post_webhook(Client(), account, f'{{"broken": {at}'.encode()).status_code == 200
    look()
    assert opened("quarantined_events") == []
    old = {"event_type": "call_initiated", "id": str(uuid.uuid4()), "created_at": "2026-11-20T10:00:00Z", "payload": {}}
    assert post_webhook(Client(), account, {**old, "record_type": "event"}).status_code == 200
    CallEvent.objects.exclude(error__startswith="webhook API").delete()
    look()
    assert "webhook API version" in only("quarantined_events").summary
    look(61)
    assert opened("quarantined_events") == []


def test_five_unreadable_webhooks_within_the_hour_open_one(account: TelnyxAccount) -> None:
    for at in range(5):
        assert post_webhook(Client(), account, f'{{"broken": {at}'.encode()).status_code == 200
    look()
    assert opened("quarantined_events") == ["main"]


def test_unreadable_webhooks_are_counted_by_account_and_within_the_hour(account: TelnyxAccount) -> None:
    for of, minutes, number in ((account, 59, 4), (account, 61, 3), (make_account("other"), 5, 5)):
        for _ in range(number):
            received(of, minutes, status="quarantined")
    look()
    assert opened("quarantined_events") == ["other"]
    received(account, 59, status="quarantined")
    look()
    told = Alert.objects.get(kind="quarantined_events", subject="main")
    assert told.summary == "5 webhooks could not be read in the last hour (main)."
    assert told.details == {"quarantined": 5, "of_version_1": 0}
    assert told.link == f"/admin/voice/callevent/?status__exact=quarantined&account__id__exact={account.pk}"


def test_a_breaker_opens_one_which_outlives_a_short_recovery(account: TelnyxAccount) -> None:
    with serving(answer("503 Service Unavailable")) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        for at in range(5):
            sender.send(outbox.act(make_call(account, str(at)), "hangup", {}, PORTAL).pk)
    look()
    assert "told nothing" in only("breaker_open").summary
    AccountBreaker.objects.update(state="closed")
    look(1)
    AccountBreaker.objects.update(state="open")
    look(2)
    AccountBreaker.objects.update(state="closed")
    look(3)
    look(4)
    assert only("breaker_open").is_open
    look(5.5)
    assert not only("breaker_open").is_open


def test_numbers_in_what_telnyx_said_are_masked(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, state="open", since=ago(9), why=f"It said no to {FROM}.")
    look()
    assert FROM not in only("breaker_open").summary
    assert "0101" in only("breaker_open").summary


def test_events_and_commands_that_wait_a_minute_open_one_each(account: TelnyxAccount) -> None:
    received(account, minutes_ago=2)
    outbox.act(make_call(account), "hangup", {}, PORTAL)
    look()
    assert opened("backlog") == ["events"]
    look(1.5)
    assert opened("backlog") == ["commands", "events"]
    CallEvent.objects.update(status="processed")
    CallCommand.objects.update(status="ok")
    look(2)
    look(5)
    assert opened("backlog") == []


def begun(account: TelnyxAccount, since: float, **columns: Any) -> None:
    command = outbox.act(make_call(account), "hangup", {}, PORTAL)
    sent = {"status": "sending", "created_at": ago(since), "first_sent_at": ago(since)}
    CallCommand.objects.filter(pk=command.pk).update(**sent, **columns)


@pytest.mark.parametrize("breaker", ["closed", "open"])
def test_commands_that_stay_sending_open_one(account: TelnyxAccount, breaker: str) -> None:
    AccountBreaker.objects.create(account=account, state=breaker, since=ago(9))
    begun(account, 300, lease_until=ago(50))
    look()
    assert opened("backlog") == []
    look(0.5)
    assert opened("backlog") == ["begun commands"]
    assert "Commands that were begun have waited for 80 s" in only("backlog").summary
    CallCommand.objects.update(status="uncertain")
    look(1)
    look(4)
    assert opened("backlog") == []


def test_what_is_on_the_wire_or_waits_for_a_resend_is_no_backlog(account: TelnyxAccount) -> None:
    begun(account, 300, lease_until=ago(-20))
    look()
    assert opened("backlog") == []


def test_lines_of_a_paused_list_are_no_backlog(api: Any, account: TelnyxAccount) -> None:
    batches.pause(begin(api, 2), PORTAL)
    CallCommand.objects.update(created_at=ago(900), lease_until=ago(600))  # they met a 429 while it was paused
    look()
    assert opened("backlog") == []


def test_what_is_not_due_is_no_backlog(account: TelnyxAccount) -> None:
    received(account, minutes_ago=9, attempts=3, lease_until=ago(-30))
    command = outbox.act(make_call(account), "hangup", {}, PORTAL)
    CallCommand.objects.filter(pk=command.pk).update(created_at=ago(900), lease_until=ago(-600))
    held = outbox.act(make_call(make_account("other"), "b"), "hangup", {}, PORTAL)
    CallCommand.objects.filter(pk=held.pk).update(created_at=ago(900))
    AccountBreaker.objects.create(account=held.account, state="open", since=ago(9))
    look()
    assert opened("backlog") == []


def test_a_process_that_is_not_heard_opens_one(account: TelnyxAccount) -> None:
    Heartbeat.beat("worker")
    Heartbeat.beat("sweep")
    look(1)
    assert opened("process_stale") == []
    look(2)
    assert opened("process_stale") == ["sweep", "worker"]
    Heartbeat.objects.filter(name="sweep").update(at=timezone.now() + timedelta(minutes=3))
    look(3)
    look(4.1)
    assert opened("process_stale") == ["worker"]


def test_drift_found_by_the_last_pull_opens_one_until_a_pull_finds_none(account: TelnyxAccount) -> None:
    told = {"account": account, "kind": KINDS[0].slug, "state": "done"}
    Pull.objects.create(**told, updated=2, missing=1)
    look()
    assert "2 changed and 1 gone" in only("drift").summary
    Pull.objects.create(**(told | {"state": "failed"}))
    look(1)
    assert opened("drift") == [f"main/{told['kind']}"]
    Pull.objects.create(**told, unchanged=3)
    look(2)
    assert opened("drift") == []


def test_a_pull_that_was_stopped_for_its_key_is_not_told_as_a_mass_delete(account: TelnyxAccount) -> None:
    error = {"id": None, "kind": "another_owner", "message": "x"}
    Pull.objects.create(account=account, kind=KINDS[0].slug, state="stopped", errors=[error])
    look()
    assert "is of another organization than its applications" in only("drift").summary


def test_drift_is_of_one_account_and_kind_and_a_pull_that_stopped_leads_to_itself(account: TelnyxAccount) -> None:
    one, other = (kind.slug for kind in KINDS)
    changed = Pull.objects.create(account=make_account("other"), kind=other, state="done", updated=1)
    Pull.objects.create(account=account, kind=one, state="done", unchanged=1)
    stopped = Pull.objects.create(account=account, kind=other, state="stopped")
    look()
    assert opened("drift") == [f"main/{other}", f"other/{other}"]
    theirs, mine = Alert.objects.order_by("-subject")
    assert "The last pull found 1 changed and 0 gone at Telnyx" in theirs.summary
    assert "are gone from Telnyx that the pull stopped" in mine.summary
    links = [f"/admin/applications/pull/{pull.pk}/change/" for pull in (changed, stopped)]
    assert [theirs.link, mine.link] == links


def test_commands_for_a_person_open_one(account: TelnyxAccount) -> None:
    command = made_uncertain(outbox.act(make_call(account), "hangup", {}, PORTAL), sent=60, over=30)
    look()
    assert opened("uncertain_commands") == []
    CallCommand.objects.filter(pk=command.pk).update(finished_at=ago(1000))
    look()
    assert opened("uncertain_commands") == ["main"]
    link = f"/admin/voice/callcommand/?open=undecided&account__id__exact={account.pk}"
    assert only("uncertain_commands").link == link
    CallCommand.objects.filter(pk=command.pk).update(settled_at=timezone.now(), settlement="It happened.")
    look(1)
    assert opened("uncertain_commands") == []


def test_two_recoveries_that_fail_open_one(account: TelnyxAccount) -> None:
    def over(state: str) -> None:
        Recovery.objects.create(
            account=account, state=state, started_at=timezone.now(), seen_alive_at=timezone.now(), problem="HTTP 500"
        )

    over("failed")
    look()
    assert opened("recovery_failing") == []
    over("failed")
    look()
    assert "HTTP 500" in only("recovery_failing").summary
    over("done")
    look(1)
    assert opened("recovery_failing") == []


def test_one_failed_recovery_each_of_two_accounts_is_no_alert_and_one_that_runs_ends_none(
    account: TelnyxAccount,
) -> None:
    def began(of: TelnyxAccount, state: str, seconds: float) -> None:
        at = ago(seconds)
        Recovery.objects.create(account=of, state=state, started_at=at, seen_alive_at=at, problem="HTTP 500")

    began(account, "failed", 50)
    began(make_account("other"), "failed", 40)
    look()
    assert opened("recovery_failing") == []
    began(account, "failed", 30)
    look()
    began(account, "running", 20)
    look()
    assert opened("recovery_failing") == ["main"]
    assert only("recovery_failing").link == f"/admin/voice/recovery/?account__id__exact={account.pk}"
