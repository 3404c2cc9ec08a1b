"""An event is sent on request, of a call that is there or of none."""

from typing import Any

import pytest
import telnyx

from portal.sandbox.control.triggers import _SAMPLES
from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http, refusal
from tests.support.webhook_receiver import Receiver


def trigger(http: Http, event_type: str, **more: Any) -> Any:
    status, answer = http("POST", "/sandbox/trigger", {"event_type": event_type} | more)
    assert status == 200, answer
    return answer


def test_a_hangup_comes_with_the_cause_of_choice(http: Http, application: Any, receiver: Receiver) -> None:
    answer = trigger(http, "call.hangup", payload={"hangup_cause": "user_busy"})
    hook = receiver.wait("call.hangup")
    assert hook.payload["hangup_cause"] == "user_busy"
    assert hook.event == answer["event"]
    assert answer["known"] is True


def test_an_event_of_a_call_changes_nothing_of_it(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring()
    trigger(http, "call.answered", call_control_id=id)
    assert receiver.wait("call.answered", id).payload["state"] == "answered"
    assert http("GET", f"/sandbox/calls/{id}")[1]["state"] == "ringing"


def test_an_unknown_type_is_sent_as_it_is(http: Http, application: Any, receiver: Receiver) -> None:
    assert trigger(http, "call.tomorrow", payload={"new": [1]})["known"] is False
    assert receiver.wait("call.tomorrow").payload["new"] == [1]


def test_an_event_goes_to_another_address(http: Http, application: Any, receiver: Receiver) -> None:
    trigger(http, "call.hold", webhook_url=f"{receiver.origin}/elsewhere")
    assert receiver.wait("call.hold").path == "/elsewhere"


@pytest.mark.parametrize("event_type", sorted(_SAMPLES))
def test_every_known_event_is_one_the_sdk_verifies(
    http: Http, application: Any, receiver: Receiver, sandbox: Sandbox, event_type: str
) -> None:
    trigger(http, event_type)
    hook = receiver.wait(event_type)
    client = telnyx.Telnyx(api_key="KEY", public_key=sandbox.public_key)
    event: Any = client.webhooks.unwrap(hook.raw.decode(), headers=dict(hook.headers))
    assert event.data.event_type == event_type


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/event_type"),
        ({"event_type": "nonsense"}, "/event_type"),
        ({"event_type": "call.hangup", "payload": []}, "/payload"),
        ({"event_type": "call.hangup", "webhook_url": "ftp://x"}, "/webhook_url"),
        ({"event_type": "call.hangup", "connection_id": "1"}, "/connection_id"),
        ({"event_type": "call.hangup", "cause": "x"}, "/cause"),
    ],
)
def test_what_makes_no_sense_is_named(http: Http, application: Any, body: dict[str, Any], pointer: str) -> None:
    assert refusal(http("POST", "/sandbox/trigger", body))[::2] == (422, pointer)
