"""Which events are meant, and how many that are."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.events import receive
from tests.support.factories import CONNECTION, make_event
from tests.support.replay_pages import NEW, look, text
from tests.support.rows import Call, CallEvent, Replay
from voice.replay import runs
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db


@pytest.mark.alone("it counts the events of every account")
def test_on_a_large_table_a_count_reads_the_newest_and_says_so(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    first, last = CallEvent.objects.order_by("received_at")
    with CaptureQueriesContext(connection) as told:
        shown = text(browser.post(NEW, {"event_types": first.event_type}))
    assert "0 are like that; older ones are not counted here" in shown
    read = [one["sql"] for one in told if '"event_type" =' in one["sql"]]
    assert read
    assert all('"received_at" >' in sql for sql in read)
    assert "1 is like that; older ones are not counted here" in text(
        browser.post(NEW, {"event_types": last.event_type})
    )
    for exact in ({"ids": str(first.pk)}, {"event_types": first.event_type, "received_until": str(first.received_at)}):
        assert "1 event is like that." in text(browser.post(NEW, exact))
    assert "2 events are like that." in text(browser.post(NEW, {"statuses": "processed"}))


@pytest.mark.alone("it counts the events of every account")
@pytest.mark.parametrize(
    "asked",
    [
        {"application": CONNECTION},
        {"sources": "webhook"},
        {"occurred_from": "1d"},
        {"occurred_until": "0m"},
        {"session": str(uuid.uuid5(uuid.NAMESPACE_URL, "session"))},
    ],
)
def test_whatever_no_index_finds_is_counted_among_the_newest_of_a_large_table(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    assert "2 events are like that." in text(browser.post(NEW, asked))
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    assert "1 is like that; older ones are not counted here" in text(browser.post(NEW, asked))


@pytest.mark.alone("it counts the events of every account")
def test_on_a_large_table_all_that_came_since_is_counted_where_that_is_little(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    last = CallEvent.objects.latest("received_at")
    asked = {"event_types": last.event_type, "received_from": str(last.received_at)}
    assert "1 event is like that." in text(browser.post(NEW, asked))


@pytest.mark.alone("it counts the events of every account")
@pytest.mark.parametrize(
    ("most", "said"), [(1, "1+ events are like that."), (2, "2 are like that; older ones are not counted here")]
)
def test_on_a_large_table_older_ones_are_spoken_of_unless_the_newest_are_too_many_to_be_counted(
    browser: Client,
    wrong_call: Call,
    account: TelnyxAccount,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    said: str,
) -> None:
    receive(account, make_event("call.answered", -10))
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 2)
    monkeypatch.setattr("voice.replay.selection.MOST_COUNTED", most)
    assert said in text(browser.post(NEW, {"sources": "webhook"}))
    look(browser, sources="webhook")
    assert Replay.objects.get().state == "looking"  # a worker's, since neither count is of all


def test_events_that_are_named_are_counted_in_a_large_table_too(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    first = CallEvent.objects.earliest("received_at")
    asked = {"ids": str(first.pk), "event_types": first.event_type}
    assert "1 event is like that." in text(browser.post(NEW, asked))


def test_telnyx_s_id_of_an_event_is_found_by_the_account_s_index(account: TelnyxAccount) -> None:
    """That index begins with the account: by the id alone the whole of it would be read."""
    (event,) = receive(account, make_event())
    found = Selection(ids=(str(event.event_id),)).rows()
    assert list(found) == [event]
    plan = found.explain()
    assert any("account_id" in line and "dedupe_key" in line for line in plan.splitlines()), plan


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("call.answered", {"call.answered"}),
        ("call.*", {"call.answered", "call.hangup", "call.speak.ended"}),
        ("*.ended", {"call.speak.ended", "conference.ended"}),
        ("*speak*", {"call.speak.ended"}),
        ("answered", set()),
    ],
)
def test_a_star_stands_for_what_comes_before_or_after(account: TelnyxAccount, pattern: str, found: set[str]) -> None:
    types = ("call.answered", "call.hangup", "call.speak.ended", "conference.ended")
    receive(account, *(make_event(event_type) for event_type in types))
    rows = CallEvent.objects.filter(pk__in=Selection(event_types=(pattern,)).rows())
    assert set(rows.values_list("event_type", flat=True)) == found


AT, TICK = datetime(2026, 6, 1, 8, tzinfo=UTC), timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("members", "otherwise"),
    [
        ({"account": "main"}, {}),
        ({"connection_id": "1"}, {"connection_id": "2"}),
        ({"event_types": ("call.answered",)}, {"event_type": "call.bridged"}),
        ({"statuses": ("dead", "processed")}, {"status": "ignored"}),
        ({"sources": ("texml", "webhook")}, {"source": "backfill"}),
        ({"received_from": AT}, {"received_at": AT - TICK}),
        ({"received_until": AT}, {"received_at": AT + TICK}),
        ({"occurred_from": AT}, {"occurred_at": AT - TICK}),
        ({"occurred_until": AT}, {"occurred_at": AT + TICK}),
        ({"call_control_id": "v3:one"}, {"call_control_id": "v3:two"}),
        ({"call_session_id": "one"}, {"call_session_id": "two"}),
    ],
)
def test_each_member_keeps_out_what_is_otherwise_also_when_it_was_kept(
    account: TelnyxAccount, neighbour: TelnyxAccount, members: dict[str, Any], otherwise: dict[str, Any]
) -> None:
    told: dict[str, Any] = {"event_type": "call.answered", "status": "processed", "source": "webhook", "body": b"{}"}
    told |= {"connection_id": "1", "call_control_id": "v3:one", "call_session_id": "one"}
    told |= {"received_at": AT, "occurred_at": AT}
    wanted = CallEvent.objects.create(account=account, dedupe_key="wanted", **told)
    of = account if otherwise else neighbour
    other = CallEvent.objects.create(account=of, dedupe_key="other", **told | otherwise)
    kept = json.loads(json.dumps(Selection(**members).as_json()))
    for selection in (Selection(**members), Selection.from_json(kept)):
        assert list(selection.rows().filter(pk__in=(wanted.pk, other.pk))) == [wanted]


def test_what_is_given_on_the_form_is_what_is_kept(browser: Client, account: TelnyxAccount) -> None:
    identifier = "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0"
    moments = ("2026-06-01 08:00", "2026-06-02", "2026-06-03T08:00:30+02:00", "2026-06-04 08:00")
    names = ("received_from", "received_until", "occurred_from", "occurred_until")
    given = {"event_types": "call.answered, *.ended", "statuses": ["dead", "ignored"], "sources": ["texml"]}
    given |= {"application": "77", "call": "v3:one", "session": "one", "ids": identifier}
    look(browser, **given, **dict(zip(names, moments, strict=True)))
    assert Selection.from_json(Replay.objects.get().selection) == Selection(
        account="main",
        connection_id="77",
        event_types=("call.answered", "*.ended"),
        statuses=("dead", "ignored"),
        sources=("texml",),
        received_from=datetime(2026, 6, 1, 8, tzinfo=UTC),
        received_until=datetime(2026, 6, 2, tzinfo=UTC),
        occurred_from=datetime(2026, 6, 3, 6, 0, 30, tzinfo=UTC),
        occurred_until=datetime(2026, 6, 4, 8, tzinfo=UTC),
        call_control_id="v3:one",
        call_session_id="one",
        ids=(identifier,),
    )


@pytest.mark.parametrize(
    ("age", "span"), [("90m", timedelta(minutes=90)), ("2 h", timedelta(hours=2)), ("7d", timedelta(days=7))]
)
def test_an_age_is_counted_back_from_now(browser: Client, account: TelnyxAccount, age: str, span: timedelta) -> None:
    before = timezone.now()
    look(browser, received_from=age)
    begun = Selection.from_json(Replay.objects.get().selection).received_from
    assert begun is not None
    assert before - span <= begun <= timezone.now() - span


def test_what_takes_long_to_find_is_looked_for_by_a_worker_and_not_by_the_page(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    page = look(browser, event_types="call.hangup")
    row = Replay.objects.get()
    assert (row.state, row.total, runs.is_due(row.pk)) == ("looking", None, True)
    runs.work(row.pk, 5)
    assert "Calls 1 would change" in text(browser.get(page))


@pytest.mark.parametrize(("most", "said", "state"), [(1, "1+ events are", "looking"), (2, "2 events are", "ready")])
def test_of_very_many_events_a_count_says_that_there_are_more_and_a_worker_looks_at_them(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch, most: int, said: str, state: str
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_COUNTED", most)
    assert f"{said} like that." in text(browser.post(NEW, {"account": "main"}))
    look(browser)
    assert Replay.objects.get().state == state


@pytest.mark.parametrize(("number", "said"), [(1000, "1,000 events are"), (1001, "1,000+ events are")])
def test_a_thousand_events_are_counted_and_of_one_more_it_is_said_that_there_are_more(
    browser: Client, account: TelnyxAccount, number: int, said: str
) -> None:
    told: dict[str, Any] = {"account": account, "event_type": "call.answered", "status": "processed", "body": b"{}"}
    told |= {"source": "webhook", "received_at": AT}
    CallEvent.objects.bulk_create(CallEvent(dedupe_key=str(at), **told) for at in range(number))
    assert f"{said} like that." in text(browser.post(NEW, {"account": "main"}))


def test_the_events_of_one_call_are_counted_in_a_large_table_too(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    asked = {"account": "main", "call": wrong_call.call_control_id, "event_types": "call.initiated"}
    assert "1 event is like that." in text(browser.post(NEW, asked))


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (["dead", "ignored", "processed"], "status dead, ignored, processed"),
        (["dead", "ignored", "processed", "quarantined"], "status 4 chosen"),
    ],
)
def test_what_is_chosen_is_named_and_of_much_how_many(
    browser: Client, account: TelnyxAccount, statuses: list[str], said: str
) -> None:
    assert said in text(browser.get(look(browser, statuses=statuses)))


def test_of_a_large_table_it_is_said_how_many_of_its_newest_events_are_counted(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    assert "Of the newest 50,000 events" in text(browser.post(NEW, {"sources": "webhook"}))
