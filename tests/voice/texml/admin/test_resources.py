"""How values of TeXML's resources are drawn, and what stands for a resource in an address."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.html import strip_tags

from voice.texml.admin import resources

MISSING = "—"


@pytest.mark.parametrize(
    ("told", "drawn"),
    [
        ("Sat, 28 Nov 2026 09:00:00 +0000", "2026-11-28 09:00:00"),
        ("2026-11-28T10:00:00+01:00", "2026-11-28 09:00:00"),
        ("yesterday\u202e", "yesterday\\u202e"),
        (7, "7"),
        ("", MISSING),
        (None, MISSING),
    ],
)
def test_times_of_either_kind_are_drawn_alike(told: Any, drawn: str) -> None:
    assert strip_tags(resources.cells(resources.CALL.columns, {"start_time": told})[0].value) == drawn


@pytest.mark.parametrize(
    ("told", "drawn"),
    [
        ("75", "1:15"),
        (3, "3.0 s"),
        ("long", "long"),
        ("1" * 400, "1" * 400),
        ([], "[]"),
        ("nan", "nan"),
        ("inf", "inf"),
    ],
)
def test_lengths_are_drawn_and_what_is_none_is_shown(told: Any, drawn: str) -> None:
    (cell,) = [one for one in resources.cells(resources.CALL.columns, {"duration": told}) if one.title == "Length"]
    assert cell.value == drawn


def test_the_first_member_that_is_told_counts_and_truth_is_a_word() -> None:
    assert resources.cells(resources.CONFERENCE.columns, {"sid": "x"})[0].value == "x"
    drawn = {cell.title: cell.value for cell in resources.cells(resources.PARTICIPANT, {"muted": False, "hold": True})}
    assert (drawn["Muted"], drawn["On hold"], drawn["Label"]) == ("no", "yes", MISSING)


def test_what_telnyx_leaves_out_is_no_fact() -> None:
    shown = {"direction": "outbound", "status": "busy", "from": "+13125550100"}
    assert [cell.title for cell in resources.facts(resources.CALL.columns, shown)] == ["Direction"]


@pytest.mark.django_db
def test_a_name_with_a_hidden_number_stands_in_no_address(operator: User, user_with: Any) -> None:
    masked = user_with("voice.view_queue")
    for sid, is_whole in (("support", True), ("v3:a-leg", True), ("+13125550143", False), ("line 312 555 0143", False)):
        assert resources.key(operator, sid) == sid
        assert resources.key(masked, sid) == (sid if is_whole else "")
    assert [resources.key(operator, odd) for odd in (None, "", 7, {})] == [""] * 4
