"""A new sandbox has a few numbers and two profiles."""

from typing import Any
from urllib.parse import quote

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
