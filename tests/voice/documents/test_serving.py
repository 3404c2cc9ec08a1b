"""What is served: kept in the process by its version, found again when the database is back."""

from typing import Any

import pytest
from django.db import OperationalError

from portal.models import TelnyxAccount
from tests.support.documents import publish_anew, published
from tests.support.polling import eventually
from voice.documents import copies, serving

pytestmark = pytest.mark.django_db


def test_one_statement_finds_what_is_published(account: TelnyxAccount, django_assert_num_queries: Any) -> None:
    document = published(account)
    serving.find(document.token)
    with django_assert_num_queries(1):
        found = serving.find(document.token)
    assert found is not None
    assert (found.published.number, found.account) == (1, account)
    number = publish_anew(document, "<Response><Hangup/></Response>")
    with django_assert_num_queries(2):
        found = serving.find(document.token)
    assert found is not None
    assert found.published.number == number


def test_a_new_key_reaches_the_copy_with_the_next_fetch(account: TelnyxAccount) -> None:
    document = published(account)
    serving.find(document.token)
    TelnyxAccount.objects.filter(pk=account.pk).update(public_key="new")
    serving.find(document.token)
    copy = copies.read(document.token)
    assert copy is not None
    assert copy.keys == ["new"]


@pytest.mark.django_db(transaction=True)
def test_a_thread_finds_the_database_again(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    document = published(account)
    monkeypatch.setattr(serving, "_LOOK_SECONDS", 0.01)
    serving.database.failed(OperationalError("gone"))
    assert serving.database.is_away
    eventually(lambda: not serving.database.is_away, "the database")
    found = serving.find(document.token)
    assert found is not None
    assert found.account == account


def test_it_stays_away_while_it_cannot_be_asked(monkeypatch: pytest.MonkeyPatch, account: TelnyxAccount) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(serving.Database, "_look", lambda self: None)
    serving.database.failed(OperationalError("gone"))
    with monkeypatch.context() as patch:
        patch.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
        patch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.close", lambda self: None)
        serving.database.look()
    assert serving.database.is_away
    serving.database.look()
    assert not serving.database.is_away


def test_nobody_is_served_under_a_nul() -> None:
    assert serving.find("a\x00b") is None
