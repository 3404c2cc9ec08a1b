"""What must have happened and was never told is found, and what may be missing is not missed."""

from datetime import datetime
from typing import Any

import pytest

from tests.support.sessions import at, command, drawn_scene, event, leg, life
from voice.calls.timeline import Entry
from voice.models import Call

WHOLE = {"answered": 3, "ended": 20}


def missed(call: Call, entries: list[Entry], now: datetime | None = None, **more: Any) -> list[str]:
    return [gap.sentence for gap in drawn_scene([call], entries, ["us"], now=now or at(4000), **more).gaps]


def without(call: Call, name: str) -> list[Entry]:
    return [entry for entry in life(call) if entry.name != name]


def test_a_whole_call_misses_nothing() -> None:
    assert missed(leg(**WHOLE), life(leg(**WHOLE))) == []


@pytest.mark.parametrize(
    "proof", ["call.bridged", "call.machine.detection.ended", "call.gather.ended", "call.speak.ended"]
)
def test_an_answer_that_was_proven_and_never_told_is_missed(proof: str) -> None:
    call = leg(ended=20)
    assert missed(call, [*life(call), event(proof, 5)]) == ["The answer was never reported"]


def test_a_beginning_and_an_end_that_were_never_told_are_missed() -> None:
    call = leg(**WHOLE)
    assert missed(call, without(call, "call.initiated")) == ["That the call began was never reported"]
    lost = leg(answered=3, ended=20, state="lost")
    assert missed(lost, without(lost, "call.hangup")) == ["The hang-up was never reported"]


def test_a_living_call_is_not_over_and_its_speech_goes_on() -> None:
    call = leg(answered=3)
    assert missed(call, [*life(call), event("call.speak.started", 4)]) == []


def test_what_began_and_never_ended_is_missed_once_the_call_is_over() -> None:
    call = leg(**WHOLE)
    told = [
        *life(call),
        event("call.playback.started", 4),
        event("call.playback.ended", 6),
        event("call.speak.started", 7),
    ]
    assert missed(call, told) == ["The end of what was said was never reported"]


def test_a_command_without_its_event_is_missed_after_half_a_minute() -> None:
    call = leg(answered=3)
    told = [*life(call), command("speak", 4)]
    assert missed(call, told, now=at(33)) == []
    assert missed(call, told, now=at(35)) == ["“Speak” was accepted, and the event it brings never came"]
    assert missed(call, [*life(call), command("speak", 4, status="refused")]) == []
    assert missed(call, [*life(call), command("update_client_state", 4)]) == []  # brings none


def test_a_leg_that_acts_after_its_end_is_told_but_cost_and_recordings_come_later() -> None:
    call = leg(**WHOLE)
    later = [event("call.cost", 60), event("call.recording.saved", 40)]
    assert missed(call, [*life(call), *later]) == []
    assert missed(call, [*life(call), event("call.dtmf.received", 25)]) == [
        "It went on after its hang-up: “Key pressed”"
    ]


def test_who_may_see_no_events_and_who_sees_some_of_them_misses_nothing() -> None:
    call = leg(**WHOLE)
    cut = Entry("cut", "cut-event", at(4), 4, "", "9 events between these not shown", "", "processed", "event")
    assert missed(call, without(call, "call.hangup"))
    assert missed(call, [], sees_events=False) == []
    assert missed(call, [*without(call, "call.hangup"), cut]) == []


def test_texml_tells_what_its_documents_ask_for() -> None:
    call = leg(**WHOLE, is_texml=True)
    assert missed(call, [event("texml.call.completed", 20)]) == []
