"""docs/texml-documents.md has the grammar and the rules as they are; it is written by ``tests.support.texml_page``."""

import re

from portal.texml.findings import RULES
from portal.texml.grammar import GRAMMAR
from tests.support.texml_page import PAGE, written


def test_the_tables_are_the_grammar_s():
    assert PAGE.read_text() == written(PAGE.read_text()), "Run: python -m tests.support.texml_page"


def test_the_page_names_every_rule_element_and_attribute():
    text = PAGE.read_text()
    assert [rule for rule in RULES if not re.search(rf"^\| {rule} \|", text, re.MULTILINE)] == []
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert len(headings) == len(GRAMMAR.elements)
    for element in GRAMMAR.elements.values():
        assert all(f"| `{name}` |" in text for name in element.attributes)
