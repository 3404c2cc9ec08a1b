"""Makes copies of the database that can be trusted, and brings them back.

A backup is a folder: the database as it was at one moment, and ``manifest.json``, which tells what must be in it. It is
under a name of its own only once it is whole.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from psycopg.sql import SQL, Identifier

from portal.encryption import key_id
from portal.environment import LIMITS

MANIFEST = "manifest.json"
_FILES = {"sqlite": "portal.sqlite3", "postgresql": "portal.dump"}
_CHUNK = 1 << 20
Say = Callable[[str], Any]


def _nobody(_: str) -> None:
    """Tell nobody."""


class Unusable(Exception):
    """A backup cannot be made, or is not what its manifest says, or cannot be brought back here; in words."""


@dataclass(frozen=True)
class Manifest:
    """Tells what a backup holds.

    ``rows`` counts by table. ``keys`` are the ids of the encryption keys that were there, never the keys.
    """

    made_at: str
    vendor: str
    file: str
    size: int
    sha256: str
    rows: dict[str, int]
    migrations: list[str]
    keys: list[str]


def make(folder: Path, say: Say = _nobody) -> Path:
    """Write a backup below ``folder``, while everything runs; return where. ``Unusable`` leaves nothing behind.

    ``say`` is told what is begun, in words: of a large database each step takes minutes.
    """
    name = f"portal-{timezone.now():%Y%m%d-%H%M%S}"
    begun, whole = folder / f".{name}-{uuid4().hex[:8]}", folder / name
    if whole.exists():
        raise Unusable(f"{whole} is there already.")
    begun.mkdir(parents=True, mode=0o700)
    try:
        copy = begun / _FILES[connection.vendor]
        write = _write_sqlite if connection.vendor == "sqlite" else _write_postgresql
        say("Copying the database …")
        rows = write(copy)
        copy.chmod(0o600)
        manifest = Manifest(
            made_at=timezone.now().isoformat(),
            vendor=connection.vendor,
            file=copy.name,
            size=copy.stat().st_size,
            sha256=_sha256(copy),
            rows=rows,
            migrations=_applied(),
            keys=[key_id(key) for key in settings.PORTAL_ENCRYPTION_KEYS],
        )
        (begun / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n")
        check(begun, say)
        begun.rename(whole)
    except BaseException:
        shutil.rmtree(begun, ignore_errors=True)
        raise
    return whole


def check(backup: Path, say: Say = _nobody) -> Manifest:
    """Look whether ``backup`` is whole, and fits this version, this kind of database and these keys.

    Every row is read: a SQLite copy is opened and counted, of a PostgreSQL dump a database is made beside this one,
    which is dropped again.
    """
    manifest = _read(backup)
    copy = backup / manifest.file
    say("Comparing the copy with its manifest …")
    if not copy.is_file() or copy.stat().st_size != manifest.size or _sha256(copy) != manifest.sha256:
        raise Unusable(f"{copy} is not the file that the backup was made with: it is missing, cut off or changed.")
    if manifest.vendor != connection.vendor:
        raise Unusable(f"It is of {manifest.vendor}, and DATABASE_URL names {connection.vendor}.")
    if unknown := set(manifest.migrations) - _known():
        raise Unusable(f"A newer version of the portal made it: this one does not know {', '.join(sorted(unknown))}.")
    if gone := [key for key in manifest.keys if key not in {key_id(one) for one in settings.PORTAL_ENCRYPTION_KEYS}]:
        raise Unusable(f"PORTAL_ENCRYPTION_KEYS lacks {', '.join(gone)}: without it the API keys in it stay closed.")
    say("Reading every row of the copy …")
    found = _rows_of_copy(copy) if manifest.vendor == "sqlite" else _rows_of_dump(copy)
    if found != manifest.rows:
        tables = sorted(name for name in {*found, *manifest.rows} if found.get(name) != manifest.rows.get(name))
        raise Unusable(f"Rows are missing or too many in {', '.join(tables)}.")
    return manifest


def restore(backup: Path, say: Say = _nobody) -> Manifest:
    """Bring ``backup`` back into the database that ``DATABASE_URL`` names, which must be empty."""
    if connection.introspection.table_names():
        raise Unusable(
            "The database is not empty, and nothing is overwritten: "
            "stop the portal and name an empty one, or move the file away."
        )
    manifest = check(backup, say)
    say("Bringing the rows back …")
    connection.close()
    if manifest.vendor == "sqlite":
        _put_in_place(backup / manifest.file, Path(str(connection.settings_dict["NAME"])))
    else:
        _run("pg_restore", *_RESTORE, f"--dbname={connection.settings_dict['NAME']}", str(backup / manifest.file))
    settings.EMBEDDED_QUEUE.unlink(missing_ok=True)  # wake-ups for rows that may not be there
    shutil.rmtree(settings.DOCUMENT_COPIES, ignore_errors=True)  # of versions that may not be there: the newest stays
    return manifest


def _read(backup: Path) -> Manifest:
    try:
        return Manifest(**json.loads((backup / MANIFEST).read_text()))
    except FileNotFoundError:
        raise Unusable(f"{backup} is no backup: it has no {MANIFEST}.") from None
    except (ValueError, TypeError):
        raise Unusable(f"{backup / MANIFEST} cannot be read.") from None


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _applied() -> list[str]:
    return sorted(f"{app}.{name}" for app, name in MigrationLoader(connection).applied_migrations)


def _known() -> set[str]:
    loader = MigrationLoader(connection)
    return {f"{app}.{name}" for app, name in loader.disk_migrations} | set(_replaced(loader))


def _replaced(loader: MigrationLoader) -> Iterator[str]:
    for migration in loader.disk_migrations.values():
        yield from (f"{app}.{name}" for app, name in migration.replaces)


# SQLite


def _write_sqlite(copy: Path) -> dict[str, int]:
    """Write the database as the last commit left it; nobody waits for that."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(copy)])
    with copy.open("rb") as written:
        os.fsync(written.fileno())
    return _rows_of_copy(copy)


