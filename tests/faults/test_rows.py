"""Every row of the fault matrix is played or named with the reason why not."""

import ast
from pathlib import Path

import pytest

from tests.faults.rows import ROWS, SKIPPED

HERE = Path(__file__).parent


def played() -> set[str]:
    """What the marks ``row`` of this folder's tests name."""
    calls = [
        node
        for path in HERE.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row"
    ]
    return {ast.literal_eval(name) for call in calls for name in call.args}


def test_every_row_is_played_or_skipped_by_name() -> None:
    assert played() | SKIPPED.keys() == set(ROWS)
    assert played() & SKIPPED.keys() == set()


@pytest.mark.parametrize("row", sorted(SKIPPED))
def test_a_row_that_is_not_played_is_skipped_by_name(row: str) -> None:
    pytest.skip(f"{row}: {SKIPPED[row]}")


def test_the_tests_that_play_a_row_elsewhere_are_there() -> None:
    named = [reason.partition("tests/")[2] for reason in SKIPPED.values() if "tests/" in reason]
    assert named
    assert [name for name in named if not (HERE.parent / name).is_file()] == []


def test_every_row_is_in_the_documentation() -> None:
    page = (HERE.parent.parent / "docs" / "faults.md").read_text()
    assert [row for row in ROWS if f"| {row} |" not in page] == []
