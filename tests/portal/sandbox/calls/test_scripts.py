"""Whoever calls, or is called, does what a test wrote down for them, when it says so."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import at, make_texml_application
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Hook, Receiver

PROMPT = {"payload": "one or two", "voice": "female", "maximum_digits": 1}


def ring(http: Http, *steps: dict[str, Any], **more: Any) -> str:
    status, answer = http("POST", "/sandbox/calls", {"steps": list(steps)} | more)
    assert status == 200, answer
    return answer["call_control_id"]


def answering(http: Http, receiver: Receiver, *actions: tuple[str, dict[str, Any]]) -> None:
    """The application answers, and does this then."""

    def react(hook: Hook) -> None:
        if hook.type == "call.initiated" and hook.payload["direction"] == "incoming":
            for action, body in [("answer", {}), *actions]:
                assert http.act(hook.payload["call_control_id"], action, **body)[0] == 200

    receiver.react = react


def test_the_second_entry_of_a_menu_is_chosen(http: Http, application: Any, receiver: Receiver) -> None:
    answering(http, receiver, ("gather_using_speak", PROMPT))
    id = ring(http, {"after": "gathering", "press": "2"}, {"in": 3, "hangup": True})
    assert receiver.wait("call.gather.ended", id).payload["digits"] == "2"
    assert http.end(id)["hangup_source"] == "caller"


def test_two_menus_get_one_step_each(http: Http, application: Any, receiver: Receiver) -> None:
    answering(http, receiver, ("gather_using_speak", PROMPT))
    id = ring(http, {"after": "gathering", "press": "2"}, {"after": "gathering", "press": "5"})
    receiver.wait("call.gather.ended", id)
    http.act(id, "gather_using_speak", **PROMPT)
    assert receiver.wait("call.gather.ended", id, count=2).payload["digits"] == "5"


def test_a_caller_hangs_up_in_the_prompt(http: Http, application: Any, receiver: Receiver) -> None:
    answering(http, receiver, ("speak", {"payload": "welcome", "voice": "female"}))
    id = ring(http, {"after": "speaking", "in": 1, "hangup": True})
    assert receiver.wait("call.speak.ended", id).payload["status"] == "call_hangup"
    assert http.end(id)["hangup_cause"] == "normal_clearing"


def test_a_key_falls_into_the_question(http: Http, application: Any, receiver: Receiver) -> None:
    """Telnyx takes digits as long as the prompt lasts, and stops it."""
    question = {"audio_url": "http://example.com/a.wav", "maximum_digits": 1}
    answering(http, receiver, ("gather_using_audio", question))
    id = ring(http, {"after": "asking", "in": 0.5, "press": "7"})
    assert receiver.wait("call.gather.ended", id).payload["digits"] == "7"
    assert receiver.wait("call.playback.ended", id).payload["status"] == "cancelled"


def test_a_caller_enters_several_keys_in_order(http: Http, application: Any, receiver: Receiver) -> None:
    answering(http, receiver, ("gather", {"maximum_digits": 8}))
    id = ring(http, {"after": "gathering", "press": "4711#"})
    assert receiver.wait("call.gather.ended", id).payload["digits"] == "4711"
    assert receiver.types(id).count("call.dtmf.received") == 5


def test_a_caller_holds_and_comes_back(http: Http, application: Any, receiver: Receiver) -> None:
    answering(http, receiver)
    id = ring(http, {"after": "answered", "hold": True}, {"in": 2, "hold": False}, {"in": 1, "hangup": True})
    http.end(id)
    assert receiver.types(id) == ["call.initiated", "call.answered", "call.hold", "call.unhold", "call.hangup"]
    receiver.wait("call.hold", id)


def test_what_a_caller_says_is_transcribed(http: Http, application: Any, receiver: Receiver) -> None:
    answering(http, receiver, ("transcription_start", {}))
    id = ring(http, {"after": "answered", "in": 0.5, "say": "my order is late"})
    told = receiver.wait("call.transcription", id).payload["transcription_data"]
    assert (told["transcript"], told["transcription_track"]) == ("my order is late", "inbound")


def test_a_caller_ends_as_told(http: Http, application: Any, receiver: Receiver) -> None:
    id = ring(http, {"at": 2, "hangup": {"cause": "unspecified", "sip": "500", "telnyx_error": "D51"}})
    http.end(id)
    payload = receiver.wait("call.hangup", id).payload
    assert (payload["hangup_cause"], payload["sip_hangup_cause"]) == ("unspecified", "500")
    assert payload["telnyx_error"] == {"error_code": "D51"}


def test_a_caller_of_a_document_does_as_told(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    make_texml_application(sdk, receiver)
    menu = '<Gather action="/sales" numDigits="1"><Say>One or two?</Say></Gather>'
    receiver.documents = {
        "/voice": response(menu),
        "/sales": response('<Record action="/done"/>'),
        "/done": response(""),
    }
    id = ring(http, {"after": "gathering", "press": "2"}, {"in": 9, "press": "#"}, {"in": 1, "hangup": True})
    http.end(id)
    assert at(receiver, "/sales")[0]["Digits"] == "2"
    assert at(receiver, "/done")[0]["Digits"] == "#"


@pytest.mark.parametrize(
    ("steps", "pointer"),
    [
        ("no", "/steps"),
        ([1], "/steps/0"),
        ([{}], "/steps/0"),
        ([{"press": "1", "hangup": True}], "/steps/0"),
        ([{"press": "1"}, {"press": "x"}], "/steps/1/press"),
        ([{"at": 1, "after": "answered", "press": "1"}], "/steps/0/after"),
        ([{"after": "never", "press": "1"}], "/steps/0/after"),
        ([{"at": -1, "press": "1"}], "/steps/0/at"),
        ([{"in": "soon", "press": "1"}], "/steps/0/in"),
        ([{"hangup": {"cause": "bored"}}], "/steps/0/hangup/cause"),
        ([{"hangup": {"why": "x"}}], "/steps/0/hangup/why"),
        ([{"hangup": 1}], "/steps/0/hangup"),
        ([{"hold": "yes"}], "/steps/0/hold"),
        ([{"say": ""}], "/steps/0/say"),
        ([{"stay": True}], "/steps/0/stay"),
        ([{"press": "1", "wait": 1}], "/steps/0/wait"),
        ([{"press": "1"}] * 201, "/steps"),
    ],
)
def test_a_step_that_makes_no_sense_is_named(http: Http, application: Any, steps: Any, pointer: str) -> None:
    assert refusal(http("POST", "/sandbox/calls", {"steps": steps})) == (422, "10015", pointer)


def test_steps_and_a_scenario_exclude_each_other(http: Http, application: Any) -> None:
    body = {"steps": [], "scenario": "ivr"}
    assert refusal(http("POST", "/sandbox/calls", body)) == (422, "10015", "/scenario")
    assert refusal(http("POST", "/sandbox/calls", {"steps": [], "digits": "1"})) == (422, "10015", "/digits")
