"""A cell that a spreadsheet would run is made a text, and comes back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.spreadsheets import bare, guarded


@pytest.mark.parametrize("cell", ["=1+1", "+13125550001", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert guarded(cell) == f"'{cell}" or guarded(cell).startswith("'")


@pytest.mark.parametrize("cell", ["", "13125550001", "hung_up", "a+b", "2026-03-02T10:00:00Z"])
def test_anything_else_stays(cell: str) -> None:
    assert guarded(cell) == cell


def test_what_a_spreadsheet_cuts_off_is_guarded_as_well() -> None:
    assert guarded("a;=1") == "a;'=1"


@given(st.text(alphabet="=+-@'\t\r\n;\" ab", max_size=12))
def test_it_comes_back(cell: str) -> None:
    assert bare(guarded(cell)) == cell
