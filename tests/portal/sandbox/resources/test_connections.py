"""Applications of both kinds are connections as well."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_applications import make_named
from tests.support.sandbox_http import Http, refusal

TEXML = {"friendly_name": "menu", "voice_url": "https://example.com/voice"}


def test_both_kinds_are_listed_retrieved_and_counted(http: Http, sdk: telnyx.Telnyx) -> None:
    (id,) = make_named(http, "router")
    other = http("POST", "/v2/texml_applications", TEXML)[1]["data"]["id"]
    assert [(one.id, one.connection_name) for one in sdk.connections.list()] == [(other, "menu"), (id, "router")]
    assert [one.id for one in sdk.connections.list(sort="connection_name")] == [other, id]
    found = sdk.connections.retrieve(other).data
    assert found
    assert (found.record_type, found.webhook_event_url) == ("texml_application", TEXML["voice_url"])
    counts = sdk.connections.retrieve_count().data.counts
    assert (counts.call_control_applications, counts.texml_applications, counts.fqdn_connections) == (1, 1, 0)


@pytest.mark.parametrize(
    ("query", "names"),
    [("filter[connection_name][contains]=OUT", ["router"]), ("filter[outbound_voice_profile_id]=1", [])],
)
def test_they_are_narrowed(http: Http, query: str, names: list[str]) -> None:
    make_named(http, "router", "menu")
    found: Any = http("GET", f"/v2/connections?{query}")[1]["data"]
    assert [one["connection_name"] for one in found] == names


def test_what_makes_no_sense_is_refused(http: Http) -> None:
    assert refusal(http("GET", "/v2/connections?sort=colour")) == (400, "10015", "/sort")
    assert refusal(http("GET", "/v2/connections?filter[connection_name][contains]=x"))[:2] == (400, "10031")
    assert refusal(http("GET", "/v2/connections/1"))[:2] == (404, "10005")
