"""Runs statements that come again and again: PostgreSQL parses and plans each of them once for every connection.

Django binds values on the client, so no two of its statements are the same text. Here they are bound by the server, and
psycopg prepares a statement when it comes for the third time (``DATABASE_PREPARED``). While it may, it counts Django's
as well, and keeps the text of a hundred of them, which is megabytes where many rows are written: so it may only here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

M = TypeVar("M", bound=Model)
_USES = 2  # before a statement is prepared


@contextmanager
def cursor() -> Iterator[CursorWrapper]:
    """Open a cursor of this thread's connection that binds on the server; on SQLite it is any other.

    So it is where statements are logged: Django shows the values in their places only when it binds itself.
    """
    backend = connections[DEFAULT_DB_ALIAS]  # the proxy looks it up for each of its attributes
    if backend.vendor != "postgresql" or backend.queries_logged:
        with backend.cursor() as plain:
            yield plain
        return
    backend.ensure_connection()
    with backend.wrap_database_errors:
        binding = ServerBindingCursor(backend.connection)  # type: ignore[call-arg]
    link = backend.connection
    link.prepare_threshold = _USES if settings.DATABASE_PREPARED else None
    try:
        with backend._prepare_cursor(binding) as wrapped:  # type: ignore[attr-defined]  # counted like Django's
            yield wrapped
    finally:
        link.prepare_threshold = None


def rows(model: type[M], sql: str, values: Sequence[Any]) -> list[M]:
    """Return what the statement finds as rows of ``model``; what it names beside the columns becomes attributes."""
    with cursor() as found:
        found.execute(sql, values)
        if (names := _names.get(sql)) is None:
            names = _names[sql] = tuple(column[0] for column in found.description)
        told = found.fetchall()
    backend = connections[DEFAULT_DB_ALIAS]
    fields, more, converters = _reading(model, names, backend.vendor)
    made = []
    for row in told:
        cells = list(row)
        for at, convert, expression in converters:
            cells[at] = convert(cells[at], expression, backend)
        one = model.from_db(DEFAULT_DB_ALIAS, fields, cells[: len(fields)])
        vars(one).update(zip(more, cells[len(fields) :], strict=True))
        made.append(one)
    return made


# Of each statement, as it names its columns itself: a driver makes an object of each column to tell them.
_names: dict[str, tuple[str, ...]] = {}


@cache
def _reading(model: type[Model], names: tuple[str, ...], vendor: str) -> tuple[list[str], tuple[str, ...], Any]:
    """Tell which of the names are fields (they come first), which are more, and how to read each cell."""
    by_column = {field.column: field for field in model._meta.concrete_fields}
    found = [by_column[name] for name in names if name in by_column]
    converters = []
    for at, field in enumerate(found):
        expression = field.get_col(model._meta.db_table)
        backend = connections[DEFAULT_DB_ALIAS]
        of_vendor = backend.ops.get_db_converters(expression)
        converters += [(at, convert, expression) for convert in (*of_vendor, *field.get_db_converters(backend))]
    return [field.attname for field in found], names[len(found) :], converters
