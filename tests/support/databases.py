"""Which database the tests run on."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection


def on_sqlite() -> bool:
    return connection.vendor == "sqlite"


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = CURRENT_DATABASE() AND wait_event_type = 'Lock'")
        return cursor.fetchone() is not None


# SQLite has one writer at a time: what two transactions do to each other happens on PostgreSQL only
TWO_WRITERS = pytest.mark.skipif(on_sqlite(), reason="needs DATABASE_URL (PostgreSQL): SQLite has one writer at a time")


@contextmanager
def database_of_its_own(suffix: str) -> Iterator[dict[str, str]]:
    """Yield the environment of a process for an empty database of the kind that the tests run on."""
    if on_sqlite():
        yield {}
        return
    told = connection.settings_dict
    name = f"{told['NAME']}_{suffix}"
    access = {"user": told["USER"], "password": told["PASSWORD"] or None, "host": told["HOST"], "port": told["PORT"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **access) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            address = f"{told['USER']}:{told['PASSWORD']}@{told['HOST']}:{told['PORT']}"
            yield {"DATABASE_URL": f"postgres://{address}/{name}"}
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
