"""Whom we call does what a rule says for their number."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import Account, forms, make_texml_application
from tests.support.webhook_receiver import Receiver

WHOM = "+13125550042"


def rule(http: Http, number: str = WHOM, **more: Any) -> None:
    status, answer = http("POST", "/sandbox/callees", {"number": number} | more)
    assert status == 200, answer


def test_a_callee_is_busy_after_four_seconds(http: Http, application: Any, receiver: Receiver) -> None:
    rule(http, steps=[{"at": 4, "hangup": {"cause": "user_busy"}}])
    id = http.dial(application, WHOM)
    http.end(id)
    payload = receiver.wait("call.hangup", id).payload
    assert (payload["hangup_cause"], payload["hangup_source"], payload["sip_hangup_cause"]) == (
        "user_busy",
        "callee",
        "486",
    )
    assert receiver.types(id) == ["call.initiated", "call.hangup"]


def test_a_machine_beeps_after_its_greeting(http: Http, application: Any, receiver: Receiver) -> None:
    rule(http, answers_as="machine", greeting=6)
    id = http.dial(application, WHOM, answering_machine_detection="detect_beep")
    assert receiver.wait("call.machine.detection.ended", id).payload["result"] == "machine"
    assert receiver.wait("call.machine.greeting.ended", id).payload["result"] == "beep_detected"


@pytest.mark.parametrize(
    ("who", "mode", "event", "result"),
    [
        ("silence", "premium", "premium.detection.ended", "silence"),
        ("human_business", "premium", "premium.detection.ended", "human_business"),
        ("not_sure", "detect", "detection.ended", "not_sure"),
        ("human", "detect", "detection.ended", "human"),
    ],
)
def test_whoever_answers_is_told_from_others(
    http: Http, application: Any, receiver: Receiver, who: str, mode: str, event: str, result: str
) -> None:
    rule(http, answers_as=who)
    id = http.dial(application, WHOM, answering_machine_detection=mode)
    assert receiver.wait(f"call.machine.{event}", id).payload["result"] == result


def test_a_machine_without_a_beep(http: Http, application: Any, receiver: Receiver) -> None:
    rule(http, answers_as="machine", beep=False)
    id = http.dial(application, WHOM, answering_machine_detection="premium")
    assert receiver.wait("call.machine.premium.greeting.ended", id).payload["result"] == "no_beep_detected"


def test_a_dial_is_refused_with_the_code_of_the_rule(http: Http, application: Any) -> None:
    rule(http, "+1312555*", refused="D13")
    body = {"connection_id": application.id, "from": "+13125550100", "to": WHOM}
    status, answer = http("POST", "/v2/calls", body)
    assert (status, answer["errors"][0]["code"], answer["telnyx_error"]) == (403, 10010, {"error_code": "D13"})


def test_a_callee_picks_up_when_told_and_presses_a_key(http: Http, application: Any, receiver: Receiver) -> None:
    rule(
        http, steps=[{"at": 7, "answer": True}, {"after": "answered", "in": 1, "press": "9"}, {"in": 1, "hangup": True}]
    )
    id = http.dial(application, WHOM)
    assert http.end(id)["hangup_source"] == "callee"
    assert receiver.types(id) == ["call.initiated", "call.answered", "call.dtmf.received", "call.hangup"]


def test_a_callee_who_never_picks_up_rings_as_long_as_was_asked(
    http: Http, application: Any, receiver: Receiver
) -> None:
    rule(http, steps=[{"answer": False}])
    id = http.dial(application, WHOM, timeout_secs=45)
    http.end(id)
    payload = receiver.wait("call.hangup", id).payload
    assert (payload["hangup_cause"], payload["hangup_source"]) == ("timeout", "unknown")


def test_the_newest_rule_that_fits_is_used_until_they_are_forgotten(http: Http, application: Any) -> None:
    rule(http, steps=[{"at": 1, "hangup": {"cause": "user_busy"}}])
    rule(http, "*0042", refused="D60")
    assert [one["number"] for one in http("GET", "/sandbox/callees")[1]["callees"]] == [WHOM, "*0042"]
    body = {"connection_id": application.id, "from": "+13125550100", "to": WHOM}
    assert http("POST", "/v2/calls", body)[0] == 403
    assert http("DELETE", "/sandbox/callees") == (200, {"callees": []})
    assert http("POST", "/v2/calls", body)[0] == 200


def test_a_rule_holds_for_whom_a_texml_application_calls(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    application = make_texml_application(sdk, receiver)
    rule(http, steps=[{"at": 2, "hangup": {"cause": "user_busy"}}])
    sid = Account(http, application).dial(WHOM)
    http.end(sid)
    assert forms(receiver, CallSid=sid)[-1].body["CallStatus"] == "busy"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/number"),
        ({"number": 1}, "/number"),
        ({"number": ""}, "/number"),
        ({"number": WHOM, "answers_as": "cat"}, "/answers_as"),
        ({"number": WHOM, "beep": 1}, "/beep"),
        ({"number": WHOM, "greeting": -1}, "/greeting"),
        ({"number": WHOM, "refused": "D99"}, "/refused"),
        ({"number": WHOM, "steps": [{"press": "y"}]}, "/steps/0/press"),
        ({"number": WHOM, "mood": "good"}, "/mood"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(http: Http, body: dict[str, Any], pointer: str) -> None:
    assert refusal(http("POST", "/sandbox/callees", body)) == (422, "10015", pointer)
