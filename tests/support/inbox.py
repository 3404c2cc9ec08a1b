"""The inbox as a person reads it, and what came before."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION
from tests.support.rows import CallEvent


def words(client: Client, address: str = "") -> str:
    """The page's text, blanks evened out."""
    answer = client.get(address or reverse("admin:voice_inbox"))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def make_application(account: TelnyxAccount, telnyx_id: str = CONNECTION, **columns: Any) -> CallControlApplication:
    """One that points here, in the new format."""
    told = {"application_name": "router", "webhook_event_url": account.webhook_url, "webhook_api_version": "2"}
    return CallControlApplication.objects.create(account=account, telnyx_id=telnyx_id, **(told | columns))


def stored(account: TelnyxAccount, minutes: float, **columns: Any) -> CallEvent:
    """An event that came so long ago."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    told = {"status": "processed", "source": "webhook", "body": b"{}", "connection_id": CONNECTION}
    key = f"{minutes} {columns}"[:100]
    return CallEvent.objects.create(account=account, dedupe_key=key, received_at=at, **(told | columns))
