"""What migrations make of rows that were there before."""

import uuid
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import make_call
from tests.support.rows import Call, CallCommand, CallEvent, DialBatch
from voice.models import Stop, Suspension


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("webhook API version 1: the old format, which cannot be used. Set …", "old_format"),
        ("another body under the id of an event that is already stored; not UTF-8 at byte 3", "variant"),
        ("Its application belongs to the account main.", "foreign_account"),
        ("not valid JSON at line 1 column 2", "unreadable"),
    ],
)
def test_an_event_quarantined_before_gets_its_reason(account: TelnyxAccount, error: str, reason: str) -> None:
    told = {"account": account, "received_at": timezone.now(), "body": b"{}", "error": error}
    CallEvent.objects.create(dedupe_key="bad", status="quarantined", **told)
    CallEvent.objects.create(dedupe_key="dead", status="dead", **told)
    import_module("voice.migrations.0011_quarantine_reason").fill(apps, SimpleNamespace(connection=connection))
    assert dict(CallEvent.objects.values_list("dedupe_key", "reason")) == {"bad": reason, "dead": ""}


def test_calls_that_texml_told_of_or_dialled_before_are_marked(account: TelnyxAccount) -> None:
    now = timezone.now()
    told, dialled, other = make_call(account, "told"), make_call(account, "dialled"), make_call(account, "other")
    for call, source in ((told, "texml"), (other, "webhook")):
        row = {"dedupe_key": source, "source": source, "status": "processed", "received_at": now, "body": b""}
        CallEvent.objects.create(account=account, call=call, **row)
    for call, action in ((dialled, "texml.calls.dial"), (other, "speak")):
        row = {"action": action, "intent_key": action, "created_at": now, "expires_at": now}
        CallCommand.objects.create(account=account, call=call, **row)
    import_module("voice.migrations.0017_texml_calls").fill(apps, SimpleNamespace(connection=connection))
    assert set(Call.objects.filter(is_texml=True)) == {told, dialled}


def test_batches_that_nothing_holds_any_more_wait_for_a_person(account: TelnyxAccount) -> None:
    there = Suspension.objects.create(account=account, connection_id="1", since=timezone.now())
    stop = Stop.objects.create(account=account, at=timezone.now())
    for paused_for in (there.pk, stop.pk, uuid.uuid4(), None):
        told = {"name": "x", "connection_id": "1", "per_second": 1, "lines": 1, "status": "paused"}
        times = dict.fromkeys(("created_at", "began_at"), timezone.now())
        DialBatch.objects.create(account=account, intent=str(paused_for), paused_for=paused_for, **told, **times)
    import_module("voice.migrations.0041_forgotten_batches").leave(apps, SimpleNamespace(connection=connection))
    found = list(DialBatch.objects.values_list("paused_for", flat=True))
    assert (set(found), found.count(None)) == ({there.pk, stop.pk, None}, 2)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL stores times, and not texts")
def test_times_written_by_the_database_before_are_spelled_like_all_others(account: TelnyxAccount) -> None:
    second = "2026-03-01 12:00:00"
    for at, text in enumerate([second, f"{second}.000000", f"{second}.120", f"{second}.120007"]):
        call = make_call(account, str(at))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE voice_call SET started_at = %s WHERE id = %s", [text, call.pk.hex])
    import_module("voice.migrations.0038_times_as_texts").spell(apps, SimpleNamespace(connection=connection))
    with connection.cursor() as cursor:
        cursor.execute("SELECT started_at || '' FROM voice_call WHERE started_at LIKE '2026-03%%' ORDER BY 1")
        found = [text for (text,) in cursor.fetchall()]
    assert found == [second, second, f"{second}.120000", f"{second}.120007"]
    assert Call.objects.filter(started_at=datetime(2026, 3, 1, 12, tzinfo=UTC)).count() == 2
