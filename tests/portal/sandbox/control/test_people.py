"""A test plays the people at the far end while the call goes on."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http, refusal, refused
from tests.support.webhook_receiver import Receiver


def ask(http: Http, id: str, what: str, **body: Any) -> tuple[int, Any]:
    return http("POST", f"/sandbox/calls/{id}/{what}", body)


def test_somebody_presses_keys_now(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather", maximum_digits=2)
    assert ask(http, answered, "press", keys="42")[1]["state"] == "answered"
    assert receiver.wait("call.gather.ended", answered).payload["digits"] == "42"


def test_somebody_says_something_now(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "transcription_start")
    assert ask(http, answered, "say", text="hello there")[0] == 200
    assert receiver.wait("call.transcription", answered).payload["transcription_data"]["transcript"] == "hello there"


def test_somebody_holds_and_hangs_up_now(http: Http, answered: str, receiver: Receiver) -> None:
    ask(http, answered, "hold")
    ask(http, answered, "hold", on=False)
    status, answer = ask(http, answered, "hangup")
    assert (status, answer["hangup_cause"], answer["hangup_source"]) == (200, "normal_clearing", "caller")
    receiver.wait("call.hangup", answered)
    assert receiver.types(answered)[-3:] == ["call.hold", "call.unhold", "call.hangup"]
    assert refused(ask(http, answered, "hangup")) == (422, "90018")


def test_whom_we_call_picks_up_or_refuses_now(http: Http, application: Any, receiver: Receiver) -> None:
    one, other = http.dial(application, "+13125550003"), http.dial(application, "+13125550003")
    assert ask(http, one, "answer")[1]["state"] == "answered"
    ask(http, other, "hangup", cause="user_busy")
    assert receiver.wait("call.hangup", other).payload["sip_hangup_cause"] == "486"
    assert refusal(ask(http, one, "answer")) == (422, "10015", "/call_control_id")


def test_calls_are_listed_alive_ones_first(http: Http, application: Any) -> None:
    ended, alive = http.ring(), http.ring()
    http.act(ended, "hangup")
    calls = http("GET", "/sandbox/calls")[1]["calls"]
    assert [call["call_control_id"] for call in calls] == [alive, ended]


@pytest.mark.parametrize(
    ("what", "body", "pointer"),
    [
        ("press", {}, "/keys"),
        ("press", {"keys": 1}, "/keys"),
        ("press", {"keys": "1 2"}, "/keys"),
        ("say", {"text": ""}, "/text"),
        ("hold", {"on": "yes"}, "/on"),
        ("hangup", {"cause": "bored"}, "/hangup/cause"),
        ("hangup", {"mood": 1}, "/mood"),
    ],
)
def test_what_makes_no_sense_is_named(http: Http, answered: str, what: str, body: dict[str, Any], pointer: str) -> None:
    assert refusal(ask(http, answered, what, **body)) == (422, "10015", pointer)


def test_nobody_speaks_on_a_call_that_rings_or_is_not_there(http: Http, application: Any) -> None:
    assert refused(ask(http, http.ring(), "press", keys="1")) == (422, "90034")
    assert refused(ask(http, "v3:none", "press", keys="1")) == (404, "10005")
