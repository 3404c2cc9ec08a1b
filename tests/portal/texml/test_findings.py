"""What a finding is: its rule is known, its order is that of the document."""

import re

from portal.texml.findings import LEVELS, RULES, Finding, found
from portal.texml.tree import Spot


def test_rules_have_a_letter_a_level_and_a_sentence():
    assert all(re.fullmatch("[XSAVFTD][0-9]{2}", name) for name in RULES)
    assert all(rule.level in LEVELS and rule.says.endswith(".") for rule in RULES.values())
    assert {name for name, rule in RULES.items() if rule.level == "fatal"} == {"X01", "X02", "X03", "X04"}


def test_findings_stand_in_the_order_of_the_document():
    first, second, third = found("S07", Spot(1, 9), "b"), found("A01", Spot(2, 1), "a"), found("F08", Spot(2, 3), "c")
    assert sorted([third, second, first]) == [first, second, third]


def test_a_finding_has_its_rules_level_unless_told_otherwise():
    assert found("F01", Spot(1, 1), "a") == Finding(1, 1, "F01", "warning", "a")
    assert found("F01", Spot(1, 1), "a", "info").as_json() == {
        "line": 1,
        "column": 1,
        "rule": "F01",
        "level": "info",
        "message": "a",
    }
