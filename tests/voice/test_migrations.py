"""What migrations make of rows that were there before."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.rows import CallEvent


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
