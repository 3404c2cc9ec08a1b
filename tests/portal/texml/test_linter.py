"""What the linter finds in documents that break one rule, and that it finds nothing in those that look alike."""

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.texml.findings import LEVELS, RULES
from portal.texml.grammar import GRAMMAR
from portal.texml.linter import lint, lint_together
from portal.texml.rules.context import Surroundings
from portal.texml.templates import TemplateError, read
from tests.portal.texml.rules import (
    test_attributes,
    test_flow,
    test_structure,
    test_templates,
    test_values,
    test_well_formedness,
)
from tests.support.texml_rules import SAY, marked, verbs

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.xml"))
OUTSIDE = {"F06", "F10", "F11", "D01"}  # what a document alone does not tell: below
PAGE = "https://portal.example.com/texml/"


def test_every_rule_has_its_cases():
    modules = (test_attributes, test_flow, test_structure, test_templates, test_values, test_well_formedness)
    cases = {rule: both for module in modules for rule, both in module.CASES.items()}
    assert set(cases) | OUTSIDE == set(RULES)
    assert all(both.broken and both.kept for both in cases.values())


def test_it_finds_what_the_renderer_refuses_and_no_more():
    """But for what is odd and can be filled all the same."""
    modules = (test_attributes, test_flow, test_structure, test_templates, test_values, test_well_formedness)
    documents = [one for module in modules for both in module.CASES.values() for one in (*both.broken, *both.kept)]
    for source, _ in map(marked, documents):
        found = lint(source)
        serious = {one.rule for one in found if one.rule[0] in "TX" and one.level in {"fatal", "error"}}
        refusal = rule_of_refusal(source)
        if refusal == "X01":  # the linter tells more of these apart
            assert "fatal" in {one.level for one in found}, source
        elif refusal:
            assert refusal in {one.rule for one in found}, source
        else:
            assert serious <= {"X03", "X05"}, source


def rule_of_refusal(source: str) -> str:
    try:
        read(source)
    except TemplateError as error:
        return error.rule
    return ""


@pytest.mark.parametrize(
    "source", ["<Respons", verbs('<Gather numdigits="x"><Say loop="99">{{ a | b }}</Say></Gather>')]
)
def test_a_finding_is_a_sentence_with_a_level(source):
    assert {one.level for one in lint(source)} <= set(LEVELS)
    assert all(one.message.endswith((".", "?")) for one in lint(source))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_finds_nothing_in_a_document_written_by_telnyx_pages(path):
    assert lint(path.read_bytes()) == []


def test_the_examples_use_every_verb():
    text = "".join(path.read_text() for path in EXAMPLES)
    assert [verb for verb in GRAMMAR.verbs if f"<{verb}" not in text] == []


def test_a_level_is_the_rules_unless_a_case_says_otherwise():
    assert {one.level for one in lint(verbs("<Leave/>", SAY)) if one.rule == "F01"} == {"info"}
    assert {one.level for one in lint(verbs("<Hangup/>", SAY)) if one.rule == "F01"} == {"warning"}
    assert {one.level for one in lint('<?xml version="1.0" encoding="utf-16"?><Response/>')} == {"fatal"}
    assert {one.level for one in lint(verbs("<Start><Transcription/></Start>"))} == {"warning"}


# --- What is known around a document ---


def test_a_caller_id_is_looked_for_among_the_accounts_numbers():
    source = verbs('<Dial callerId="+13125550101">+13125550100</Dial>')
    assert lint(source) == []
    assert lint(source, Surroundings(numbers=frozenset({"+13125550101"}))) == []
    found = lint(source, Surroundings(numbers=frozenset({"+13125550199"})))
    assert [(one.rule, one.level) for one in found] == [("V08", "warning")]


def test_a_declared_variable_is_known():
    source = verbs("<Say>{{ Company }}</Say>")
    assert [one.rule for one in lint(source)] == ["T07"]
    assert lint(source, Surroundings(variables=frozenset({"Company"}))) == []


