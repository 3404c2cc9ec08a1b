"""A leg is rejected, hung up, transferred and bridged."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


def test_we_hang_up(http: Http, answered: str, receiver: Receiver) -> None:
    assert http.act(answered, "hangup")[0] == 200
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["hangup_source"]) == ("normal_clearing", "callee")
    assert payload["start_time"] < payload["end_time"]


@pytest.mark.parametrize(
    ("cause", "hangup_cause", "sip"), [("CALL_REJECTED", "call_rejected", "603"), ("USER_BUSY", "user_busy", "486")]
)
def test_we_reject(http: Http, application: Any, receiver: Receiver, cause: str, hangup_cause: str, sip: str) -> None:
    assert http.act(http.ring(), "reject", cause=cause)[0] == 200
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["sip_hangup_cause"]) == (hangup_cause, sip)


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


def test_a_parked_leg_outlives_its_bridge(http: Http, answered: str, receiver: Receiver) -> None:
    other = http.ring("transferred")
    http.act(other, "answer")
    http.act(answered, "bridge", call_control_id=other, park_after_unbridge="self")
    http.act(other, "hangup")
    receiver.wait("call.hangup", other)
    assert http.act(answered, "send_dtmf", digits="1")[0] == 200


def test_sip_info_arrives_at_the_other_leg(http: Http, answered: str, receiver: Receiver) -> None:
    other = http.ring("transferred")
    http.act(other, "answer")
    http.act(answered, "bridge", call_control_id=other)
    http.act(answered, "send_sip_info", body="{}", content_type="application/json")
    assert receiver.wait("call.sip_info.received", other).payload["body"] == "{}"
