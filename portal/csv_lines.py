"""Writes and reads cells of CSV so that no spreadsheet runs them as formulas."""

import csv
import io
import re
from collections.abc import Iterable

# What a spreadsheet would run as a formula (OWASP, "CSV Injection"); one apostrophe more makes it a text. Also behind
# a semicolon: where that is the list separator, a spreadsheet cuts the line there, quoted or not.
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
_CUT_FORMULA = re.compile(r"([;\t\r\n][\s\"]*)('*[=+\-@＝＋－＠])")
_GUARDED_CUT = re.compile(r"([;\t\r\n][\s\"]*)'('*[=+\-@＝＋－＠])")


def line(cells: Iterable[str]) -> str:
    """Write one line, each cell quoted and guarded."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerow([guarded(cell) for cell in cells])
    return written.getvalue()


def bare(cell: str) -> str:
    """Return a cell as it was before ``line`` guarded it."""
    cell = cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
    return _GUARDED_CUT.sub(r"\1\2", cell)


def guarded(cell: str) -> str:
    """Return a cell that a spreadsheet takes for a text."""
    cell = _CUT_FORMULA.sub(r"\1'\2", cell)
    return f"'{cell}" if _FORMULA.match(cell) else cell
