"""A text from outside is shown as it is, and a number with its word."""

import pytest

from portal.texts import documented, pluralised, visible


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


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("The `from` number,\nto `<b>`", "The <code>from</code> number, to <code>&lt;b&gt;</code>"),
        ("a target, <udp:address:port>, where", "a target, &lt;udp:address:port&gt;, where"),
        ("<code>Latency</code> directs & `routes", "<code>Latency</code> directs &amp; `routes"),
        ("**AWS:** see [all `voices`](https://x.example/y_(z)", "AWS: see all <code>voices</code>"),
        ("", ""),
    ],
)
def test_what_telnyx_documents_is_written_for_a_page(text: str, html: str) -> None:
    assert documented(text) == html


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 calls are"), (1, "1 call is"), (2, "2 calls are"), (1000, "1,000 calls are")]
)
def test_a_number_stands_with_the_word_that_goes_with_it(number: int, words: str) -> None:
    assert pluralised(number, "call is", "calls are") == words
