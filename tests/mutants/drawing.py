"""Draws mutants by a seed, and finds the tests of each: those that run its line, the nearest and quickest first."""

import ast
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from tests.mutants.changes import Change, Scope, changes, maker_at, scope_at
from tests.mutants.rooms import PAGES, ROOT, is_one_of, modules

MOST_SECONDS = 90.0  # that the tests of one mutant took when they were recorded, but for those of its own file


class Mutant(Protocol):
    """A module with one thing changed."""

    module: str

    @property
    def changed(self) -> ast.Module:
        """The whole module, as it is now."""

    @property
    def lines(self) -> range:
        """The lines of the statement, up to the one that is changed."""

    @property
    def scope(self) -> Scope | None:
        """The function that is another one now; None when it counts as the module is imported."""


@dataclass(frozen=True)
class Drawn:
    """One of the changes that can be made in a module, by its number."""

    module: str
    number: int

    @property
    def changed(self) -> ast.Module:
        return self._change.applied(_read(self.module)[0])

    @property
    def lines(self) -> range:
        first, line = sorted((self._change.first, self._change.line))  # a decorator stands before its function
        return range(first, line + 1)

    @property
    def scope(self) -> Scope | None:
        return self._change.scope

    @property
    def _change(self) -> Change:
        return _read(self.module)[1][self.number]

    def __str__(self) -> str:
        was, now = _around(*self._change.told(_read(self.module)[0]))
        return f"{self.module}:{self._change.line} {self._change.kind} ({self.number})\n  - {was}\n  + {now}"


@dataclass(frozen=True)
class Edit:
    """A place of a module, and what stands there instead."""

    module: str
    was: str
    now: str

    @property
    def changed(self) -> ast.Module:
        text = (ROOT / self.module).read_text()
        if text.count(self.was) != 1:
            raise LookupError(f"{self.module} has not just one {self.was!r}.")
        return ast.parse(text.replace(self.was, self.now))

    @property
    def lines(self) -> range:
        before = (ROOT / self.module).read_text().partition(self.was)[0]
        first = before.count("\n") + 1
        return range(first, first + self.was.count("\n") + 1)

    @property
    def scope(self) -> Scope | None:
        return scope_at(_read(self.module)[0], self.lines[0])

    def __str__(self) -> str:
        return f"{self.module}:{self.lines[0]}\n  - {self.was}\n  + {self.now}"


@cache
def _read(module: str) -> tuple[ast.Module, list[Change]]:
    tree = ast.parse((ROOT / module).read_text())
    return tree, changes(tree, with_classes=not is_one_of(module, PAGES))


def draw(count: int, seed: int, rooms: tuple[str, ...]) -> list[Drawn]:
    every = [Drawn(module, number) for module in modules(rooms) for number in range(len(_read(module)[1]))]
    return random.Random(seed).sample(every, min(count, len(every)))


def _around(was: str, now: str) -> Iterator[str]:
    """Cut two long lines to where they differ."""
    at = next((at for at, (one, other) in enumerate(zip(was, now, strict=False)) if one != other), len(was))
    for line in (was, now):
        begin = max(0, at - 60)
        yield ("… " if begin else "") + line[begin : begin + 150] + (" …" if len(line) > begin + 150 else "")


class Selection:
    """Knows the tests of each line, from what was recorded."""

    def __init__(self, recorded: list[dict[str, Any]], most: float = MOST_SECONDS) -> None:
        self.most = most
        self.seconds: dict[str, float] = {}
        self.tests: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.at_import: dict[str, set[int]] = defaultdict(set)
        for noted in recorded:
            for module, lines in noted["outside"].items():
                self.at_import[module] |= set(lines)
            for test, of_test in noted["tests"].items():
                self.seconds[test] = of_test["seconds"]
                for module, lines in of_test["lines"].items():
                    for line in lines:
                        self.tests[module][line].add(test)

    def counts_at_import(self, mutant: Mutant) -> bool:
        """Tell whether it has done its part once the module is imported, be it in a function that is made there."""
        made = maker_at(_read(mutant.module)[0], mutant.lines[0])
        return self._runs_at_import(mutant) or not self.at_import[mutant.module].isdisjoint(made)

    def _runs_at_import(self, mutant: Mutant) -> bool:
        return mutant.scope is None or not self.at_import[mutant.module].isdisjoint(mutant.lines)

    def of(self, mutant: Mutant) -> list[str]:
        found = self._of_lines(mutant.module, mutant.lines)
        mirror = Path("tests", mutant.module).with_name(f"test_{Path(mutant.module).name}")
        if self._runs_at_import(mutant):
            found |= self._of_name(mutant) or set().union(*self.tests[mutant.module].values())
            found |= {test for test in self.seconds if test.startswith(f"{mirror}::")}  # it may read what is there

        def nearness(test: str) -> tuple[int, float]:
            is_far = not test.startswith(f"{mirror.parent}/")
            return (0 if test.startswith(f"{mirror}::") else 1 + is_far), self.seconds[test]

        chosen, seconds = [], 0.0
        for test in sorted(found, key=nearness):
            seconds += self.seconds[test] * (not test.startswith(f"{mirror}::"))
            if seconds > self.most:
                break
            chosen.append(test)
        return chosen

    def _of_lines(self, module: str, lines: range) -> set[str]:
        return set().union(*(self.tests[module].get(line, set()) for line in lines))

    def _of_name(self, mutant: Mutant) -> set[str]:
        """Tests that run a line which names what the changed statement makes, or the function that it decorates."""
        tree, _ = _read(mutant.module)
        statement = next(node for node in tree.body if (node.end_lineno or 0) >= mutant.lines[0])
        names = [
            node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        names += [statement.name] if isinstance(statement, ast.FunctionDef | ast.ClassDef) else []
        if not names:
            return set()
        word = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")
        found: set[str] = set()
        for module in list(self.tests):
            for line, text in enumerate((ROOT / module).read_text().splitlines(), 1):
                if word.search(text):
                    found |= self.tests[module].get(line, set())
        return found
