"""Which database the tests run on."""

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
