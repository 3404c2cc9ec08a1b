"""Documents that lead to each other: what is not there, circles, verbs that do not run where they are fetched."""

from itertools import pairwise

import pytest

from portal.texml.judging.linter import lint_together
from tests.support.texml_rules import SAY, verbs

PAGE = "https://portal.example.com/texml/"


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


def test_a_link_to_our_path_at_another_host_is_found():
    document = verbs(
        '<Gather action="https://old.example.com/texml/sales"/>', "<Redirect>https://a.example/x</Redirect>"
    )
    assert rules_between({"menu": document}, hosted=PAGE) == {"menu": [("V05", 11)]}
    assert rules_between({"menu": document}, hosted="https://portal.example.com/") == {"menu": []}
    assert rules_between({"menu": document}) == {"menu": []}


def test_a_document_that_redirects_to_itself_is_found_unless_something_counts():
    assert rules_between({"a": verbs(SAY, "<Redirect>a</Redirect>")}) == {"a": [("F06", 27)]}
    assert rules_between({"a": verbs(SAY, "<Redirect>?x=1</Redirect>")}) == {"a": [("F06", 27)]}
    assert rules_between({"a": verbs(SAY, "<Redirect>a?n={{ Next | url }}</Redirect>")}) == {"a": []}
    assert rules_between({"a": verbs("{{#if n != 3}}<Redirect>a</Redirect>{{/if}}")}) == {"a": []}


def test_a_circle_of_documents_that_ask_for_nothing_is_found():
    quiet: dict[str, list[object]] = {"a": [], "b": [], "c": []}
    circle = {name: verbs(SAY, f"<Redirect>{to}</Redirect>") for name, to in pairwise("abca")}
    assert rules_between(circle) == {name: [("F06", 27)] for name in "abc"}
    leads_into_one = {"z": verbs(SAY, "<Redirect>a</Redirect>")}
    assert rules_between(circle | leads_into_one) == {**{name: [("F06", 27)] for name in "abc"}, "z": []}
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
