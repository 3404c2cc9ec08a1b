"""Statements by hand do to one row what the ORM would."""

import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from portal import sql
from portal.actors import PORTAL
from portal.models import AuditEvent, Heartbeat, TelnyxAccount
from tests.model.clock import BEGIN, database_time
from tests.support.accounts import make_account
from tests.support.connected_threads import others


def test_a_row_is_found_by_its_own_values_alone(account: TelnyxAccount) -> None:
    other = make_account("other")
    assert sql.fetch(TelnyxAccount, webhook_token=other.webhook_token) == other
    assert sql.fetch(TelnyxAccount, webhook_token=other.webhook_token, name=account.name) is None
    with transaction.atomic():
        locked = sql.fetch_locked(TelnyxAccount, name=account.name)
    assert locked is not None
    assert (locked.pk, locked.api_key, locked.created_at) == (account.pk, account.api_key, account.created_at)


def test_rows_are_counted_up_to_a_bound_all_in_one_statement(account: TelnyxAccount) -> None:
    for name in "abc":
        make_account(name)
    rows = TelnyxAccount.objects.order_by("name")
    asked = [rows.filter(name=account.name), rows, rows.none(), rows.filter(name="nobody's"), rows.exclude(name="a%s")]
    with CaptureQueriesContext(connection) as statements:
        assert sql.counts(asked, 3) == [1, 3, 0, 0, 3]
    assert len(statements) == 1
    assert sql.counts([], 3) == []


def test_a_row_that_is_new_is_written_whole_and_one_that_is_there_is_an_error(account: TelnyxAccount) -> None:
    new = TelnyxAccount(name="new", base_url="http://127.0.0.1:9/v2", created_at=account.created_at)
    new.updated_at = account.updated_at
    sql.insert_new(new)
    found = TelnyxAccount.objects.get(name="new")
    assert (found.pk, found.webhook_token, new._state.adding) == (new.pk, new.webhook_token, False)
    with pytest.raises(IntegrityError), transaction.atomic():
        sql.insert_new(TelnyxAccount(name="new", created_at=account.created_at, updated_at=account.updated_at))


def test_an_insert_writes_the_whole_row_or_tells_that_it_is_there(account: TelnyxAccount) -> None:
    new = TelnyxAccount(name="new", base_url="http://127.0.0.1:9/v2", created_at=account.created_at)
    new.updated_at = account.updated_at
    assert sql.insert(new)
    stored = TelnyxAccount.objects.get(name="new")
    names = [field.attname for field in TelnyxAccount._meta.concrete_fields]
    assert [getattr(stored, name) for name in names] == [getattr(new, name) for name in names]
    twin = TelnyxAccount(name="new", created_at=account.created_at, updated_at=account.updated_at)
    assert not sql.insert(twin)
    assert (twin._state.adding, TelnyxAccount.objects.count()) == (True, 2)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL compares times, and not texts")
@pytest.mark.parametrize("seconds", [0, 7, 0.12, 0.001, 59.999])
def test_a_time_of_the_database_equals_itself_once_read(account: TelnyxAccount, seconds: float) -> None:
    at = BEGIN + timedelta(seconds=seconds)
    with database_time() as clock:
        clock.now = seconds
        new = TelnyxAccount(name="new", updated_at=account.updated_at)
        assert sql.insert(new, "created_at")
        TelnyxAccount.objects.filter(name="main").update(created_at=sql.Now())
        assert sql.clock() == at
    assert set(TelnyxAccount.objects.values_list("created_at", flat=True)) == {at}
    assert TelnyxAccount.objects.filter(created_at=at).count() == 2
    assert not TelnyxAccount.objects.filter(created_at__gt=at).exists()
    assert not TelnyxAccount.objects.filter(created_at__lt=at).exists()


