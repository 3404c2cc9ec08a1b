"""Telnyx's list of failed deliveries: read until it is whole, and each counted once and told with its last try."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from portal.models import TelnyxAccount
from portal.telnyx import paging
from tests.support.factories import make_call, make_event
from tests.support.recoveries import NONE_ALIVE, listed, looked, recover
from tests.support.rows import CallEvent, Recovery
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.recovery import backfill, runs

pytestmark = pytest.mark.django_db


def test_what_a_list_that_is_read_once_more_tells_again_is_counted_once(account: TelnyxAccount) -> None:
    first, second = make_event(leg="a"), make_event(leg="b")
    short, whole = listed([(first, 9)]), listed([(first, 9), (second, 9)])
    short["meta"]["total_results"] = 2  # a row has slipped to where nobody looked
    answers = [short, whole]
    record = looked(account, webhook_deliveries=lambda path: answers.pop(0))
    assert (record.state, record.deliveries_read, record.events_recovered) == ("done", 2, 2)
    assert not answers


def test_a_list_that_is_never_whole_is_left_to_the_next_run(account: TelnyxAccount) -> None:
    asked: list[str] = []

    def short(path: str) -> dict[str, Any]:
        asked.append(path)
        told = listed([(make_event(), 9)])
        told["meta"]["total_results"] = 2
        return told

    record = looked(account, webhook_deliveries=short)
    assert (record.state, len(asked)) == ("failed", 12)
    assert record.problem == "Telnyx's list of failed deliveries could not be read whole."
    assert runs.watermark(account) is None


def test_failed_deliveries_are_asked_for_from_a_little_before_the_last_look_to_two_minutes_ago(
    account: TelnyxAccount,
) -> None:
    now, paths = timezone.now(), list[str]()
    done = {"account": account, "state": "done", "started_at": now, "seen_alive_at": now}
    Recovery.objects.create(until=now - timedelta(minutes=10), **done)

    def said(path: str) -> dict[str, Any]:
        paths.append(path)
        return listed([])

    with telnyx_says(account, webhook_deliveries=said, active_calls=NONE_ALIVE):
        assert recover(account, now=now).state == "done"
    (query,) = (parse_qs(urlsplit(path).query) for path in paths)
    begin, end = (now - timedelta(minutes=minutes) for minutes in (25, 2))
    asked = {"status][eq": "failed", "started_at][gte": begin.isoformat(), "finished_at][lte": end.isoformat()}
    assert {name: query[f"filter[{name}]"] for name in asked} == {name: [value] for name, value in asked.items()}


def test_a_list_that_does_not_say_how_long_it_is_is_read_in_parts_when_it_has_no_end(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_MOST_PAGES", 1)
    endless = listed([(make_event(), 9)]) | {"meta": {"total_pages": 2}}
    answers = [endless, listed([])]
    record = looked(account, webhook_deliveries=lambda path: answers.pop(0))
    assert (record.state, answers) == ("done", [])
    assert record.since
    assert record.until
    assert record.until - record.since == (timedelta(hours=24) - timedelta(minutes=2)) / 2


def test_a_row_without_a_webhook_keeps_no_other_from_being_fetched(account: TelnyxAccount) -> None:
    told = listed([(make_event(leg="a"), 9), (make_event(leg="b"), 9)])
    told["data"][0]["webhook"] = None
    record = looked(account, webhook_deliveries=told)
    assert (record.state, record.deliveries_read, record.events_recovered) == ("done", 2, 1)


def tried(*urls: str) -> list[Any]:
    """The attempts of a delivery as Telnyx lists them, the latest first."""
    return [{"http": {"request": {"url": url}}} for url in urls]


@pytest.mark.parametrize(
    ("attempts", "count", "url"),
    [
        (tried("https://portal.example/failover", "https://portal.example/"), 2, "https://portal.example/failover"),
        ([7, *tried("https://portal.example/")], 1, "https://portal.example/"),
        ([{"http": None}], 1, None),
        ([], 0, None),
        ("odd", 0, None),
    ],
)
def test_a_fetched_webhook_says_how_often_it_was_tried_and_where_last(
    account: TelnyxAccount, attempts: Any, count: int, url: str | None
) -> None:
    told = listed([(make_event(), 9)])
    told["data"][0]["attempts"] = attempts
    assert looked(account, webhook_deliveries=told).events_recovered == 1
    event = CallEvent.objects.get()
    assert json.loads(bytes(event.body))["meta"] == {"attempt": count, "delivered_to": url}
    assert event.attempt == (count or None)


@pytest.mark.parametrize(("said", "lost"), [("422 No", 1), ("429 Slow down", 0)])
def test_a_list_that_is_refused_leaves_the_other_steps_and_a_telnyx_that_cannot_be_asked_none(
    account: TelnyxAccount, said: str, lost: int
) -> None:
    make_call(account, started_at=ago(3600), answered_at=ago(3500))
    record = looked(account, webhook_deliveries=said, calls="404 Not Found")
    assert (record.state, bool(record.problem), record.calls_lost) == ("failed", True, lost)


@pytest.mark.parametrize(("meta", "young"), [({}, 2), ({"total_results": 7, "total_pages": 1}, 7)])
def test_those_that_failed_too_lately_are_counted_as_telnyx_does_or_else_by_its_first_page(
    account: TelnyxAccount, meta: dict[str, int], young: int
) -> None:
    after, before, paths = ago(120), ago(5), list[str]()

    def said(path: str) -> dict[str, Any]:
        paths.append(path)
        return {"data": [{}, {}], "meta": meta}

    with telnyx_says(account, webhook_deliveries=said):
        assert backfill.count_young(account, after, before) == young
    (query,) = (parse_qs(urlsplit(path).query) for path in paths)
    asked = {"status][eq": "failed", "finished_at][gte": after.isoformat(), "finished_at][lte": before.isoformat()}
    assert {name: query[f"filter[{name}]"] for name in asked} == {name: [value] for name, value in asked.items()}


def test_a_delivery_that_ended_two_minutes_ago_to_the_moment_is_fetched(account: TelnyxAccount) -> None:
    now, told = timezone.now(), listed([(make_event(), 9)])
    told["data"][0]["finished_at"] = (now - timedelta(minutes=2)).isoformat()
    with telnyx_says(account, webhook_deliveries=told, active_calls=NONE_ALIVE, call_events=listed([])):
        assert recover(account, now=now).events_recovered == 1


@pytest.mark.parametrize(("more", "asked", "read"), [(0, 1, 2), (1, 2, 0)])
def test_a_list_that_just_fits_is_read_at_once_and_of_one_row_more_its_older_half(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, more: int, asked: int, read: int
) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)
    monkeypatch.setattr(backfill, "_MOST_PAGES", 1)
    told, paths = listed([(make_event(leg="a"), 9), (make_event(leg="b"), 9)]), list[str]()
    told["meta"] = {"total_pages": 1, "total_results": 2 + more}

    def said(path: str) -> dict[str, Any]:
        paths.append(path)
        return listed([]) if len(paths) > 1 else told

    record = looked(account, webhook_deliveries=said)
    assert (record.state, len(paths), record.deliveries_read) == ("done", asked, read)


def test_of_more_than_a_hundred_thousand_the_older_half_is_read(account: TelnyxAccount) -> None:
    long = listed([(make_event(), 9)])
    long["meta"] = {"total_pages": 401, "total_results": 100_001}
    answers = [long, listed([])]
    record = looked(account, webhook_deliveries=lambda path: answers.pop(0))
    assert (record.state, record.deliveries_read, answers) == ("done", 0, [])
    assert record.until - record.since == (timedelta(hours=24) - timedelta(minutes=2)) / 2


def test_a_run_that_could_not_be_read_tells_what_it_would_have_looked_through(account: TelnyxAccount) -> None:
    record = looked(account, webhook_deliveries="500 Oops")
    assert record.state == "failed"
    assert record.until - record.since == timedelta(hours=24) - timedelta(minutes=2)
