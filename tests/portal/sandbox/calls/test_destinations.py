"""The last four digits tell what becomes of a dial."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


@pytest.mark.parametrize(
    ("to", "cause", "source", "sip"),
    [
        ("+13125550002", "user_busy", "callee", "486"),
        ("+13125550003", "timeout", "unknown", "487"),
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


@pytest.mark.parametrize("reason", ["D13", "D17", "D35", "D38", "D39", "D51", "D53", "D60"])
def test_a_dial_that_telnyx_does_not_put_through_is_refused_with_the_reason(
    http: Http, application: Any, receiver: Receiver, reason: str
) -> None:
    wish = {"connection_id": application.id, "from": "+13125550100", "to": f"+131255590{reason[1:]}"}
    status, body = http("POST", "/v2/calls", wish)
    assert status == 403
    (error,) = body["errors"]
    assert (error["code"], body["telnyx_error"]) == (10010, {"error_code": reason})
    assert error["detail"].endswith(f" {reason}")
    assert body["data"]["call_control_id"].startswith("v3:")  # and there is no call
    assert http("GET", f"/v2/calls/{body['data']['call_control_id']}")[0] == 404


def test_nobody_calls_themselves(http: Http, application: Any, answered: str) -> None:
    wish = {"connection_id": application.id, "from": "+13125550001", "to": "+13125550001"}
    assert http("POST", "/v2/calls", wish)[1]["telnyx_error"] == {"error_code": "D53"}
    status, answer = http.act(answered, "transfer", to="+13125550001", **{"from": "+13125550001"})
    assert (status, answer["telnyx_error"]["error_code"]) == (403, "D53")


def test_one_that_is_accepted_all_the_same_tells_the_reason_when_it_ends(
    http: Http, application: Any, receiver: Receiver
) -> None:
    http.dial(application, "+13125559138")
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["telnyx_error"]) == ("call_rejected", {"error_code": "D38"})


def test_a_hang_up_for_no_such_reason_has_none(http: Http, application: Any, receiver: Receiver) -> None:
    http.dial(application, "+13125550002")
    assert receiver.wait("call.hangup").payload["telnyx_error"] is None
