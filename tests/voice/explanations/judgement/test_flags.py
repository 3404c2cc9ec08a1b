"""Remarks beside a verdict: sound, trust, machines, refused commands, what was reported late."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.endings import at, command, course, event, judged


def quality(mos: str = "4.4", packets: str = "1000", lost: str = "0", sent: str = "1000") -> dict[str, Any]:
    inbound = {"mos": mos, "packet_count": packets, "skip_packet_count": lost}
    return {"inbound": inbound, "outbound": {"packet_count": sent, "skip_packet_count": "0"}}


@pytest.mark.parametrize(
    ("told", "flags"),
    [
        (quality(), ()),
        (quality(mos="3.5"), ("poor sound (MOS 3.50)",)),
        (quality(mos="3.0"), ("bad sound (MOS 3.00)",)),
        (quality(lost="30"), ("3 % of the audio from them was lost",)),
        (quality(packets="0"), ("no audio from them",)),
        (quality(sent="0"), ("no audio to them",)),
        (quality(mos="nan?"), ()),
        ("broken", ()),
        (None, ()),
    ],
)
def test_poor_sound_is_told(told: Any, flags: tuple[str, ...]) -> None:
    ended = course("outgoing", answered=1, ended=60, hangup_source="callee", call_quality_stats=told)
    assert judged(ended).flags == flags


def test_what_texml_tells_as_texts_is_told_as_well() -> None:
    stats = json.dumps({"mos": "2.9", "packet_count": "1000", "skip_packet_count": "30"})
    told = {"call_quality_stats": stats, "shaken_stir_validated": "false"}
    assert judged(course("incoming", answered=1, ended=60, hangup_source="caller", **told)).flags == (
        "the caller's number is not attested",
        "bad sound (MOS 2.90)",
        "3 % of the audio from them was lost",
    )


def test_who_calls_and_who_answered_is_told() -> None:
    first, *rest = course("incoming", answered=1, ended=60, hangup_source="caller")
    first = replace(first, payload=first.payload | {"call_screening_result": "spam_likely"})
    machine = event("call.machine.detection.ended", 3, result="not_sure")
    assert judged([first, *rest, machine]).flags == ("marked likely spam", "detection was not sure who answered")


@pytest.mark.parametrize(
    ("result", "flag"),
    [
        ("ended", "a machine was detected"),
        ("not_sure", "a machine was detected"),
        ("beep_detected", "a machine was detected (its beep)"),
    ],
)
def test_how_a_greeting_ended_does_not_say_who_answered(result: str, flag: str) -> None:
    told = course("outgoing", answered=1, ended=60, hangup_source="callee")
    greeting = event("call.machine.greeting.ended", 9, result=result)
    assert judged([*told, event("call.machine.detection.ended", 3, result="machine"), greeting]).flags == (flag,)
    alone = {"not_sure": ("detection was not sure who answered",), "beep_detected": (flag,)}.get(result, ())
    assert judged([*told, greeting]).flags == alone


def test_a_refused_command_and_one_held_back_are_told() -> None:
    told = course("incoming", answered=1, ended=60, hangup_source="caller")
    refused = command("speak", 2, "refused", code="90040")
    assert judged(told, refused).flags == ("a command was refused: speak (90040)",)
    gone = command("speak", 2, "refused", words="A secret of it cannot be read.", was_asked=False)
    assert judged(told, gone).flags == ("a command was refused: speak (A secret of it cannot be read)",)
    held = {"held_since": at(2), "held_why": "Another command of the same call or conference comes first."}
    (flag,) = judged(told, command("speak", 2, **held, held_until=at(5))).flags
    assert flag.startswith("a command was held back for 3 s since")
    (flag,) = judged(told, command("speak", 2, "queued", **held)).flags  # and it still is
    assert flag.startswith("a command was held back since")
    assert (
        judged(told, command("gather", 2, **held, held_until=at(2.4))).flags == ()
    )  # as each waits for the one before


def test_what_was_learned_late_is_told() -> None:
    *rest, last = course("incoming", answered=1, ended=60, hangup_source="caller")
    assert judged([*rest, replace(last, is_recovered=True)]).flags == ("learned later from Telnyx's record",)
    assert judged([*rest, replace(last, attempt=3)]).flags == ("reported at attempt 3",)


def test_leaving_right_after_our_first_words_is_told() -> None:
    told = course("incoming", answered=1, ended=6, hangup_source="caller")
    assert judged(told, command("speak", 2)).flags == ("hung up 4 s after our first words",)
    assert judged(told, same_length=4).flags[0].startswith("cut after the same time as 4 other calls")
