"""Telnyx's pages, followed by the query of ``next_page_uri`` alone."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import AuditEvent
from portal.telnyx.errors import TelnyxUnavailable
from portal.telnyx.paging import Listing
from tests.support.rest import api_for, problem
from tests.support.texml_resources import ROOM, SID, URL, parts, telnyx_texml, wired
from voice.calls import search
from voice.catalogue.texml_operations import READS
from voice.texml import requests

pytestmark = pytest.mark.django_db
LISTS = sorted(name for name, one in READS.items() if one.rows)


class Pages:
    """Three pages of a list, whose addresses have all the forms that were met."""

    URIS = (
        "/v2/texml/Accounts/x/Calls.json?Page=1&PageSize=2&PageToken=MTY4",
        "https://elsewhere.example/Accounts/y/Calls?Page=2&PageToken=MTY5",
        None,
    )

    def __init__(self, name: str = "texml.queues.list") -> None:
        self.name = name

    def __call__(self, query: dict[str, str]) -> dict[str, Any]:
        number = int(query.get("Page", 0))
        rows = [{"sid": f"{number}-{at}"} for at in range(2)]
        return {READS[self.name].rows: rows, "next_page_uri": self.URIS[number]}


def served(pages: Any) -> Any:
    """A Telnyx that answers by the query."""
    heard: list[Any] = []
    return heard, telnyx_texml(lambda method, path: pages(parts(heard[0].requests[-1])[2]))


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_read_page_by_page_and_none_is_skipped(name: str) -> None:
    heard, server = served(Pages(name))
    with server as listener:
        heard.append(listener)
        account = wired(listener.url)
        found = requests.read_all(account, name, *["id-1"] * len(READS[name].ids))
        paths = {parts(raw)[1] for raw in listener.requests}
        queries = [parts(raw)[2] for raw in listener.requests]
    assert [row["sid"] for row in found.rows] == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    assert found.complete
    assert len(paths) == 1
    assert all(path.startswith(f"/v2/texml/Accounts/{SID}/") for path in paths)
    assert [query.get("PageToken") for query in queries] == [None, "MTY4", "MTY5"]


def test_filters_stay_though_the_next_address_leaves_them_out() -> None:
    heard, server = served(Pages("texml.calls.list"))
    with server as listener:
        heard.append(listener)
        wanted = {"To": "+13125550001", "StartTime>": "2026-05-22"}
        requests.read_all(wired(listener.url), "texml.calls.list", wanted=wanted)
        for raw in listener.requests:
            assert wanted.items() <= parts(raw)[2].items()
        assert b"StartTime%3E=2026-05-22" in listener.requests[0]


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        *(("?Page=0&PageSize=250", 1), ("?Page=1&PageToken=same", 2), ("/v2/no-query", 1), ("", 1), (7, 1)),
        ("https://[/Queues?Page=1&PageToken=same#", 2),  # no host can be read, and none is wanted
    ],
)
def test_a_list_that_names_itself_as_the_next_page_ends(uri: object, asked: int) -> None:
    with telnyx_texml(lambda method, path: {"queues": [], "next_page_uri": uri}) as server:
        requests.read_all(wired(server.url), "texml.queues.list")
        assert len(server.requests) <= asked + 1


def test_a_conference_without_recordings_has_none() -> None:
    """As in the example of Telnyx's OpenAPI document (``ConferenceRecordingResourceIndex``)."""
    empty = {"start": 0, "end": 0, "page": 0, "page_size": 20, "participants": [], "uri": "/v2/texml/x"}
    with telnyx_texml(lambda method, path: empty) as server:
        account = wired(server.url)
        assert requests.read_all(account, "texml.conferences.recordings", ROOM) == Listing([], complete=True)
        del empty["participants"]
        with pytest.raises(TelnyxUnavailable):
            requests.read_all(account, "texml.conferences.recordings", ROOM)


