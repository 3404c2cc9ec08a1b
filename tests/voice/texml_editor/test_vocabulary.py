"""The editor offers what the grammar's table has, and what a template can say."""

import json

import pytest

from portal.texml.grammar import GRAMMAR, Value
from portal.texml.templates import FILTERS, read
from voice.texml_editor import vocabulary as offered
from voice.texml_editor.vocabulary import vocabulary, words


def test_every_element_and_attribute_of_the_table_is_offered():
    elements = json.loads(json.dumps(vocabulary()))["elements"]
    assert set(elements) == set(GRAMMAR.elements)
    for key, element in GRAMMAR.elements.items():
        assert set(elements[key]["attributes"]) == set(element.attributes)
        assert elements[key]["children"] == list(element.children)
    assert elements["Gather"]["attributes"]["input"]["isList"]
    assert elements["Say"]["attributes"]["loop"]["values"] == []
    assert elements["Dial"]["attributes"]["sequential"]["values"] == ["true", "false"]


def test_what_telnyx_sends_and_the_filters_there_are_are_offered():
    assert set(vocabulary()["variables"]) == GRAMMAR.parameters
    assert set(offered._SAID) <= GRAMMAR.parameters
    assert tuple(vocabulary()["filters"]) == FILTERS


def test_every_section_that_is_offered_can_be_read():
    for section in vocabulary()["sections"]:
        text = section["snippet"].replace("${Name}", "From").replace("${value}", "x").replace("${}", "y")
        assert read(f"<Response><Say>{text}</Say></Response>").names == {"From"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            Value("integer", min=1, max=120, unit="s", default="5"),
            "A whole number from 1 to 120 s; 5 if it is left out.",
        ),
        (Value("number", min=0), "A number from 0."),
        (
            Value("digits", default="", note="Empty: no key."),
            "Digits of a phone; empty if it is left out. Empty: no key.",
        ),
        (Value("boolean"), "True or false."),
    ],
)
def test_an_attribute_is_said_in_words(value: Value, said: str):
    assert words(value) == said
