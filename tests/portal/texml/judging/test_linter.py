"""What the linter finds in documents that break one rule, and that it finds nothing in those that look alike."""

import ast
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.texml.findings import LEVELS, RULES, Finding, found
from portal.texml.grammar import GRAMMAR
from portal.texml.judging.linter import lint, lint_together
from portal.texml.judging.rules import attributes, flow, links, structure, templates, values
from portal.texml.judging.rules.context import Surroundings
from portal.texml.templates import TemplateError, read
from tests.portal.texml.judging.rules import (
    test_attributes,
    test_flow,
    test_structure,
    test_templates,
    test_values,
    test_well_formedness,
)
from tests.support.texml_rules import SAY, marked, verbs

ROOT = Path(__file__).resolve().parents[4]
EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.xml"))
PAGE = "https://portal.example.com/texml/"
MODULES = (test_attributes, test_flow, test_structure, test_templates, test_values, test_well_formedness)
CASES = {rule: both for module in MODULES for rule, both in module.CASES.items()}


class Beside(NamedTuple):
    """What breaks a rule, and what looks alike, where a document alone does not tell: each with all around it."""

    broken: list[list[Finding]]
    kept: list[list[Finding]]


def imported(verb: str) -> list[Finding]:
    return lint(verbs(verb), Surroundings(is_imported=True))


def between(first: str, second: str = "", **absent: str) -> list[Finding]:
    """What is wrong with ``first``, which lies beside ``second``; ``absent`` says why others are not there."""
    documents = {f"{PAGE}first": verbs(first)} | ({f"{PAGE}second": verbs(second)} if second else {})
    found = lint_together(documents, hosted=PAGE, absent={PAGE + name: why for name, why in absent.items()})
    return [one for findings in found.values() for one in findings]


QUEUED = '<Enqueue waitUrl="second" maxWaitTimeSecs="60">a</Enqueue>'
BESIDE = {
    "D01": Beside(
        [imported("<Record/>"), imported('<Start><Siprec connectorName="a"/></Start>')],
        [
            lint(verbs("<Record/>")),
            imported('<Record timeout="5" trim="trim-silence" channels="single"/>'),
            imported("<Dial>+13125550100</Dial>"),
        ],
    ),
    "F06": Beside(
        [
            between(f"{SAY}<Redirect>first</Redirect>"),
            between("<Redirect>second</Redirect>", "<Redirect>first</Redirect>"),
        ],
        [
            between(f"{SAY}<Redirect>second</Redirect>", SAY),
            between("<Redirect>second</Redirect>", '<Gather action="first"/><Redirect>first</Redirect>'),
        ],
    ),
    "F10": Beside(
        [between("<Redirect>gone</Redirect>"), between("<Redirect>draft</Redirect>", draft="is not published")],
        [between("<Redirect>second</Redirect>", SAY), between("<Redirect>https://a.example/</Redirect>")],
    ),
    "F11": Beside(
        [lint(verbs("<Record/>"), Surroundings(role="wait")), between(QUEUED, "<Dial>+13125550100</Dial>")],
        [lint(verbs(SAY), Surroundings(role="wait")), between(QUEUED, f"{SAY}<Leave/>")],
    ),
}


OF_NUMBERS = verbs('<Dial callerId="+13125550101">+13125550100</Dial>')
ONE_OF_EACH_LINK: list[tuple[str, str, dict[str, str]]] = [
    ("<Redirect>first</Redirect>", "", {}),
    ("<Redirect>gone</Redirect>", "", {}),
    ("<Redirect>draft</Redirect>", "", {"draft": "is not published"}),
    ("<Redirect>https://other.example.com/texml/first</Redirect>", "", {}),
    ("<Redirect>second</Redirect>", "<Redirect>first</Redirect>", {}),
    ('<Enqueue waitUrl="second">a</Enqueue>', SAY, {}),
]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_finds_what_breaks_it_and_nothing_in_what_looks_alike(rule):
    """Each rule of the table has both, so that none can be lost, or fall silent, unseen."""
    cases = BESIDE.get(rule) or Beside(*([lint(marked(source)[0]) for source in both] for both in CASES[rule]))
    for expected, every in ((True, cases.broken), (False, cases.kept)):
        assert every
        assert [rule in {one.rule for one in findings} for findings in every] == [expected] * len(every)


def test_no_case_is_of_a_rule_that_is_not_there():
    assert set(CASES) | set(BESIDE) == set(RULES)


@pytest.mark.parametrize(
    "module", [attributes, flow, links, structure, templates, values], ids=lambda one: one.__name__
)
def test_each_reason_to_find_something_has_its_case(module, monkeypatch):
    """A rule may have several: each place that makes a finding is come to by a document that breaks its rule."""
    reached = set()

    def noted(rule, *more):
        reached.add(sys._getframe(1).f_lineno)
        return found(rule, *more)

    monkeypatch.setattr(module, "found", noted)
    around = Surroundings(role="wait", voice_method="GET", is_imported=True, numbers=frozenset({"+13125550199"}))
    for source in (*(one for both in CASES.values() for one in both.broken), OF_NUMBERS):
        lint(marked(source)[0])
        lint(marked(source)[0], around)
    for first, second, absent in ONE_OF_EACH_LINK:
        between(first, second, **absent)
    calls = [
        call
        for call in ast.walk(ast.parse(Path(module.__file__).read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "found"
    ]
    assert calls
    assert [call.lineno for call in calls if not reached & set(range(call.lineno, call.end_lineno + 1))] == []


def test_it_finds_what_the_renderer_refuses_and_no_more():
    """But for what is odd and can be filled all the same."""
    documents = [one for both in CASES.values() for one in (*both.broken, *both.kept)]
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
    code = "import sys, portal.texml.judging.linter, portal.texml.rendering, portal.texml.twiml; print(*sys.modules)"
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
@example("<Response>&{{</Response>", False)
@example("<Response><{{</Response>", False)
def test_it_never_raises_on_what_is_well_formed(source, is_imported):
    found = lint(source, Surroundings(is_imported=is_imported, role="wait", numbers=frozenset()))
    assert found == sorted(found)
    lint_together({PAGE: source, f"{PAGE}a": source}, hosted=PAGE)


@pytest.mark.parametrize(
    "document",
    [
        lambda quarters: '<Gather numdigits="1" timeout="x"><say>Hi {{ Form }}</say></Gather>' * 225 * quarters,
        lambda quarters: "<Say>" + "{{ From " * 1750 * quarters + "</Say>",
        lambda quarters: "<Say>" + "{{#a}}" * 2250 * quarters + "</Say>",
        lambda quarters: "<Say " + " ".join(f'{"x" * 900}{at}="1"' for at in range(16 * quarters)) + "/>",
    ],
)
def test_the_largest_document_takes_as_long_as_its_parts(document):
    assert len(verbs(document(4))) < 65_536
    assert seconds(verbs(document(4))) < 10 * seconds(verbs(document(1)))  # 16 times, if each looked at all others


def seconds(source: str) -> float:
    """The least of some measures: others use the machine as well."""
    times = []
    for _ in range(3):
        began = time.process_time()
        assert lint(source)
        times.append(time.process_time() - began)
    return min(times)