def _rows_of_copy(copy: Path) -> dict[str, int]:
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as opened:
            faults = [line for (line,) in opened.execute("PRAGMA integrity_check") if line != "ok"]
            if faults:
                raise Unusable(f"{copy} is damaged: {faults[0]}.")
            names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite|_%' ESCAPE '|'"
            tables = [name for (name,) in opened.execute(names)]
            return {name: opened.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in tables}  # noqa: S608
    except sqlite3.DatabaseError as error:
        raise Unusable(f"{copy} cannot be read: {error}.") from None


def _put_in_place(copy: Path, database: Path) -> None:
    """Copy it beside ``database`` first: what is under that name is whole, or not there."""
    beside = database.with_name(f".{database.name}-{uuid4().hex[:8]}")
    shutil.copyfile(copy, beside)
    beside.chmod(0o600)
    for leftover in (f"{database}-wal", f"{database}-shm"):
        Path(leftover).unlink(missing_ok=True)
    beside.rename(database)


# PostgreSQL

_RESTORE = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")


def _write_postgresql(copy: Path) -> dict[str, int]:
    """Write and count what one snapshot shows; nobody waits for that."""
    with _connected() as opened, opened.transaction():
        opened.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = _value(opened, SQL("SELECT pg_export_snapshot()"))
        rows = _rows(opened)
        name = connection.settings_dict["NAME"]
        _run("pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={copy}", f"--dbname={name}")
    return rows


def _rows_of_dump(dump: Path) -> dict[str, int]:
    beside = f"{connection.settings_dict['NAME']}_check_{uuid4().hex[:8]}"
    with _connected(autocommit=True) as opened:
        try:
            opened.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(beside)))
        except psycopg.errors.InsufficientPrivilege:
            raise Unusable("To look into a dump a database is made beside this one: give the role CREATEDB.") from None
        try:
            _run("pg_restore", *_RESTORE, f"--dbname={beside}", str(dump))
            with _connected(dbname=beside) as looked_into:
                return _rows(looked_into)
        finally:
            opened.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(beside)))


@contextmanager
def _connected(**more: Any) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection beside Django's, without the limits that pages have."""
    with psycopg.connect(**{"dbname": connection.settings_dict["NAME"]} | _access() | more) as opened:
        yield opened


def _access() -> dict[str, str]:
    """Return how the server is reached, by libpq's names, and what stands in the address besides."""
    told = connection.settings_dict
    names = {"user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    found = {name: str(told[key]) for name, key in names.items() if told[key]}
    # ours are numbers, the pool, and limits that pages have
    asked = {name: value for name, value in told["OPTIONS"].items() if isinstance(value, str)}
    if "options" in asked:
        asked["options"] = asked["options"].removeprefix(LIMITS).strip()
    return {name: value for name, value in asked.items() if value} | found


def _rows(opened: psycopg.Connection[Any]) -> dict[str, int]:
    names = SQL("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    tables = [name for (name,) in opened.execute(names)]
    return {name: _value(opened, SQL("SELECT COUNT(*) FROM {}").format(Identifier(name))) for name in tables}


def _value(opened: psycopg.Connection[Any], statement: Any) -> Any:
    row = opened.execute(statement).fetchone()
    assert row
    return row[0]


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's, which is told the password by the environment alone."""
    given = {f"PG{name.upper().replace('_', '')}": value for name, value in _access().items()}
    try:
        done = subprocess.run(  # noqa: S603  both names are ours
            [program, *arguments], env=os.environ | given, capture_output=True, check=False, text=True
        )
    except FileNotFoundError:
        raise Unusable(
            f"{program} was not found: install PostgreSQL's client, of the server's version or newer."
        ) from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise Unusable(f"{program} failed: {said[-1] if said else f'exit {done.returncode}'}")
