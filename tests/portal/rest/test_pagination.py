"""Pages of REST lists, by cursor."""

import base64

import pytest

from tests.support.accounts import make_account
from tests.support.rest import problem

ACCOUNTS = "/api/v1/accounts/"


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


@pytest.mark.parametrize("size", ["0", "-1", "251", "1e2", "x", "", "9" * 20, "٣"])
def test_a_page_size_out_of_bounds_is_400(api, size):
    assert set(problem(api.get(ACCOUNTS, {"page_size": size}), 400)["errors"]) == {"page_size"}


@pytest.mark.parametrize("cursor", ["x", "cD0=", "§", "A" * 5000])
def test_a_cursor_that_is_not_ours_is_400(api, account, cursor):
    assert set(problem(api.get(ACCOUNTS, {"cursor": cursor}), 400)["errors"]) == {"cursor"}


def test_a_cursor_past_the_end_shows_nothing(api, account):
    response = api.get(ACCOUNTS, {"cursor": base64.b64encode(b"o=99999999999&p=1").decode()})
    assert (response.status_code, response.json()["results"]) == (200, [])
