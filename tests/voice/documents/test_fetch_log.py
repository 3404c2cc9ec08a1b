"""The log of fetches: written by a thread, bounded, and forgotten after its days."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.documents import make_document
from tests.support.polling import eventually
from tests.support.rows import TexmlDocument, TexmlFetch
from voice.documents import fetch_log

pytestmark = pytest.mark.django_db


def row(document: TexmlDocument, **columns: Any) -> TexmlFetch:
    made: TexmlFetch = TexmlFetch(
        **{"document": document, "at": timezone.now(), "proof": "get", "verdict": "served", "milliseconds": 1.0}
        | columns
    )
    return made


@pytest.mark.django_db(transaction=True)
def test_a_thread_writes_and_ends(account: TelnyxAccount) -> None:
    writer, document = fetch_log.Writer(), make_document(account)
    for _ in range(20):
        writer.put(row(document))
    eventually(lambda: TexmlFetch.objects.count() == 20, "the log")
    eventually(lambda: writer._thread is None, "the end of the thread")


class Idle(fetch_log.Writer):
    """Writes when it is told to."""

    def start(self) -> None:
        pass


def test_too_many_at_once_are_counted(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_log, "_MOST_WAITING", 3)
    writer, document = Idle(), make_document(account)
    for _ in range(5):
        writer.put(row(document))
    assert writer.flush()
    document.refresh_from_db()
    assert (TexmlFetch.objects.count(), document.unlogged) == (3, 2)


def test_what_the_database_does_not_take_is_counted_once(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise OperationalError("gone")

    writer, document = Idle(), make_document(account)
    writer.put(row(document))
    with monkeypatch.context() as patch:
        patch.setattr(fetch_log, "_write", gone)
        assert not writer.flush()
        assert not writer.flush()
    assert writer.flush()
    assert writer.flush()
    document.refresh_from_db()
    assert (TexmlFetch.objects.count(), document.unlogged) == (0, 1)


def test_a_document_deleted_meanwhile_takes_no_other_line_with_it(account: TelnyxAccount) -> None:
    writer, document = Idle(), make_document(account)
    writer.put(row(document))
    stray = row(document)
    stray.document_id = uuid.uuid4()
    writer.put(stray)
    assert writer.flush()
    assert TexmlFetch.objects.count() == 1


def test_it_is_forgotten_after_its_days(account: TelnyxAccount, settings: Any) -> None:
    settings.TEXML_FETCH_DAYS = 7
    document, now = make_document(account), timezone.now()
    for days in (6, 8, 40):
        row(document, at=now - timedelta(days=days)).save()
    fetch_log.clean_up()
    assert [found.at for found in TexmlFetch.objects.all()] == [now - timedelta(days=6)]
    assert "voice.documents.fetch_log.clean_up" in settings.CLEAN_UPS


def test_not_all_that_somebody_sends_is_kept() -> None:
    sent = {f"name{at}": "x" * 5000 for at in range(500)} | {"list": ["y" * 5000] * 500}
    kept = fetch_log.parameters_kept({"a": "nul \x00", "b": ["\ud800"], **sent})
    assert (kept["a"], kept["b"]) == ("nul \ufffd", ["\ufffd"])
    assert len(kept) == 100
    assert all(len(value) <= 2000 for value in kept.values())
