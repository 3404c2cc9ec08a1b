"""Who is woken by what, under the name of a task."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.celery import app
from portal.models import TelnyxAccount
from tests.support.factories import make_event
from tests.support.rows import CallEvent
from tests.support.webhooks import post_webhook
from voice import wakeups

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


@pytest.mark.parametrize(
    ("wake", "queue"),
    [
        (wakeups.wake_recovery, "commands"),
        (wakeups.wake_replay, "commands"),
        (wakeups.wake_bulk_action, "commands"),
        (wakeups.wake_event, "events"),
        (wakeups.wake_commands, "commands"),
    ],
)
def test_each_message_names_a_task_that_there_is_and_carries_an_id(
    messages: list[Any], wake: Callable[[uuid.UUID], None], queue: str
) -> None:
    identifier = uuid.uuid4()
    wake(identifier)
    ((task, told),) = messages
    app.loader.import_default_modules()  # as a worker does when it starts
    assert task in app.tasks
    assert app.amqp.router.route({}, task)["queue"].name == queue
    assert told == str(identifier)
