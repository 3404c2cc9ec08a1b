"""Every element and every attribute of the table has a case that is right and cases that are wrong.

They are made from the table: what is new in it is judged here without a line, and a new type of value fails until
``tests/support/texml_language.py`` knows what is right and wrong of it.
"""

from dataclasses import replace

import pytest

from portal.texml.findings import Finding
from portal.texml.grammar import GRAMMAR, ROOT
from portal.texml.judging.linter import lint
from tests.support.texml_language import ATTRIBUTES, content, document, needed, placed, right, written, wrong

ELEMENTS = [key for key in GRAMMAR.elements if key != ROOT]
OF_ORDER = "F"  # what a document of one verb lacks


def judged(source: str) -> list[Finding]:
    """What is wrong, but for the order of the verbs."""
    return [one for one in lint(source) if one.rule[0] != OF_ORDER]


def rules(source: str) -> set[str]:
    return {one.rule for one in judged(source)}


@pytest.mark.parametrize("key", GRAMMAR.elements)
def test_an_element_in_its_place_is_right(key):
    assert judged(document(key)) == []


@pytest.mark.parametrize("key", ELEMENTS)
def test_a_name_in_another_case_or_with_a_slip_is_found(key):
    element = GRAMMAR.elements[key]
    name = element.name
    for slip, rule in ((name.swapcase(), "S03"), (f"{name}x", "S02")):
        source = placed(key, written(replace(element, key=slip), needed(key), content(key)))
        found = [one for one in judged(source) if one.rule == rule and f"<{slip}>" in one.message]
        assert found, (source, judged(source))
        assert all(f"<{name}>" in one.message for one in found)


@pytest.mark.parametrize("key", ELEMENTS)
def test_an_element_in_the_wrong_place_is_found(key):
    name = GRAMMAR.elements[key].name
    source = f"<Response><Pause><{name}/></Pause></Response>"
    assert [(one.rule, one.column) for one in judged(source) if one.rule in {"S04", "S05"}] == [
        ("S04" if name in GRAMMAR.twiml_elements else "S05", 18)
    ]


@pytest.mark.parametrize("key", [key for key in ELEMENTS if content(key)])
def test_an_element_without_what_must_stand_in_it_is_found(key):
    element = GRAMMAR.elements[key]
    expected = "S09" if element.at_least else "V12" if element.requires_children else "S10"
    assert expected in rules(document(key, needed(key), ""))


@pytest.mark.parametrize("key", ELEMENTS)
def test_a_text_counts_only_where_one_is_read(key):
    reads = GRAMMAR.elements[key].text is not None
    assert ("S06" in rules(document(key, None, f"{content(key)} words"))) is not reads


@pytest.mark.parametrize(("key", "name"), ATTRIBUTES)
def test_an_attribute_with_each_right_value_is_right(key, name):
    for given in right(key, name, GRAMMAR.elements[key].attributes[name]):
        source = document(key, needed(key, name, given), content(key, name))
        allowed = {"V10"} if given == "GET" else set()
        assert rules(source) <= allowed, (source, judged(source))


@pytest.mark.parametrize(("key", "name"), ATTRIBUTES)
def test_an_attribute_with_a_wrong_value_is_found(key, name):
    for given, rule in wrong(GRAMMAR.elements[key].attributes[name]):
        source = document(key, needed(key, name, given), content(key, name))
        assert rule in rules(source), (source, judged(source))


@pytest.mark.parametrize("key", [key for key, element in GRAMMAR.elements.items() if element.text])
def test_a_text_with_a_wrong_value_is_found(key):
    text = GRAMMAR.elements[key].text
    for given, rule in wrong(text):
        if given.strip():
            source = document(key, None, given)
            assert rule in rules(source), (source, judged(source))


@pytest.mark.parametrize(("key", "name"), ATTRIBUTES)
def test_an_attribute_in_another_case_or_with_a_slip_is_found(key, name):
    element = GRAMMAR.elements[key]
    given = right(key, name, element.attributes[name])[0]
    for slip, rule in ((name.swapcase(), "A02"), (f"{name}x", "A01")):
        attributes = {(slip if one == name else one): value for one, value in needed(key, name, given).items()}
        source = placed(key, written(element, attributes, content(key, name)))
        expected = "X06" if ":" in name else rule  # a name of XML's own
        found = [one for one in judged(source) if one.rule == expected]
        assert len(found) == 1, (source, judged(source))
        assert expected == "X06" or name in found[0].message.partition(":")[2]


@pytest.mark.parametrize("name", sorted({name for _, name in ATTRIBUTES if ":" not in name}))
def test_an_attribute_on_the_wrong_element_is_found_and_told_where_it_stands(name):
    found = judged(f'<Response><Hangup {name}="x"/></Response>')
    assert [one.rule for one in found] == ["A04"]
    assert all(found[0].message.count(f"<{one}>") == 1 for one in GRAMMAR.with_attribute(name))


@pytest.mark.parametrize(("key", "name"), ATTRIBUTES)
def test_an_attribute_without_what_it_needs_is_found(key, name):
    value = GRAMMAR.elements[key].attributes[name]
    given = right(key, name, value)[0]
    whole = needed(key, name, given)
    lacking = {
        value.only_with: "V11" if name.lower().endswith(("method", "event")) else "V13",
        value.requires: "V12",
        **dict.fromkeys(value.only_when, "V13"),
    }
    for other, rule in lacking.items():
        if other:
            attributes = {one: text for one, text in whole.items() if one != other}
            defaults = GRAMMAR.elements[key].attributes[other].default
            if defaults not in value.only_when.get(other, ()):
                assert rule in rules(document(key, attributes, content(key, name)))
    for exact, other in value.value_requires.items():
        assert "V12" in rules(document(key, {name: exact}, content(key, name))), other
    if value.required or value.expected:
        attributes = {one: text for one, text in needed(key).items() if one != name}
        assert "V12" in rules(document(key, attributes))
    if value.no_effect_with:
        other = {value.no_effect_with: right(key, "", GRAMMAR.elements[key].attributes[value.no_effect_with])[0]}
        assert "V13" in rules(document(key, {name: given} | other))


@pytest.mark.parametrize("key", GRAMMAR.twiml_attributes)
def test_a_name_of_twimls_is_found_and_told_what_to_do(key):
    for name, twiml in GRAMMAR.twiml_attributes[key].items():
        assert name not in GRAMMAR.elements[key].attributes
        found = [one for one in judged(document(key, needed(key) | {name: "x"})) if one.rule == "A03"]
        assert len(found) == 1
        assert (twiml.use or twiml.note) in found[0].message


@pytest.mark.parametrize("name", GRAMMAR.twiml_elements)
def test_an_element_of_twimls_is_found_and_told_what_to_do(name):
    found = [one for one in judged(f"<Response><{name}/></Response>") if one.rule == "S04"]
    assert [GRAMMAR.twiml_elements[name] in one.message for one in found] == [True]


@pytest.mark.parametrize("key", [key for key, _ in ATTRIBUTES])
def test_a_default_is_one_of_the_right_values(key):
    for name, value in GRAMMAR.elements[key].attributes.items():
        if value.default is not None:
            given = needed(key, name, value.default)
            assert rules(document(key, given, content(key, name))) <= {"V13"}
