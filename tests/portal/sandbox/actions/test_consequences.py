"""What happens to a leg has its consequences for what goes on in it."""

from typing import Any

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver

SPEECH = {"payload": "hello", "voice": "female"}


def test_a_hangup_cuts_speech_and_gather(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "speak", **SPEECH)
    http.act(answered, "gather")
    http.act(answered, "hangup")
    receiver.wait("call.hangup")
    assert receiver.wait("call.speak.ended").payload["status"] == "call_hangup"
    assert receiver.wait("call.gather.ended").payload["status"] == "call_hangup"
    assert receiver.types()[-1] == "call.hangup"


def test_a_caller_who_leaves_ends_a_transfer_still_ringing(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "transfer", to="+13125550003")
    http.act(answered, "hangup")
    http.end(answered)
    causes = {hook.payload["hangup_cause"] for hook in receiver.hooks if hook.type == "call.hangup"}
    assert causes == {"normal_clearing", "originator_cancel"}


def test_one_bridged_leg_ends_the_other(http: Http, answered: str, receiver: Receiver) -> None:
    other = http.ring("transferred")
    http.act(other, "answer")
    assert http.act(answered, "bridge", call_control_id=other)[0] == 200
    receiver.wait("call.bridged", answered)
    receiver.wait("call.bridged", other)
    http.act(answered, "hangup")
    payload = receiver.wait("call.hangup", other).payload
    assert payload["hangup_cause"] == "normal_clearing"
    assert payload["hangup_source"] == "callee"  # "caller" would mean that they left by themselves


def test_what_a_dial_asks_for_begins_with_the_answer(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.dial(
        application,
        "+13125550001",
        record="record-from-answer",
        stream_url="wss://example.com/a",
        transcription=True,
        deepfake_detection={"enabled": True},
        time_limit_secs=30,
    )
    expected = ["streaming.started", "call.transcription", "call.deepfake_detection.result", "call.recording.saved"]
    for event_type in expected:
        receiver.wait(event_type, id)
    assert receiver.wait("call.hangup", id).payload["hangup_cause"] == "time_limit"
