"""What we ended: which of our commands did it, and which only came too late."""

from typing import Any

import pytest

from tests.support.endings import command, course, event, judged

ANSWERED = {"answered": 1, "ended": 20, "hangup_source": "callee"}


@pytest.mark.parametrize(
    ("seconds", "status", "more", "who", "confidence"),
    [
        (19.9, "ok", {}, "us", "high"),
        (10.1, "ok", {}, "us", "high"),
        (9.9, "ok", {}, "unknown", "low"),  # too early to have ended it
        (20.9, "ok", {}, "us", "high"),  # our clock is not Telnyx's
        (21.1, "ok", {}, "unknown", "low"),
        (19.9, "refused", {"code": "90018"}, "unknown", "low"),
        (19.9, "ok", {"code": "90018"}, "unknown", "low"),  # it asked for what was so already
        (19.9, "ok", {"code": "90018", "was_lost": True}, "us", "medium"),  # or its first attempt did it
        (19.9, "uncertain", {}, "us", "medium"),
        (19.9, "queued", {}, "unknown", "low"),
        (19.9, "expired", {}, "unknown", "low"),
    ],
)
def test_a_hang_up_of_ours_counts_if_it_was_taken_just_before_the_end(
    seconds: float, status: str, more: dict[str, Any], who: str, confidence: str
) -> None:
    verdict = judged(course("incoming", **ANSWERED), command("hangup", seconds, status, **more))
    assert (verdict.who, verdict.confidence) == (who, confidence)
    if who == "us":
        assert "we hung up after 19 s: rule 4 of flow Menu" in verdict.sentence.replace("We", "we")
        assert ("Probably" in verdict.sentence) == (confidence == "medium")


def test_the_first_of_two_hang_ups_did_it() -> None:
    second = command("hangup", 19.9, by="user: bob")
    verdict = judged(course("incoming", **ANSWERED), second, command("hangup", 19.5, by="user: ana"))
    assert "ana" in verdict.sentence


@pytest.mark.parametrize(
    ("before", "code", "words"),
    [
        (("call.gather.ended", {"status": "timeout"}), "we_hung_up_menu", "pressed nothing"),
        (("call.gather.ended", {"status": "invalid"}), "we_hung_up_menu", "wrong key"),
        (("call.gather.ended", {"status": "valid"}), "we_hung_up", "We hung up"),
        (("call.machine.detection.ended", {"result": "machine"}), "we_hung_up_machine", "A machine answered"),
        (("call.machine.detection.ended", {"result": "human"}), "we_hung_up_machine", "A person answered"),
        (("call.machine.detection.ended", {"result": "not_sure"}), "we_hung_up_machine", "could not tell"),
        (("call.playback.ended", {"status": "file_not_found"}), "we_hung_up_failure", "audio file"),
        (("call.speak.ended", {"status": "completed"}), "we_hung_up", "We hung up"),
        (("call.conversation.start_failed", {}), "we_hung_up_failure", "assistant"),
        (("streaming.failed", {}), "we_hung_up_failure", "audio stream"),
    ],
)
def test_what_came_just_before_is_the_reason(before: tuple[str, dict[str, Any]], code: str, words: str) -> None:
    name, payload = before
    verdict = judged([*course("incoming", **ANSWERED), event(name, 19, **payload)], command("hangup", 19.5))
    assert verdict.code == code
    assert words in verdict.sentence
    earlier = judged([*course("incoming", **ANSWERED), event(name, 15, **payload)], command("hangup", 19.5))
    assert earlier.code == "we_hung_up"


def test_a_machine_whose_greeting_ended_somehow_is_a_machine() -> None:
    told = [*course("outgoing", **ANSWERED), event("call.machine.detection.ended", 9, result="machine")]
    greeting = event("call.machine.greeting.ended", 19, result="not_sure")
    verdict = judged([*told, greeting], command("hangup", 19.5))
    assert (verdict.code, verdict.sentence.partition(";")[0]) == ("we_hung_up_machine", "A machine answered")


@pytest.mark.parametrize("name", ["detection.started", "call_screening.detected"])
def test_detection_that_only_began_is_no_reason(name: str) -> None:
    told = [*course("outgoing", **ANSWERED), event(f"call.machine.premium.{name}", 19)]
    assert judged(told, command("hangup", 19.5)).code == "we_hung_up"


def test_before_the_answer_we_gave_up() -> None:
    told = course("outgoing", ended=12, hangup_cause="originator_cancel", sip_hangup_cause="487")
    verdict = judged(told, command("hangup", 11.9))
    assert (verdict.code, verdict.category, verdict.who) == ("we_gave_up", "not_answered", "us")


@pytest.mark.parametrize(
    ("cause", "code", "category"),
    [("USER_BUSY", "we_busy", "busy"), ("CALL_REJECTED", "we_rejected", "rejected")],
)
def test_a_reject_is_told_by_what_the_caller_heard(cause: str, code: str, category: str) -> None:
    told = course("incoming", ended=1, hangup_cause=cause.lower(), hangup_source="callee")
    verdict = judged(told, command("reject", 0.9, parameters={"cause": cause}))
    assert (verdict.code, verdict.category, verdict.who) == (code, category, "us")


@pytest.mark.parametrize("by", ["rule: Menu #4", "user: ada", "token: crm"])
def test_a_rule_is_to_be_opened_where_one_ended_it_and_nowhere_else(by: str) -> None:
    unanswered, answered = course("incoming", ended=5, hangup_source="callee"), course("incoming", **ANSWERED)
    wanted = "Open the rule" if by.startswith("rule:") else ""
    for told, action, seconds in ((unanswered, "hangup", 4.9), (unanswered, "reject", 4.9), (answered, "hangup", 19.9)):
        assert judged(told, command(action, seconds, by=by)).next_step[:13] == wanted, (action, seconds)