def test_a_document_that_is_fetched_by_get_cannot_be_verified():
    assert [one.rule for one in lint(verbs(SAY), Surroundings(voice_method="get"))] == ["V10"]
    assert lint(verbs(SAY), Surroundings(voice_method="post")) == []


def test_an_imported_document_is_told_which_defaults_are_not_twimls():
    source = verbs('<Record action="/a" timeout="5"/>')
    assert lint(source) == []
    found = lint(source, Surroundings(is_imported=True))
    assert [(one.rule, one.level) for one in found] == [("D01", "info")] * 2
    assert {word for one in found for word in ("trim", "channels", "timeout") if f"Without {word} " in one.message} == {
        "trim",
        "channels",
    }


@pytest.mark.parametrize("role", GRAMMAR.roles)
def test_a_role_allows_its_verbs_only(role):
    allowed = GRAMMAR.roles[role].verbs
    for verb in GRAMMAR.verbs:
        found = [one for one in lint(f"<Response><{verb}/></Response>", Surroundings(role=role)) if one.rule == "F11"]
        assert [one.column for one in found] == ([] if verb in allowed else [11])


# --- Documents that lead to each other ---


def rules_between(documents: dict[str, str], **given: object) -> dict[str, list[tuple[str, int]]]:
    found = lint_together({PAGE + name: source for name, source in documents.items()}, **given)
    return {address.removeprefix(PAGE): [(one.rule, one.column) for one in all_of] for address, all_of in found.items()}


def test_a_link_to_a_document_that_is_not_there_is_found():
    menu = verbs('<Gather action="sales?n=1"/><Redirect>gone</Redirect>')
    documents = {"menu": menu, "sales": verbs(SAY)}
    assert rules_between(documents, hosted=PAGE) == {"menu": [("F10", menu.index("<Redirect") + 1)], "sales": []}
    assert rules_between(documents) == {"menu": [], "sales": []}


def test_a_link_to_a_document_that_is_not_published_says_so():
    found = lint_together(
        {f"{PAGE}menu": verbs("<Redirect>/texml/draft</Redirect>")}, absent={f"{PAGE}draft": "is not published"}
    )
    assert [(one.rule, one.message) for one in found[f"{PAGE}menu"]] == [
        ("F10", "It leads to a document that is not published.")
    ]


def test_a_link_elsewhere_or_one_that_is_filled_in_is_not_judged():
    document = verbs("<Redirect>https://other.example.com/a</Redirect>", '<Gather action="{{ Next }}"/>')
    assert rules_between({"menu": document}, hosted=PAGE) == {"menu": []}


def test_a_document_that_redirects_to_itself_is_found_unless_something_counts():
    assert rules_between({"a": verbs(SAY, "<Redirect>a</Redirect>")}) == {"a": [("F06", 27)]}
    assert rules_between({"a": verbs(SAY, "<Redirect>?x=1</Redirect>")}) == {"a": [("F06", 27)]}
    assert rules_between({"a": verbs(SAY, "<Redirect>a?n={{ Next | url }}</Redirect>")}) == {"a": []}
    assert rules_between({"a": verbs("{{#if n != 3}}<Redirect>a</Redirect>{{/if}}")}) == {"a": []}


def test_a_circle_of_documents_that_ask_for_nothing_is_found():
    quiet: dict[str, list[object]] = {"a": [], "b": [], "c": []}
    circle = {name: verbs(SAY, f"<Redirect>{to}</Redirect>") for name, to in pairwise("abca")}
    assert rules_between(circle) == {name: [("F06", 27)] for name in "abc"}
    assert rules_between(circle | {"b": verbs('<Gather action="x"/>', "<Redirect>c</Redirect>")}) == quiet
    assert rules_between(circle | {"c": verbs(SAY, "<Redirect>d</Redirect>")}) == quiet


