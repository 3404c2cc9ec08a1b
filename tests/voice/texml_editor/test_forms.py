"""A text comes back from the browser as it was: a browser posts every line end as CRLF."""

import json
import re

import pytest
from django.forms import CharField, Form
from hypothesis import given
from hypothesis import strategies as st

from voice.texml_editor.forms import TexmlEditor, with_line_ends_of


@given(st.text(st.sampled_from("a<\t \r\n\u2028\x85é😀")))
def test_a_text_that_nobody_changed_comes_back_exactly(text: str):
    posted = re.sub(r"\r\n|\r|\n", "\r\n", text)
    assert with_line_ends_of(text, posted) == text


@pytest.mark.parametrize(
    ("before", "posted", "kept"),
    [
        ("<a>\n</a>\n", "<a>\r\n\t</a>\r\n", "<a>\n\t</a>\n"),
        ("<a>\r\n</a>\r\n", "<a>\r\n\t</a>\r\n", "<a>\r\n\t</a>\r\n"),
        ("<a>\n\r\n</a>\r\n", "<b>\r\n\r\n</b>\r\n", "<b>\r\n\r\n</b>\r\n"),
        ("", "<a>\r\n</a>", "<a>\n</a>"),
        ("<a/>", "<a>\r\n</a>", "<a>\n</a>"),
    ],
)
def test_a_text_that_was_changed_keeps_the_kind_of_its_line_ends(before: str, posted: str, kept: str):
    assert with_line_ends_of(before, posted) == kept


def test_a_text_area_is_drawn_whatever_the_text_holds():
    class Edited(Form):
        draft = CharField(widget=TexmlEditor)

    drawn = str(Edited(initial={"draft": "\n</textarea><script>alert(1)</script>"})["draft"])
    assert "\n\n&lt;/textarea&gt;&lt;script&gt;" in drawn  # a browser drops one line break after the tag
    found = re.search(r'id="portal-texml-vocabulary" type="application/json">(.*?)</script>', drawn)
    assert found
    assert json.loads(found[1])["root"] == "Response"
