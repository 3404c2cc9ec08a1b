"""A list of Telnyx is read whole, up to a bound, and tells whether it was."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.paging import MOST_PAGES, PAGE, read_all, read_pages
from tests.support.telnyx_answers import telnyx_says


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": str(number)} for number in range(count)]


def by_page(*answers: dict[str, Any]) -> Any:
    """Answers of the list by the number of the page that is asked for; past them the last."""

    def said(path: str) -> dict[str, Any]:
        number = int(re.search(r"page(?:%5B|\[)number(?:%5D|\])=(\d+)", path)[1])  # type: ignore[index]
        return answers[min(number, len(answers)) - 1]

    return said


@pytest.mark.parametrize(
    ("answers", "count", "complete", "asked"),
    [
        ([{"data": rows(2), "meta": {"total_pages": 2}}, {"data": rows(1), "meta": {"total_pages": 2}}], 3, True, 2),
        ([{"data": rows(PAGE)}, {"data": rows(3)}], PAGE + 3, True, 2),
        ([{"data": rows(PAGE)}, {"data": []}], PAGE, True, 2),
        ([{"data": rows(PAGE)}], PAGE * MOST_PAGES, False, MOST_PAGES),
        ([{"data": "nothing"}], 0, False, 1),
        ([{"data": [*rows(1), "odd", None]}], 1, True, 1),
        ([{"data": rows(1), "meta": "odd"}], 1, True, 1),
        ([{"data": [], "meta": {"total_pages": 0, "total_results": 0}}], 0, True, 1),
        ([{"data": [], "meta": {"total_pages": 1, "total_results": 2}}], 0, False, 1),
        ([{"data": rows(PAGE), "meta": {"total_pages": 2, "total_results": 300}}, {"data": []}], PAGE, False, 2),
        ([{"data": rows(2), "meta": {"total_pages": 1, "total_results": 3}}], 2, False, 1),
    ],
    ids=[
        *("told", "short page", "exactly one page", "without end", "no list", "odd rows", "odd meta"),
        *("none, and none counted", "none, though some are counted", "a count that the last page does not tell"),
        "fewer than are counted",
    ],
)
def test_a_list_is_read_to_its_end_or_to_the_bound(
    account: TelnyxAccount, answers: list[dict[str, Any]], count: int, complete: bool, asked: int
) -> None:
    with telnyx_says(account, conferences=by_page(*answers)) as listener:
        listing = read_all(account, "conferences.list")
        assert (len(listing.rows), listing.complete, len(listener.requests)) == (count, complete, asked)


def test_no_page_is_begun_once_there_was_time_for_a_slow_one(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page takes five seconds by the portal's clock."""
    with telnyx_says(account, conferences={"data": rows(PAGE), "meta": {"total_pages": 4}}) as listener:
        monkeypatch.setattr(paging, "uptime", lambda: 5.0 * len(listener.requests))
        listing = read_all(account, "conferences.list")
        assert (len(listing.rows), listing.complete, len(listener.requests)) == (2 * PAGE, False, 2)
    with telnyx_says(account, conferences={"data": rows(3), "meta": {"total_pages": 1}}) as listener:
        monkeypatch.setattr(paging, "uptime", lambda: 9.0 * len(listener.requests))
        assert read_all(account, "conferences.list").complete


def test_a_page_tells_the_total_where_telnyx_does(account: TelnyxAccount) -> None:
    told = {"data": rows(1), "meta": {"total_pages": 9, "total_results": 2100}}
    with telnyx_says(account, conferences=told):
        first = next(read_pages(account, "conferences.list"))
        assert (first.total, first.is_last, first.complete) == (2100, False, False)
        assert len(list(read_pages(account, "conferences.list", most=2))) == 2


def test_a_list_without_end_is_asked_for_four_pages_of_250(account: TelnyxAccount) -> None:
    with telnyx_says(account, conferences={"data": rows(250)}) as listener:
        listing = read_all(account, "conferences.list")
    asked = [parse_qs(urlsplit(raw.split(b" ")[1].decode()).query) for raw in listener.requests]
    assert asked == [{"page[number]": [str(number)], "page[size]": ["250"]} for number in range(1, 5)]
    assert (len(listing.rows), listing.complete) == (1000, False)


def test_a_page_of_249_is_the_last_one_where_nothing_is_counted(account: TelnyxAccount) -> None:
    with telnyx_says(account, conferences={"data": rows(249)}) as listener:
        listing = read_all(account, "conferences.list")
    assert (len(listing.rows), listing.complete, len(listener.requests)) == (249, True, 1)


def test_a_page_that_takes_all_the_time_there_is_is_followed_by_none(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with telnyx_says(account, conferences={"data": rows(2), "meta": {"total_pages": 4}}) as listener:
        monkeypatch.setattr(paging, "uptime", lambda: 8.0 * len(listener.requests))
        listing = read_all(account, "conferences.list")
    assert (len(listing.rows), listing.complete, len(listener.requests)) == (2, False, 1)
