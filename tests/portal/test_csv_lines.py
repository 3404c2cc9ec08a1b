"""Cells of CSV that no spreadsheet runs, and that are read as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import csv_lines


@pytest.mark.parametrize("cell", ["=1+1", "+13125550001", "-1", "@x", "\tx", "'=x", "a;=1+1", "＝1", "plain", ""])
def test_a_cell_is_guarded_and_read_back(cell: str) -> None:
    written = csv_lines.line([cell]).removesuffix("\r\n")[1:-1]
    assert not written.startswith(("=", "+", "-", "@", "\t", "＝"))
    assert csv_lines.bare(written) == cell


@pytest.mark.parametrize("cell", ["=1+1", "+13125550001", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert csv_lines.guarded(cell) == f"'{cell}" or csv_lines.guarded(cell).startswith("'")


@pytest.mark.parametrize("cell", ["", "13125550001", "hung_up", "a+b", "2026-03-02T10:00:00Z"])
def test_anything_else_stays(cell: str) -> None:
    assert csv_lines.guarded(cell) == cell


def test_what_a_spreadsheet_cuts_off_is_guarded_as_well() -> None:
    assert csv_lines.guarded("a;=1") == "a;'=1"


@given(st.text(alphabet="=+-@'\t\r\n;\" ab", max_size=12))
def test_it_comes_back(cell: str) -> None:
    assert csv_lines.bare(csv_lines.guarded(cell)) == cell
