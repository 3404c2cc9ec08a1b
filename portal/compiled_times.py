"""Reads PostgreSQL's times by the loader of its driver, which is compiled.

Django registers one of its own, in Python: twenty times as long for each time, and most of what a long list costs.
"""

from datetime import UTC
from typing import Any

import psycopg
from psycopg.pq import Format

_compiled: Any = psycopg.adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, Format.TEXT)


class _Loader:
    """Makes the driver's loader. It tells times in the zone of the connection, which is Django's ``timezone``.

    Django asks for that before each statement: where a database has another zone, it goes on with its own loader.
    """

    format, timezone = Format.TEXT, UTC

    def __new__(cls, *given: Any) -> Any:
        return _compiled(*given)


def register(connection: "psycopg.Connection[Any]") -> None:
    """Have this connection read times so."""
    connection.adapters.register_loader("timestamptz", _Loader)  # type: ignore[arg-type]
