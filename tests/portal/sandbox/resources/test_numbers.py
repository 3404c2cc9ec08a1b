"""Phone numbers and outbound voice profiles at the sandbox."""

from typing import Any
from urllib.parse import quote

import pytest
import telnyx

from portal.sandbox.core.store import Store
from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http

# PhoneNumberDetailed of the public document; the SDK's model has no more that it asks for
MEMBERS = {
    "activated_at", "billing_group_id", "call_forwarding_enabled", "call_recording_enabled", "caller_id_name_enabled",
    "cnam_listing_enabled", "connection_id", "connection_name", "country_iso_alpha2", "created_at",
    "customer_reference", "deletion_lock_enabled", "emergency_address_id", "emergency_enabled", "emergency_status",
    "external_pin", "hd_voice_enabled", "id", "inbound_call_screening", "messaging_profile_id",
    "messaging_profile_name", "phone_number", "phone_number_type", "purchased_at", "record_type", "source_type",
    "status", "t38_fax_gateway_enabled", "tags", "updated_at",
}  # fmt: skip


def numbers(http: Http, query: str = "") -> list[str]:
    status, answer = http("GET", f"/v2/phone_numbers?{quote(query, safe='=&')}")
    assert status == 200, answer
    return [one["phone_number"] for one in answer["data"]]


def test_a_new_sandbox_has_a_few_numbers_and_two_profiles(http: Http, sdk: telnyx.Telnyx) -> None:
    assert numbers(http, "sort=phone_number") == [f"+1312555010{last}" for last in range(6)]
    assert [profile.name for profile in sdk.outbound_voice_profiles.list()] == ["Domestic", "International"]
    assert set(http("GET", "/v2/phone_numbers")[1]["data"][0]) == MEMBERS


def test_the_sdk_takes_numbers_and_changes_them(sdk: telnyx.Telnyx, application: Any) -> None:
    number = next(iter(sdk.phone_numbers.list(filter={"phone_number": "3125550103"})))
    changed = sdk.phone_numbers.update(number.id, connection_id=application.id, tags=["desk"], customer_reference="r")
    assert changed.data
    assert (changed.data.connection_id, changed.data.connection_name) == (application.id, "tests")
    assert sdk.phone_numbers.retrieve(number.id).data == changed.data
    assert [one.id for one in sdk.phone_numbers.list(filter={"connection_id": application.id})] == [number.id]
    assert [one.id for one in sdk.phone_numbers.list(filter={"tag": "desk", "status": "active"})] == [number.id]
    named = {"voice_connection_name": {"contains": "test"}}
    assert [one.id for one in sdk.phone_numbers.list(filter=named)] == [number.id]  # type: ignore[arg-type]


def test_an_empty_connection_unassigns_and_a_foreign_one_is_refused(http: Http, application: Any) -> None:
    at = f"/v2/phone_numbers/{http('GET', '/v2/phone_numbers')[1]['data'][0]['id']}"
    assert http("PATCH", at, {"connection_id": application.id})[1]["data"]["connection_id"] == application.id
    status, answer = http("PATCH", at, {"connection_id": "4"})
    assert (status, answer["errors"][0]["source"]["pointer"]) == (422, "/connection_id")
    assert http("PATCH", at, {"connection_id": None})[0] == 422
    assert http("PATCH", at, {"phone_number": "+1"})[0] == 422
    assert http("GET", at)[1]["data"]["connection_id"] == application.id
    assert http("PATCH", at, {"connection_id": ""})[1]["data"]["connection_id"] is None
    assert http("PATCH", "/v2/phone_numbers/4", {})[0] == 404


def test_deleting_an_application_leaves_its_numbers_unassigned(http: Http, application: Any) -> None:
    at = f"/v2/phone_numbers/{http('GET', '/v2/phone_numbers')[1]['data'][0]['id']}"
    http("PATCH", at, {"connection_id": application.id})
    http("DELETE", f"/v2/call_control_applications/{application.id}")
    assert http("GET", at)[1]["data"]["connection_id"] is None


@pytest.mark.parametrize("query", ["filter[phone_number]=12", "sort=status", "page[size]=251"])
def test_a_list_of_numbers_that_is_not_documented_is_refused(http: Http, query: str) -> None:
    assert http("GET", f"/v2/phone_numbers?{quote(query, safe='=')}")[0] == 400


def test_letters_find_no_number(http: Http) -> None:
    assert numbers(http, "filter[phone_number]=312abc") == []
    assert numbers(http, "filter[phone_number]=+1312555010") == numbers(http)


def test_thousands_of_numbers_can_be_bought_and_are_all_different(http: Http, sdk: telnyx.Telnyx) -> None:
    assert http("POST", "/sandbox/numbers", {"count": 1200})[1] == {"count": 1200, "total": 1206}
    found = [number.phone_number for number in sdk.phone_numbers.list(page_size=250)]
    assert len(found) == len(set(found)) == 1206
    assert http("POST", "/sandbox/numbers", {"count": 0})[0] == 422


def test_a_profile_counts_the_applications_that_use_it(sdk: telnyx.Telnyx, http: Http) -> None:
    profile = next(iter(sdk.outbound_voice_profiles.list(filter={"name": {"contains": "Inter"}})))
    outbound = {"outbound_voice_profile_id": profile.id}
    sdk.call_control_applications.create(
        application_name="a",
        webhook_event_url="https://example.com",
        outbound=outbound,  # type: ignore[arg-type]
    )
    told = sdk.outbound_voice_profiles.retrieve(profile.id or "").data
    assert told
    assert told.connections_count == 1
    assert http("GET", "/v2/outbound_voice_profiles/4")[0] == 404


def test_a_reset_and_an_older_state_have_the_first_numbers_again(sandbox: Sandbox, http: Http, tmp_path: Any) -> None:
    http("POST", "/sandbox/numbers", {"count": 3})
    http("POST", "/sandbox/reset")
    assert len(numbers(http)) == 6
    path = tmp_path / "old.sqlite3"
    store = Store(path)
    store.save_application("call_control_applications", {"id": "1"})
    store._run("DROP TABLE objects")
    store._run("PRAGMA user_version = 1")
    store.close()
    with Sandbox(path) as newer:
        assert len(newer.store.all("phone_numbers")) == 6
        assert newer.store.application("call_control_applications", "1") == {"id": "1"}
