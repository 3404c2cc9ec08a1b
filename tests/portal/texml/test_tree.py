"""How a document is read: where everything stands, and what is refused at once."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.texml.tree import Malformed, parse
from tests.support.hostile_xml import HOSTILE

DOCUMENT = """\
<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Gather action="/größe"
          numDigits="1">
    <Say>ü <!-- a
 note --> Drücken &amp; <![CDATA[<1>]]></Say>
  </Gather>\r
  <Hangup/>
</Response>
"""


def refused(source: str | bytes) -> tuple[str, int, int]:
    with pytest.raises(Malformed) as refusal:
        parse(source)
    return refusal.value.finding.rule, refusal.value.finding.line, refusal.value.finding.column


def test_everything_knows_where_it_stands():
    document = parse(DOCUMENT)
    gather, hangup = document.root.children
    say = gather.children[0]
    assert [(one.name, one.line, one.column) for one in document.walk()] == [
        ("Response", 2, 1),
        ("Gather", 3, 3),
        ("Say", 5, 5),
        ("Hangup", 8, 3),
    ]
    assert [(one.name, one.value, one.line, one.column) for one in gather.attributes] == [
        ("action", "/größe", 3, 11),
        ("numDigits", "1", 4, 11),
    ]
    assert say.text == "ü  Drücken & <1>"
    assert [(one.line, one.column, one.cdata) for one in say.texts] == [(5, 10, False), (6, 34, True)]
    assert say.texts[0].at(say.texts[0].data.index("&")).column == 19
    assert (say.parent_name, hangup.parent_name, document.root.parent_name) == ("Gather", "Response", "")
    assert [(one.line, one.column, one.data) for one in document.comments] == [(5, 12, " a\n note ")]
    assert document.encoding == "utf-8"
    assert document.size == len(DOCUMENT.encode())


def test_a_text_and_its_bytes_are_read_alike():
    assert parse(DOCUMENT) == parse(DOCUMENT.encode()) == parse(b"\xef\xbb\xbf" + DOCUMENT.encode())
    assert parse(f"\ufeff{DOCUMENT}") == parse(DOCUMENT)


def test_an_attribute_that_is_not_there_is_none():
    say = parse('<Say voice=""/>').root
    assert (say.get("voice"), say.get("loop")) == ("", None)


@pytest.mark.parametrize(("source", "rule"), HOSTILE.values(), ids=HOSTILE)
def test_what_no_document_needs_is_refused_at_once(source, rule):
    times = []
    for _ in range(3):  # others use the machine as well
        began = time.process_time()
        found = refused(source)
        times.append(time.process_time() - began)
    assert found[0] == rule
    assert found[1] >= 1
    assert found[2] >= 1
    assert min(times) < 0.05


def test_a_refusal_says_where():
    assert refused("<Response>\n  <Say>a & b</Say>\n</Response>") == ("X01", 2, 11)
    assert refused("<Response>\r  <Say>a</Sa>") == ("X01", 2, 11)
    assert refused(b"<Response>\n\xff") == ("X05", 2, 1)
    assert refused("<a>\n" + "ü" * 40_000) == ("X03", 2, 32_767)


def test_a_document_of_one_long_line_is_read_as_fast_as_one_of_many():
    """Columns of a line were counted from its beginning for each attribute."""
    long = "<a>" + '<b ü="" c="" d="" e="" f=""/>' * 1990 + "</a>"
    assert seconds(long) < 2 * seconds(long.replace("<b", "\n<b"))


def seconds(source: str) -> float:
    """The least of some measures: others use the machine as well."""
    times = []
    for _ in range(5):
        began = time.process_time()
        parse(source)
        times.append(time.process_time() - began)
    return min(times)


@given(st.one_of(st.binary(max_size=400), st.text(max_size=300)))
def test_it_raises_nothing_but_malformed(source):
    with contextlib.suppress(Malformed):
        parse(source)
