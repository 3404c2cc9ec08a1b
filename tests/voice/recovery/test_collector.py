"""Telnyx's record of the calls of each application: read whole, or the run says that it was not."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx import paging
from tests.support.factories import CONNECTION, make_event
from tests.support.recoveries import NONE_ALIVE, entry, listed, listing, looked, recover, undelivered
from tests.support.rows import CallEvent, Recovery
from tests.support.telnyx_answers import telnyx_says
from voice.calls import status, telnyx_record
from voice.recovery import runs

pytestmark = pytest.mark.django_db


def ours(account: TelnyxAccount, connection_id: str = CONNECTION) -> None:
    told = {"telnyx_id": connection_id, "webhook_event_url": account.webhook_url}
    CallControlApplication.objects.create(account=account, **told)


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two entries a page, two pages a part: of nine there are several parts."""
    monkeypatch.setattr(paging, "PAGE", 2)
    monkeypatch.setattr(telnyx_record, "_MOST_PAGES", 2)


@pytest.mark.parametrize("said", [{"data": None}, {"data": "oops"}, {}, {"data": [{}] * 250, "meta": {}}])
def test_half_a_record_is_no_whole_run(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    monkeypatch.setattr(telnyx_record, "_MOST_PAGES", 2)
    ours(account)
    record = looked(account, call_events=said)
    assert (record.state, "could not be read whole" in record.problem) == ("failed", True)
    assert runs.watermark(account) is None
    assert looked(account).state == "done"


@pytest.mark.parametrize("said", ["422 No", "500 Oops", {"data": None}])
def test_an_application_whose_record_is_refused_keeps_no_other_from_being_read(
    account: TelnyxAccount, said: Any
) -> None:
    for at in range(15):
        ours(account, f"odd{at}")
    ours(account)
    found = listing(entry(make_event("call.answered", -900), 900))
    record = looked(account, call_events=lambda path: said if "odd" in path else found)
    assert (record.state, bool(record.problem), record.events_recovered) == ("failed", True, 1)


def test_after_a_run_that_was_not_whole_the_record_is_read_once_more(account: TelnyxAccount) -> None:
    ours(account)
    assert looked(account).state == "done"
    missed = {"webhook_deliveries": listed([(make_event("call.initiated", -900), 9)])}
    assert looked(account, call_events={}, **missed).state == "failed"  # it looks, since a delivery had failed
    found = listing(entry(make_event("call.answered", -900), 900))
    record = looked(account, call_events=found, **missed)
    assert (record.state, record.events_recovered) == ("done", 1)


def test_a_record_that_is_longer_than_one_reading_is_read_on(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str, short_pages: None
) -> None:
    ours(sandbox_account, connection_id)
    for at in range(9):
        event = make_event("call.answered", -600 - at, leg=str(at), connection_id=connection_id)
        undelivered(sandbox, event, status=200)
    record = recover(sandbox_account)
    assert (record.state, record.events_recovered) == ("done", 9)


@pytest.mark.parametrize("order", [sorted, lambda found: sorted(found, reverse=True)], ids=["oldest", "newest"])
def test_it_is_read_on_whichever_end_telnyx_begins_with(
    account: TelnyxAccount, short_pages: None, order: Callable[[list[Any]], list[Any]]
) -> None:
    ours(account)
    began = timezone.now() - timedelta(hours=1)
    events = {(began + timedelta(seconds=at)).isoformat(): make_event("call.answered", leg=str(at)) for at in range(9)}

    def told(path: str) -> dict[str, Any]:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        bounds = asked.get("filter[occurred_at][gte]", ""), asked.get("filter[occurred_at][lte]", "9")
        times = order([at for at in events if bounds[0] <= at <= bounds[1]])
        begin = 2 * (int(asked["page[number]"]) - 1)
        rows = [entry(events[at], 900) | {"event_timestamp": at} for at in times[begin : begin + 2]]
        return {"data": rows, "meta": {"total_pages": -(-len(times) // 2)}}

    record = looked(account, call_events=told)
    assert (record.state, record.events_recovered) == ("done", 9)
    assert CallEvent.objects.count() == 9


def test_of_very_many_applications_a_run_asks_for_two_hundred_each_of_them_once(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {"account": account, "webhook_event_url": account.webhook_url}
    CallControlApplication.objects.bulk_create(CallControlApplication(telnyx_id=str(at), **told) for at in range(201))
    of_record, of_live_calls = list[str](), list[str]()

    def record(of: TelnyxAccount, connection_id: str, begin: datetime) -> Iterator[list[dict[str, Any]]]:
        of_record.append(connection_id)
        return iter(())

    def alive(of: TelnyxAccount, connection_id: str, **how: Any) -> paging.Listing:
        of_live_calls.append(connection_id)
        return paging.Listing([], complete=True)

    monkeypatch.setattr(telnyx_record, "of_application", record)
    monkeypatch.setattr(status, "active_calls", alive)
    assert looked(account).state == "done"
    for asked in (of_record, of_live_calls):
        assert (len(asked), len(set(asked))) == (200, 200)


def test_what_telnyx_says_of_several_applications_is_told_once(account: TelnyxAccount) -> None:
    problems = []
    for at in range(2):
        ours(account, f"odd{at}")
        problems.append(looked(account, call_events="422 No").problem)
    assert problems[0]
    assert problems[1] == problems[0]


@pytest.mark.parametrize(("asked", "told"), [(2, 2), (72, 24)])
def test_the_record_is_asked_for_from_then_on_and_of_a_day_at_most(
    account: TelnyxAccount, asked: int, told: int
) -> None:
    ours(account)
    now, paths = timezone.now(), list[str]()
    done = {"account": account, "state": "done", "started_at": now, "seen_alive_at": now}
    Recovery.objects.create(until=now - timedelta(hours=1), **done)

    def said(path: str) -> dict[str, Any]:
        paths.append(path)
        return listing()

    with telnyx_says(account, webhook_deliveries=listed([]), active_calls=NONE_ALIVE, call_events=said):
        assert recover(account, now=now, since=now - timedelta(hours=asked)).state == "done"
    (query,) = (parse_qs(urlsplit(path).query) for path in paths)
    assert query["filter[occurred_at][gte]"] == [(now - timedelta(hours=told)).isoformat()]
    assert (query["filter[connection_id]"], query["filter[type]"]) == ([CONNECTION], ["webhook"])


def test_what_another_account_has_under_the_same_id_is_no_reason_to_leave_it(
    account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    event = make_event("call.answered", -900)
    theirs = CallEvent._default_manager.filter(account=neighbour, event_type="call.answered")
    assert theirs.update(dedupe_key=event["data"]["id"]) == 1
    assert looked(account, webhook_deliveries=listed([(event, 9)])).events_recovered == 1


def test_what_the_record_tells_of_its_delivery_stays_with_the_webhook(account: TelnyxAccount) -> None:
    ours(account)
    told = entry(make_event("call.answered", -900), 900)
    told["metadata"] |= {"attempt": 3, "delivered_to": "https://portal.example/failover", "url": "not asked for"}
    assert looked(account, call_events=listing(told)).events_recovered == 1
    event = CallEvent.objects.get()
    meta = json.loads(bytes(event.body))["meta"]
    assert (event.attempt, meta) == (3, {"attempt": 3, "delivered_to": "https://portal.example/failover"})


@pytest.mark.parametrize(
    ("event_type", "payload", "taken"),
    [
        *((name, {}, 1) for name in ("call.new", "conference.new", "streaming.new", "siprec.new")),
        *((name, {}, 1) for name in ("call_answered", "conference_ended")),  # webhook API version 1
        *((name, {}, 0) for name in ("recall.new", "message.received", "fax.call.failed")),
        *(("oddity.new", {name: "x"}, 1) for name in ("call_control_id", "call_leg_id", "call_session_id")),
        *(("oddity.new", {name: value}, 0) for name, value in (("call_control_id", ""), ("call_id", "x"))),
    ],
)
def test_a_webhook_is_a_calls_by_the_beginning_of_its_type_or_by_an_id_that_it_names(
    account: TelnyxAccount, event_type: str, payload: dict[str, Any], taken: int
) -> None:
    event = make_event()
    event["data"] |= {"event_type": event_type, "payload": payload}
    record = looked(account, webhook_deliveries=listed([(event, 9)]))
    assert (record.state, record.deliveries_read, record.events_recovered) == ("done", 1, taken)


CREATED = {"created_at": "2026-01-02T03:04:05Z"}


@pytest.mark.parametrize(
    ("marks", "without", "status", "reason"),
    [
        ({"event_type": "call_answered"}, "", "quarantined", "old_format"),
        ({"webhook_id": "x"}, "", "quarantined", "old_format"),
        (CREATED, "occurred_at", "quarantined", "old_format"),
        (CREATED, "", "received", ""),
    ],
    ids=["no dots", "webhook_id", "created_at alone", "version 2"],
)
def test_any_mark_of_webhook_api_version_1_is_enough(
    account: TelnyxAccount, marks: dict[str, str], without: str, status: str, reason: str
) -> None:
    event = make_event("call.answered", -900)
    event["data"] |= marks
    event["data"].pop(without, None)
    assert looked(account, webhook_deliveries=listed([(event, 9)])).events_recovered == 1
    stored = CallEvent.objects.get()
    assert (stored.status, stored.reason) == (status, reason)


def test_a_hang_up_that_cannot_be_read_is_no_end_of_a_call(account: TelnyxAccount) -> None:
    event = make_event("call.hangup", -900)
    event["data"]["webhook_id"] = "x"
    record = looked(account, webhook_deliveries=listed([(event, 9)]))
    assert (record.events_recovered, record.calls_ended, CallEvent.objects.get().status) == (1, 0, "quarantined")
