"""The floor's own table, and what the database says of itself."""

from django.conf import settings
from django.db import connection

from benchmarks import scratch


def make() -> str:
    """Make it; the address that the bare function connects to."""
    kind = "bytea" if connection.vendor == "postgresql" else "blob"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS bench_floor (id varchar(40) PRIMARY KEY, body {kind} NOT NULL)")
    return scratch.url() or str(settings.DATABASES["default"]["NAME"])


def wal() -> int:
    """Bytes of write-ahead log so far, of the whole server; 0 on SQLite."""
    return _one("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn") if connection.vendor == "postgresql" else 0


def backends() -> list[int]:
    """The processes that serve this database, if the server is on this machine."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [number for (number,) in cursor.fetchall()]


def _one(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
