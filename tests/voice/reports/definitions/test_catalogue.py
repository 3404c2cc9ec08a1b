"""The page of the documentation defines each figure as the portal does."""

from pathlib import Path

from voice.reports.definitions.catalogue import GENERAL, METRICS, NAMES_OF_KINDS

PAGE = Path(__file__).parents[4] / "docs" / "reports.md"


def test_the_documentation_has_the_definitions() -> None:
    text = PAGE.read_text()
    table = text.partition("<!-- definitions")[2].partition("<!-- end of definitions -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert rows == [f"| {one.title} | {NAMES_OF_KINDS[one.counted_as]} | {one.definition} |" for one in METRICS]
    assert GENERAL in text.replace("\n", " ")


def test_names_are_unique() -> None:
    assert len({one.name for one in METRICS}) == len({one.title for one in METRICS}) == len(METRICS)
