"""The table holds together: what it names is there, and every name is found where it means something."""

import re
import tomllib
from pathlib import Path

import pytest

from portal.texml import grammar
from portal.texml.grammar import GRAMMAR, ROOT, VALUE_TYPES, close

TABLE = tomllib.loads(Path(grammar.__file__).with_name("grammar.toml").read_text())
VALUES = [
    (key, name, value)
    for key, element in GRAMMAR.elements.items()
    for name, value in [*element.attributes.items(), *([("", element.text)] if element.text else [])]
]


@pytest.mark.parametrize("key", GRAMMAR.elements)
def test_an_element_has_a_place_children_that_are_there_and_a_source(key):
    element = GRAMMAR.elements[key]
    assert key == ROOT or GRAMMAR.parents(element)
    assert all(GRAMMAR.element(child, element.name) for child in element.children)
    assert element.source in GRAMMAR.sources
    assert element.says.endswith(".")
    assert set(element.requires_one_of) <= {"text", "children", *element.attributes}
    assert set(element.requires_children) <= set(element.children)


@pytest.mark.parametrize(("key", "name", "value"), VALUES)
def test_a_value_says_all_that_its_type_needs(key, name, value):
    assert value.type in VALUE_TYPES
    assert bool(value.values) == (value.type in {"enum", "list"})
    assert bool(value.schemes) == (value.type == "url")
    assert bool(value.pattern) == (value.type in {"digits", "pattern"})
    assert (value.min is not None or value.max is not None) == (value.type in {"integer", "number"})
    assert value.source in GRAMMAR.sources
    assert re.compile(value.pattern)
    others = {value.requires, value.only_with, value.no_effect_with, *value.only_when, *value.value_requires.values()}
    assert others - {""} <= set(GRAMMAR.elements[key].attributes)
    assert value.role in {"", *GRAMMAR.roles}
    assert value.no_effect_with_child in {"", *GRAMMAR.elements[key].children}


def test_a_name_means_what_it_means_where_it_stands():
    assert GRAMMAR.element("Response") is GRAMMAR.elements["Response"]
    assert GRAMMAR.element("Response", "HttpRequest") is GRAMMAR.elements["HttpRequest/Response"]
    assert GRAMMAR.element("Response", "Gather") is None
    assert GRAMMAR.element("Stream", "Stop") is GRAMMAR.elements["Stop/Stream"]
    assert GRAMMAR.element("Stream", "Start") is GRAMMAR.element("Stream", "Connect") is GRAMMAR.elements["Stream"]
    assert GRAMMAR.element("say", "Response") is None


def test_roles_parameters_vendors_and_twiml_name_what_is_there():
    assert all(verb in GRAMMAR.verbs for role in GRAMMAR.roles.values() for verb in role.verbs)
    engines = GRAMMAR.elements["Transcription"].attributes["transcriptionEngine"].values
    assert set(GRAMMAR.vendors) <= set(engines)
    for key, attributes in GRAMMAR.twiml_attributes.items():
        own = GRAMMAR.elements[key].attributes
        assert all(one.use in own for one in attributes.values() if one.use)
        assert all(set(one.values.values()) <= set(own[one.use].values) for one in attributes.values() if one.use)
    assert all(set(names) <= set(GRAMMAR.elements[key].attributes) for key, names in GRAMMAR.twiml_scaled.items())
    assert {"From", "To", "Digits", "CallSid"} <= GRAMMAR.parameters


def test_no_line_of_the_table_is_without_use():
    used = {given["like"] for element in TABLE["elements"].values() for given in element.get("attributes", {}).values()
            if "like" in given}  # fmt: skip
    assert used == set(TABLE["shared"])
    named = {element["source"] for element in TABLE["elements"].values()} | {
        one.source for one in GRAMMAR.roles.values()
    }
    assert set(TABLE["sources"]) == named


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("numdigits", "numDigits"),
        ("numDigts", "numDigits"),
        ("nmuDigits", "numDigits"),
        ("xnumDigits", "numDigits"),
        ("digits", ""),
        ("hnits", "hints"),
        ("", ""),
        ("x" * 10_000, ""),
    ],
)
def test_a_slip_of_two_letters_is_recognised(slip, meant):
    assert close(slip, ["action", "hints", "numDigits", "timeout"]) == meant


def test_a_short_name_is_not_mistaken_for_any_other():
    assert close("no", ["s", "id", "on", "to"]) == "on"
    assert close("xyz", ["id", "url", "ph"]) == ""
