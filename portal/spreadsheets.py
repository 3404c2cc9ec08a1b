"""Keeps a spreadsheet from running a cell of ours as a formula (OWASP, "CSV Injection")."""

import re

# One apostrophe more makes a text of it. Also behind a semicolon: where that is the list separator, a spreadsheet cuts
# the line there, quoted or not.
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
_CUT_FORMULA = re.compile(r"([;\t\r\n][\s\"]*)('*[=+\-@＝＋－＠])")
_GUARDED_CUT = re.compile(r"([;\t\r\n][\s\"]*)'('*[=+\-@＝＋－＠])")


def guarded(cell: str) -> str:
    """Return a cell that a spreadsheet takes for a text."""
    cell = _CUT_FORMULA.sub(r"\1'\2", cell)
    return f"'{cell}" if _FORMULA.match(cell) else cell


def bare(cell: str) -> str:
    """Return what ``guarded`` was given."""
    cell = cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
    return _GUARDED_CUT.sub(r"\1\2", cell)
