"""Pages are counted from zero, and the address of the next one is only good for its query."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import telnyx

from portal.sandbox.resources.audit import ORGANIZATION
from tests.support.sandbox_http import refusal
from tests.support.sandbox_texml import Account


@pytest.fixture
def queues(account: Account) -> list[str]:
    names = [f"queue-{at}" for at in range(5)]
    for name in names:
        assert account("POST", "Queues", {"FriendlyName": name})[0] == 200
    return names


def names(answer: tuple[int, Any]) -> list[str]:
    assert answer[0] == 200, answer
    return [queue["sid"] for queue in answer[1]["queues"]]


def test_a_page_tells_where_it_is(account: Account, queues: list[str]) -> None:
    page = account("GET", "Queues", query="PageSize=2&Page=1")[1]
    assert [queue["sid"] for queue in page["queues"]] == queues[2:4]
    assert (page["page"], page["page_size"], page["start"], page["end"]) == (1, 2, 2, 3)
    assert page["first_page_uri"].endswith("Queues.json?Page=0&PageSize=2")
    first = account("GET", "Queues")[1]
    assert (first["page"], first["page_size"], first["start"], first["end"]) == (0, 20, 0, 4)
    assert "next_page_uri" not in first


def test_the_query_of_the_next_page_leads_through_all(account: Account, queues: list[str]) -> None:
    query, seen = "PageSize=2", []
    while query:
        status, page = account("GET", "Queues", query=query)
        assert status == 200
        seen += [queue["sid"] for queue in page["queues"]]
        query = urlsplit(page.get("next_page_uri", "")).query
    assert seen == queues


def test_a_token_holds_its_place_when_rows_go(account: Account, queues: list[str]) -> None:
    query = urlsplit(account("GET", "Queues", query="PageSize=2")[1]["next_page_uri"]).query
    assert account("DELETE", f"Queues/{queues[0]}")[0] == 204
    assert names(account("GET", "Queues", query=query)) == queues[2:4]
    # without the token the page would begin one later
    assert names(account("GET", "Queues", query="PageSize=2&Page=1")) == queues[3:]


def test_the_next_page_is_written_in_several_ways(account: Account, queues: list[str]) -> None:
    account.dial()
    account.dial()
    account.participant("one")
    account.participant("two")
    found = {
        name: account("GET", name, query="PageSize=1")[1]["next_page_uri"].partition("?")[0]
        for name in ("Calls", "Conferences", "Queues")
    }
    assert found == {
        "Calls": f"/v2/texml/Accounts/{ORGANIZATION}/Calls.json",
        "Conferences": f"/v2/texml/Accounts/{ORGANIZATION}/Conferences.json",
        "Queues": f"/Accounts/{ORGANIZATION}/Queues.json",
    }
    sid = account.dial()
    for _ in range(2):
        assert account("POST", f"Calls/{sid}/Recordings.json", {})[0] == 200
    address = urlsplit(account("GET", f"Calls/{sid}/Recordings.json", query="PageSize=1")[1]["next_page_uri"])
    assert (address.scheme, address.hostname) == ("http", "127.0.0.1")
    assert parse_qs(address.query)["Page"] == ["1"]


def test_the_sdks_own_pager_skips_a_page(sdk: telnyx.Telnyx, account: Account, queues: list[str]) -> None:
    """It asks for no page, then for page 2, and takes the addresses for nothing: whoever pages must not use it."""
    found = list(sdk.texml.accounts.queues.list(ORGANIZATION, page_size=2))
    assert [queue.sid for queue in found] == queues[:2] + queues[4:]


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ("Page=one", "10026", "/Page"),
        ("Page=-1", "10026", "/Page"),
        ("PageSize=0", "10026", "/PageSize"),
        ("PageToken=%25", "10015", "/PageToken"),
        ("PageToken=", "10015", "/PageToken"),
        ("PageToken=b25l", "10015", "/PageToken"),
        ("DateCreated=yesterday", "10015", "/DateCreated"),
        ("DateUpdated%3E=2023-13-01", "10015", "/DateUpdated>"),
        ("DateCreated=", "10015", "/DateCreated"),
    ],
)
def test_nonsense_is_refused(account: Account, query: str, code: str, pointer: str) -> None:
    assert account("POST", "Queues", {"FriendlyName": "one"})[0] == 200
    assert refusal(account("GET", "Queues", query=query)) == (422, code, pointer)


@pytest.mark.parametrize("query", ["PageSize=100000", "Page=7", "PageSize=1000&Page=999999999"])
def test_too_much_is_no_fault(account: Account, queues: list[str], query: str) -> None:
    status, page = account("GET", "Queues", query=query)
    assert (status, page["page_size"] <= 1000) == (200, True)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("DateCreated%3E=2020-01-01", 5),  # as the SDK would send it: the name holds the sign
        ("DateCreated>=2020-01-01", 5),  # as the document writes it
        ("DateCreated=%3E%3D2020-01-01", 5),  # the value holds it
        ("DateCreated=%3C2020-01-01", 0),
        ("DateCreated%3C=2020-01-01", 0),
        ("DateCreated=2020-01-01", 0),
        ("DateUpdated%3E=2020-01-01&DateCreated%3C=2999-01-01", 5),
        ("DateUpdated%3E=2999-01-01T00:00:00Z", 0),
    ],
)
def test_days_are_compared(account: Account, queues: list[str], query: str, found: int) -> None:
    assert len(names(account("GET", "Queues", query=query))) == found
