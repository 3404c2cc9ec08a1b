"""Callers enter what their scenario, or whoever let them call, wants."""

from typing import Any

import pytest

from tests.support.media_servers import MediaServer
from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import Account, at, ran, wait_form
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver

ASK = '<Gather action="/next" input="dtmf speech"><Say>Well?</Say></Gather>'


def test_each_question_gets_its_own_keys(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(ASK), "/next": response('<Gather action="/last" numDigits="2"/>')}
    receiver.documents["/last"] = response("<Hangup/>")
    account.http.end(account.ring("texml_menu", digits="12# 34"))
    assert [form["Digits"] for path in ("/next", "/last") for form in at(receiver, path)] == ["12", "34"]


@pytest.mark.parametrize(
    ("verbs", "keys", "path", "digits"),
    [
        ('<Gather action="/next" numDigits="2"/>', "12", "/next", "12"),
        ('<Gather action="/next"><Say>Well?</Say></Gather>', "4#", "/next", "4"),
        ('<Record action="/next" finishOnKey="#"/>', "", "/next", "#"),
        ('<Dial hangupOnStar="true" action="/next">+13125550001</Dial>', "3*", "/next", ""),
    ],
)
def test_whoever_listens_to_the_call_hears_its_keys(
    account: Account, receiver: Receiver, verbs: str, keys: str, path: str, digits: str
) -> None:
    with MediaServer() as server:
        stream = f'<Start><Stream url="{server.url}" statusCallback="/stream"/></Start>'
        receiver.documents = {"/voice": response(f"{stream}<Pause/>{verbs}"), path: response("<Pause/>")}
        sid = account.ring("texml_voicemail", **({"digits": keys} if keys else {}))
        wait_form(receiver, CallSid=sid, StreamEvent="stream-started")
        account.http.end(sid)
        assert at(receiver, path)[0].get("Digits", "") == digits
        server.wait("stop")
        assert "".join(frame["dtmf"]["digit"] for frame in server.of("dtmf")) == (keys or "#")


def test_keys_without_an_end_count_when_the_time_is_over(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(ASK), "/next": response("<Hangup/>")}
    account.http.end(account.ring("texml_menu", digits="12"))
    assert at(receiver, "/next")[0]["Digits"] == "12"


def test_who_presses_nothing_may_say_something(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(ASK), "/next": response("<Hangup/>")}
    account.http.end(account.ring("transferred", says="I want sales"))
    (form,) = at(receiver, "/next")
    assert (form["SpeechResult"], form["Confidence"]) == ("I want sales", "0.95")
    assert "Digits" not in form


@pytest.mark.parametrize("action", ['action="/next"', ""])
def test_what_is_said_is_told_in_part_before_it_is_told_whole(
    account: Account, receiver: Receiver, action: str
) -> None:
    ask = f'<Gather {action} input="dtmf speech" partialResultCallback="/part"><Say>Well?</Say></Gather>'
    receiver.documents = {"/voice": response(ask + "<Say>Bye</Say>"), "/next": response("<Hangup/>")}
    sid = account.ring("transferred", says="I want to hear of sales")
    account.http.end(sid)
    (form,) = at(receiver, "/part")
    assert (form["CallSid"], form["SpeechResult"]) == (sid, "I want to")
    assert f"Tells {receiver.origin}/part SpeechResult=I want to" in ran(account, sid)
    paths = [hook.path for hook in receiver.hooks if hook.path in ("/part", "/next")]
    assert paths == (["/part", "/next"] if action else ["/part"])
    assert not any(line.startswith("Lost") for line in ran(account, sid))  # somebody was told


def test_keys_are_not_told_in_part(account: Account, receiver: Receiver) -> None:
    ask = '<Gather action="/next" input="dtmf speech" partialResultCallback="/part"/>'
    receiver.documents = {"/voice": response(ask), "/next": response("<Hangup/>")}
    account.http.end(account.ring("transferred", digits="1"))
    assert (len(at(receiver, "/next")), len(at(receiver, "/part"))) == (1, 0)


def test_a_prompt_without_an_end_goes_on_until_the_caller_leaves(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response('<Say loop="0">Wait</Say><Say>Never</Say>')}
    sid = account.ring("transferred", stays=5)
    assert account.http.end(sid)["hangup_source"] == "caller"
    assert 'Caller hears: "Never"' not in ran(account, sid)


@pytest.mark.parametrize("length", ["1", "180"])
def test_a_pause_is_a_pause(account: Account, receiver: Receiver, length: str) -> None:
    receiver.documents = {"/voice": response(f'<Pause length="{length}"/><Say>After</Say>')}
    sid = account.ring("transferred")
    account.http.end(sid)
    assert ('Caller hears: "After"' in ran(account, sid)) == (length == "1")  # no caller stays for three minutes


@pytest.mark.parametrize(
    ("more", "member"),
    [
        ({"digits": "1a"}, "digits"),
        ({"digits": "1  2"}, "digits"),
        ({"digits": 1}, "digits"),
        ({"says": 1}, "says"),
        ({"says": "x" * 1001}, "says"),
        ({"stays": -1}, "stays"),
        ({"stays": True}, "stays"),
        ({"stays": 60}, "stays"),
    ],
)
def test_what_a_caller_cannot_do_is_refused(account: Account, more: dict[str, Any], member: str) -> None:
    body = {"scenario": "texml_menu", "connection_id": account.application.id} | more
    assert refusal(account.http("POST", "/sandbox/calls", body)) == (422, "10015", f"/{member}")


def test_who_calls_another_application_is_told_nothing(http: Http, application: Any) -> None:
    body = {"scenario": "ivr", "connection_id": application.id, "digits": "1"}
    assert refusal(http("POST", "/sandbox/calls", body)) == (422, "10015", "/digits")
