"""A database of the benchmarks' own: a file, or beside the given PostgreSQL database; gone when they are done."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


def url() -> str:
    """The PostgreSQL database; empty for SQLite."""
    given = os.environ.get("DATABASE_URL", "")
    return given if given.startswith("postgres") else ""


@contextmanager
def database() -> Iterator[None]:
    """Every process of the benchmarks finds it in the environment. To be entered before Django reads its settings."""
    with tempfile.TemporaryDirectory(prefix="voice-portal-bench-") as folder:
        os.environ["PORTAL_VAR_DIR"] = folder
        if not url():
            os.environ.pop("DATABASE_URL", None)
            yield
            return
        with another() as own:
            os.environ["DATABASE_URL"] = own
            yield


@contextmanager
def another() -> Iterator[str]:
    """The address of an empty database beside the given one, gone afterwards."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url(), autocommit=True) as line:
        line.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{url().rpartition('/')[0]}/{name}"
        finally:
            line.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
