"""What the hang-up says by itself: causes, sides and SIP statuses, of answered calls and of others."""

from dataclasses import replace

import pytest

from tests.support.endings import command, course, event, judged


@pytest.mark.parametrize(
    ("direction", "cause", "side", "sip", "expected"),
    [
        ("incoming", "normal_clearing", "caller", "200", ("completed", "caller", "high")),
        ("incoming", "normal_clearing", "callee", "200", ("completed", "unknown", "low")),
        ("outgoing", "normal_clearing", "callee", "16", ("completed", "callee", "high")),
        ("outgoing", "normal_clearing", "caller", "200", ("completed", "unknown", "low")),
        ("outgoing", "normal_clearing", "unknown", "200", ("completed", "unknown", "medium")),
        ("", "normal_clearing", "callee", "200", ("completed", "unknown", "low")),  # which side is ours is not known
        ("outgoing", "call_rejected", "unknown", "500", ("carrier", "unknown", "medium")),
        ("outgoing", "unspecified", "unknown", "unspecified", ("completed", "unknown", "low")),
        ("outgoing", "normal_clearing", "unknown", "488", ("configuration", "telnyx", "high")),
        ("incoming", "normal_clearing", "unknown", "408", ("carrier", "carrier", "medium")),
        ("incoming", "MEDIA_TIMEOUT", "unknown", "200", ("carrier", "carrier", "medium")),
    ],
)
def test_an_answered_call_is_told_by_side_and_code(
    direction: str, cause: str, side: str, sip: str, expected: tuple[str, str, str]
) -> None:
    told = course(direction, answered=5, ended=25, hangup_cause=cause, hangup_source=side, sip_hangup_cause=sip)
    verdict = judged(told)
    assert (verdict.category, verdict.who, verdict.confidence) == expected


@pytest.mark.parametrize(
    ("direction", "cause", "sip", "expected"),
    [
        ("outgoing", "user_busy", "600", ("busy", "callee", "high")),
        ("outgoing", "timeout", "487", ("not_answered", "telnyx", "high")),
        ("outgoing", "originator_cancel", "487", ("not_answered", "us", "medium")),
        ("outgoing", "call_rejected", "486", ("busy", "callee", "medium")),
        ("outgoing", "call_rejected", "403", ("configuration", "telnyx", "low")),
        ("outgoing", "call_rejected", "404", ("unreachable", "carrier", "medium")),
        ("outgoing", "call_rejected", "21", ("rejected", "callee", "high")),
        ("outgoing", "not_found", "503", ("carrier", "carrier", "medium")),
        ("outgoing", "normal_clearing", "18", ("not_answered", "telnyx", "medium")),
        ("outgoing", "normal_clearing", "20", ("unreachable", "carrier", "low")),
        ("outgoing", "normal_clearing", "34", ("carrier", "carrier", "medium")),
        ("outgoing", "normal_clearing", "200", ("not_answered", "unknown", "low")),
        ("outgoing", "unspecified", "477", ("carrier", "carrier", "low")),
        ("outgoing", "unspecified", "unspecified", ("unknown", "unknown", "low")),
        ("incoming", "user_busy", "486", ("busy", "telnyx", "medium")),
        ("incoming", "unspecified", "unspecified", ("unknown", "unknown", "low")),
        ("outgoing", "no-answer", "", ("not_answered", "telnyx", "high")),  # TeXML's words
        ("outgoing", "busy", "", ("busy", "callee", "high")),
        ("outgoing", "failed", "", ("carrier", "unknown", "low")),
    ],
)
def test_an_unanswered_call_is_told_by_cause_and_code(
    direction: str, cause: str, sip: str, expected: tuple[str, str, str]
) -> None:
    verdict = judged(course(direction, ended=12, hangup_cause=cause, sip_hangup_cause=sip))
    assert (verdict.category, verdict.who, verdict.confidence) == expected
    assert ("probably" in verdict.sentence.lower() or "no" in verdict.sentence) or verdict.confidence != "low"


def test_a_texml_leg_that_ends_at_our_end_was_probably_ended_by_its_document() -> None:
    told = [replace(one, is_texml=True) for one in course("incoming", answered=1, ended=9, hangup_source="callee")]
    verdict = judged(told)
    assert (verdict.code, verdict.who, verdict.confidence) == ("document_ended", "us", "medium")


def test_an_unknown_cause_is_shown_as_it_is_and_taken_for_no_other() -> None:
    verdict = judged(course("outgoing", ended=3, hangup_cause="user_busier", sip_hangup_cause="486"))
    assert (verdict.category, verdict.who, verdict.confidence) == ("unknown", "unknown", "low")
    assert "user_busier" in verdict.sentence


def test_later_events_prove_an_answer_that_was_not_reported() -> None:
    told = [*course("outgoing", ended=30, hangup_source="callee"), event("call.gather.ended", 20)]
    verdict = judged(told)
    assert (verdict.code, verdict.confidence) == ("hung_up", "medium")
    assert "its answer was never reported" in verdict.flags


def test_the_length_that_was_asked_for_is_told_not_the_ringing() -> None:
    dial = command("dial", 0, parameters={"timeout_secs": 30})
    verdict = judged(course("outgoing", ended=30.8, hangup_cause="timeout", sip_hangup_cause="487"), dial)
    assert "within 30 s (set-up included)" in verdict.sentence
