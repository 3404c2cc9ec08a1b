"""Every answer and every event has the members that Telnyx documents, and the official SDK takes all of them.

Members are those of the examples and schemas in Telnyx's public OpenAPI document (its ``paths`` and ``webhooks``),
named beside each set; the document itself is not part of this project.
"""

from typing import Any

import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver

# GET /call_control_applications, example of the response
CALL_CONTROL = [
    "id",
    "record_type",
    "application_name",
    "active",
    "anchorsite_override",
    "call_cost_in_webhooks",
    "created_at",
    "dtmf_type",
    "first_command_timeout",
    "first_command_timeout_secs",
    "inbound",
    "outbound",
    "redact_dtmf_debug_logging",
    "updated_at",
    "webhook_api_version",
    "webhook_event_failover_url",
    "webhook_event_url",
    "webhook_timeout_secs",
    "tags",
]
# GET /texml_applications, example of the response
TEXML = [
    "id",
    "record_type",
    "friendly_name",
    "active",
    "anchorsite_override",
    "call_cost_in_webhooks",
    "created_at",
    "dtmf_type",
    "first_command_timeout",
    "first_command_timeout_secs",
    "inbound",
    "outbound",
    "status_callback",
    "status_callback_method",
    "tags",
    "updated_at",
    "voice_fallback_url",
    "voice_method",
    "voice_url",
]
INBOUND = ["channel_limit", "shaken_stir_enabled", "sip_subdomain", "sip_subdomain_receive_settings"]
OUTBOUND = ["channel_limit", "outbound_voice_profile_id"]
LIST_META = ["page_number", "page_size", "total_pages", "total_results"]
# POST /calls and GET /calls/{call_control_id}, examples of the responses
STATUS = [
    "call_control_id",
    "call_duration",
    "call_leg_id",
    "call_session_id",
    "client_state",
    "end_time",
    "is_alive",
    "record_type",
    "start_time",
]
DIAL = [*STATUS, "recording_id"]
# GET /connections/{connection_id}/active_calls
ACTIVE = ["call_control_id", "call_duration", "call_leg_id", "call_session_id", "client_state", "record_type"]
CURSOR_META = ["cursors", "next", "previous", "total_items"]

EVENT = ["event_type", "id", "occurred_at", "payload", "record_type"]
COMMON = ["call_control_id", "call_leg_id", "call_session_id", "client_state", "connection_id"]
NUMBERS = ["from", "to"]
HEADERS = ["custom_headers", "sip_headers", "tags", "start_time", "state"]
# webhooks callInitiated, callAnswered, callBridged, callHangup, callSpeakStarted … callCost: schema of the payload
PAYLOADS = {
    "call.initiated": [
        *COMMON,
        *NUMBERS,
        *HEADERS,
        *[
            "call_screening_result",
            "caller_id_name",
            "connection_codecs",
            "direction",
            "offered_codecs",
            "shaken_stir_attestation",
            "shaken_stir_validated",
        ],
    ],
    "call.answered": [*COMMON, *NUMBERS, *HEADERS],
    "call.bridged": [*COMMON, *NUMBERS, "bridged_call_control_id"],  # the last one as seen in production
    "call.hangup": [
        *COMMON,
        *NUMBERS,
        *HEADERS,
        *[
            "call_quality_stats",
            "hangup_cause",
            "hangup_source",
            "sip_hangup_cause",
            "end_time",
            "calling_party_type",
            "telnyx_error",
        ],
    ],
    "call.speak.started": COMMON,
    "call.speak.ended": [*COMMON, "status"],
    "call.gather.ended": [*COMMON, *NUMBERS, "digits", "status"],
    "call.dtmf.received": [*COMMON, *NUMBERS, "digit"],
    "call.playback.started": [*COMMON, "media_name", "media_url", "overlay"],
    "call.playback.ended": [*COMMON, "media_name", "media_url", "overlay", "status", "status_detail"],
    "call.machine.detection.ended": [*COMMON, *NUMBERS, "result"],
    "call.cost": [
        *COMMON,
        *["billed_duration_secs", "billing_group_id", "cost_parts", "occurred_at", "status", "total_cost"],
    ],
}
QUALITY = {
    "inbound": ["jitter_max_variance", "jitter_packet_count", "mos", "packet_count", "skip_packet_count"],
    "outbound": ["packet_count", "skip_packet_count"],
}


def assert_members(value: dict[str, Any], *expected: str) -> None:
    assert sorted(value) == sorted(expected)


def test_the_sdk_takes_every_answer_about_call_control_applications(sdk: telnyx.Telnyx) -> None:
    names = {"application_name": "router", "webhook_event_url": "https://example.com/hooks"}
    made = sdk.call_control_applications.create(**names, inbound={"channel_limit": 3}, webhook_api_version="2").data
    assert made
    assert made.id
    assert made.inbound
    assert made.inbound.channel_limit == 3
    changed = sdk.call_control_applications.update(made.id, **names, tags=["one"]).data
    assert changed
    assert changed.tags == ["one"]
    assert sdk.call_control_applications.retrieve(made.id).data == changed
    assert list(sdk.call_control_applications.list()) == [changed]
    assert sdk.call_control_applications.delete(made.id).data == changed
    assert list(sdk.call_control_applications.list()) == []


def test_the_sdk_takes_every_answer_about_texml_applications(sdk: telnyx.Telnyx) -> None:
    names = {"friendly_name": "menu", "voice_url": "https://example.com/voice"}
    made = sdk.texml_applications.create(**names, tags=["one"], voice_method="get").data
    assert made
    assert made.id
    changed = sdk.texml_applications.update(made.id, **names, active=False).data
    assert changed
    assert changed.tags == ["one"]
    assert changed.active is False
    assert sdk.texml_applications.retrieve(made.id).data == changed
    assert list(sdk.texml_applications.list()) == [changed]
    assert sdk.texml_applications.delete(made.id).data == changed


