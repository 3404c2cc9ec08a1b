"""Legs of one session: which of them explains the other, and what became of transfers."""

from dataclasses import replace

import pytest

from tests.support.endings import at, command, course, event, judged, of_leg
from voice.explanations.judgement import legs, precedence
from voice.explanations.judgement.facts import Facts

TARGET = "+13125550001"
TRANSFER = command("transfer", 3, parameters={"to": TARGET})


def two(a_ended: float, a_side: str, b_ended: float, b_side: str, **b: object) -> list:
    first = course("incoming", answered=1, ended=a_ended, hangup_source=a_side)
    second = course("outgoing", begun=3.2, answered=6, ended=b_ended, hangup_source=b_side, leg="b", to=TARGET, **b)
    return [*first, *second, event("call.bridged", 6.1), event("call.bridged", 6.1, "b")]


@pytest.mark.parametrize(
    ("a_ended", "a_side", "b_ended", "b_side", "who"),
    [
        (60.2, "callee", 60, "callee", "callee"),  # the party put through
        (60, "caller", 60.2, "caller", "caller"),
        (60, "callee", 60.2, "callee", "callee"),  # both within 300 ms: the person's leg decides
        (60, "caller", 59.9, "caller", "caller"),
        (63, "callee", 60, "callee", "unknown"),  # too long ago
    ],
)
def test_the_leg_that_ended_first_explains_the_other(
    a_ended: float, a_side: str, b_ended: float, b_side: str, who: str
) -> None:
    events = two(a_ended, a_side, b_ended, b_side)
    assert judged(events, TRANSFER).who == who
    if who != "unknown":
        assert of_leg("b", events, TRANSFER).who == who


def test_a_leg_that_we_hung_up_explains_the_other_one() -> None:
    verdict = judged(two(60.2, "callee", 60, "caller"), TRANSFER, command("hangup", 59.8, leg="b", by="user: ana"))
    assert verdict.who == "us"
    assert "user ana" in verdict.sentence


def test_a_caller_who_leaves_while_being_put_through_gave_up() -> None:
    first = course("incoming", answered=1, ended=8, hangup_source="caller")
    second = course("outgoing", begun=3.2, ended=8.2, hangup_cause="originator_cancel", leg="b", to=TARGET)
    verdict = judged([*first, *second], TRANSFER)
    assert (verdict.code, verdict.category, verdict.who) == ("left_transfer", "not_answered", "caller")


@pytest.mark.parametrize(
    ("told", "code", "who"),
    [
        (event("call.dequeued", 19.9, reason="hangup", queue_position=2, wait_time_secs=15), "left_queue", "caller"),
        (event("call.refer.completed", 19, sip_notify_response=200), "handed_over", "us"),
    ],
)
def test_queue_and_hand_over_are_told(told: object, code: str, who: str) -> None:
    verdict = judged([*course("incoming", answered=1, ended=20, hangup_source="caller"), told])
    assert (verdict.code, verdict.who) == (code, who)


def test_an_assistant_and_a_conference_end_calls() -> None:
    ended = course("incoming", answered=1, ended=20, hangup_source="callee")
    assert judged([*ended, event("call.conversation.ended", 19)]).code == "assistant_ended"
    over = judged([*ended, event("conference.ended", 19.5, reason="host_left")])
    assert (over.code, over.confidence) == ("conference_ended", "medium")
    later = judged([*ended, event("conference.ended", 500, reason="all_left")])  # it went on with the others
    assert later.code == "our_end"


def test_a_call_without_an_end_is_told_by_what_is_known_of_it() -> None:
    told = course("outgoing", answered=5)
    assert judged(told, is_alive=True).category == "running"
    assert judged(told).code == "open"
    assert judged(told, is_alive=False).code == "lost"
    billed = judged([*told, event("call.cost", 70, billed_duration_secs=60)], is_alive=False)
    assert (billed.code, billed.confidence) == ("lost_with_length", "low")
    assert "1:00 min" in billed.sentence


