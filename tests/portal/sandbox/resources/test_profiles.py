"""A profile is made, changed and deleted, unless an application uses it; it counts those that do."""

import pytest
import telnyx

from tests.support.sandbox_http import Http, refusal

PATH = "/v2/outbound_voice_profiles"


def test_a_profile_counts_the_applications_that_use_it_and_stays(sdk: telnyx.Telnyx, http: Http) -> None:
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
    assert refusal(http("DELETE", f"{PATH}/{profile.id}")) == (422, "10021", "/id")
    assert http("GET", f"{PATH}/4")[0] == 404


def test_a_profile_is_made_changed_and_deleted_and_who_did_it_is_told(sdk: telnyx.Telnyx, http: Http) -> None:
    made = sdk.outbound_voice_profiles.create(name="sales", whitelisted_destinations=["DE"]).data
    assert made
    assert made.id
    assert (made.enabled, made.whitelisted_destinations) == (True, ["DE"])
    changed = sdk.outbound_voice_profiles.update(
        made.id, name="sales", concurrent_call_limit=2, call_recording={"call_recording_type": "all"}
    ).data
    assert changed
    assert (changed.concurrent_call_limit, changed.whitelisted_destinations) == (2, ["DE"])
    assert changed.call_recording
    assert changed.call_recording.call_recording_channels == "single"  # what was not named is kept
    assert sdk.outbound_voice_profiles.delete(made.id).data == changed
    assert http("GET", f"{PATH}/{made.id}")[0] == 404
    kinds = [one["change_type"] for one in http("GET", "/v2/audit_events")[1]["data"]]
    assert kinds == ["delete", "update", "create"]


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({}, "10004", "/name"),
        ({"name": " "}, "10004", "/name"),
        ({"name": "a", "traffic_type": "loud"}, "10032", "/traffic_type"),
        ({"name": "a", "call_recording": {"call_recording_type": 1}}, "10026", "/call_recording/call_recording_type"),
    ],
)
def test_a_wrong_profile_is_refused(http: Http, body: dict[str, object], code: str, pointer: str) -> None:
    assert refusal(http("POST", PATH, body)) == (422, code, pointer)
