"""The picture in words."""

import pytest

from tests.support.sessions import command, drawn_scene, event, leg, life
from voice.session_picture import text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.42, "0.4 s"), (3, "3 s"), (58.2, "58 s"), (60, "1 min 0 s"), (760, "12 min 40 s"), (3720, "1 h 02 min")],
)
def test_a_length_is_worded(seconds: float, words: str) -> None:
    assert text.length(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (0.5, "0:00.5"), (75, "1:15"), (3725, "1:02:05"), (-2, "−0:02"), (0.96, "0:00")]
)
def test_a_moment_is_written(seconds: float, words: str) -> None:
    assert text.clock(seconds) == words


def test_each_leg_is_a_sentence_then_what_is_missing_then_line_by_line() -> None:
    call = leg(answered=3, ended=20, state="lost")
    told = [entry for entry in life(call) if entry.name != "call.hangup"]
    lines = list(text.lines(drawn_scene([call], [*told, command("answer", 2)], ["caller"])))
    assert lines[0] == "Leg A, caller +13125550143: began at 0:00, answered at 0:03, ended at 0:20 by the caller."
    assert lines[1] == "The hang-up was never reported."
    assert lines[3:] == [
        "event   0.000 s, Call initiated on leg A",
        "command 2.000 s, Answer (ok) on leg A: by rule: Menu #4",
        "event   3.000 s, Answered on leg A",
    ]


def test_a_leg_that_lives_or_whose_end_nobody_knows_says_so() -> None:
    on = drawn_scene([leg()], [event("call.initiated", 0)]).lanes[0]
    assert text.of_lane(on).endswith("not answered, on the line.")
    gone = drawn_scene([leg(state="lost")], []).lanes[0]
    assert text.of_lane(gone).endswith("its end is not known.")
