"""A text from outside is shown as it is."""

import pytest

from portal.texts import visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("+1312\u202e5550199", "+1312\\u202e5550199"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("\x1b[31mred\x00", "\\u001b[31mred\\u0000"),
        ("tab\tand\nline, grüße, 电话", "tab\tand\nline, grüße, 电话"),
        ("", ""),
    ],
)
def test_what_would_hide_or_turn_a_text_is_told_and_the_rest_stays(text: str, seen: str) -> None:
    assert visible(text) == seen
