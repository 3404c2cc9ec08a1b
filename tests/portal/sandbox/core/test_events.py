"""Every event that the sandbox can bring is one that the SDK verifies, names, and has the members of."""

from typing import Any

import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.polling import eventually
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Hook, Receiver

# seen on the wire or told in a command's text, and in no schema
BEYOND = {
    "call.hangup": {"calling_party_type", "end_time", "telnyx_error"},  # the last seen on the wire, in no spec
    "call.bridged": {"bridged_call_control_id"},  # seen in production
    "call.recording.saved": {"call_control_id", "recording_id", "format", "from", "to"},
}
# what the schema has and only some have: a card's and an account's data above all, which are never told
CARD = {"payment_card_number", "payment_card_postal_code", "payment_card_type", "expiration_date", "security_code"}
BANK = {"bank_account_number", "bank_account_type", "bank_routing_number"}
WITHOUT = {
    "call.payment.progress": CARD | BANK,
    "call.payment.completed": CARD | BANK,
}
# the SDK takes these for something else: one has no schema, the other none under ``data``
UNKNOWN = {"call.sip_info.received", "conference.floor.changed"}
SPEECH = {"payload": "hello", "voice": "female"}
WEB = "http://example.com/a.wav"
# one call for each list: commands with their bodies, in order
CALLS: list[list[tuple[str, dict[str, Any]]]] = [
    [("speak", SPEECH), ("playback_start", {"audio_url": WEB}), ("gather", {"maximum_digits": 1})],
    [("record_start", {"format": "wav", "channels": "dual", "transcription": True}), ("fork_start", {}), ("pay", {})],
    [("streaming_start", {"stream_url": "wss://example.com/fail"}), ("siprec_start", {"connector_name": "fail"})],
    [("streaming_start", {"stream_url": "wss://example.com/a"}), ("siprec_start", {}), ("transcription_start", {})],
    [("refer", {"sip_address": "sip:+13125550001@example.com"})],
    [("refer", {"sip_address": "sip:+13125550002@example.com"})],
    [("enqueue", {"queue_name": "line"}), ("ai_assistant_start", {"assistant": {"id": "one"}})],
    [("ai_assistant_start", {"assistant": {"id": "fail"}})],
    [("gather_using_ai", {"parameters": {}, "send_partial_results": True, "send_message_history_updates": True})],
]
CONFERENCE: list[tuple[str, dict[str, Any]]] = [
    ("record_start", {"format": "wav"}),
    ("speak", SPEECH),
    ("play", {"audio_url": WEB}),
]
DIALS = [
    ("+13125550005", {"answering_machine_detection": "detect_beep", "deepfake_detection": {"enabled": True}}),
    ("+13125550005", {"answering_machine_detection": "premium"}),
    ("+13125550006", {"answering_machine_detection": "premium_ios_call_screening_detection"}),
]


def play_everything(http: Http, application: Any, sandbox: Sandbox) -> None:
    for commands in CALLS:
        id = http.ring("ivr")
        http.act(id, "answer")
        for action, body in commands:
            assert http.act(id, action, **body)[0] == 200
    for to, body in DIALS:
        http.dial(application, to, **body)
    bridged, other = http.ring("transferred"), http.ring("transferred")
    for id in (bridged, other):
        http.act(id, "answer")
    http.act(bridged, "bridge", call_control_id=other)
    hold_a_conference(http)
    over = lambda: not sandbox.store.live_calls(application.id)  # noqa: E731
    eventually(over, "the end of all calls", sandbox.exchange)
    eventually(
        lambda: not sandbox.store.first_timer() and not sandbox.store.owed_deliveries(),
        "the last event",
        sandbox.exchange,
    )


def hold_a_conference(http: Http) -> None:
    creator, other = http.ring("transferred"), http.ring("transferred")
    for id in (creator, other):
        http.act(id, "answer")
    made = http("POST", "/v2/conferences", {"call_control_id": creator, "name": "daily"})[1]["data"]["id"]
    path = f"/v2/conferences/{made}/actions"
    http("POST", f"{path}/join", {"call_control_id": other})
    for action, body in CONFERENCE:
        for named in ({}, {"call_control_ids": [other]}):
            if action != "record_start" or not named:
                assert http("POST", f"{path}/{action}", body | named)[0] == 200


def test_every_event_is_known_to_the_sdk(sdk: telnyx.Telnyx, http: Http, receiver: Receiver, sandbox: Sandbox) -> None:
    application = make_application(sdk, receiver, call_cost_in_webhooks=True)
    play_everything(http, application, sandbox)
    assert len({hook.type for hook in receiver.hooks}) >= 50
    problems = {problem for hook in receiver.hooks for problem in strange(sdk, hook, sandbox.public_key)}
    assert problems == set()


def strange(sdk: telnyx.Telnyx, hook: Hook, key: str) -> list[str]:
    """What the SDK does not know of an event, or misses in it."""
    if hook.type in UNKNOWN:
        return []
    event = sdk.webhooks.unwrap(hook.raw.decode(), headers=dict(hook.headers), key=key)
    if event.data.event_type != hook.type:  # the SDK turns what it does not know into another class
        return [f"{hook.type} is taken for {type(event).__name__}"]
    fields = {field.alias or name for name, field in type(event.data.payload).model_fields.items()}
    seen = set(hook.payload) - BEYOND.get(hook.type, set())
    missing = fields - set(hook.payload) - WITHOUT.get(hook.type, set())
    return [f"{hook.type} has {name}" for name in seen - fields] + [f"{hook.type} lacks {name}" for name in missing]
