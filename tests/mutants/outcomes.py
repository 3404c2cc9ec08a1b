"""Keeps what became of each mutant, so that a run which was broken off goes on where it was.

A line of ``rooms.CACHE / "outcomes.jsonl"`` for each. It is true until the module changes, or the test that noticed it;
of one that none noticed, until one of its tests changes, or it has others.
"""

import json
from typing import Any

from tests.mutants.drawing import Mutant, Selection
from tests.mutants.recording import digest
from tests.mutants.rooms import CACHE
from tests.mutants.trials import Outcome


class Kept:
    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.place = CACHE / "outcomes.jsonl"
        lines = self.place.read_text().splitlines() if self.place.exists() else []
        self.rows: dict[str, dict[str, Any]] = {row["mutant"]: row for row in map(json.loads, lines)}

    def find(self, mutant: Mutant) -> Outcome | None:
        """Find what became of it when it was tried; None when it was not, or that need not be true any more."""
        row = self.rows.get(str(mutant))
        if row is None or any(digest(name) != was for name, was in row["digests"].items()):
            return None
        if not row["how"] and not self._files(mutant) <= set(row["digests"]):
            return None
        return Outcome(mutant, row["tests"], row["by"], row["how"])

    def keep(self, outcome: Outcome) -> None:
        by = outcome.by.partition("::")[0]
        files = {by} - {""} if outcome.how else self._files(outcome.mutant)
        digests = {name: digest(name) for name in sorted({outcome.mutant.module, *files})}
        row = {"mutant": str(outcome.mutant), "tests": outcome.tests, "by": outcome.by, "how": outcome.how}
        self.place.parent.mkdir(parents=True, exist_ok=True)
        with self.place.open("a") as file:
            file.write(json.dumps(row | {"digests": digests}) + "\n")

    def _files(self, mutant: Mutant) -> set[str]:
        return {test.partition("::")[0] for test in self.selection.of(mutant)}
