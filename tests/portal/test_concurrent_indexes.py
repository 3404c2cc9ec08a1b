"""Indexes are changed while their tables are in use, and a migration that was stopped half-way is run again."""

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader

from portal import concurrent_indexes
from tests.support.databases import on_sqlite

NAME = "audit_by_area"
MODULE = concurrent_indexes.__name__


class State:
    """What an operation asks of a state of migrations: the models as they are."""

    apps = apps


def index() -> models.Index:
    return next(one for one in apps.get_model("portal.AuditEvent")._meta.indexes if one.name == NAME)


def run(operation: object) -> None:
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("portal", editor, State, State)  # type: ignore[attr-defined]


def names() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, "portal_auditevent"))


@pytest.mark.django_db(transaction=True)
def test_an_index_is_dropped_and_built_again() -> None:
    run(concurrent_indexes.RemoveIndex("auditevent", NAME))
    assert NAME not in names()
    run(concurrent_indexes.RemoveIndex("auditevent", NAME))  # as when the migration was stopped after it
    for _ in range(2):  # as when the migration was stopped after it
        run(concurrent_indexes.AddIndex("auditevent", index()))
    assert NAME in names()


def test_what_is_migrated_outside_of_a_transaction_can_be_run_again() -> None:
    every = MigrationLoader(None).disk_migrations.items()
    ours = {key: migration for key, migration in every if key[0] in {"portal", "applications", "voice"}}
    open_ones = {key: {*map(type, one.operations)} for key, one in ours.items() if not one.atomic}
    assert len(open_ones) > 5
    unrepeatable = {key: kinds for key, kinds in open_ones.items() if any(kind.__module__ != MODULE for kind in kinds)}
    assert unrepeatable == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(on_sqlite(), reason="needs DATABASE_URL (PostgreSQL): SQLite builds an index whole or not at all")
def test_what_was_left_unfinished_is_built_anew_and_what_is_whole_is_kept() -> None:
    assert is_whole()
    run(concurrent_indexes.AddIndex("auditevent", index()))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [NAME])
    assert not is_whole()
    run(concurrent_indexes.AddIndex("auditevent", index()))
    assert is_whole()


def is_whole() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [NAME])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(on_sqlite(), reason="needs DATABASE_URL (PostgreSQL): SQLite has no second index of a text")
def test_doubles_are_gone_and_what_is_asked_is_there() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'voice_call'")
        there = {name for (name,) in cursor.fetchall()}
    assert not [name for name in there if "call_leg_id" in name and name.endswith("_like")]
    assert not [name for name in there if "from_reversed" in name or name in {"call_by_from", "call_by_to"}]
    assert {"call_from_number", "call_to_last_four", "call_by_account", "call_by_state", "call_recorded"} <= there
    assert not [name for name in there if name.startswith(("voice_call_account_id", "voice_call_from_number"))]
