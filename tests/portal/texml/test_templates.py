"""Templates read: what is none of the language is told with rule, line and column."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.texml.rendering import render
from portal.texml.templates import MAX_BLOCKS, MAX_SOURCE, TemplateError, read


@pytest.mark.parametrize(
    ("source", "rule", "line", "column"),
    [
        ("<a>{{#if A == 1}}</a>", "T01", 1, 18),
        ("<a>{{#A}}<b>{{/A}}</b></a>", "T01", 1, 13),
        ("<a>{{#A}}{{#B}}{{/A}}{{/B}}</a>", "T01", 1, 16),
        ("<a>{{/A}}</a>", "T01", 1, 4),
        ('<a b="{{#A}}"/>', "T01", 1, 1),
        ('<a b="{{/A}}"/>', "T01", 1, 1),
        ("<a>\n  x {{ A</a>", "T01", 2, 5),
        ("<a>{{#else}}</a>", "T01", 1, 4),
        ("<a>{{#if A == 1}}{{#else}}{{#else}}{{/if}}</a>", "T01", 1, 27),
        ("<a>{{{ A }}}</a>", "T02", 1, 4),
        ("<a>{{&amp; A }}</a>", "T02", 1, 4),
        ("<a>{{> part }}</a>", "T03", 1, 4),
        ("<a>{{=[[ ]]=}}</a>", "T03", 1, 4),
        ("<a>{{#url_encode}}{{ A }}{{/url_encode}}</a>", "T03", 1, 4),
        ("<a>{{#if A > 1}}{{/if}}</a>", "T03", 1, 4),
        ("<a>{{^if A == 1}}{{/if}}</a>", "T03", 1, 4),
        ("<a>{{#if A == 1}}{{^else}}{{/if}}</a>", "T03", 1, 18),
        ("<a>{{ A B }}</a>", "T03", 1, 4),
        ("<a>{{ A | upper }}</a>", "T03", 1, 4),
        ("<a>{{ A | allow }}</a>", "T03", 1, 4),
        ("<a>{{ A | url x }}</a>", "T03", 1, 4),
        ("<a>{{}}</a>", "T03", 1, 4),
        ("<Dial>{{ A }}</Dial>", "T04", 1, 7),
        ("<Dial><Number>{{ A | e164 }}</Number></Dial>", "T04", 1, 15),
        ("<Refer><Sip>sip:{{ A }}@pbx.example</Sip></Refer>", "T04", 1, 17),
        ("<Redirect>https://{{ A }}/x</Redirect>", "T04", 1, 19),
        ('<Gather action="https://a.{{ A }}.example/x"/>', "T04", 1, 1),
        ("<Say>{{#secret}}x{{/secret}}</Say>", "T08", 1, 6),
        ("<HttpRequest>{{#secret}}a&lt;b{{/secret}}</HttpRequest>", "T03", 1, 14),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "X02", 1, 13),
        ("<a><b></a>", "X01", 1, 9),
        ("<a>" + "x" * MAX_SOURCE + "</a>", "X03", 1, 1),
        ("<a>" + "{{#A}}" * (MAX_BLOCKS + 1) + "</a>", "T01", 1, 4 + 6 * MAX_BLOCKS),
        ("<a>\ud800</a>", "X01", 1, 4),
        ("", "X01", 1, 1),
    ],
)
def test_what_is_wrong_is_told_with_its_place(source: str, rule: str, line: int, column: int) -> None:
    with pytest.raises(TemplateError) as wrong:
        read(source)
    assert (wrong.value.rule, wrong.value.line, wrong.value.column) == (rule, line, column)


PIECES = [*'<a>/b="&;x ', "{{", "}}", "#if A == 1", "#else", "/if", "#A", "^A", "/A", "#secret}}", "<a>", "</a>"]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_it_never_raises_anything_else(source: str) -> None:
    for text in (source, f"<a>{source}</a>"):
        with suppress(TemplateError):
            render(read(text), {"A": "1"})


def test_the_names_it_asks_for_are_told() -> None:
    program = read('<a b="{{ A }}">{{#B}}{{ . }}{{/B}}{{#if C == 1}}{{#elseif D != 2}}{{#else}}{{/if}}</a>')
    assert program.names == {"A", "B", "C", "D"}


def test_a_document_without_tags_stays_as_it_is() -> None:
    source = '<Response><!-- not kept --><Say voice="a&quot;b">1 &lt; 2 { } &#13;</Say><Hangup/></Response>'
    told = '<Response><Say voice="a&quot;b">1 &lt; 2 { } &#13;</Say><Hangup/></Response>'
    assert render(read(source), {}) == f'<?xml version="1.0" encoding="UTF-8"?>\n{told}'
