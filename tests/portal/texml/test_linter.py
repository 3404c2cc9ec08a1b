"""What the linter finds in documents that break one rule, and that it finds nothing in those that look alike."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
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

ROOT = Path(__file__).resolve().parents[3]
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


def test_it_runs_without_what_a_web_process_needs():
    """The sandbox judges and runs documents, and has none of these."""
    code = "import sys, portal.texml.linter, portal.texml.rendering, portal.texml.twiml; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert not {"django", "rest_framework", "celery", "unfold", "telnyx"} & set(loaded.split())


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


@given(st.one_of(st.binary(max_size=300), st.text(max_size=200), st.lists(_WORDS, max_size=40).map("".join)))
def test_it_never_raises(source):
    assert all(one.rule in RULES and one.line >= 1 and one.column >= 1 for one in lint(source))


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
