"""Pages, filters and sorts of the application lists, and the cursors of active calls."""

from tests.support.sandbox_applications import listed_names, make_named
from tests.support.sandbox_http import Http

CC, TEXML = "/v2/call_control_applications", "/v2/texml_applications"


def test_the_newest_application_comes_first(http: Http) -> None:
    make_named(http, "first", "second", "third")
    assert listed_names(http) == ["third", "second", "first"]


def test_lists_are_sorted_either_way(http: Http) -> None:
    make_named(http, "beta", "alpha")
    assert listed_names(http, "sort=connection_name") == ["alpha", "beta"]
    assert listed_names(http, "sort=-connection_name") == ["beta", "alpha"]
    assert listed_names(http, "sort=created_at") == ["beta", "alpha"]


def test_names_and_profiles_filter(http: Http) -> None:
    make_named(http, "Main Router", "other")
    make_named(http, "dialler", outbound={"outbound_voice_profile_id": "12"})
    assert listed_names(http, "filter[application_name][contains]=rout") == ["Main Router"]
    assert listed_names(http, "filter[outbound.outbound_voice_profile_id]=12") == ["dialler"]


def test_texml_applications_have_their_own_filter_and_page(http: Http) -> None:
    for name in ("menu", "queue"):
        http("POST", TEXML, {"friendly_name": name, "voice_url": "https://example.com"})
    answer = http("GET", f"{TEXML}?filter%5Bfriendly_name%5D=MEN")[1]
    assert [one["friendly_name"] for one in answer["data"]] == ["menu"]
    assert answer["meta"]["page_size"] == 250
    assert http("GET", CC)[1]["data"] == []


def test_an_update_keeps_what_it_does_not_name(http: Http) -> None:
    (id,) = make_named(http, "a", inbound={"channel_limit": 5, "sip_subdomain": "sub"}, webhook_timeout_secs=9)
    names_ = {"application_name": "b", "webhook_event_url": "https://example.com"}
    changed = http("PATCH", f"{CC}/{id}", names_ | {"inbound": {"channel_limit": None}})[1]["data"]
    assert changed["application_name"] == "b"
    assert changed["webhook_timeout_secs"] == 9
    assert (changed["inbound"]["channel_limit"], changed["inbound"]["sip_subdomain"]) == (None, "sub")
