"""Statements that come again and again: the same rows as the ORM finds, prepared once."""

from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import NotSupportedError, connection
from psycopg_pool import ConnectionPool

from portal import sql, statement_timeout, statements
from portal.models import Heartbeat, TelnyxAccount
from portal.statement_timeout import TimedConnection
from tests.support.accounts import make_account
from tests.support.databases import on_sqlite
from tests.support.factories import make_call
from voice.models import Call

ON_POSTGRESQL = pytest.mark.skipif(on_sqlite(), reason="needs DATABASE_URL (PostgreSQL): SQLite prepares by itself")


@pytest.mark.django_db
def test_rows_are_what_the_orm_makes_of_them(account: TelnyxAccount) -> None:
    for leg in "abc":
        make_call(account, leg=leg)
    statement = f"SELECT {sql.columns(Call)}, 7 AS told FROM voice_call WHERE account_id = %s"
    found = statements.rows(Call, statement, [sql.prepared(Call, "account", account.pk)])
    plain = {row.pk: row for row in Call.objects.all()}
    names = [field.attname for field in Call._meta.concrete_fields]
    assert {row.pk: [getattr(row, name) for name in names] for row in found} == {
        pk: [getattr(row, name) for name in names] for pk, row in plain.items()
    }
    assert [vars(row)["told"] for row in found] == [7, 7, 7]
    assert not any(row._state.adding for row in found)


@pytest.mark.django_db
def test_a_row_without_all_of_its_columns_reads_the_others_when_asked(account: TelnyxAccount) -> None:
    statement = f"SELECT {sql.columns(TelnyxAccount, 'name')} FROM portal_telnyxaccount"
    (row,) = statements.rows(TelnyxAccount, statement, [])
    assert row.get_deferred_fields() == {"name"}
    assert row.name == account.name


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_what_comes_again_is_prepared_and_what_the_orm_asks_is_not() -> None:
    for number in range(5):
        account = make_account(f"one-{number}")
        assert sql.fetch(TelnyxAccount, webhook_token=account.webhook_token) == account
        assert TelnyxAccount.objects.filter(name=account.name).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = [statement for (statement,) in cursor.fetchall()]
    assert [text for text in prepared if '"webhook_token" = $1' in text]
    assert not [text for text in prepared if "LIMIT 1" in text]


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_nothing_is_kept_of_what_the_orm_asks() -> None:
    for number in range(5):
        make_account(f"{number}" * 50)
    assert len(statements.rows(TelnyxAccount, f"SELECT {sql.columns(TelnyxAccount)} FROM portal_telnyxaccount", []))
    kept = connection.connection._prepared
    # the hand-written ones of other tests, which are kept, insert calls and commands
    assert not [key for key in (*kept._counts, *kept._names) if b'INSERT INTO "portal_telnyxaccount"' in key[0]]


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("prepared", [True, False])
def test_nothing_is_prepared_where_that_is_switched_off(settings: Any, prepared: bool) -> None:
    settings.DATABASE_PREPARED = prepared
    connection.close()
    for _ in range(5):
        statements.rows(Heartbeat, f"SELECT {sql.columns(Heartbeat)} FROM portal_heartbeat WHERE 1 = %s", [1])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%portal_heartbeat%'")
        assert bool(cursor.fetchone()[0]) is prepared


@ON_POSTGRESQL
@pytest.mark.django_db(transaction=True)
def test_a_connection_whose_statement_a_migration_changed_is_not_kept() -> None:
    def look() -> int:
        return len(statements.rows(Heartbeat, f"SELECT {sql.columns(Heartbeat)} FROM portal_heartbeat", []))

    def widen(length: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE portal_heartbeat ALTER COLUMN name TYPE varchar({length})")

    length = Heartbeat._meta.get_field("name").max_length
    for _ in range(5):
        look()
    widen(length + 1)
    try:
        with pytest.raises(NotSupportedError):
            look()
        connection.close()
        assert look() == 0
    finally:
        connection.close()
        widen(length)


@ON_POSTGRESQL
@pytest.mark.django_db
def test_a_kept_connection_that_was_ended_while_it_was_idle_costs_nobody_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert settings.DATABASES["default"]["CONN_HEALTH_CHECKS"]  # by which Django has its pool ask
    monkeypatch.setattr(statement_timeout, "_FRESH_SECONDS", 0.0)
    told = connection.get_connection_params()
    access = {name: told[name] for name in ("host", "port", "user", "password", "dbname") if told.get(name)}
    pool = ConnectionPool(
        kwargs=access | {"autocommit": True},
        connection_class=TimedConnection,
        min_size=1,
        check=ConnectionPool.check_connection,
        open=True,
    )
    with pool, psycopg.connect(autocommit=True, **access) as server:
        with pool.connection() as link:
            (backend,) = link.execute("SELECT pg_backend_pid()").fetchone()
        assert server.execute("SELECT pg_terminate_backend(%s)", [backend]).fetchone() == (True,)
        with pool.connection() as link:
            assert link.execute("SELECT 1").fetchone() == (1,)
