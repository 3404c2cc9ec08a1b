"""Lists are turned page by page."""

from typing import Any
from urllib.parse import quote

import pytest
import telnyx

from tests.support.sandbox_applications import listed_names, make_named
from tests.support.sandbox_http import Http

CC, TEXML = "/v2/call_control_applications", "/v2/texml_applications"


def test_pages_are_numbered_from_one(http: Http) -> None:
    make_named(http, *[f"app {number:02}" for number in range(21)])
    answer = http("GET", CC)[1]
    assert answer["meta"] == {"page_number": 1, "page_size": 20, "total_pages": 2, "total_results": 21}
    assert listed_names(http, "page[number]=2") == ["app 00"]
    assert listed_names(http, "page[number]=3") == []
    assert len(listed_names(http, "page[size]=250")) == 21


def test_the_sdk_walks_all_pages(http: Http, sdk: telnyx.Telnyx) -> None:
    make_named(http, *[f"app {number:02}" for number in range(45)])
    assert len(list(sdk.call_control_applications.list())) == 45


@pytest.mark.parametrize(
    "query", ["page[size]=251", "page[size]=0", "page[number]=x", "sort=name", "filter[application_name][contains]=ab"]
)
def test_a_list_that_is_not_documented_is_refused(http: Http, query: str) -> None:
    assert http("GET", f"{CC}?{quote(query, safe='=')}")[0] == 400


def test_active_calls_are_walked_by_cursor(http: Http, application: Any) -> None:
    ids = [http.ring() for _ in range(5)]
    path, seen = f"/v2/connections/{application.id}/active_calls?page[limit]=2", []
    while path:
        answer = http("GET", path)[1]
        seen += [call["call_control_id"] for call in answer["data"]]
        path = answer["meta"]["next"] and answer["meta"]["next"] + "&page[limit]=2"
    assert seen == ids
    assert answer["meta"]["total_items"] == 5
    before = answer["meta"]["previous"]
    assert [call["call_control_id"] for call in http("GET", before)[1]["data"]] == ids[:4]
