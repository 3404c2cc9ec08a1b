"""What each command brings: the events of Telnyx's command pages, in order."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Hook, Receiver

SPEECH = {"payload": "hello", "voice": "female"}


@pytest.mark.usefixtures("unhurried")
def test_a_call_comes_in_parked(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("answered", **{"from": "+13125550143", "to": "+13125550188"})
    payload = receiver.wait("call.initiated", id).payload
    assert (payload["direction"], payload["state"]) == ("incoming", "parked")
    assert (payload["from"], payload["to"]) == ("+13125550143", "+13125550188")
    assert payload["connection_id"] == application.id
    assert id.startswith("v3:")


def test_an_answered_caller_hangs_up(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("answered")
    http.act(id, "answer")
    end = http.end(id)
    assert receiver.types() == ["call.initiated", "call.answered", "call.hangup"]
    assert (end["hangup_cause"], end["hangup_source"]) == ("normal_clearing", "caller")


def test_a_caller_nobody_answers_gives_up(http: Http, application: Any, receiver: Receiver) -> None:
    http.end(http.ring("answered"))
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["hangup_source"]) == ("originator_cancel", "caller")
    assert payload["call_quality_stats"] is None


def test_a_caller_who_hangs_up_at_once_is_never_answered(http: Http, application: Any, receiver: Receiver) -> None:
    http.end(http.ring("caller_hangs_up"))
    assert receiver.types() == ["call.initiated", "call.hangup"]


@pytest.mark.usefixtures("unhurried")
def test_we_hang_up(http: Http, answered: str, receiver: Receiver) -> None:
    assert http.act(answered, "hangup")[0] == 200
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["hangup_source"]) == ("normal_clearing", "callee")
    assert payload["start_time"] < payload["end_time"]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize(
    ("cause", "hangup_cause", "sip"), [("CALL_REJECTED", "call_rejected", "603"), ("USER_BUSY", "user_busy", "486")]
)
def test_we_reject(http: Http, application: Any, receiver: Receiver, cause: str, hangup_cause: str, sip: str) -> None:
    assert http.act(http.ring(), "reject", cause=cause)[0] == 200
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["sip_hangup_cause"]) == (hangup_cause, sip)


def test_two_speeches_follow_each_other(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "speak", **SPEECH)
    http.act(answered, "speak", **SPEECH)
    assert receiver.wait("call.speak.ended", count=2).payload["status"] == "completed"
    assert receiver.types()[2:6] == ["call.speak.started", "call.speak.ended"] * 2


@pytest.mark.usefixtures("unhurried")
def test_a_hangup_cuts_speech_and_gather(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "speak", **SPEECH)
    http.act(answered, "gather")
    http.act(answered, "hangup")
    receiver.wait("call.hangup")
    assert receiver.wait("call.speak.ended").payload["status"] == "call_hangup"
    assert receiver.wait("call.gather.ended").payload["status"] == "call_hangup"
    assert receiver.types()[-1] == "call.hangup"


@pytest.mark.usefixtures("unhurried")
def test_playback_is_stopped(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "playback_start", audio_url="http://example.com/a.wav", loop="infinity")
    http.act(answered, "playback_stop")
    ended = receiver.wait("call.playback.ended").payload
    assert (ended["status"], ended["media_url"]) == ("cancelled", "http://example.com/a.wav")


def test_a_gather_without_digits_times_out(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather", timeout_millis=60000)
    ended = receiver.wait("call.gather.ended").payload
    assert (ended["digits"], ended["status"]) == ("", "timeout")


@pytest.mark.usefixtures("unhurried")
def test_a_gather_is_stopped(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather")
    http.act(answered, "gather_stop")
    assert receiver.wait("call.gather.ended").payload["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "digits", "status"),
    [
        ({"maximum_digits": 1}, "1", "valid"),
        ({"maximum_digits": 4}, "1", "valid"),
        ({"minimum_digits": 2}, "1", "invalid"),
        ({"maximum_digits": 1, "valid_digits": "23"}, "1", "invalid"),
        ({"terminating_digit": "1"}, "", "invalid"),
    ],
)
def test_digits_pressed_are_judged(
    http: Http, application: Any, receiver: Receiver, body: dict[str, Any], digits: str, status: str
) -> None:
    id = http.ring("ivr")
    http.act(id, "answer")
    http.act(id, "gather", **body)
    ended = receiver.wait("call.gather.ended").payload
    assert (ended["digits"], ended["status"]) == (digits, status)
    assert receiver.types()[2:4] == ["call.dtmf.received", "call.gather.ended"]


@pytest.mark.usefixtures("unhurried")
def test_sending_digits_brings_no_event(http: Http, answered: str, receiver: Receiver) -> None:
    assert http.act(answered, "send_dtmf", digits="12#")[0] == 200
    http.act(answered, "hangup")
    http.end(answered)
    assert receiver.types() == ["call.initiated", "call.answered", "call.hangup"]


def test_a_transfer_bridges_two_legs_of_one_session(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "transfer", to="+13125550001", target_leg_client_state="bGVn")
    assert http.end(answered)["hangup_source"] == "caller"
    target = next(hook.payload for hook in receiver.hooks if hook.payload.get("direction") == "outgoing")
    first = receiver.wait("call.initiated", answered).payload
    assert target["call_session_id"] == first["call_session_id"]
    assert (target["from"], target["client_state"]) == (first["to"], "bGVn")
    assert receiver.types(target["call_control_id"]) == [
        "call.initiated",
        "call.answered",
        "call.bridged",
        "call.hangup",
    ]
    assert receiver.types(answered) == ["call.initiated", "call.answered", "call.bridged", "call.hangup"]


def test_a_failed_transfer_ends_only_the_new_leg(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "transfer", to="+13125550002")
    hangup = receiver.wait("call.hangup").payload
    assert hangup["call_control_id"] != answered
    assert (hangup["hangup_cause"], hangup["sip_hangup_cause"]) == ("user_busy", "486")
    assert http("GET", f"/v2/calls/{answered}")[1]["data"]["is_alive"] is True


def test_an_unanswered_call_is_answered_by_its_transfer(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("transferred")
    http.act(id, "transfer", to="+13125550001")
    http.end(id)
    assert receiver.types(id) == ["call.initiated", "call.answered", "call.bridged", "call.hangup"]


@pytest.mark.usefixtures("unhurried")
def test_a_caller_who_leaves_ends_a_transfer_still_ringing(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "transfer", to="+13125550003")
    http.act(answered, "hangup")
    http.end(answered)
    causes = {hook.payload["hangup_cause"] for hook in receiver.hooks if hook.type == "call.hangup"}
    assert causes == {"normal_clearing", "originator_cancel"}


@pytest.mark.usefixtures("unhurried")
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


@pytest.mark.usefixtures("unhurried")
def test_a_parked_leg_outlives_its_bridge(http: Http, answered: str, receiver: Receiver) -> None:
    other = http.ring("transferred")
    http.act(other, "answer")
    http.act(answered, "bridge", call_control_id=other, park_after_unbridge="self")
    http.act(other, "hangup")
    receiver.wait("call.hangup", other)
    assert http.act(answered, "send_dtmf", digits="1")[0] == 200


@pytest.mark.parametrize(
    ("to", "cause", "source", "sip"),
    [
        ("+13125550002", "user_busy", "callee", "486"),
        ("+13125550003", "timeout", "unknown", "480"),
        ("sip:+13125550004@example.com", "call_rejected", "callee", "603"),
    ],
)
def test_whom_we_dial_does_not_answer(
    http: Http, application: Any, receiver: Receiver, to: str, cause: str, source: str, sip: str
) -> None:
    http.dial(application, to)
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["hangup_source"], payload["sip_hangup_cause"]) == (cause, source, sip)
    assert receiver.types() == ["call.initiated", "call.hangup"]


def test_whom_we_dial_answers_and_leaves_in_the_end(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.dial(application, "+13125550001")
    http.end(id)
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["hangup_source"]) == ("normal_clearing", "callee")
    assert receiver.types() == ["call.initiated", "call.answered", "call.hangup"]


@pytest.mark.usefixtures("unhurried")
def test_a_dial_taken_back_is_cancelled(http: Http, application: Any, receiver: Receiver) -> None:
    http.act(http.dial(application, "+13125550003"), "hangup")
    assert receiver.wait("call.hangup").payload["hangup_cause"] == "originator_cancel"


@pytest.mark.parametrize(
    ("to", "mode", "event_type", "result"),
    [
        ("+13125550005", "detect", "call.machine.detection.ended", "machine"),
        ("+13125550001", "detect", "call.machine.detection.ended", "human"),
        ("+13125550005", "premium", "call.machine.premium.detection.ended", "machine"),
        ("+13125550005", "detect_beep", "call.machine.greeting.ended", "beep_detected"),
    ],
)
def test_machines_are_detected_when_asked_for(
    http: Http, application: Any, receiver: Receiver, to: str, mode: str, event_type: str, result: str
) -> None:
    http.dial(application, to, answering_machine_detection=mode)
    assert receiver.wait(event_type).payload["result"] == result


def test_no_machine_is_detected_unasked(http: Http, application: Any, receiver: Receiver) -> None:
    http.end(http.dial(application, "+13125550005"))
    assert receiver.types() == ["call.initiated", "call.answered", "call.hangup"]


def test_a_linked_dial_shares_the_session_and_bridges(
    http: Http, application: Any, answered: str, receiver: Receiver
) -> None:
    id = http.dial(application, "+13125550001", link_to=answered, bridge_on_answer=True)
    bridged = receiver.wait("call.bridged", id).payload
    assert bridged["call_session_id"] == receiver.wait("call.bridged", answered).payload["call_session_id"]


def test_client_state_is_echoed_until_changed(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("answered")
    assert receiver.wait("call.initiated").payload["client_state"] is None
    http.act(id, "answer", client_state="b25l")
    assert receiver.wait("call.answered").payload["client_state"] == "b25l"
    http("PUT", f"/v2/calls/{id}/actions/client_state_update", {"client_state": "dHdv"})
    assert receiver.wait("call.hangup").payload["client_state"] == "dHdv"


def test_an_application_can_ask_for_a_first_command(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, first_command_timeout=True, first_command_timeout_secs=1)
    http.end(http.ring("answered"))
    assert receiver.wait("call.hangup").payload["hangup_source"] == "unknown"


def test_an_attestation_is_passed_on_when_asked_for(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, inbound={"shaken_stir_enabled": True})
    http.ring()
    assert receiver.wait("call.initiated").payload["shaken_stir_attestation"] == "A"


@pytest.mark.usefixtures("steady")
def test_a_menu_is_walked_from_ring_to_end(http: Http, application: Any, receiver: Receiver) -> None:
    """The application acts on each webhook before it answers it, as a portal would."""

    def react(hook: Hook) -> None:
        id, kind, payload = hook.payload["call_control_id"], hook.type, hook.payload
        if kind == "call.initiated" and payload["direction"] == "incoming":
            assert http.act(id, "answer", command_id=hook.event["id"])[0] == 200
            assert http.act(id, "gather_using_speak", **SPEECH, maximum_digits=1)[0] == 200
        if kind == "call.gather.ended" and payload["digits"] == "1":
            assert http.act(id, "transfer", to="+13125550001", command_id=hook.event["id"])[0] == 200

    receiver.react = react
    id = http.ring("ivr")
    end = http.end(id)
    assert [leg["state"] for leg in end["legs"]] == ["ended", "ended"]
    assert receiver.types(id) == [
        "call.initiated",
        "call.answered",
        "call.dtmf.received",
        "call.gather.ended",
        "call.bridged",
        "call.hangup",
    ]
