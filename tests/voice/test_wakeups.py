"""Who is woken by what, under the name of a task."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import make_event
from tests.support.webhooks import post_webhook
from voice.models import CallEvent

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_a_stored_webhook_wakes_its_processing(account: TelnyxAccount, messages: list[Any]) -> None:
    event = make_event()
    for _ in range(2):
        post_webhook(Client(), account, event)
    assert messages == [("voice.process_event", str(CallEvent.objects.get().pk))]


def test_signed_nonsense_wakes_nobody(account: TelnyxAccount, messages: list[Any]) -> None:
    post_webhook(Client(), account, b"{")
    assert messages == []
