"""Where values and sections of a template stand."""

import pytest

from portal.texml.judging.rules.placeholders import is_filled, never_both, places, unconditional, without_sections
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


@pytest.mark.parametrize(
    ("inner", "never"),
    [
        ("<a/>{{#if A == b}}<b/>{{/if}}", False),
        ("{{#if A == b}}<a/><b/>{{/if}}", False),
        ("{{#if A == b}}<a/>{{/if}}{{#if A == b}}<b/>{{/if}}", False),
        ("{{#A}}<a/>{{/A}}{{#A}}<b/>{{/A}}", False),
        ("{{#A}}<a/>{{/A}}{{^B}}<b/>{{/B}}", False),
        ("{{#if A == b}}<a/>{{#else}}<b/>{{/if}}", True),
        ("{{#if A == b}}{{#B}}<a/>{{/B}}{{# elseif A == c}}<b/>{{/if}}", True),
        ("{{#A}}<a/>{{/A}}{{^A}}{{#B}}<b/>{{/B}}{{/A}}", True),
    ],
)
def test_two_branches_of_one_section_never_run_both(inner, never):
    root = parse(f"<r>{inner}</r>").root
    one, other = (places(root)[id(child)] for child in root.children)
    assert (never_both(one, other), never_both(other, one)) == (never, never)


def test_of_very_many_sections_as_many_are_told_as_a_template_may_have():
    (place,) = places(parse(f"<r>{'{{#A}}' * 9000}<a/></r>").root).values()
    assert len(place) == 12
