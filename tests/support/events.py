"""Events as stored, ready to be processed."""

from typing import Any

from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import run_owed
from tests.support.rows import CallEvent
from tests.support.webhooks import post_webhook


def receive(account: TelnyxAccount, *documents: dict[str, Any]) -> list[CallEvent]:
    for document in documents:
        assert post_webhook(Client(), account, document).status_code == 200
    ids = [document["data"]["id"] for document in documents]
    return [CallEvent.objects.get(event_id=identifier) for identifier in ids]


def status_of(event: CallEvent) -> str:
    return CallEvent.objects.get(pk=event.pk).status


def tell(account: TelnyxAccount, *events: dict[str, Any]) -> None:
    """The events come in as webhooks, and all that is owed for them is done."""
    for event in events:
        assert post_webhook(Client(), account, event).status_code == 200
    run_owed()
