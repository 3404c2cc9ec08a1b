"""The ledger tells what happened with its bodies, narrowed to what is asked, and waits for what is to come."""

import threading
from typing import Any

import pytest

from tests.support.sandbox_http import Http, refusal
from tests.support.webhook_receiver import Receiver


def ledger(http: Http, query: str) -> Any:
    status, answer = http("GET", f"/sandbox/ledger?{query}")
    assert status == 200, answer
    return answer


def test_a_request_is_told_with_what_it_asked_and_was_answered(http: Http, answered: str) -> None:
    http.act(answered, "speak", payload="good morning", voice="female")
    (line,) = ledger(http, "kind=requests&path=*speak")["requests"]
    assert line["body"] == {"payload": "good morning", "voice": "female"}
    assert line["answer"] == {"data": {"result": "ok"}}
    assert line["call_control_id"] == answered


def test_a_dial_is_told_with_the_call_that_it_made(http: Http, application: Any) -> None:
    id = http.dial(application, "+13125550001")
    assert [line["path"] for line in ledger(http, f"kind=requests&call_control_id={id}")["requests"]] == ["/v2/calls"]


def test_a_delivery_is_told_with_what_was_posted(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring()
    hook = receiver.wait("call.initiated", id)
    found = ledger(http, "kind=deliveries&event_type=call.initiated&wait=30&status=200")
    assert [line["body"] for line in found["deliveries"]] == [hook.body]


def test_lines_are_chosen_by_more_than_one_thing(http: Http, application: Any) -> None:
    one, other = http.ring(), http.ring()
    http.act(one, "answer")
    http.act(other, "answer")
    http.act(other, "speak", payload="x", voice="y")
    found = ledger(http, f"call_control_id={other}&action=*e*&kind=commands")
    assert [line["action"] for line in found["commands"]] == ["answer", "speak"]
    assert ledger(http, "kind=commands&limit=1")["commands"][0]["action"] == "speak"
    assert ledger(http, f"kind=commands&since={found['last']}")["commands"] == []


def test_waiting_ends_when_the_line_comes(http: Http, application: Any) -> None:
    id, answers = http.ring(), list[Any]()
    asked = threading.Thread(target=lambda: answers.append(ledger(http, f"call_control_id={id}&action=answer&wait=60")))
    asked.start()
    http.act(id, "answer")
    asked.join(60)
    assert (answers[0]["found"], [line["action"] for line in answers[0]["commands"]]) == (True, ["answer"])


def test_waiting_ends_without_a_line_when_the_time_is_over(http: Http) -> None:
    assert ledger(http, "event_type=call.hangup&wait=0.05") == {
        "requests": [],
        "commands": [],
        "deliveries": [],
        "streams": [],
        "documents": [],
        "last": 0,
        "found": False,
    }


def test_a_large_body_is_left_out(http: Http, answered: str) -> None:
    http.act(answered, "speak", payload="x" * 20_000, voice="female")
    assert ledger(http, "path=*speak")["requests"][0]["body"] == {"left_out": "more than 16384 bytes"}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("kind=noise", "/kind"),
        ("wait=61", "/wait"),
        ("wait=soon", "/wait"),
        ("since=-1", "/since"),
        ("since=1.5", "/since"),
        ("count=x", "/count"),
        ("call=v3:x", "/call"),
    ],
)
def test_a_query_that_makes_no_sense_is_named(http: Http, query: str, pointer: str) -> None:
    assert refusal(http("GET", f"/sandbox/ledger?{query}")) == (422, "10015", pointer)
