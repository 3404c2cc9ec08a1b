"""The last four digits tell what becomes of a dial."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


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
