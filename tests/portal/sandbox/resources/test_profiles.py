"""A profile counts the applications that use it."""

import telnyx

from tests.support.sandbox_http import Http


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
