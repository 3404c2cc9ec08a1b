"""One row an event: what a backfill knew before, another body under a known id, and the old format."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.times import read_time
from tests.support.accounts import make_account
from tests.support.clocks import is_near, set_wrong
from tests.support.factories import CONNECTION, make_event, make_flow, run_owed
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.webhooks import post_webhook
from voice.events import intake
from voice.events.envelopes import OldFormat
from voice.events.processing import process

pytestmark = pytest.mark.django_db(transaction=True)
VARIANT = "another body under the id of an event that is already stored"


def backfill(account: TelnyxAccount, event: dict[str, Any]) -> tuple[CallEvent, bool]:
    body = json.dumps({"data": event["data"]}).encode()
    return intake.record(account, "backfill", {}, body, timezone.now())


@pytest.fixture
def answering(account: TelnyxAccount) -> TelnyxAccount:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    return account


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """The events that the door woke."""
    found: list[uuid.UUID] = []
    monkeypatch.setattr("voice.events.webhooks.wake_event", found.append)
    return found


def test_a_webhook_of_a_backfilled_event_runs_its_rules_once(
    client: Client, answering: TelnyxAccount, woken: list[uuid.UUID]
) -> None:
    event = make_event()
    row, new = backfill(answering, event)
    assert new
    process(row.pk)
    assert not CallCommand.objects.exists()
    for _ in range(3):
        assert post_webhook(client, answering, event).status_code == 200
        assert woken == [row.pk]
        process(row.pk)
    assert CallCommand.objects.count() == 1
    row.refresh_from_db()
    assert (row.source, row.status, row.attempt, row.error) == ("webhook", "processed", 1, "")
    assert bytes(row.body) == json.dumps(event).encode()
    assert Call.objects.get().state == "parked"


def test_a_promoted_event_that_meets_no_rule_stays_one_that_told_of_a_call(
    client: Client, account: TelnyxAccount
) -> None:
    event = make_event()
    row, _ = backfill(account, event)
    process(row.pk)
    row.refresh_from_db()
    told_at = row.processed_at
    post_webhook(client, account, event)
    row.refresh_from_db()
    assert (row.status, row.processed_at) == ("received", told_at)
    process(row.pk)
    row.refresh_from_db()
    assert (row.source, row.status) == ("webhook", "processed")


def test_the_promoted_row_is_as_new_as_the_webhook(client: Client, account: TelnyxAccount) -> None:
    event, before = make_event(), timezone.now()
    row, _ = backfill(account, event)
    old = {"received_at": before - timedelta(hours=1), "processed_at": before, "attempts": 8, "status": "dead"}
    CallEvent.objects.update(**old, error="it failed", lease_until=before + timedelta(hours=1))
    post_webhook(client, account, event)
    row.refresh_from_db()
    assert (row.status, row.attempts, row.lease_until, row.processed_at, row.error) == ("received", 0, None, None, "")
    assert row.received_at >= before
    assert "telnyx-timestamp" in row.headers


@pytest.mark.parametrize("seconds", [-120, 120])
def test_when_a_promoted_row_came_is_told_by_the_databases_clock(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    event = make_event()
    row, _ = backfill(account, event)
    set_wrong(monkeypatch, seconds)
    post_webhook(client, account, event)
    row.refresh_from_db()
    assert (row.source, is_near(row.received_at)) == ("webhook", True)


@pytest.mark.parametrize("seconds", [-120, 120])
def test_when_an_event_and_another_body_of_it_came_is_told_by_the_databases_clock(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    event = make_event()
    set_wrong(monkeypatch, seconds)
    post_webhook(client, account, event)
    event["data"]["payload"]["to"] = "+13125550177"
    post_webhook(client, account, event)
    rows = CallEvent.objects.order_by("status").values_list("status", "received_at")
    assert [(status, is_near(at)) for status, at in rows] == [("quarantined", True), ("received", True)]


def test_the_promoted_row_is_of_the_leg_session_and_application_that_the_webhook_names(
    client: Client, account: TelnyxAccount
) -> None:
    event = make_event(call_leg_id=str(uuid.uuid4()), call_session_id=str(uuid.uuid4()))
    names = ("call_control_id", "call_leg_id", "call_session_id", "connection_id")
    told, of_record = event["data"]["payload"], make_event("call.hold", -60)["data"]
    known = {"payload": {k: v for k, v in told.items() if k not in names}, "event_type": of_record["event_type"]}
    backfill(account, {"data": event["data"] | known | {"occurred_at": of_record["occurred_at"]}})
    assert set(CallEvent.objects.values_list(*names)) == {("", "", "", "")}
    post_webhook(client, account, event)
    assert CallEvent.objects.values(*names).get() == {name: told[name] for name in names}
    row = CallEvent.objects.get()
    assert (row.event_type, row.payload) == ("call.initiated", told)
    assert row.occurred_at == read_time(event["data"]["occurred_at"])


def test_a_promoted_row_is_as_no_reason_kept_it_and_leaves_the_others_of_the_record_alone(
    client: Client, account: TelnyxAccount
) -> None:
    event = make_event()
    (row, _), (other, _) = backfill(account, event), backfill(account, make_event(leg="b"))
    CallEvent.objects.filter(pk=row.pk).update(status="quarantined", reason="foreign_account")
    before = CallEvent.objects.values().get(pk=other.pk)
    post_webhook(client, account, event)
    row.refresh_from_db()
    assert (row.source, row.status, row.reason) == ("webhook", "received", "")
    assert CallEvent.objects.values().get(pk=other.pk) == before


def test_an_event_that_two_accounts_hear_of_is_one_of_each(client: Client, account: TelnyxAccount) -> None:
    event, other = make_event(), make_account("other")
    for _ in range(2):
        for each in (account, other):
            assert post_webhook(client, each, event).status_code == 200
    assert set(CallEvent.objects.values_list("account", "status")) == {
        (each.pk, "received") for each in (account, other)
    }
    assert CallEvent.objects.count() == 2


@pytest.mark.parametrize("again", [False, True])
def test_how_late_an_event_came_is_told_by_its_first_arrival_in_both_orders(
    client: Client, account: TelnyxAccount, again: bool
) -> None:
    event = make_event(seconds=-600)
    first = timezone.now() - timedelta(minutes=9)

    def arrives_first(by_webhook: bool) -> None:
        post_webhook(client, account, event) if by_webhook else backfill(account, event)
        CallEvent.objects.update(received_at=first)
        process(CallEvent.objects.get().pk)

    told = []
    for by_webhook in (True, False):
        CallEvent.objects.all().delete()
        Call.objects.all().delete()
        arrives_first(by_webhook)
        backfill(account, event) if by_webhook else post_webhook(client, account, event)
        if again:
            post_webhook(client, account, event)
            backfill(account, event)
        run_owed()
        (row,) = Call.objects.values()
        told.append((row["late_seconds"], row["facts"]["late_seconds"]))
    assert told[0] == told[1]
    assert told[0][0] == pytest.approx(60, abs=1)


def test_what_a_recovery_alone_brought_was_no_late_webhook(account: TelnyxAccount) -> None:
    row, _ = backfill(account, make_event(seconds=-600))
    process(row.pk)
    assert Call.objects.get().late_seconds is None


def test_an_attempt_that_has_begun_stays_counted(client: Client, account: TelnyxAccount) -> None:
    event = make_event()
    row, _ = backfill(account, event)
    CallEvent.objects.update(attempts=1, lease_until=timezone.now() + timedelta(seconds=30))  # a worker has claimed it
    post_webhook(client, account, event)
    row.refresh_from_db()
    assert (row.source, row.status, row.attempts, row.lease_until) == ("webhook", "received", 1, None)


@pytest.mark.parametrize("processed", [False, True])
def test_a_backfill_changes_nothing_of_a_webhook_also_while_it_is_under_way(
    client: Client, answering: TelnyxAccount, processed: bool
) -> None:
    event = make_event()
    post_webhook(client, answering, event)
    if processed:
        process(CallEvent.objects.get().pk)
    before = CallEvent.objects.values().get()
    event["data"]["payload"]["to"] = "+13125550177"  # what Telnyx's record says may differ
    row, new = backfill(answering, event)
    assert (row.pk, new) == (before["id"], False)
    assert CallEvent.objects.values().get() == before
    process(row.pk)
    assert CallCommand.objects.count() == 1


def test_twenty_webhooks_at_once_of_a_backfilled_event_run_its_rules_once(answering: TelnyxAccount) -> None:
    event = make_event()
    row, _ = backfill(answering, event)
    process(row.pk)
    at_once = threading.Barrier(20)

    def post() -> int:
        at_once.wait()
        status: int = post_webhook(Client(), answering, event).status_code
        process(row.pk)
        connections.close_all()
        return status

    with ThreadPoolExecutor(20) as senders:
        statuses = [future.result() for future in [senders.submit(post) for _ in range(20)]]
    assert statuses == [200] * 20
    assert (CallEvent.objects.count(), CallCommand.objects.count()) == (1, 1)
    assert CallEvent.objects.get().status == "processed"


def test_a_webhook_that_another_one_has_overtaken_runs_no_rules(
    client: Client, answering: TelnyxAccount, woken: list[uuid.UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make_event()
    row, _ = backfill(answering, event)
    resolve_repeat = intake._resolve_repeat

    def late(stored: CallEvent, fresh: CallEvent) -> tuple[CallEvent, bool]:
        monkeypatch.setattr(intake, "_resolve_repeat", resolve_repeat)
        post_webhook(Client(), answering, event)  # after this one has seen the row of the backfill
        process(row.pk)
        return resolve_repeat(stored, fresh)

    monkeypatch.setattr(intake, "_resolve_repeat", late)
    assert post_webhook(client, answering, event).status_code == 200
    row.refresh_from_db()
    assert (row.source, row.status, woken) == ("webhook", "processed", [row.pk])
    assert CallCommand.objects.count() == 1


def test_an_unreadable_webhook_under_the_id_of_a_backfilled_event_leaves_it_alone(
    client: Client, account: TelnyxAccount
) -> None:
    event = make_event()
    row, _ = backfill(account, event)
    event["data"]["event_type"] = None
    post_webhook(client, account, event)
    row.refresh_from_db()
    assert (row.source, row.status) == ("backfill", "received")
    other = CallEvent.objects.exclude(pk=row.pk).get()
    assert other.status == "quarantined"
    assert other.error == f"{VARIANT}; data.event_type is missing or no event type"


def test_another_attempt_of_the_same_event_is_a_repeat(
    client: Client, account: TelnyxAccount, woken: list[uuid.UUID]
) -> None:
    event = make_event()
    post_webhook(client, account, event)
    event["meta"] = {"attempt": 2, "delivered_to": "https://failover.example/"}
    event["data"]["id"] = event["data"]["id"].upper()
    post_webhook(client, account, event)
    assert CallEvent.objects.get().attempt == 1
    assert len(woken) == 1


def test_another_body_under_a_known_id_is_kept_quarantined_and_the_first_one_wins(
    client: Client, account: TelnyxAccount, woken: list[uuid.UUID], caplog: pytest.LogCaptureFixture
) -> None:
    event = make_event("call.hangup")
    post_webhook(client, account, event)
    first = CallEvent.objects.get()
    process(first.pk)
    event["data"]["payload"]["hangup_cause"] = "user_busy"
    for attempt in (1, 2, 3):
        event["meta"]["attempt"] = attempt
        event["data"]["payload"] = dict(reversed(event["data"]["payload"].items()))  # the same in another order
        assert post_webhook(client, account, event).status_code == 200
    variant = CallEvent.objects.exclude(pk=first.pk).get()
    assert (variant.status, variant.reason, variant.error) == ("quarantined", "variant", VARIANT)
    assert variant.dedupe_key.startswith("sha256:")
    assert json.loads(bytes(variant.body))["data"] == event["data"]
    assert variant.connection_id == CONNECTION
    assert woken == [first.pk]
    process(variant.pk)
    assert Call.objects.get().hangup_cause == "normal_clearing"
    assert "another body under a known event id" in caplog.text
    assert "1312555" not in caplog.text


def old_format(**changes: Any) -> dict[str, Any]:
    event = make_event("call.answered")["data"]
    document = {"record_type": "event", "event_type": "call_answered", "created_at": event["occurred_at"]}
    return document | {"id": event["id"], "payload": event["payload"]} | changes


def test_the_page_of_an_application_says_that_its_webhooks_are_in_the_old_format(
    browser: Client, account: TelnyxAccount
) -> None:
    application = CallControlApplication.objects.create(
        account=account, telnyx_id=CONNECTION, application_name="router", webhook_api_version="1", remote={}
    )
    other = CallControlApplication.objects.create(account=account, telnyx_id="77", application_name="b", remote={})
    said = "sends this application’s webhooks in the old format (API version 1)"
    url = f"/admin/applications/callcontrolapplication/{application.pk}/change/"
    assert said not in browser.get(url).text
    post_webhook(browser, account, old_format())
    page = browser.get(url).text
    assert said in page
    assert f'href="{url}#id_webhook_api_version"' in page
    assert 'id="id_webhook_api_version"' in page
    assert said not in browser.get(f"/admin/applications/callcontrolapplication/{other.pk}/change/").text
    assert str(OldFormat()) in browser.get("/admin/voice/callevent/").text
    assert str(OldFormat()) in browser.get(f"/admin/voice/callevent/{CallEvent.objects.get().pk}/change/").text
    CallEvent.objects.update(received_at=timezone.now() - timedelta(hours=25))
    assert said not in browser.get(url).text
    CallEvent.objects.update(received_at=timezone.now() - timedelta(hours=23))
    assert said in browser.get(url).text
    backfill(account, make_event())
    assert said in browser.get(url).text  # it came from Telnyx's record, not to the door
    post_webhook(browser, account, make_event("call.answered"))
    assert said not in browser.get(url).text