@pytest.mark.parametrize(
    ("link", "forbidden"),
    [
        ('<Enqueue maxWaitTimeSecs="60" waitUrl="x">a</Enqueue>', "<Dial>+13125550100</Dial>"),
        ('<Dial><Number url="x">+13125550100</Number></Dial>', SAY),
        ('<Dial><Sip url="x">sip:a@example.com</Sip></Dial>', "<Hangup/>" + SAY),
        ('<Dial><Queue url="x">a</Queue></Dial>', "<Record/>"),
    ],
)
def test_a_verb_that_does_not_run_where_the_document_is_fetched_is_found(link, forbidden):
    assert [rule for rule, _ in rules_between({"a": verbs(link), "x": verbs(forbidden)})["x"]] == ["F11"]
    fitting = verbs('<Gather action="y"/>')
    assert rules_between({"a": verbs(link), "x": fitting}) == {"a": [], "x": []}


def test_waiting_without_an_end_is_found():
    wait = verbs(SAY)
    assert rules_between({"a": verbs('<Enqueue waitUrl="w">q</Enqueue>'), "w": wait})["a"] == [("F12", 11)]
    assert rules_between({"a": verbs('<Enqueue waitUrl="w">q</Enqueue>'), "w": verbs(SAY, "<Leave/>")})["a"] == []


def test_a_malformed_document_leads_nowhere():
    assert rules_between({"a": verbs("<Redirect>b</Redirect>"), "b": "<Response>"}, hosted=PAGE) == {
        "a": [("F10", 11)],
        "b": [],
    }


# --- Whatever it is given ---

_MARKS = "< > / & {{ }} {{#if {{/if}} | \" ' = <![CDATA[ ]]> <!-- --> Response Say Gather Dial action https:// sip: 0"
_WORDS = st.sampled_from([*_MARKS.split(), " ", "\n", "\x00", "\ud800"])
_TREES = st.recursive(
    st.text(alphabet="{}#/|a1+:<&\u202e", max_size=12).map(
        lambda text: text.replace("<", "&lt;").replace("&l", "&amp;l")
    ),
    lambda inner: st.builds(
        lambda name, attributes, parts: (
            f"<{name}{''.join(f' {one}={chr(34)}{value}{chr(34)}' for one, value in attributes.items())}>"
            f"{''.join(parts)}</{name}>"
        ),
        st.sampled_from(sorted(GRAMMAR.names(ssml=True))),
        st.dictionaries(
            st.sampled_from(sorted({name for element in GRAMMAR.elements.values() for name in element.attributes})),
            st.text(alphabet="0123456789-+.,:/ abtrue{}[]#|*\u0663", max_size=12),
            max_size=4,
        ),
        st.lists(inner, max_size=4),
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200), st.lists(_WORDS, max_size=40).map("".join)))
def test_it_never_raises(source):
    assert all(one.rule in RULES and one.line >= 1 and one.column >= 1 for one in lint(source))


@settings(max_examples=300, deadline=None)
@given(_TREES.map(lambda inner: f"<Response>{inner}</Response>"), st.booleans())
def test_it_never_raises_on_what_is_well_formed(source, is_imported):
    found = lint(source, Surroundings(is_imported=is_imported, role="wait", numbers=frozenset()))
    assert found == sorted(found)
    lint_together({PAGE: source, f"{PAGE}a": source}, hosted=PAGE)


def test_the_largest_document_is_judged_at_once():
    documents = [
        verbs('<Gather numdigits="1" timeout="x"><say>Hi {{ Form }}</say></Gather>' * 900),
        verbs("<Say>" + "{{ From " * 7000 + "</Say>"),
        verbs("<Say>" + "{{#a}}" * 9000 + "</Say>"),
        verbs("<Say " + " ".join(f'{"x" * 900}{at}="1"' for at in range(64)) + "/>"),
    ]
    for source in documents:
        assert len(source) < 65_536
        began = time.process_time()
        assert lint(source)
        assert time.process_time() - began < 2
