"""What was typed is read once for all sources."""

import pytest

from portal.actors import PORTAL
from portal.finder.findings import Finding, Group, Query, the_one


@pytest.mark.parametrize(
    ("typed", "is_named"), [("call", True), ("log ca", True), ("all", False), ("", False), ("call nothing", False)]
)
def test_every_word_begins_a_word_of_the_name(typed: str, is_named: bool) -> None:
    assert Query(typed, None, PORTAL).names("Call log") is is_named


def test_the_only_thing_of_an_id_is_the_one() -> None:
    one, other = Finding("a", "/a/", is_it=True), Finding("b", "/b/", is_it=True)
    beside = Finding("c", "/c/")
    assert the_one([Group("x", "", [one, beside]), Group("y", "", [one])]) == one
    assert the_one([Group("x", "", [one, other])]) is None
    assert the_one([Group("x", "", [beside])]) is None
