"""Reads which rows transactions lock, in which order, off their statements; and the order that docs/locks.md allows."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "locks.md"
_ROW = re.compile(r"^\| (\d+) \| `(\w+)` \|", re.MULTILINE)
_WITHIN = re.compile(r"\(SELECT [^()]*\)")  # a statement within, which locks nothing
# What may wait for another transaction. Who skips what is locked waits for nobody.
_LOCKS = (
    re.compile(r"^SELECT (?P<leg>pg_advisory_xact_lock)\("),
    re.compile(r'^SELECT .*? FROM "?(?P<table>\w+)"?.* FOR (NO KEY )?UPDATE(?!.* SKIP LOCKED)', re.DOTALL),
    re.compile(r'^\s*UPDATE "?(?P<table>\w+)"?', re.DOTALL),
    re.compile(r'^DELETE FROM "?(?P<table>\w+)"?', re.DOTALL),
    re.compile(r'^INSERT INTO "?(?P<table>\w+)"?.* ON CONFLICT', re.DOTALL),
)


def order_of_the_page(text: str | None = None) -> dict[str, int]:
    """The step of each table, by its name in the database."""
    return {table: int(step) for step, table in _ROW.findall(PAGE.read_text() if text is None else text)}


def locked_by(sql: str) -> str:
    """The table of which this statement locks rows; empty when it locks none that are there."""
    outer = _WITHIN.sub("()", sql)
    for pattern in _LOCKS:
        if found := pattern.search(outer):
            return "leg" if "leg" in found.groupdict() else found["table"]
    return ""


def out_of_order(locks: list[str], order: dict[str, int]) -> str:
    """What is wrong with these locks of one transaction, as a sentence; empty if nothing is.

    A table whose rows it has already may come again.
    """
    first = list(dict.fromkeys(locks))
    if len(first) < 2:
        return ""
    if unknown := [table for table in first if table not in order]:
        return f"the page does not name {', '.join(unknown)}: {' → '.join(first)}"
    for before, after in pairwise(first):
        if order[after] < order[before]:
            return f"{after} after {before}: {' → '.join(first)}"
    return ""


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The locks of each transaction of this thread, in their order; without those that lock nothing."""
    transactions: list[list[str]] = []
    current: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if connection.in_atomic_block and (table := locked_by(sql)):
            current.append(table)
        return execute(sql, params, many, context)

    def end(name: str) -> None:
        really = getattr(BaseDatabaseWrapper, name)

        def ended(self: Any) -> None:
            really(self)
            if self is connection._connections[self.alias] and current:  # type: ignore[attr-defined]
                transactions.append(current.copy())
                current.clear()

        monkeypatch.setattr(BaseDatabaseWrapper, name, ended)

    end("_commit")
    end("_rollback")
    with connection.execute_wrapper(note):
        yield transactions
