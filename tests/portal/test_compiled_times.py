"""PostgreSQL's times are read quickly, and are what Django's own loader would tell."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from psycopg.pq import Format

from tests.support.databases import on_sqlite

pytestmark = [pytest.mark.django_db, pytest.mark.skipif(on_sqlite(), reason="PostgreSQL's times")]
TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid


@pytest.mark.parametrize(
    "at", [datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(1969, 7, 20, 20, 17, 40, 7, UTC), datetime.max]
)
def test_they_are_the_same_and_in_utc(at: datetime) -> None:
    at = at.replace(tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz, NULL::timestamptz", [at])
        told, nothing = cursor.fetchone()
    assert (told, told.tzinfo, told.utcoffset(), nothing) == (at, UTC, timedelta(), None)


def test_no_loader_in_python_reads_them() -> None:
    with connection.cursor() as cursor:
        loader = cursor.connection.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)(TIMESTAMPTZ, None)
    assert not isinstance(loader, BaseTzLoader)
