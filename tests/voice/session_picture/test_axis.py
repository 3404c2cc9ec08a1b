"""The axis of time: even where that can be read, and a long silence is broken where it would crowd the rest."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.session_picture import axis

LEFT, RIGHT = 172.0, 976.0


def test_a_short_call_is_even() -> None:
    line = axis.of([0, 3, 7.4, 70], LEFT, RIGHT)
    assert line.breaks == []
    assert (line.x(0), line.x(35), line.x(70)) == (LEFT, pytest.approx((LEFT + RIGHT) / 2), RIGHT)


def test_a_silence_of_an_hour_is_broken_and_leaves_room_for_the_seconds_around_it() -> None:
    line = axis.of([0, 1, 2, 3600, 3601, 3602], LEFT, RIGHT)
    (silence,) = line.breaks
    assert (silence.begin, silence.end) == (2, 3600)
    assert line.x(1) - line.x(0) >= 10
    assert line.x(3601) - line.x(3600) >= 10
    assert silence.right - silence.left >= axis.BREAK


def test_no_more_is_broken_than_is_needed() -> None:
    line = axis.of([0, 1, 2, 3, 40, 3600], LEFT, RIGHT)
    assert [(part.begin, part.end) for part in line.breaks] == [(40, 3600)]


@pytest.mark.parametrize("moments", [[], [0], [5, 5], [0, 0.0001]])
def test_a_session_of_one_moment_has_an_axis(moments: list[float]) -> None:
    line = axis.of(moments, LEFT, RIGHT)
    assert all(LEFT <= line.x(second) <= RIGHT for second in (-1, 0, 5, 99))


def test_ticks_are_round_and_stand_apart() -> None:
    ticks = axis.of([0, 7, 61, 128], LEFT, RIGHT).ticks()
    assert [second for second, _ in ticks][:3] == [0, 15, 30]
    assert all(later - one >= 60 for (_, one), (_, later) in pairwise(ticks))


@given(st.lists(st.floats(-5, 90_000), min_size=1, max_size=60))
def test_later_is_never_drawn_before_earlier_and_nothing_outside(moments: list[float]) -> None:
    line = axis.of(moments, LEFT, RIGHT)
    drawn = [line.x(second) for second in sorted(moments)]
    assert all(one <= later + 1e-6 for one, later in pairwise(drawn))
    assert all(LEFT - 1e-6 <= x <= RIGHT + 1e-6 for x in drawn)
    assert line.stretches[0].left == LEFT
    assert line.stretches[-1].right == pytest.approx(RIGHT)
