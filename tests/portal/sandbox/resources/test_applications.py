"""Pages, filters and sorts of the application lists, and the cursors of active calls."""

from typing import Any
from urllib.parse import quote

import pytest
import telnyx

from tests.support.sandbox_http import Http

pytestmark = pytest.mark.usefixtures("unhurried")
CC, TEXML = "/v2/call_control_applications", "/v2/texml_applications"


def make(http: Http, *names: str, **more: Any) -> list[str]:
    bodies = [{"application_name": name, "webhook_event_url": "https://example.com"} | more for name in names]
    return [http("POST", CC, body)[1]["data"]["id"] for body in bodies]


def names(http: Http, query: str = "") -> list[str]:
    status, answer = http("GET", f"{CC}?{quote(query, safe='=&')}")
    assert status == 200, answer
    return [one["application_name"] for one in answer["data"]]


def test_the_newest_application_comes_first(http: Http) -> None:
    make(http, "first", "second", "third")
    assert names(http) == ["third", "second", "first"]


def test_lists_are_sorted_either_way(http: Http) -> None:
    make(http, "beta", "alpha")
    assert names(http, "sort=connection_name") == ["alpha", "beta"]
    assert names(http, "sort=-connection_name") == ["beta", "alpha"]
    assert names(http, "sort=created_at") == ["beta", "alpha"]


def test_pages_are_numbered_from_one(http: Http) -> None:
    make(http, *[f"app {number:02}" for number in range(21)])
    answer = http("GET", CC)[1]
    assert answer["meta"] == {"page_number": 1, "page_size": 20, "total_pages": 2, "total_results": 21}
    assert names(http, "page[number]=2") == ["app 00"]
    assert names(http, "page[number]=3") == []
    assert len(names(http, "page[size]=250")) == 21


def test_the_sdk_walks_all_pages(http: Http, sdk: telnyx.Telnyx) -> None:
    make(http, *[f"app {number:02}" for number in range(45)])
    assert len(list(sdk.call_control_applications.list())) == 45


@pytest.mark.parametrize(
    "query", ["page[size]=251", "page[size]=0", "page[number]=x", "sort=name", "filter[application_name][contains]=ab"]
)
def test_a_list_that_is_not_documented_is_refused(http: Http, query: str) -> None:
    assert http("GET", f"{CC}?{quote(query, safe='=')}")[0] == 400


def test_names_and_profiles_filter(http: Http) -> None:
    make(http, "Main Router", "other")
    make(http, "dialler", outbound={"outbound_voice_profile_id": "12"})
    assert names(http, "filter[application_name][contains]=rout") == ["Main Router"]
    assert names(http, "filter[outbound.outbound_voice_profile_id]=12") == ["dialler"]


def test_texml_applications_have_their_own_filter_and_page(http: Http) -> None:
    for name in ("menu", "queue"):
        http("POST", TEXML, {"friendly_name": name, "voice_url": "https://example.com"})
    answer = http("GET", f"{TEXML}?filter%5Bfriendly_name%5D=MEN")[1]
    assert [one["friendly_name"] for one in answer["data"]] == ["menu"]
    assert answer["meta"]["page_size"] == 250
    assert http("GET", CC)[1]["data"] == []


def test_an_update_keeps_what_it_does_not_name(http: Http) -> None:
    (id,) = make(http, "a", inbound={"channel_limit": 5, "sip_subdomain": "sub"}, webhook_timeout_secs=9)
    names_ = {"application_name": "b", "webhook_event_url": "https://example.com"}
    changed = http("PATCH", f"{CC}/{id}", names_ | {"inbound": {"channel_limit": None}})[1]["data"]
    assert changed["application_name"] == "b"
    assert changed["webhook_timeout_secs"] == 9
    assert (changed["inbound"]["channel_limit"], changed["inbound"]["sip_subdomain"]) == (None, "sub")


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


def test_active_calls_ignore_page_numbers(http: Http, application: Any) -> None:
    id = http.ring()
    answer = http("GET", f"/v2/connections/{application.id}/active_calls?page[number]=2")[1]
    assert [call["call_control_id"] for call in answer["data"]] == [id]


def test_ended_calls_are_not_active(http: Http, application: Any) -> None:
    http.act(http.ring(), "hangup")
    answer = http("GET", f"/v2/connections/{application.id}/active_calls")[1]
    assert answer["data"] == []
    assert answer["meta"]["next"] is None


def test_an_ended_call_tells_its_end(http: Http, application: Any) -> None:
    id = http.ring()
    http.act(id, "hangup")
    status = http("GET", f"/v2/calls/{id}")[1]["data"]
    assert status["is_alive"] is False
    assert status["end_time"] >= status["start_time"]
