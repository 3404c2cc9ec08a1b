"""Writes the rows of an export: CSV, CSV for spreadsheets, JSON lines. Each can say that it is cut off."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.csv_lines import guarded
from voice.exports.columns import Cell


@dataclass(frozen=True)
class Format:
    """Is one way to write rows. ``begin`` comes before the first, ``cut`` ends a file that is not whole."""

    name: str
    title: str
    hint: str
    extension: str
    content_type: str

    def begin(self, names: Sequence[str]) -> str:
        return _line([names])

    def flag(self, value: bool) -> Cell:
        """Tell a yes or no, for which CSV has no word."""
        return "true" if value else "false"

    def rows(self, names: Sequence[str], columns: Iterable[Iterable[Cell]]) -> str:
        return _line(zip(*columns, strict=True))

    def cut(self, why: str) -> str:
        return _line([[f"THIS FILE IS NOT COMPLETE: {why}"]])


class Spreadsheet(Format):
    """Guards cells that a spreadsheet would run, and begins with the mark by which it knows UTF-8."""

    def begin(self, names: Sequence[str]) -> str:
        return "\ufeff" + super().begin(names)

    def rows(self, names: Sequence[str], columns: Iterable[Iterable[Cell]]) -> str:
        return super().rows(names, [map(_guarded, column) for column in columns])


class JsonLines(Format):
    """Writes an object for each row, on a line of its own."""

    def begin(self, names: Sequence[str]) -> str:
        return ""

    def flag(self, value: bool) -> Cell:
        return value

    def rows(self, names: Sequence[str], columns: Iterable[Iterable[Cell]]) -> str:
        return "".join(
            json.dumps(
                dict(zip(names, (None if cell == "" else cell for cell in row), strict=True)), ensure_ascii=False
            )
            + "\n"
            for row in zip(*columns, strict=True)
        )

    def cut(self, why: str) -> str:
        return json.dumps({"incomplete": why}) + "\n"


_CSV = "text/csv; charset=utf-8"
FORMATS = {
    one.name: one
    for one in (
        Spreadsheet(
            "spreadsheet",
            "CSV for spreadsheets",
            "Opens in Excel, Numbers, LibreOffice. A cell that begins with = + - @ gets an apostrophe, numbers too.",
            "csv",
            _CSV,
        ),
        Format("csv", "CSV", "For programs: cells exactly as they are.", "csv", _CSV),
        JsonLines("ndjson", "JSON lines", "One object a line, names as over REST.", "ndjson", "application/x-ndjson"),
    )
}


def _guarded(cell: Cell) -> Cell:
    return guarded(cell) if isinstance(cell, str) else cell


def _line(rows: Iterable[Sequence[Cell]]) -> str:
    """Write rows as CSV does: nothing for None, numbers as they are."""
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()
