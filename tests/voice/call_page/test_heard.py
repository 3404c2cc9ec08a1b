"""What was pressed and said, read from events that came in any order."""

import base64
import json
import random
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.support.rows import CallEvent
from voice.call_page import heard
from voice.call_page.heard import Heard

BEGUN = datetime(2026, 11, 20, 14, tzinfo=UTC)
HISTORY = [
    {"role": "assistant", "content": "How old are you?"},
    {"role": "user", "content": "Seven."},
    {"role": "tool", "content": "looked up"},
    {"role": "user"},
    "no message",
]


def event(event_type: str, seconds: float, leg: str = "a", **payload: Any) -> CallEvent:
    told = CallEvent(event_type=event_type, occurred_at=BEGUN + timedelta(seconds=seconds), payload=payload)
    told.call_id = leg
    return told


def keys(text: str, seconds: float, leg: str = "a") -> list[CallEvent]:
    """One a second."""
    return [event("call.dtmf.received", seconds + at, leg, digit=digit) for at, digit in enumerate(text)]


def menu(digits: str, seconds: float, leg: str = "a") -> CallEvent:
    return event("call.gather.ended", seconds, leg, digits=digits, status="valid")


def told(events: list[CallEvent]) -> list[tuple[str, str]]:
    """Who did what; the same in whatever order the events came."""
    found = [(one.who, one.keys or one.words or one.gathered) for one in heard.of(events)]
    orders = (
        list(permutations(events))
        if len(events) < 6
        else [random.Random(at).sample(events, len(events)) for at in range(50)]
    )
    for order in orders:
        assert [(one.who, one.keys or one.words or one.gathered) for one in heard.of(order)] == found
    return found


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (keys("71", 1), ["pressed 71"]),
        ([*keys("12", 1), menu("12", 2)], ["answered 12"]),
        ([*keys("12#", 1), menu("12", 3)], ["answered 12"]),  # what ended it is none of its digits
        ([*keys("12", 1), menu("12", 1.9)], ["answered 12"]),  # its last key is told a moment after its end
        ([*keys("9", 1), *keys("12", 20), menu("12", 21), *keys("5", 30)], ["pressed 9", "answered 12", "pressed 5"]),
        ([*keys("1", 1), menu("1", 1), *keys("1", 4), menu("1", 4)], ["answered 1", "answered 1"]),
        ([*keys("1", 1), menu("1", 1), *keys("1", 4)], ["answered 1", "pressed 1"]),
        ([*keys("1", 1), menu("1", 1), *keys("1", 1.3), menu("1", 1.4)], ["answered 1", "answered 1"]),  # ahead
        ([*keys("9", 1), menu("", 6)], ["pressed 9", "answered "]),  # no valid one, and yet pressed
        ([menu("4", 2)], ["answered 4"]),  # its keys were not told
        ([*keys("12", 1), event("texml.gather", 2, Digits="12")], ["answered 12"]),
        ([*keys("1", 1), *keys("2", 30)], ["pressed 1", "pressed 2"]),
        ([event("call.dtmf.received", 1, digit=5), event("call.dtmf.received", 2, digit={})], ["pressed 5"]),
    ],
)
def test_each_key_is_told_once(events: list[CallEvent], expected: list[str]) -> None:
    assert [f"{who} {keys}" for who, keys in ((who, keys or "") for who, keys in told(events))] == expected


def test_a_leg_s_menu_takes_no_other_leg_s_keys() -> None:
    events = [*keys("1", 1, "a"), *keys("1", 1.5, "b"), menu("1", 2, "b")]
    assert told(events) == [("pressed", "1"), ("answered", "1")]


def test_an_assistant_tells_what_was_said_and_what_it_gathered() -> None:
    ended = event("call.ai_gather.ended", 9, result={"age": 7}, message_history=HISTORY, status="valid")
    assert heard.of([ended]) == [
        Heard(ended.happened_at, "a", "the assistant said", words="How old are you?"),
        Heard(ended.happened_at, "a", "said", words="Seven."),
        Heard(ended.happened_at, "a", "answered", gathered={"age": 7}, outcome="valid"),
    ]


def test_what_the_end_of_a_conversation_tells_again_is_told_once_and_at_its_time() -> None:
    said = [one | {"timestamp": f"2026-11-20T14:00:0{at}Z"} for at, one in enumerate(HISTORY[:2], 3)]
    ended = event("call.ai_gather.ended", 9, result={"age": 7}, message_history=HISTORY)
    conversation = event("call.conversation.ended", 10, messages=said)
    expected = [("the assistant said", "How old are you?"), ("said", "Seven."), ("answered", {"age": 7})]
    assert told([ended, conversation]) == expected
    assert heard.of([conversation])[1].at == BEGUN + timedelta(seconds=4)


def test_texml_s_assistant_tells_it_in_base64() -> None:
    packed = {
        "Base64Result": base64.b64encode(json.dumps({"age": 7}).encode()).decode(),
        "Base64MessageHistory": base64.b64encode(json.dumps(HISTORY[1:2]).encode()).decode(),
    }
    (words, gathered) = heard.of([event("texml.ai_gather", 1, Status="valid", **packed)])
    assert (words.words, gathered.gathered, gathered.outcome) == ("Seven.", {"age": 7}, "valid")


@pytest.mark.parametrize("odd", ["%", "e30", "/w==", 7, None, "W1tbW1tbW1tbW1tb" * 9000])
def test_whatever_is_no_answer_is_nothing(odd: Any) -> None:
    (only,) = heard.of([event("texml.ai_gather", 1, Base64Result=odd, Base64MessageHistory=odd)])
    assert not only.gathered
    assert heard.of([event("call.conversation.ended", 1, messages=odd), event("call.transcription", 1)]) == []
