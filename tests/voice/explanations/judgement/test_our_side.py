"""A caller whom nobody answered: were we too late, held back, away, or did the caller just leave?"""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.endings import at, command, course, judged

LEFT = {"hangup_cause": "originator_cancel", "hangup_source": "caller", "sip_hangup_cause": "487"}
GONE = "The event has no event.payload.digits."
HELD = {"held_since": at(0.1), "held_until": at(15), "held_why": "Commands of this account are held back: no answers"}


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        (
            command("answer", 1, "refused", code="10010", reason="D17"),
            "answer_refused",
            "blocked or out of funds (D17)",
        ),
        (command("answer", 0.1, "expired", **HELD), "answer_held_back", "held back for 15 s since 14:03:07 UTC"),
        (command("answer", 0.1, "expired"), "answer_not_sent", "never sent; "),
        (command("answer", 0.1, "queued"), "answer_not_sent", "never sent; "),
        (command("answer", 0.1, "expired", words=GONE), "answer_not_sent", "never sent (The event has no event.pay"),
        (command("answer", 0.1, "expired", settlement="Settled by user: ana."), "answer_settled", "(Settled by"),
        (command("answer", 3.1, "refused", code="90018"), "answered_late", "3.1 s"),
        (command("answer", 2.9, "refused", code="90018"), "caller_gave_up", "15 s"),
        (None, "caller_gave_up", "15 s"),
    ],
)
def test_what_became_of_our_answer_says_whose_side_it_was(told: Any, code: str, words: str) -> None:
    verdict = judged(course("incoming", ended=15, **LEFT), *([told] if told else []))
    assert (verdict.code, verdict.who) == (code, "caller")
    assert words in verdict.sentence
    assert verdict.category == ("not_answered" if code == "caller_gave_up" else "our_side")


@pytest.mark.parametrize(
    ("status", "words", "lag"),
    [
        ("queued", "", True),
        ("expired", "Too late: it would not make sense any more.", True),
        ("expired", "main is suspended here since 2026-11-20 14:00 UTC (user: ana).", False),
        ("expired", GONE, False),
    ],
)
def test_workers_are_to_blame_for_what_came_too_late_alone(status: str, words: str, lag: bool) -> None:
    verdict = judged(course("incoming", ended=15, **LEFT), command("answer", 0.1, status, words=words))
    assert (verdict.code, bool(verdict.next_step)) == ("answer_not_sent", lag)
    assert words.rstrip(".")[:60] in verdict.sentence


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"received_at": at(3.1)}, "webhook_late"),
        ({"received_at": at(2.9)}, "caller_gave_up"),
        ({"is_recovered": True}, "webhook_down"),
    ],
)
def test_when_we_heard_of_the_call_counts(changed: dict[str, Any], code: str) -> None:
    first, *rest = course("incoming", ended=15, **LEFT)
    assert judged([replace(first, **changed), *rest]).code == code


def test_an_application_without_a_flow_answers_nobody() -> None:
    told = course("incoming", ended=15, **LEFT)
    assert judged(told, has_flow=False).code == "no_flow"
    assert judged(told, is_old_format=True).code == "old_format"
    assert judged(told, has_flow=True).code == "caller_gave_up"
    assert judged(told, has_flow=False).confidence == "medium"
    assert judged(told, command("dial", 1), has_flow=False).code == "caller_gave_up"  # a program of a team's answers


def test_a_caller_cut_by_telnyx_was_taken_by_nobody() -> None:
    told = course("incoming", ended=30, hangup_cause="timeout", sip_hangup_cause="480")
    verdict = judged(told, first_command_seconds=30.0)
    assert (verdict.code, verdict.category, verdict.who) == ("first_command", "our_side", "us")
    allotted = judged(course("incoming", ended=30, hangup_cause="ALLOTTED_TIMEOUT"), first_command_seconds=30.0)
    assert (allotted.code, allotted.sentence) == (verdict.code, verdict.sentence)
    assert "no command came within 30 s" in verdict.sentence
