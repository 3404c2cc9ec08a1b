"""What is typed is read into tokens, and written down as what is read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.call_log.language import tokens
from voice.call_log.language.tokens import Token


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  ", []),
        ("0143", [Token("", "0143")]),
        ("+1 (312) 555-0143", [Token("", "+1 (312) 555-0143")]),
        ("dir:in 0143 talk:>60", [Token("", "0143"), Token("dir", "in"), Token("talk", ">60")]),
        ('app:"front desk"', [Token("app", "front desk")]),
        ('-app:"front desk"', [Token("app", "front desk", is_negated=True)]),
        ("DIR:in dir:in", [Token("dir", "in")]),
        ("sip:486", [Token("sip", "486")]),
        ("sip:ada@example.com", [Token("", "sip:ada@example.com")]),
        ("sips:486", [Token("", "sips:486")]),
        ("v3:abc-def", [Token("", "v3:abc-def")]),
        ('"front:desk"', [Token("", "front:desk")]),
        ('"front desk', [Token("", "front desk")]),
        ("from:", [Token("from", "")]),
        ('"', [Token("", "")]),
        ('"" dir:in " "', [Token("", ""), Token("dir", "in")]),
        ('a "" "b  c"', [Token("", "a b c")]),
        ("a\x00b", [Token("", "ab")]),
    ],
)
def test_a_text_is_read_into_its_tokens(text: str, found: list[Token]) -> None:
    assert list(tokens.read(text)) == found


@given(
    st.text(max_size=80)
    | st.from_regex(r'(-?[a-z]{2,5}:("[a-z ]*"|[a-z>0-9:]*) ?| ?[a-z"+]{1,5} ){1,5}', fullmatch=True)
)
def test_what_is_written_is_read_as_the_same(text: str) -> None:
    once = tokens.read(text)
    assert tokens.read(tokens.write(once)) == once
