"""A round of checks, the alerts it opened, and events for it to find."""

import uuid
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import make_event
from tests.support.rows import Alert, CallEvent
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.alerts import rounds


def look(minutes: float = 0) -> None:
    """A round of checks, as if it were so many minutes later; they have run all day."""
    now = timezone.now() + timedelta(minutes=minutes)
    rounds.check(now, now - timedelta(days=1))


def opened(kind: str) -> list[str]:
    return sorted(Alert.objects.filter(kind=kind, closed_at=None).values_list("subject", flat=True))


def only(kind: str) -> Alert:
    return Alert.objects.get(kind=kind)


def received(account: TelnyxAccount, minutes_ago: float = 0, **columns: Any) -> CallEvent:
    """An event that came by the door, and what became of its row."""
    before = set(CallEvent.objects.values_list("pk", flat=True))
    assert post_webhook(Client(), account, make_event(leg=str(uuid.uuid4()))).status_code == 200
    rows = CallEvent.objects.exclude(pk__in=before)
    rows.update(**({"received_at": ago(minutes_ago * 60)} | columns))
    return rows.get()


def alert(account: TelnyxAccount | None = None, subject: str = "main", **columns: Any) -> Alert:
    now = timezone.now()
    told = {"kind": "dead_events", "summary": f"3 events were given up ({subject}).", "opened_at": now, "seen_at": now}
    return Alert.objects.create(account=account, subject=subject, **(told | columns))
