"""An event that handlers are asked about."""

from typing import Any

from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import make_event
from tests.support.rows import CallEvent
from tests.support.webhooks import post_webhook
from voice.events import processing

SAMPLE = "tests.support.handlers_sample"


def receive(account: TelnyxAccount, event_type: str = "call.initiated", **payload: Any) -> CallEvent:
    document = make_event(event_type, **payload)
    assert post_webhook(Client(), account, document).status_code == 200
    return CallEvent.objects.get(event_id=document["data"]["id"])


def process(event: CallEvent) -> CallEvent:
    CallEvent.objects.filter(pk=event.pk).update(lease_until=None)
    processing.process(event.pk)
    return CallEvent.objects.get(pk=event.pk)