def test_the_sdk_takes_every_answer_about_calls(sdk: telnyx.Telnyx, application: Any, http: Http) -> None:
    dialled = sdk.calls.dial(connection_id=application.id, from_="+13125550100", to="+13125550101").data
    assert dialled
    assert dialled.is_alive is False
    status = sdk.calls.retrieve_status(dialled.call_control_id).data
    assert status
    assert status.is_alive is True
    id, do = http.ring("transferred"), sdk.calls.actions
    results = [
        do.answer(id),
        do.speak(id, payload="hello", voice="female"),
        do.stop_playback(id),
        do.start_playback(id, audio_url="http://example.com/a.wav"),
        do.gather(id),
        do.stop_gather(id),
        do.gather_using_speak(id, payload="press", voice="female"),
        do.send_dtmf(id, digits="1"),
        do.update_client_state(id, client_state="aGk="),
        do.transfer(id, to="+13125550001"),
        do.hangup(id),
        do.reject(http.ring(), cause="USER_BUSY"),
    ]
    assert {result.data.result for result in results if result.data} == {"ok"}


def test_the_sdk_takes_a_bridge(sdk: telnyx.Telnyx, application: Any, http: Http) -> None:
    one, other = http.ring("transferred"), http.ring("transferred")
    sdk.calls.actions.answer(one)
    sdk.calls.actions.answer(other)
    result = sdk.calls.actions.bridge(one, call_control_id_to_bridge_with=other)
    assert result.data
    assert result.data.result == "ok"


def test_applications_have_the_documented_members(http: Http) -> None:
    body = {"application_name": "a", "webhook_event_url": "https://example.com"}
    status, answer = http("POST", "/v2/call_control_applications", body)
    assert status == 201
    assert_members(answer["data"], *CALL_CONTROL)
    assert_members(answer["data"]["inbound"], *INBOUND)
    assert_members(answer["data"]["outbound"], *OUTBOUND)
    assert_members(http("GET", "/v2/call_control_applications")[1]["meta"], *LIST_META)
    status, answer = http("POST", "/v2/texml_applications", {"friendly_name": "a", "voice_url": "https://example.com"})
    assert status == 201
    assert_members(answer["data"], *TEXML)
    assert_members(http("GET", "/v2/texml_applications")[1]["meta"], *LIST_META)


def test_applications_start_with_telnyx_defaults(http: Http) -> None:
    body = {"application_name": "a", "webhook_event_url": "https://example.com"}
    made = http("POST", "/v2/call_control_applications", body)[1]["data"]
    assert made["webhook_api_version"] == "1"
    assert made["inbound"]["channel_limit"] is None
    assert made["webhook_event_failover_url"] == ""
    assert made["id"].isdigit()
    assert int(made["id"]) < 2**63


def test_calls_have_the_documented_members(http: Http, application: Any) -> None:
    body = {"connection_id": application.id, "from": "+13125550100", "to": "+13125550101"}
    dialled = http("POST", "/v2/calls", body)[1]["data"]
    assert_members(dialled, *DIAL)
    assert_members(http("GET", f"/v2/calls/{dialled['call_control_id']}")[1]["data"], *STATUS)
    live = http("GET", f"/v2/connections/{application.id}/active_calls")[1]
    assert_members(live["data"][0], *ACTIVE)
    assert_members(live["meta"], *CURSOR_META)
    assert_members(live["meta"]["cursors"], "after", "before")


def test_events_have_the_documented_members(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    application = make_application(sdk, receiver, call_cost_in_webhooks=True)
    play_everything(sdk, http, receiver, application.id)
    seen = {hook.type: hook for hook in receiver.hooks}
    assert sorted(seen) == sorted(PAYLOADS)
    for hook in receiver.hooks:
        assert_members(hook.body, "data", "meta")
        assert_members(hook.body["meta"], "attempt", "delivered_to")
        assert_members(hook.event, *EVENT)
        assert_members(hook.payload, *PAYLOADS[hook.type])
    quality = seen["call.hangup"].payload["call_quality_stats"]
    assert {side: sorted(members) for side, members in quality.items()} == {k: sorted(v) for k, v in QUALITY.items()}


def test_the_sdk_verifies_and_names_every_event(
    sdk: telnyx.Telnyx, http: Http, receiver: Receiver, sandbox: Sandbox
) -> None:
    application = make_application(sdk, receiver, call_cost_in_webhooks=True)
    play_everything(sdk, http, receiver, application.id)
    for hook in receiver.hooks:
        event = sdk.webhooks.unwrap(hook.raw.decode(), headers=dict(hook.headers), key=sandbox.public_key)
        assert event.data.event_type == hook.type  # the SDK turns what it does not know into another class


def play_everything(sdk: telnyx.Telnyx, http: Http, receiver: Receiver, connection_id: str) -> None:
    """Calls that bring every kind of event there is."""
    id, do = http.ring("ivr", connection_id=connection_id), sdk.calls.actions
    do.answer(id)
    do.speak(id, payload="hello", voice="female")
    receiver.wait("call.speak.ended", id)
    do.start_playback(id, audio_url="http://example.com/a.wav")
    receiver.wait("call.playback.ended", id)
    do.gather(id, maximum_digits=1)
    receiver.wait("call.gather.ended", id)
    do.transfer(id, to="+13125550005", answering_machine_detection="detect")
    receiver.wait("call.machine.detection.ended")
    receiver.wait("call.cost", count=2)
    http.end(id)
