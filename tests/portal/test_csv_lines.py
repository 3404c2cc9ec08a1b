"""Cells of CSV that no spreadsheet runs, and that are read as they were."""

import pytest

from portal import csv_lines


@pytest.mark.parametrize("cell", ["=1+1", "+13125550001", "-1", "@x", "\tx", "'=x", "a;=1+1", "＝1", "plain", ""])
def test_a_cell_is_guarded_and_read_back(cell: str) -> None:
    written = csv_lines.line([cell]).removesuffix("\r\n")[1:-1]
    assert not written.startswith(("=", "+", "-", "@", "\t", "＝"))
    assert csv_lines.bare(written) == cell