def test_what_happened_last_counts_not_what_came_last() -> None:
    told = course("outgoing", answered=1, ended=60, hangup_source="callee")
    first = replace(event("call.machine.detection.ended", 3, result="not_sure"), received_at=at(9))
    last = replace(event("call.machine.detection.ended", 4, result="machine"), received_at=at(5))
    assert judged([*told, first, last]).flags == ("a machine was detected",)


def test_the_leg_that_began_first_tells_of_the_session_whatever_of_it_is_missing() -> None:
    events = two(60.2, "callee", 60, "callee")
    begun = at(0).isoformat()
    late = [replace(one, payload=one.payload | {"start_time": begun}) for one in events if one.leg == "a"][-2:]
    read = legs.read(Facts((*late, *(one for one in events if one.leg == "b"))))
    assert [leg.control_id for leg in read.legs] == ["a", "b"]


def test_our_commands_tell_a_direction_that_nobody_else_does() -> None:
    hangup = course("", answered=1, ended=9)[-1]
    for action, direction in (("answer", "incoming"), ("dial", "outgoing"), ("speak", "")):
        assert legs.read(Facts((hangup,), (command(action, 0),))).legs[0].direction == direction


def test_the_limit_of_a_transfer_is_its_target_s() -> None:
    transfer = command("transfer", 3, parameters={"to": TARGET, "time_limit_secs": 50})
    events = two(56.2, "callee", 56, "unknown", hangup_cause="time_limit")
    assert of_leg("b", events, transfer).sentence == "Cut at the time limit of 50 s, set by transfer."
    alone = course("incoming", answered=1, ended=51, hangup_source="caller")
    assert judged(alone, transfer).code == "hung_up"


def test_four_hours_are_telnyx_s_limit() -> None:
    verdict = judged(course("outgoing", answered=1, ended=14_401))
    assert (verdict.code, verdict.confidence) == ("time_limit", "medium")


@pytest.mark.parametrize(("direction", "side"), [("incoming", "caller"), ("outgoing", "callee")])
def test_a_person_who_hangs_up_when_the_limit_is_near_was_not_cut(direction: str, side: str) -> None:
    limited = command("answer" if direction == "incoming" else "dial", 0.5, parameters={"time_limit_secs": 60})
    told = judged(course(direction, answered=1, ended=60.2, hangup_source=side), limited)
    assert (told.code, told.who) == ("hung_up", side)
    assert judged(course(direction, answered=1, ended=61), limited).code == "time_limit"  # nobody is named


@pytest.mark.parametrize(
    ("b_side", "code", "who"), [("callee", "other_leg_hung_up", "callee"), ("", "time_limit", "telnyx")]
)
def test_a_person_of_the_other_leg_who_hangs_up_when_the_limit_is_near_ended_it(
    b_side: str, code: str, who: str
) -> None:
    limited = command("answer", 0.5, parameters={"time_limit_secs": 60})
    told = judged(two(61, "callee", 60.9, b_side), TRANSFER, limited)
    assert (told.code, told.who) == (code, who)


def test_each_of_a_thousand_legs_is_told_by_its_own_transfer_and_its_own_partner() -> None:
    """Compared each with each, and each of them with every command, they would take as long as a talk."""
    told, sent = course("incoming", answered=1, ended=9000), []
    for n in range(1000):
        leg, begun, number = f"b{n}", 3.0 * n + 2, f"+1312555{n:04}"
        told += course(
            "outgoing", begun=begun, answered=begun + 1, ended=begun + 2, leg=leg, to=number, hangup_source="callee"
        )
        sent.append(command("transfer", begun - 1, parameters={"to": number}))
    session = legs.read(Facts(tuple(told), tuple(sent)))
    assert [session.transfer_to(leg) for leg in session.legs] == [None, *sent]
    assert [session.target_of(one) for one in sent] == list(session.legs[1:])
    found = precedence.judge_legs(Facts(tuple(told), tuple(sent)))
    assert len(found) == 1001
    assert {found[f"b{n}"].who for n in range(1000)} == {"callee"}
