"""Webhooks that never arrived: what Telnyx's own records bring back, and what they must not set in motion."""

import base64
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.forms import model_to_dict
from django.test import Client
from django.utils import timezone

from applications.editing.service import create_application
from applications.kinds import KINDS
from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.runtime import wakeups
from portal.sandbox.core import records
from portal.sandbox.core.deliveries import Delivery
from portal.sandbox.core.errors import Problem, Refused
from portal.sandbox.core.events import timestamp
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.clock import Gate
from tests.support.factories import make_event, make_flow, run_owed
from tests.support.polling import eventually
from tests.support.recoveries import listed, recover, undelivered
from tests.support.rows import Call, CallCommand, CallEvent, Recovery
from tests.support.sandbox_http import Http
from tests.support.sandbox_ledger import effects, wire
from tests.support.signing import TELNYX_KEY
from tests.support.telnyx_answers import telnyx_says
from tests.support.webhooks import post_webhook
from tests.support.worker import Line, working
from voice.recovery import backfill, runs

WHOLE = pytest.mark.django_db(transaction=True)
LATER = timedelta(minutes=3)
ANSWERS = [{"event_type": "call.initiated", "when": [], "do": [{"action": "answer", "parameters": {}}], "stop": True}]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wake-ups are not published: without a worker in the test nothing is woken."""
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: None)


@pytest.fixture
def application(live_server: Any, settings: Any, sandbox_account: TelnyxAccount, http: Http) -> CallControlApplication:
    """An application whose webhooks go to the running portal."""
    settings.PORTAL_PUBLIC_URL = live_server.url
    values = {"application_name": "front desk", "webhook_event_url": sandbox_account.webhook_url}
    row, problem = create_application(KINDS[0], sandbox_account, values, PORTAL)
    assert (problem, row.webhook_api_version) == ("", "2")
    assert isinstance(row, CallControlApplication)
    return row


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    yield Http(sandbox.port, Line(sandbox.exchange))
    sandbox.reset()  # a call that still lives would ring at a portal that is gone


def calls() -> list[dict[str, Any]]:
    """All that is known of the calls, but for ids and times that differ from row to row."""
    return [model_to_dict(call, exclude=["id", "judge_at"]) for call in Call.objects.order_by("call_control_id")]


def sources() -> dict[str, int]:
    found: dict[str, int] = {}
    for source in CallEvent.objects.values_list("source", flat=True):
        found[source] = found.get(source, 0) + 1
    return found


@WHOLE
def test_what_was_dropped_comes_back_and_moves_no_phone(
    application: CallControlApplication, sandbox: Sandbox, http: Http, sandbox_account: TelnyxAccount
) -> None:
    make_flow(sandbox_account, *ANSWERS, connection_id=application.telnyx_id)
    http.fault("drop", path="call.answered", times=None)
    http.fault("drop", path="call.hangup", times=None)
    with working():
        heard = [http.ring("answered", connection_id=application.telnyx_id) for _ in range(3)]
        for control_id in heard:
            http.end(control_id)
        http.fault("drop", path="call.initiated", times=None)
        unheard = [http.ring("answered", connection_id=application.telnyx_id) for _ in range(2)]
        for control_id in unheard:
            http.act(control_id, "hangup")
            http.end(control_id)
        eventually(lambda: not CallEvent.objects.filter(status="received").exists(), "the processing")
        before = list(CallCommand.objects.values_list("pk", flat=True))
        sent = effects(sandbox)
        assert not Call.objects.filter(state="ended").exists()
        assert recover(sandbox_account).events_recovered == 0  # all too young
        record = recover(sandbox_account, now=timezone.now() + LATER)
        eventually(lambda: not CallEvent.objects.filter(status="received").exists(), "the recovery")
    told = {record["webhook"]["id"] for record in sandbox.store.all(records.RECORDS)}
    assert set(CallEvent.objects.values_list("event_id", flat=True)) == told
    assert (record.state, record.calls_ended, record.calls_lost) == ("done", 5, 0)
    assert set(Call.objects.values_list("call_control_id", "state")) == {(one, "ended") for one in heard + unheard}
    assert list(CallCommand.objects.values_list("pk", flat=True)) == before
    assert len(before) == 3
    assert effects(sandbox) == sent


@WHOLE
def test_recovered_calls_are_equal_to_what_undisturbed_deliveries_make(
    application: CallControlApplication, sandbox: Sandbox, http: Http, sandbox_account: TelnyxAccount
) -> None:
    http.fault("drop", path="", times=None, value=40)
    ids = [http.ring("caller_hangs_up", connection_id=application.telnyx_id) for _ in range(6)]
    for control_id in ids:
        Http(sandbox.port, sandbox.exchange).end(control_id)
    run_owed()
    recover(sandbox_account, now=timezone.now() + LATER)
    assert sources()["backfill"] > 0
    recovered = calls()
    sandbox.faults.clear()
    CallEvent.objects.all().delete()
    Call.objects.all().delete()
    for record in sandbox.store.all(records.RECORDS):  # the same events once more, all of them delivered
        sandbox.exchange.courier.submit(delivery(record, sandbox_account))
    eventually(lambda: CallEvent.objects.count() == len(sandbox.store.all(records.RECORDS)), "the deliveries")
    run_owed()
    assert sources().keys() == {"webhook"}
    assert calls() == recovered


def delivery(record: dict[str, Any], account: TelnyxAccount) -> Delivery:
    return Delivery(record["webhook"], record["id"], account.webhook_url, "", "2", 10.0)


@pytest.mark.django_db
def test_the_young_are_left_alone_and_the_watermark_stays_before_them(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    now = timezone.now()
    undelivered(sandbox, make_event(leg="young"), minutes=1.9)
    undelivered(sandbox, make_event(leg="old"), minutes=2.1)
    assert recover(sandbox_account, now=now).events_recovered == 1
    assert Call.objects.get().call_control_id == "v3:old-leg"
    assert runs.watermark(sandbox_account) == now - timedelta(minutes=2)
    later = now + timedelta(minutes=1)
    assert recover(sandbox_account, now=later).events_recovered == 1
    assert recover(sandbox_account, now=later).events_recovered == 0


@pytest.mark.django_db
def test_a_delivery_telnyx_lists_although_it_is_young_is_left_alone_too(account: TelnyxAccount) -> None:
    told = listed([(make_event(leg="young"), 1), (make_event(leg="old"), 9)])
    with telnyx_says(account, webhook_deliveries=told, call_events=listed([])):
        assert recover(account).events_recovered == 1


@pytest.mark.django_db
@pytest.mark.parametrize("status", [500, 422, 401])
def test_the_watermark_moves_only_when_all_was_read(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, status: int
) -> None:
    first = recover(sandbox_account, now=timezone.now() - timedelta(hours=1))
    assert first.state == "done"
    for at in range(260):
        undelivered(sandbox, make_event("call.answered", leg=str(at)), minutes=20)
    pages = iter((None, status))
    with failing(sandbox, lambda: next(pages, None)):
        failed = recover(sandbox_account)
    assert (failed.state, bool(failed.problem), failed.events_recovered) == ("failed", True, 250)
    assert runs.watermark(sandbox_account) == first.until
    whole = recover(sandbox_account)
    assert (whole.state, whole.events_recovered) == ("done", 10)
    assert runs.watermark(sandbox_account) == whole.until
    assert CallEvent.objects.count() == 260


@pytest.mark.django_db
def test_pages_that_shift_while_they_are_read_bring_no_double_and_no_loss(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    for at in range(300):
        undelivered(sandbox, make_event("call.answered", leg=str(at)), minutes=20)
    first, *_ = sandbox.store.all(records.RECORDS)

    def newest() -> dict[str, Any]:
        return sandbox.store.all(records.RECORDS)[-1]

    turns = iter((None, lambda: sandbox.store.remove(records.RECORDS, newest()["id"])))
    with failing(sandbox, lambda: (turn := next(turns, None)) and turn()):
        record = recover(sandbox_account)
    assert record.state == "done"
    assert CallEvent.objects.filter(event_id=first["webhook"]["id"]).count() == 1
    assert CallEvent.objects.count() == 300


@WHOLE
def test_only_what_is_of_calls_is_taken_and_the_old_format_is_quarantined(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    event = make_event("call.answered")["data"]
    identifiers = (str(uuid.uuid4()) for _ in range(9))
    undelivered(sandbox, event | {"id": next(identifiers), "event_type": "message.received", "payload": {"text": "hi"}})
    undelivered(sandbox, event | {"id": next(identifiers), "event_type": "call.never.seen"})
    undelivered(sandbox, event | {"id": next(identifiers), "event_type": "oddity.happened"})  # it names a call
    old = {name: event[name] for name in ("record_type", "payload")} | {"created_at": event["occurred_at"]}
    undelivered(sandbox, old | {"id": next(identifiers), "event_type": "call_answered"})
    undelivered(sandbox, old | {"webhook_id": next(identifiers), "event_type": "call.answered"})
    sandbox.store.put(records.RECORDS, "odd", delivered_odd(webhook={"payload": 1, "event_type": 5}))
    record = recover(sandbox_account)
    assert (record.state, record.deliveries_read, record.events_recovered) == ("done", 6, 4)
    statuses = CallEvent.objects.order_by("event_type", "status").values_list("event_type", "status", "source")
    assert {(kind, status) for kind, status, _ in statuses if status != "quarantined"} == {
        ("call.never.seen", "processed"),
        ("oddity.happened", "processed"),
    }
    errors = CallEvent.objects.filter(status="quarantined").values_list("error", flat=True)
    assert [error.partition(":")[0] for error in errors] == ["webhook API version 1"] * 2
    assert {source for *_, source in statuses} == {"backfill"}
    assert recover(sandbox_account).events_recovered == 0


@pytest.mark.django_db
def test_a_delivered_event_that_is_not_here_is_found_in_telnyxs_record(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str
) -> None:
    ours = {"telnyx_id": connection_id, "webhook_event_url": sandbox_account.webhook_url}
    CallControlApplication.objects.create(account=sandbox_account, **ours)
    recover(sandbox_account)
    undelivered(sandbox, make_event("call.answered", -600, leg="a", connection_id=connection_id), status=200)
    undelivered(sandbox, make_event("call.answered", -600, leg="b", connection_id="another's"), status=200)
    undelivered(sandbox, make_event("call.bridged", -60, leg="a", connection_id=connection_id), status=200)
    assert recover(sandbox_account).events_recovered == 0  # nothing failed, and there was no gap
    assert recover(sandbox_account, since=timezone.now() - timedelta(hours=1)).events_recovered == 1
    assert CallEvent.objects.get().event_type == "call.answered"
    assert recover(sandbox_account, now=timezone.now() + timedelta(minutes=30)).events_recovered == 1  # a gap


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "found"), [(0, 0), (1, 1)])
def test_after_more_than_twenty_minutes_without_a_run_the_record_is_read(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str, seconds: int, found: int
) -> None:
    ours = {"telnyx_id": connection_id, "webhook_event_url": sandbox_account.webhook_url}
    CallControlApplication.objects.create(account=sandbox_account, **ours)
    read_until = recover(sandbox_account).until
    assert read_until is not None
    undelivered(sandbox, make_event("call.answered", -600, connection_id=connection_id), status=200)
    later = read_until + timedelta(minutes=20, seconds=seconds)
    assert recover(sandbox_account, now=later).events_recovered == found


@pytest.mark.django_db
def test_what_failed_to_reach_the_receiver_of_others_is_left_to_them(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str
) -> None:
    theirs = {"telnyx_id": connection_id, "webhook_event_url": "https://other.example/hook"}
    CallControlApplication.objects.create(account=sandbox_account, application_name="other team", **theirs)
    undelivered(sandbox, make_event("call.answered", -600, leg="theirs", connection_id=connection_id))
    ordered = make_event("call.answered", -600, leg="ordered", connection_id=connection_id)
    undelivered(sandbox, ordered, url=sandbox_account.webhook_url)  # as a command's webhook_url has it
    undelivered(sandbox, make_event("call.answered", -600, leg="unknown", connection_id="never pulled"))
    record = recover(sandbox_account)
    assert (record.state, record.deliveries_read, record.events_recovered) == ("done", 3, 2)
    assert set(Call.objects.values_list("call_control_id", flat=True)) == {"v3:ordered-leg", "v3:unknown-leg"}


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["webhook_event_url", "webhook_event_failover_url"])
def test_what_failed_to_reach_an_application_that_has_an_address_here_is_fetched(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str, address: str
) -> None:
    urls = {"webhook_event_url": "https://other.example/", "webhook_event_failover_url": "https://other.example/"}
    urls[address] = sandbox_account.webhook_url
    CallControlApplication.objects.create(account=sandbox_account, telnyx_id=connection_id, **urls)
    undelivered(sandbox, make_event("call.answered", -600, connection_id=connection_id))
    assert recover(sandbox_account).events_recovered == 1


@pytest.mark.django_db
def test_since_looks_further_back_and_never_less_far(sandbox_account: TelnyxAccount) -> None:
    now = timezone.now()
    first = recover(sandbox_account, since=now - timedelta(hours=1), now=now)
    assert first.since == now - timedelta(hours=24)
    again = recover(sandbox_account, since=now - timedelta(minutes=1), now=now)
    assert again.since == now - timedelta(minutes=17)
    back = recover(sandbox_account, since=now - timedelta(days=2), now=now)
    assert back.since == now - timedelta(days=2)


@pytest.mark.django_db
def test_more_than_can_be_read_at_once_is_read_in_parts(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_MOST_PAGES", 1)
    for at in range(400):
        undelivered(sandbox, make_event("call.answered", leg=str(at)), minutes=20 if at % 2 else 23 * 60)
    record = recover(sandbox_account)
    assert (record.state, record.events_recovered) == ("done", 200)
    assert recover(sandbox_account).events_recovered == 200


@WHOLE
def test_a_recovery_beside_the_live_delivery_makes_one_row(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    sign_with_the_tests_key(sandbox_account)
    events = [make_event("call.answered", leg=str(at)) for at in range(20)]
    for event in events:
        undelivered(sandbox, event)

    def deliver() -> None:
        for event in events:
            assert post_webhook(Client(), sandbox_account, event).status_code == 200
        connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    record = recover(sandbox_account)
    for thread in threads:
        thread.join()
    assert record.state == "done"
    assert sources() == {"webhook": 20}  # a webhook that comes after all is a webhook


@WHOLE
def test_a_fresh_webhook_after_the_recovery_runs_its_rules_once(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    sign_with_the_tests_key(sandbox_account)
    make_flow(sandbox_account, *ANSWERS)
    event = make_event()
    undelivered(sandbox, event)
    recover(sandbox_account)
    assert not CallCommand.objects.exists()
    for _ in range(2):
        assert post_webhook(Client(), sandbox_account, event).status_code == 200
        run_owed()
    assert CallCommand.objects.count() == 1
    assert CallEvent.objects.get().source == "webhook"
    assert recover(sandbox_account).events_recovered == 0
    assert CallEvent.objects.get().source == "webhook"


@WHOLE
def test_of_two_runs_at_once_one_reads(sandbox: Sandbox, sandbox_account: TelnyxAccount, gate: Gate) -> None:
    undelivered(sandbox, make_event())
    other = make_account(name="other", base_url=sandbox.base_url)
    sandbox.faults.add({"method": "GET", "path": "/webhook_deliveries", "fault": "drip", "value": 1})
    found: list[Recovery] = []

    def look() -> None:
        found.append(backfill.recover(sandbox_account, PORTAL))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(found) == 3, "the end of those who find one reading")
    gate.opened.set()
    for thread in threads:
        thread.join()
    eventually(lambda: not Recovery.objects.filter(state="running").exists(), "the end of the run")
    assert len(found) == 4
    assert len(wire(sandbox, "/v2/webhook_deliveries")) == Recovery.objects.count() == 1
    assert CallEvent.objects.count() == 1
    assert recover(other).state == "done"  # another account does not wait


def delivered_odd(**more: Any) -> dict[str, Any]:
    at = timestamp(timezone.now().timestamp() - 600)
    return {"id": "odd", "attempts": [], "started_at": at, "finished_at": at, "status": "failed"} | more


def sign_with_the_tests_key(account: TelnyxAccount) -> None:
    account.public_key = base64.b64encode(bytes(TELNYX_KEY.verify_key)).decode()
    account.save()


@contextmanager
def failing(sandbox: Sandbox, turn: Callable[[], Any]) -> Iterator[None]:
    """Before each page of deliveries ``turn`` is taken; a number is the status of the answer."""
    kept = records.list_page

    def spoiled(store: Any, query: dict[str, str]) -> Any:
        if isinstance(status := turn(), int):
            raise Refused(status, Problem("10007", "Unexpected error", "As asked for."))
        return kept(store, query)

    with patch.object(records, "list_page", spoiled):
        yield
