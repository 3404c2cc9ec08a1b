"""A referral is taken or not."""

import pytest

from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


@pytest.mark.parametrize(
    ("address", "last", "response"),
    [
        ("sip:+13125550001@example.com", "call.refer.completed", 200),
        ("sip:+13125550002@example.com", "call.refer.failed", 486),
    ],
)
def test_a_referral_is_taken_or_not(
    http: Http, answered: str, receiver: Receiver, address: str, last: str, response: int
) -> None:
    http.act(answered, "refer", sip_address=address)
    assert receiver.wait("call.refer.started", answered).payload["from"] == "+13125550143"
    assert receiver.wait(last, answered).payload["sip_notify_response"] == response
    if response == 200:
        assert receiver.wait("call.hangup", answered).payload["hangup_cause"] == "normal_clearing"
    else:
        assert http.act(answered, "send_dtmf", digits="1")[0] == 200


def test_a_referral_needs_a_sip_address(http: Http, answered: str) -> None:
    assert refused(http.act(answered, "refer", sip_address="+13125550001")) == (422, "10015")