def test_an_update_writes_these_fields_of_this_row_only(account: TelnyxAccount) -> None:
    make_account("other")
    account.base_url, account.public_key = "https://new.example/v2", "not written"
    assert sql.update(account, ["base_url"])
    stored = dict(TelnyxAccount.objects.values_list("name", "base_url"))
    assert stored == {"main": "https://new.example/v2", "other": "http://127.0.0.1:9/v2"}
    assert not TelnyxAccount.objects.filter(public_key="not written").exists()


def test_an_update_is_not_made_of_what_changed_meanwhile(account: TelnyxAccount) -> None:
    account.base_url = "https://new.example/v2"
    assert not sql.update(account, ["base_url"], name="renamed")
    assert TelnyxAccount.objects.get().base_url == "http://127.0.0.1:9/v2"
    assert sql.update(account, ["base_url"], name="main")
    assert TelnyxAccount.objects.get().base_url == "https://new.example/v2"


def test_a_delete_takes_one_row(account: TelnyxAccount) -> None:
    other = make_account("other")
    sql.delete(account)
    assert list(TelnyxAccount.objects.all()) == [other]


def test_columns_are_all_but_those_named() -> None:
    assert sql.columns(Heartbeat) == '"portal_heartbeat"."name", "portal_heartbeat"."at"'
    assert sql.columns(Heartbeat, "at") == '"portal_heartbeat"."name"'


@pytest.mark.django_db
def test_the_clock_of_the_database_is_read_in_utc_and_written_as_django_writes_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql.now()}", [])
        told = cursor.fetchone()[0]
        cursor.execute(f"INSERT INTO portal_heartbeat (name, at) VALUES (%s, {sql.now()})", ["clock"])
    assert abs(datetime.now(UTC) - sql.read_now(told)) < timedelta(minutes=1)
    assert abs(Heartbeat.objects.get().at - sql.read_now(told)) < timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_who_holds_a_name_sees_what_was_committed_under_it_before() -> None:
    at_once = threading.Barrier(4)

    def count_one() -> None:
        at_once.wait(20)
        for _ in range(10):
            with transaction.atomic():
                sql.hold("rows of a test")
                Heartbeat.objects.create(name=str(Heartbeat.objects.count()), at=datetime.now(UTC))

    with others(4) as elsewhere:
        for _ in range(4):
            elsewhere(count_one)
    assert {int(name) for name in Heartbeat.objects.values_list("name", flat=True)} == set(range(40))


def _driver(**told: object) -> Exception:
    error = OperationalError("of a driver")
    error.__cause__ = type("DriverError", (Exception,), told)()
    return error


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (OperationalError("the connection is lost"), True),
        (InterfaceError("the connection is closed"), True),
        (_driver(sqlstate="57014"), True),  # it gave up: a statement took too long
        (_driver(sqlstate="08006"), True),
        (_driver(sqlstate="2201B"), False),  # a regular expression that is none
        (_driver(sqlstate="54001"), False),  # too complex
        (_driver(sqlite_errorcode=sqlite3.SQLITE_BUSY), True),
        (_driver(sqlite_errorcode=sqlite3.SQLITE_IOERR_READ), True),
        (_driver(sqlite_errorcode=sqlite3.SQLITE_ERROR), False),
        (InternalError("current transaction is aborted"), False),
        (DataError("out of range"), False),
        (None, False),
    ],
)
def test_only_a_database_that_cannot_be_asked_is_away(error: Exception | None, is_away: bool) -> None:
    assert sql.is_outage(error) is is_away


@pytest.mark.django_db
def test_a_question_that_the_database_cannot_answer_is_no_outage() -> None:
    Heartbeat.beat("web")
    with pytest.raises(DatabaseError) as raised, transaction.atomic():
        list(Heartbeat.objects.filter(name__regex="("))
    assert not sql.is_outage(raised.value)


def test_the_values_of_a_column_are_told_each_once(db: None) -> None:
    assert sql.distinct_values(AuditEvent, "action") == []
    for action in ("sign-in", "call.dial", "sign-in", "call.dial", "token.make"):
        AuditEvent.note(PORTAL, action)
    assert sql.distinct_values(AuditEvent, "action") == ["call.dial", "sign-in", "token.make"]
