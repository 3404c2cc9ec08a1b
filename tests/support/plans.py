"""Explains what PostgreSQL did for each statement that goes by, and says what will not do on ten million rows."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

MOST_BUFFERS = 200
_BIG = 3_000  # rows from which on a table grows with the calls
_EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
_SCANS = ("Seq Scan", "Parallel Seq Scan")


@dataclass
class Plans:
    """Collects what is wrong with the statements; ``buffers`` are the most that one touched, ``total`` those of all."""

    big: frozenset[str]
    wrong: list[str] = field(default_factory=list)
    buffers: int = 0
    total: int = 0
    statements: int = 0

    def take(self, sql: str, plan: dict[str, Any]) -> None:
        self.statements += 1
        buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        self.buffers, self.total = max(self.buffers, buffers), self.total + buffers
        said = []
        if buffers > MOST_BUFFERS:
            said.append(f"{buffers} buffers")
        nodes = list(_nodes(plan))
        said += [f"scans {table}" for one in nodes if (table := self._scanned(one))]
        if any(one.get("Strategy") == "Plain" and self._counts_all(one) for one in nodes):
            said.append("counts without a cap")
        if said:
            self.wrong.append(f"{', '.join(said)}: {_short(sql)}")

    def _scanned(self, node: dict[str, Any]) -> str:
        table: str = node.get("Relation Name", "")
        return table if node["Node Type"] in _SCANS and table in self.big else ""

    def _counts_all(self, node: dict[str, Any]) -> bool:
        below = list(_nodes(node))
        if any(one["Node Type"] == "Limit" for one in below):
            return False
        return any(one.get("Relation Name") in self.big and one["Actual Rows"] > 1001 for one in below)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from _nodes(one)


def _short(sql: str) -> str:
    return re.sub(r"SELECT (DISTINCT )?.*? FROM ", r"SELECT \1… FROM ", sql, count=1)[:700]


def big_tables() -> frozenset[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND reltuples >= %s",
            [_BIG],
        )
        return frozenset(name for (name,) in cursor.fetchall())


@contextmanager
def explained(big: frozenset[str]) -> Iterator[Plans]:
    """Explain each SELECT before it is executed as it came."""
    plans, is_ours = Plans(big), False

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal is_ours
        if sql.startswith(("SELECT", "WITH")) and not is_ours and "FOR UPDATE" not in sql:
            is_ours = True
            try:
                with connection.cursor() as cursor:
                    cursor.execute(_EXPLAIN + sql, params)
                    told = cursor.fetchone()[0]
                plans.take(sql, (json.loads(told) if isinstance(told, str) else told)[0]["Plan"])
            finally:
                is_ours = False
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield plans
