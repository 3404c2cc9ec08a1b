"""Builds SQL statements by hand for the rows that every event touches. The ORM compiles each of them for longer than it
runs.

PostgreSQL and SQLite (from 3.35, for RETURNING) understand all of them. Names come from the models, values are bound.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection
from django.db.models import Field, Model

from portal import statements

M = TypeVar("M", bound=Model)
# The database's clock, as Django writes times into it.
NOW = {"postgresql": "STATEMENT_TIMESTAMP()", "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f000', 'NOW')"}


@cache
def columns(model: type[Model], *but: str) -> str:
    """Return the names of its columns, for SELECT and RETURNING, without those of the fields ``but``."""
    table = model._meta.db_table
    return ", ".join(f'"{table}"."{field.column}"' for field in model._meta.concrete_fields if field.name not in but)


def prepared(model: type[Model], name: str, value: Any) -> Any:
    """Return ``value`` as this database stores it in that field."""
    return _field(model, name).get_db_prep_save(value, connection)


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
    fields = row._meta.concrete_fields
    names = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(now() if field.name == stamped else "%s" for field in fields)
    bound = [field for field in fields if field.name != stamped]
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in bound]
    return f'INSERT INTO "{row._meta.db_table}" ({names}) VALUES ({marks})', values  # noqa: S608


def update(row: Model, names: Iterable[str], **only_if: Any) -> bool:
    """Write these fields of a row; false when it does not have the values of ``only_if`` in the database any more."""
    fields = [_field(type(row), name) for name in names]
    setting = ", ".join(f'"{field.column}" = %s' for field in fields)
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    where, found_by = _equal(type(row), {"id": row.pk, **only_if})
    return _changed(f'UPDATE "{row._meta.db_table}" SET {setting} WHERE {where}', [*values, *found_by])  # noqa: S608


def delete(row: Model) -> None:
    """Delete a row that nothing refers to yet."""
    where, values = _equal(type(row), {"id": row.pk})
    _changed(f'DELETE FROM "{row._meta.db_table}" WHERE {where}', values)  # noqa: S608


def _equal(model: type[Model], found_by: dict[str, Any]) -> tuple[str, list[Any]]:
    where = " AND ".join(f'"{_field(model, name).column}" = %s' for name in found_by)
    return where, [prepared(model, name, value) for name, value in found_by.items()]


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field: Field[Any, Any] = model._meta.get_field(name)  # type: ignore[assignment]  # columns only are asked for
    return field


def _changed(sql: str, values: list[Any]) -> bool:
    with statements.cursor() as cursor:
        cursor.execute(sql, values)
        return bool(cursor.rowcount)
