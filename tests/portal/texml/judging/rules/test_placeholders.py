"""Where values and sections of a template stand."""

import pytest

from portal.texml.judging.rules.placeholders import is_filled, unconditional, without_sections
from portal.texml.tree import parse


def test_a_value_with_braces_is_known_at_the_fetch_only():
    assert [is_filled(text) for text in ("{{ From }}", "a{{b", "{a}", "")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("{{#if A == b}}x{{#else}}y{{/if}}", "xy"),
        ("{{ From }}", "{{ From }}"),
        ("{{^A}}{{ . }}{{/A}}", "{{ . }}"),
        ("{{#secret}}k{{/secret}}", "{{#secret}}k{{/secret}}"),
        ("{{#open", "{{#open"),
    ],
)
def test_without_its_sections_a_text_keeps_its_values(text, rest):
    assert without_sections(text) == rest


@pytest.mark.parametrize(
    ("inner", "names"),
    [
        ("<a/>{{#if A == b}}<b/>{{/if}}<c/>", "ac"),
        ("{{#if A == b}}<a/>{{#elseif A == c}}<b/>{{#else}}<c/>{{/if}}<d/>", "d"),
        ("{{#A}}{{^B}}<a/>{{/B}}<b/>{{/A}}<c/>", "c"),
        ("{{/A}}<a/>", "a"),
        ("{{ A }}<a/>{{#secret}}k{{/secret}}<b/>", "ab"),
    ],
)
def test_what_stands_in_no_section_always_runs(inner, names):
    assert [one.name for one in unconditional(parse(f"<r>{inner}</r>").root)] == list(names)
