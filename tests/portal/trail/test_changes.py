"""What changed, read of an audit event's details."""

from typing import Any

import pytest

from portal.trail import changes
from portal.trail.changes import Change


def test_only_what_differs_is_told() -> None:
    told = changes.between({"a": 1, "b": 2, "gone": 3}, {"a": 1, "b": 5, "new": 4})
    assert told == {"was": {"b": 2, "gone": 3, "new": None}, "now": {"b": 5, "gone": None, "new": 4}}


@pytest.mark.parametrize("details", [None, [], {}, {"now": "text"}, {"changed": ["a"]}])
def test_details_of_another_form_tell_no_change_and_stay(details: Any) -> None:
    assert changes.of_details(details, None) == []
    assert changes.others(details) == (details if isinstance(details, dict) else {})


def test_values_are_written_for_people() -> None:
    details = {"was": {"a": True, "b": ["x", "y"], "c": None}, "now": {"a": False, "b": [], "c": 7}, "telnyx_id": "1"}
    found = changes.of_details(details, None)
    assert found == [Change("a", "yes", "no"), Change("b", "x, y", ""), Change("c", "", "7")]
    assert changes.in_a_line(found) == "a: yes → no and 2 more"
    assert changes.others(details) == {"telnyx_id": "1"}


def test_a_long_value_is_cut_in_a_line() -> None:
    assert len(changes.in_a_line([Change("a", "x" * 500, "y" * 500)])) < 140


def test_what_is_only_said_to_have_changed_stays() -> None:
    details = {"was": {"base_url": "a"}, "now": {"base_url": "b"}, "changed": ["api_key", "base_url"]}
    assert changes.others(details) == {"changed": ["api_key"]}
