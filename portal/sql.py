"""Builds SQL statements by hand for the rows that every event touches. The ORM compiles each of them for longer than it
runs.

PostgreSQL and SQLite (from 3.35, for RETURNING) understand all of them. Names come from the models, values are bound.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    connections,
    models,
)
from django.db.models import Field, Model, QuerySet, Value, functions

from portal import statements

M = TypeVar("M", bound=Model)
# SQLite compares times as texts, so there is one spelling of each: Django's, which has six digits of a second or none.
_ON_SQLITE = "REPLACE(STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f000', 'NOW'{}), '.000000', '')"
NOW = {"postgresql": "STATEMENT_TIMESTAMP()", "sqlite": _ON_SQLITE.format("")}  # by the database's own clock


def later(seconds: int) -> dict[str, str]:
    """Return, by vendor, the SQL of the time in so many seconds."""
    return {
        "postgresql": f"{NOW['postgresql']} + INTERVAL '{seconds} seconds'",
        "sqlite": _ON_SQLITE.format(f", '+{seconds} seconds'"),
    }


class Now(functions.Now):  # noqa: TID251  # this is the one place
    """Is the database's clock. Django's own never equals what is read of it: it has three digits of a second."""

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        """Return the SQL of the time as Django writes any other time."""
        return self.as_sql(compiler, connection, template=NOW["sqlite"].replace("%%", "%%%%"), **extra_context)


@cache
def columns(model: type[Model], *but: str) -> str:
    """Return the names of its columns, for SELECT and RETURNING, without those of the fields ``but``."""
    table = model._meta.db_table
    return ", ".join(f'"{table}"."{field.column}"' for field in model._meta.concrete_fields if field.name not in but)


def prepared(model: type[Model], name: str, value: Any) -> Any:
    """Return ``value`` as this database stores it in that field."""
    return _stored(_field(model, name), value, connections[DEFAULT_DB_ALIAS])


def longest(model: type[Model], name: str) -> int:
    """Return how many characters that field holds. PostgreSQL refuses a longer text, and SQLite takes any."""
    return int(_field(model, name).max_length or 0)


def cut(model: type[Model], name: str, text: str) -> str:
    """Return as much of ``text`` as that field holds."""
    return text[: longest(model, name)]


def stored_values(row: Model, fields: "Iterable[Field[Any, Any]]") -> list[Any]:
    """Return what the row has in these fields, as this database stores it."""
    backend = connections[DEFAULT_DB_ALIAS]  # the proxy looks it up for each of its attributes
    return [_stored(field, getattr(row, field.attname), backend) for field in fields]


# What these fields store as it is: Django asks six functions of its own to find that out. Numbers are not among it: of
# each PostgreSQL is told the type, so that one statement remains one.
_NOTHING: frozenset[type] = frozenset({type(None)})
_TEXT: frozenset[type] = frozenset({type(None), str})
_AS_IT_IS: dict[type, frozenset[type]] = {
    models.CharField: _TEXT,
    models.TextField: _TEXT,
    models.BooleanField: frozenset({type(None), bool}),
    models.DateTimeField: _NOTHING,
    models.DecimalField: _NOTHING,
    models.FloatField: _NOTHING,
    models.ForeignKey: _NOTHING,
    models.IntegerField: _NOTHING,
    models.JSONField: _NOTHING,
    models.UUIDField: _NOTHING,
}
_KEYS = (models.UUIDField, models.ForeignKey)


def _stored(field: "Field[Any, Any]", value: Any, backend: Any) -> Any:
    kind = type(value)
    if kind in _AS_IT_IS.get(type(field), ()):
        return value
    if kind is UUID and backend.vendor == "postgresql" and type(field) in _KEYS:
        return value
    return field.get_db_prep_save(value, backend)


def unindexed(column: str) -> str:
    """Return the SQL of a column by which the planner looks up nothing.

    For a state beside an id in one condition. PostgreSQL's statistics are of an hour without a backlog: it would take
    "received" for the rarest of all, and read the whole backlog to find the rows of one call.
    """
    return f"COALESCE({column}, {column})"


def distinct_values(model: type[Model], name: str) -> list[Any]:
    """List the values of an indexed column, least first, by one look into its index for each: for a column of few."""
    table, column = model._meta.db_table, _field(model, name).column
    sql = (
        f'WITH RECURSIVE "found" ("value") AS (SELECT MIN("{column}") FROM "{table}" UNION ALL '  # noqa: S608
        f'SELECT (SELECT MIN("{column}") FROM "{table}" WHERE "{column}" > "found"."value") FROM "found" '
        'WHERE "found"."value" IS NOT NULL) SELECT "value" FROM "found" WHERE "value" IS NOT NULL'
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [value for (value,) in cursor.fetchall()]


def counts(querysets: Sequence[QuerySet[Any]], most: int) -> list[int]:
    """Count the rows of each, up to ``most``: in one statement for all."""
    parts, values = list[str](), list[Any]()
    for rows in querysets:
        try:
            sql, bound = rows.values(one=Value(1))[:most].query.sql_with_params()
        except EmptyResultSet:
            parts.append("0")
            continue
        parts.append(f"(SELECT COUNT(*) FROM ({sql}) AS counted)")  # noqa: S608
        values += bound
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)
        return list(cursor.fetchone())


@contextmanager
def in_order_of_an_index() -> Iterator[None]:
    """Have PostgreSQL read rows as an index has them, and stop at the limit.

    Of two columns that depend on each other it expects few rows, and would read all of them to sort them.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET enable_bitmapscan = off")
    try:
        yield
    finally:
        with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:  # of a broken one nothing is kept
            cursor.execute("RESET enable_bitmapscan")


