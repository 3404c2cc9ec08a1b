"""A dial is checked, rings, and may be taken back."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http, refusal
from tests.support.webhook_receiver import Receiver


def test_whom_we_dial_answers_and_leaves_in_the_end(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.dial(application, "+13125550001")
    http.end(id)
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["hangup_source"]) == ("normal_clearing", "callee")
    assert receiver.types() == ["call.initiated", "call.answered", "call.hangup"]


def test_a_dial_taken_back_is_cancelled(http: Http, application: Any, receiver: Receiver) -> None:
    http.act(http.dial(application, "+13125550003"), "hangup")
    assert receiver.wait("call.hangup").payload["hangup_cause"] == "originator_cancel"


def test_a_linked_dial_shares_the_session_and_bridges(
    http: Http, application: Any, answered: str, receiver: Receiver
) -> None:
    id = http.dial(application, "+13125550001", link_to=answered, bridge_on_answer=True)
    bridged = receiver.wait("call.bridged", id).payload
    assert bridged["call_session_id"] == receiver.wait("call.bridged", answered).payload["call_session_id"]


def test_an_application_can_ask_for_a_first_command(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, first_command_timeout=True, first_command_timeout_secs=1)
    http.end(http.ring("answered"))
    assert receiver.wait("call.hangup").payload["hangup_source"] == "unknown"


def test_an_attestation_is_passed_on_when_asked_for(sdk: telnyx.Telnyx, http: Http, receiver: Receiver) -> None:
    make_application(sdk, receiver, inbound={"shaken_stir_enabled": True})
    http.ring()
    assert receiver.wait("call.initiated").payload["shaken_stir_attestation"] == "A"


APPLICATION = {"application_name": "a", "webhook_event_url": "https://example.com"}


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"to": "5550101"}, "10016", "/to"),
        ({"to": 5}, "10026", "/to"),
        ({"to": ["x"]}, "10016", "/to"),
        ({"connection_id": "1"}, "10015", "/connection_id"),
        ({"client_state": "not base64"}, "90017", "/client_state"),
        ({"link_to": "v3:unknown"}, "90015", "/link_to"),
    ],
)
def test_a_wrong_dial_is_422(http: Http, application: Any, change: dict[str, Any], code: str, pointer: str) -> None:
    body = {"connection_id": application.id, "from": "+13125550100", "to": "+13125550101"}
    assert refusal(http("POST", "/v2/calls", body | change)) == (422, code, pointer)


def test_an_inactive_application_does_not_dial(http: Http) -> None:
    made = http("POST", "/v2/call_control_applications", APPLICATION | {"active": False})[1]["data"]
    body = {"connection_id": made["id"], "from": "+13125550100", "to": "+13125550101"}
    assert refusal(http("POST", "/v2/calls", body)) == (422, "10015", "/connection_id")
