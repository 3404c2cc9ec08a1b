"""Pages of REST lists, by cursor."""

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from portal.rest.document import document
from portal.rest.pagination import Cut
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.rest import problem

ACCOUNTS, CALLS = "/api/v1/accounts/", "/api/v1/calls/"


def test_lists_are_paged_by_cursor(api, account):
    for name in ("a", "b", "c"):
        make_account(name)
    first = api.get(ACCOUNTS, {"page_size": 2}).json()
    assert set(first) == {"next", "previous", "results"}
    assert [row["name"] for row in first["results"]] == ["a", "b"]
    second = api.get(first["next"]).json()
    assert [row["name"] for row in second["results"]] == ["c", "main"]
    assert second["next"] is None
    assert [row["name"] for row in api.get(second["previous"]).json()["results"]] == ["a", "b"]


def test_a_page_has_fifty_rows_unless_told(api, db):
    for number in range(51):
        make_account(f"{number:02}")
    first = api.get(ACCOUNTS).json()
    assert [len(api.get(url).json()["results"]) for url in (ACCOUNTS, first["next"])] == [50, 1]


@pytest.mark.parametrize("size", ["0", "-1", "251", "1e2", "x", "", "9" * 20, "٣"])
def test_a_page_size_out_of_bounds_is_400(api, size):
    assert set(problem(api.get(ACCOUNTS, {"page_size": size}), 400)["errors"]) == {"page_size"}


def cursor_of(*said):
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "cD0=", "§", "A" * 5000, "", cursor_of(), cursor_of("a"), cursor_of(1, "a"), cursor_of(False, 1)),
        *(cursor_of(False, "a", "b"), cursor_of(False, "\x00"), "W1tb" * 400, base64.b64encode(b"{}").decode()),
    ],
)
def test_a_cursor_that_is_not_ours_is_400(api, account, cursor):
    assert set(problem(api.get(ACCOUNTS, {"cursor": cursor}), 400)["errors"]) == {"cursor"}


@pytest.mark.parametrize(
    "values",
    [
        *(("today", str(uuid4())), ("2026-05-22T10:00:00", str(uuid4())), ("2026-05-22T10:00:00Z", "7")),
        *(("0001-01-01T00:00:00+14:00", str(uuid4())), ("", ""), ("None", "None")),
    ],
)
def test_a_cursor_of_another_list_is_400(api, account, values):
    assert set(problem(api.get(CALLS, {"cursor": cursor_of(False, *values)}), 400)["errors"]) == {"cursor"}


def test_a_cursor_past_an_end_shows_nothing_and_leads_back(api, account):
    for name in ("a", "b"):
        make_account(name)
    beyond = api.get(ACCOUNTS, {"cursor": cursor_of(False, "zzz"), "page_size": 2}).json()
    assert (beyond["results"], beyond["next"]) == ([], None)
    assert [row["name"] for row in api.get(beyond["previous"]).json()["results"]] == ["b", "main"]
    before = api.get(ACCOUNTS, {"cursor": cursor_of(True, "A"), "page_size": 2}).json()
    assert (before["results"], before["previous"]) == ([], None)
    assert [row["name"] for row in api.get(before["next"]).json()["results"]] == ["a", "b"]


@pytest.mark.parametrize("direction", ["next", "previous"])
@pytest.mark.parametrize("size", [1, 7, 50])
def test_rows_of_one_moment_come_once_each_while_others_come(api, account, direction, size):
    at, other = datetime(2026, 5, 22, 10, tzinfo=UTC), datetime(2026, 5, 22, 11, tzinfo=UTC)
    there = {make_call(account, uuid4().hex, started_at=at).call_control_id for _ in range(24)}
    there |= {make_call(account, uuid4().hex, started_at=other).call_control_id for _ in range(3)}
    url, seen = CALLS + f"?page_size={size}", []
    if direction == "previous":
        url += f"&cursor={cursor_of(True)}"
    while url:
        page = api.get(url).json()
        seen += [row["call_control_id"] for row in page["results"]]
        url = page[direction]
        for _ in range(2):  # of the same moment, too
            make_call(account, uuid4().hex, started_at=at)
        assert len(seen) < 200
    assert sorted(one for one in seen if one in there) == sorted(there)
    assert len(seen) == len(set(seen))


def test_pages_are_the_same_in_both_directions(api, account):
    for _ in range(11):
        make_call(account, uuid4().hex, started_at=datetime(2026, 5, 22, 10, tzinfo=UTC))
    pages, url = [], CALLS + "?page_size=3"
    while url:
        pages.append(page := api.get(url).json())
        url = page["next"]
    back, url = [], pages[-1]["previous"]
    while url:
        back.append(page := api.get(url).json())
        url = page["previous"]
    assert [page["results"] for page in reversed(back)] == [page["results"] for page in pages[:-1]]


def cut_of(query):
    return Cut.of(Request(APIRequestFactory().get(f"/?{query}")))


def followed(link, rows):
    return cut_of(urlsplit(link).query).page(rows)


def test_what_telnyx_tells_at_once_is_one_page_unless_a_page_is_asked_for():
    rows = range(60)
    assert cut_of("account=main").page(rows) == {"next": None, "previous": None, "results": [*rows]}
    first = cut_of(f"cursor={cursor_of(False, '0')}").page(rows)
    assert (first["results"], first["previous"]) == ([*range(50)], None)
    last = followed(first["next"], rows)
    assert (last["results"], last["next"]) == ([*range(50, 60)], None)


def test_what_telnyx_tells_at_once_is_cut_into_pages_that_lead_to_each_other():
    rows = range(5)
    first = cut_of("account=main&page_size=2").page(rows)
    assert (first["results"], first["previous"]) == ([0, 1], None)
    second = followed(first["next"], rows)
    third = followed(second["next"], rows)
    assert (second["results"], third["results"], third["next"]) == ([2, 3], [4], None)
    assert followed(third["previous"], rows)["results"] == [2, 3]
    assert followed(second["previous"], rows) == first
    assert parse_qs(urlsplit(second["next"]).query).keys() == {"account", "page_size", "cursor"}


def test_a_page_that_ends_with_the_list_leads_nowhere_and_one_that_begins_early_leads_to_its_begin():
    assert cut_of("page_size=5").page(range(5))["next"] is None
    assert cut_of("page_size=4").page(range(5))["next"] is not None
    early = cut_of(f"page_size=2&cursor={cursor_of(False, '1')}").page(range(5))
    assert (early["results"], followed(early["previous"], range(5))["results"]) == ([1, 2], [0, 1])


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "", cursor_of(False), cursor_of(False, None), cursor_of(False, "a"), cursor_of(False, "-1")),
        *(cursor_of(False, "1", "2"), cursor_of(False, ""), cursor_of(False, "1" * 10)),
    ],
)
def test_a_cursor_that_is_no_position_is_refused(cursor):
    with pytest.raises(ValidationError) as caught:
        cut_of(f"cursor={cursor}")
    assert list(caught.value.detail) == ["cursor"]


def test_a_page_of_what_telnyx_tells_at_once_has_the_bounds_of_any():
    with pytest.raises(ValidationError) as caught:
        cut_of("page_size=251")
    assert list(caught.value.detail) == ["page_size"]
    assert len(cut_of("page_size=250").page(range(300))["results"]) == 250


def test_the_document_tells_how_what_telnyx_tells_at_once_is_paged(db):
    parameters = document()["paths"]["/api/v1/active-calls/"]["get"]["parameters"]
    told = {one["name"]: one["schema"]["type"] for one in parameters}
    assert (told["cursor"], told["page_size"]) == ("string", "integer")
