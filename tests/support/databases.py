"""Which database the tests run on."""

import pytest
from django.db import connection


def on_sqlite() -> bool:
    return connection.vendor == "sqlite"


# SQLite has one writer at a time: what two transactions do to each other happens on PostgreSQL only
TWO_WRITERS = pytest.mark.skipif(on_sqlite(), reason="needs DATABASE_URL (PostgreSQL): SQLite has one writer at a time")
