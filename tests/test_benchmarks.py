"""What ``make bench`` says of a figure, when it refuses to name one, and the table that is made of kept runs."""

import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks import statements, table
from benchmarks.figures import Figure, Unmeasured, compared, percentile

ROUNDS = [(100.0, 50.0), (100.0, 70.0), (200.0, 120.0)]


def test_the_ratio_is_the_middle_one_of_the_rounds() -> None:
    figure = compared("P1", "webhooks", "/s", ROUNDS, "how many", at_least=0.6)
    assert (figure.floor, figure.ours, figure.ratio, figure.held) == (100, 70, 0.6, True)
    assert str(figure) == "P1 webhooks: floor 100 → 70.0 /s, ratio 0.60 (goal ≥ 0.60 ×: held)"


@pytest.mark.parametrize(
    ("bounds", "held"),
    [
        ({"at_most": 0.5}, False),
        ({"at_most": 69.0, "of_ratio": False}, False),
        ({"at_most": 70.0, "of_ratio": False}, True),
        ({}, None),
    ],
)
def test_a_goal_bounds_the_ratio_or_the_figure_itself(bounds: dict[str, Any], held: bool | None) -> None:
    figure = compared("P6", "webhooks", "ms", ROUNDS, "how long", **bounds)
    assert figure.held is held
    assert ("MISSED" in str(figure)) is (held is False)


def test_what_never_came_counts_as_endless_and_holds_no_goal() -> None:
    waits = [0.001] * 180 + [float("inf")] * 20
    figure = Figure("P4", "p95", "ms", percentile(waits, 0.95), "how long it rings", at_most=3, of_ratio=False)
    assert figure.held is False


def test_too_few_samples_or_rounds_name_no_figure() -> None:
    with pytest.raises(Unmeasured, match="needs 200 samples"):
        percentile([1.0] * 199, 0.95)
    with pytest.raises(Unmeasured, match="2 rounds are too few"):
        compared("P1", "webhooks", "/s", ROUNDS[:2], "how many")


def test_the_table_shows_both_runs_and_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(name: str, ratio: float, failed: str = "") -> Path:
        figure = Figure("P1", "webhooks", "/s", 5.0, "how many", floor=10.0, ratio=ratio, at_least=0.6)
        stages = [{"name": "intake", "figures": [figure.as_json()], "lines": [], "failed": failed}]
        facts = dict.fromkeys(("commit", "at", "machine", "python", "database", "broker"), name)
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({**facts, "load": 1.0, "load at the end": 2.0, "stages": stages}))
        return path

    page = tmp_path / "performance.md"
    page.write_text(f"Before.\n{table._BEGIN}\nold\n{table._END}\nAfter.\n")
    monkeypatch.setattr(table, "PAGE", page)
    for _ in range(2):  # made again it is the same
        table.main(kept("then", 0.25), kept("now", 0.5, "Unmeasured: too slow"))
    text = page.read_text()
    assert "| P1 | webhooks | 0.25 | 10.0 → 5.00 /s | 0.50 | ≥ 0.60 × | **no** | how many |" in text
    assert "`intake` (Unmeasured: too slow)" in text
    assert (text.count("P1"), "old" in text, text.endswith("After.\n")) == (1, False, True)


def test_statements_and_commits_are_counted_as_they_pass() -> None:
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        pytest.skip("needs PostgreSQL in DATABASE_URL")
    with statements.counting() as (count, environment), psycopg.connect(environment["DATABASE_URL"]) as line:
        line.autocommit = True
        line.execute("CREATE TEMPORARY TABLE bench_counted (id int)")
        begin = count()
        line.execute("SELECT %s::int", [1])
        line.execute("INSERT INTO bench_counted VALUES (%s)", [1])
        for _ in range(3):
            line.execute("UPDATE bench_counted SET id = %s", [2], prepare=True)
        with line.transaction():
            line.execute("DELETE FROM bench_counted WHERE id = %s", [3])
            line.execute("INSERT INTO bench_counted VALUES (%s)", [4])
        assert [now - then for now, then in zip(count(), begin, strict=True)] == [7, 5]
