"""Fills a PostgreSQL database as a busy house does in ninety days, by COPY: the same rows each time, whole or in steps.

``python -m benchmarks.seed 10m`` makes a database of that size beside that of ``DATABASE_URL`` and keeps it. Stopped,
it goes on where it was. Much is frequent, some is rare, and what is rare is old: the worst a list can be asked for.
"""

import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import django
import psycopg
from django.apps import apps
from django.db import connection, models, transaction

from benchmarks.seeded_rows import (
    BUSY,
    CONNECTIONS,
    NEW,
    OLD,
    RARE_CONNECTION,
    SECOND,
    TABLES,
    House,
    Table,
    account,
    document_key,
)

SIZES = {"100k": 100_000, "200k": 200_000, "1m": 1_000_000, "2m": 2_000_000, "10m": 10_000_000}
_CHUNK = 20_000
NOBODY = "http://127.0.0.1:9/v2"  # in the place of Telnyx: no list may ask anybody elsewhere
_NOTES = "benchmark_seed"


def fill(calls: int, until: datetime) -> Iterator[str]:
    """Fill the database that Django is connected to, and tell of each table. What a run before did is left as it is."""
    house = House(calls, until)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {_NOTES} (what text PRIMARY KEY, said text NOT NULL)")
    _note("until", house.until.isoformat())
    _drop_indexes()
    _rows_of_few()
    for table in TABLES:
        begin = time.monotonic()
        yield f"{table.model}: {_fill(table, house):,} rows written in {time.monotonic() - begin:.0f} s"
    begin = time.monotonic()
    _make_indexes()
    yield f"indexes and statistics: {time.monotonic() - begin:.0f} s"


def empty() -> None:
    """Empty every table that was filled: for whoever has the database next."""
    with connection.cursor() as cursor:
        names = [apps.get_model(table.model)._meta.db_table for table in TABLES]
        few = ["applications_callcontrolapplication", "voice_texmldocument", "portal_telnyxaccount"]
        cursor.execute(f"TRUNCATE {', '.join([*names, *few])} CASCADE")
        cursor.execute(f"DROP TABLE {_NOTES}")
        cursor.execute("ANALYZE")


def _rows_of_few() -> None:
    """Make what there is little of: accounts, applications, documents."""
    accounts: Any = apps.get_model("portal.TelnyxAccount")
    for name in (BUSY, SECOND, OLD, NEW):
        accounts.objects.get_or_create(id=uuid.UUID(account(name)), defaults={"name": name, "base_url": NOBODY})
    application: Any = apps.get_model("applications.CallControlApplication")
    for at, identifier in enumerate([*CONNECTIONS, RARE_CONNECTION]):
        of = {"account_id": uuid.UUID(account(SECOND if at % 5 == 4 else BUSY)), "telnyx_id": identifier}
        application.objects.get_or_create(**of, defaults={"application_name": f"application {at}"})
    document: Any = apps.get_model("voice.TexmlDocument")
    for at in range(2):
        values = {"account_id": uuid.UUID(account(BUSY)), "name": f"seed {at}"}
        document.objects.get_or_create(id=uuid.UUID(document_key(at)), defaults=values)


def _fill(table: Table, house: House) -> int:
    model = apps.get_model(table.model)
    rest = {field.column: _constant(field) for field in model._meta.concrete_fields if _is_told_here(field, table)}
    names = [model._meta.get_field(name).column for name in table.columns] + list(rest)
    tail = "".join(f"\t{value}" for value in rest.values()) + "\n"
    line = "\t".join(["%s"] * len(table.columns))
    copy = f"COPY {model._meta.db_table} ({', '.join(names)}) FROM STDIN"
    of = max(min(int(house.calls * table.share), table.most), 1)
    done = begun = int(_noted(table.model) or 0)
    while done < of:
        end = min(done + _CHUNK, of)
        with transaction.atomic(), connection.cursor() as cursor:
            _hurry(cursor)
            with cursor.copy(copy) as into:
                into.write("".join([line % table.row(house, at, of) + tail for at in range(done, end)]))
            _note(table.model, str(end))
        done = end
    return done - begun


def _hurry(cursor: Any) -> None:
    """Check no foreign key, which are right by construction, and wait for no disk: a seed is made again when lost."""
    cursor.execute("SET LOCAL synchronous_commit = off")
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone()[0]:
        cursor.execute("SET LOCAL session_replication_role = replica")


def _is_told_here(field: Any, table: Table) -> bool:
    """Tell whether the column has to be given a value that is the same in each row."""
    if field.name in table.columns or isinstance(field, models.AutoField):
        return False
    return not field.null and field.db_default is models.NOT_PROVIDED


def _constant(field: Any) -> str:
    value = field.get_default()
    if isinstance(field, models.JSONField):
        return "[]" if value == [] else "{}"
    if isinstance(value, bool):
        return "t" if value else "f"
    return "" if value is None else str(value)


# --- what is noted in the database itself -----------------------------------------------------------------------------


def _note(what: str, said: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_NOTES} VALUES (%s, %s) ON CONFLICT (what) DO UPDATE SET said = EXCLUDED.said", [what, said]
        )


def _noted(what: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT said FROM {_NOTES} WHERE what = %s", [what])
        found = cursor.fetchone()
    return found[0] if found else ""


def noted_end() -> datetime:
    """Return when the ninety days of this database end."""
    return datetime.fromisoformat(_noted("until"))


def _drop_indexes() -> None:
    """Drop what no constraint needs, and note how to make it: at the end that is ten times faster than row by row."""
    tables = [apps.get_model(table.model)._meta.db_table for table in TABLES]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = ANY (%s::regclass[]::oid[]) AND NOT indisunique",
            [tables],
        )
        for name, statement in cursor.fetchall():
            _note(f"index {name}", statement)
            cursor.execute(f"DROP INDEX {name}")


def _make_indexes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute(f"SELECT what, said FROM {_NOTES} WHERE what LIKE 'index %%' ORDER BY 1")
        for what, statement in cursor.fetchall():
            cursor.execute(re.sub("^CREATE INDEX", "CREATE INDEX IF NOT EXISTS", statement))
            cursor.execute(f"DELETE FROM {_NOTES} WHERE what = %s", [what])
        for table in TABLES:
            cursor.execute(f"VACUUM (ANALYZE) {apps.get_model(table.model)._meta.db_table}")


# --- a database of its own --------------------------------------------------------------------------------------------


def database_of(size: str, server: str) -> str:
    """Return the address of the database of that size beside ``server``, which is made if it is not there."""
    name = f"bench_seed_{size}"
    with psycopg.connect(server, autocommit=True) as line:
        if not line.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            line.execute(f'CREATE DATABASE "{name}"')
    return f"{server.rpartition('/')[0]}/{name}"


def connect(size: str) -> int:
    """Connect Django to the database of that size, with every table in it; return how many calls it is to have."""
    server = os.environ.get("DATABASE_URL", "")
    if size not in SIZES or not server.startswith("postgres"):
        raise SystemExit(f"Give a size ({', '.join(SIZES)}), and a DATABASE_URL of PostgreSQL.")
    os.environ["DATABASE_URL"] = database_of(size, server)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    import_module("django.core.management").call_command("migrate", verbosity=0)
    return SIZES[size]


def main(size: str) -> None:
    calls = connect(size)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [_NOTES])
        known = _noted("until") if cursor.fetchone()[0] else ""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for line in fill(calls, datetime.fromisoformat(known) if known else midnight):
        print(line, flush=True)


if __name__ == "__main__":
    main(*(sys.argv[1:2] or ["100k"]))