def fetch(model: type[M], ending: str = "", **found_by: Any) -> M | None:
    """Return the one row with these values."""
    where, values = _equal(model, found_by)
    sql = f'SELECT {columns(model)} FROM "{model._meta.db_table}" WHERE {where} {ending}'  # noqa: S608
    return next(iter(statements.rows(model, sql, values)), None)


def fetch_locked(model: type[M], **found_by: Any) -> M | None:
    """Return the one row with these values, locked until the transaction ends."""
    return fetch(model, lock_clause(), **found_by)


def lock_clause() -> str:
    """Return the end of a SELECT that locks; empty on SQLite, where the transaction has the only lock there is.

    It leaves the key alone: whoever commits a row that refers to this one does not wait. PostgreSQL checks the
    references of a row in an order that nobody chooses, so such a wait could be one of two that never end.
    """
    return "FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""


def hold(name: str) -> None:
    """Wait until nobody else holds ``name``, and hold it until the transaction ends: a lock for what has no row yet.

    What others committed under it, the next statement sees. Nothing to do on SQLite, where the transaction has the
    only lock there is.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def now() -> str:
    """Return the SQL of the database's own clock."""
    return NOW[connection.vendor]


def clock() -> datetime:
    """Return the database's time: what it judges (leases, due times, the end of a wish) is written by this clock."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {now()}", [])
        return read_now(cursor.fetchone()[0])


def read_now(value: Any) -> datetime:
    """Return as a time what the database answered to ``now``: SQLite gives text."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value).replace(tzinfo=UTC)


_AWAY_STATES = ("08", "53", "57", "58", "40", "55")  # PostgreSQL's classes
_AWAY_INTERNAL = ("25006", "25P03")  # this server has become a standby; it ended a transaction that was idle
_SQLITE_PERM, _SQLITE_PROTOCOL, _SQLITE_NOTADB = 3, 15, 26  # between: busy, locked, no memory, read-only, disk, full …


def is_outage(error: BaseException | None) -> bool:
    """Return whether the database could not be asked, or gave up, as opposed to a question that it cannot answer.

    Drivers raise ``OperationalError`` for both: for a lost connection, and for an expression that is too complex.
    """
    if not isinstance(error, OperationalError | InterfaceError | InternalError):
        return False
    cause, is_internal = error.__cause__, isinstance(error, InternalError)
    if (state := getattr(cause, "sqlstate", None)) is not None:
        return str(state).startswith(_AWAY_INTERNAL if is_internal else _AWAY_STATES)
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        primary = int(code) & 0xFF
        return _SQLITE_PERM <= primary <= _SQLITE_PROTOCOL or primary == _SQLITE_NOTADB
    return not is_internal


def insert(row: Model, stamped: str | None = None) -> bool:
    """Insert a row whole; false when another row, which then is committed, has one of its unique keys.

    The field ``stamped`` is set to the database's time, here as well.
    """
    sql, values = _insert(row, stamped)
    returned = _field(type(row), stamped).column if stamped else 1
    with statements.cursor() as cursor:
        cursor.execute(f"{sql} ON CONFLICT DO NOTHING RETURNING {returned}", values)
        done = cursor.fetchone()
    if done and stamped:
        setattr(row, stamped, read_now(done[0]))
    row._state.adding, row._state.db = not done, connection.alias
    return bool(done)


def insert_new(row: Model) -> None:
    """Insert a row whole whose unique keys nobody else can have; ``IntegrityError`` should somebody have one."""
    with statements.cursor() as cursor:
        cursor.execute(*_insert(row))
    row._state.adding, row._state.db = False, connection.alias


def _insert(row: Model, stamped: str | None = None) -> tuple[str, list[Any]]:
    statement, bound = _insertion(type(row), stamped, now())
    return statement, stored_values(row, bound)


@cache
def _insertion(model: type[Model], stamped: str | None, at: str) -> tuple[str, "list[Field[Any, Any]]"]:
    """Return the statement that inserts a row whole, and the fields whose values it binds."""
    fields = model._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(at if field.name == stamped else "%s" for field in fields)
    sql = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({marks})'  # noqa: S608
    return sql, [field for field in fields if field.name != stamped]


def update(row: Model, names: Iterable[str], **only_if: Any) -> bool:
    """Write these fields of a row; false when it does not have the values of ``only_if`` in the database any more."""
    fields = [_field(type(row), name) for name in names]
    setting = ", ".join(f'"{field.column}" = %s' for field in fields)
    values = stored_values(row, fields)
    where, found_by = _equal(type(row), {"id": row.pk})
    conditions = [f"{unindexed(_quoted(type(row), name))} = %s" for name in only_if]  # the id finds it
    values += found_by + [prepared(type(row), name, value) for name, value in only_if.items()]
    sql = f'UPDATE "{row._meta.db_table}" SET {setting} WHERE {" AND ".join([where, *conditions])}'  # noqa: S608
    return _changed(sql, values)


def delete(row: Model) -> None:
    """Delete a row that nothing refers to yet."""
    where, values = _equal(type(row), {"id": row.pk})
    _changed(f'DELETE FROM "{row._meta.db_table}" WHERE {where}', values)  # noqa: S608


def _equal(model: type[Model], found_by: dict[str, Any]) -> tuple[str, list[Any]]:
    where = " AND ".join(f"{_quoted(model, name)} = %s" for name in found_by)
    return where, [prepared(model, name, value) for name, value in found_by.items()]


def _quoted(model: type[Model], name: str) -> str:
    return f'"{_field(model, name).column}"'


@cache
def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field: Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]  # columns only are asked for
    return field


def _changed(sql: str, values: list[Any]) -> bool:
    with statements.cursor() as cursor:
        cursor.execute(sql, values)
        return bool(cursor.rowcount)