def test_a_list_without_end_is_read_to_a_bound() -> None:
    count = iter(range(10**6))
    answer = {"queues": [{"sid": "q"}]}
    with telnyx_texml(lambda method, path: {**answer, "next_page_uri": f"?PageToken={next(count)}"}) as server:
        found = requests.read_all(wired(server.url), "texml.queues.list")
        assert (len(server.requests), found.complete) == (requests.MOST_PAGES, False)


def test_rest_follows_the_pages_by_a_cursor_of_ours(api: APIClient) -> None:
    heard, server = served(Pages("texml.queues.list"))
    sids: list[str] = []
    with server as listener:
        heard.append(listener)
        wired(listener.url)
        url: str | None = f"{URL}queues/?page_size=2&DateCreated%3E=2026-05-22"
        while url:
            told = api.get(url).json()
            sids += [row["sid"] for row in told["results"]]
            url = told["next"]
        assert {parts(raw)[2]["DateCreated>"] for raw in listener.requests} == {"2026-05-22"}
        assert parts(listener.requests[0])[2]["PageSize"] == "2"
    assert sids == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]


def test_beside_a_cursor_no_other_filter_is_left_out_in_silence(api: APIClient) -> None:
    heard, server = served(Pages("texml.queues.list"))
    with server as listener:
        heard.append(listener)
        wired(listener.url)
        follows = api.get(f"{URL}queues/?DateCreated%3E=2026-05-22").json()["next"]
        others = [("2026-05-22", "2026-06-01"), ("DateCreated%3E=2026-05-22&", ""), ("cursor=", "page_size=10&cursor=")]
        for other in (follows.replace(*changed) for changed in others):
            assert set(problem(api.get(other), 400)["errors"]) == {"cursor"}, other
        assert len(listener.requests) == 1
        assert api.get(follows).status_code == 200


def test_a_cursor_of_one_call_is_none_of_another(api: APIClient) -> None:
    told = {"recordings": [], "next_page_uri": "/v2/x?Page=1&PageSize=50&PageToken=a", "previous_page_uri": None}
    with telnyx_texml(lambda method, path: told) as server:
        wired(server.url)
        follows = api.get(f"{URL}calls/v3:a-leg/recordings/").json()["next"]
        asked = len(server.requests)
        other = follows.replace("a-leg", "b-leg")
        assert other != follows
        assert set(problem(api.get(other), 400)["errors"]) == {"cursor"}
        assert len(server.requests) == asked
        assert api.get(follows).status_code == 200


@pytest.mark.parametrize("cursor", ["x", "eyJhIjoxfQ:1:2"])
def test_a_cursor_that_is_none_of_ours_is_refused(api: APIClient, cursor: str) -> None:
    wired("http://127.0.0.1:9")
    assert "cursor" in problem(api.get(f"{URL}queues/?cursor={cursor}"), 400)["errors"]


def test_the_previous_page_is_told_where_telnyx_tells_it(api: APIClient) -> None:
    told = {"recordings": [], "next_page_uri": None, "previous_page_uri": "/v2/x?Page=0&PageSize=50&PageToken=a"}
    with telnyx_texml(lambda method, path: told) as server:
        wired(server.url)
        assert "cursor=" in api.get(f"{URL}recordings/").json()["previous"]


def test_who_may_see_no_whole_number_pieces_none_together_by_filters(user_with: Any) -> None:
    with telnyx_texml() as server:
        wired(server.url)
        api = api_for(user_with("voice.view_call"))
        assert api.get(f"{URL}calls/", {"To": "+13125550001"}).status_code == 200
        before = len(server.requests)
        assert "exactly four last digits" in str(problem(api.get(f"{URL}calls/", {"From": "+1312"}), 400)["errors"])
        told = [api.get(f"{URL}calls/", {"To": f"+1312555000{at % 10}"}).status_code for at in range(search.PER_MINUTE)]
    assert (told[-1], len(server.requests) > before) == (429, True)
    assert AuditEvent.objects.filter(action="call.search").count() == search.PER_MINUTE + 1
