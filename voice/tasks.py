"""The edges that turn "what is to be done" into messages. Messages carry ids; the work is in the rows."""

import uuid

from celery import shared_task
from celery.signals import worker_ready

from portal.wakeups import wake
from voice import actions, dispatch, processing, reconciliation


@shared_task(name="voice.process_event")
def process_event(event_id: str) -> None:
    """Process one event and wake what follows from it."""
    wake_following(processing.process(uuid.UUID(event_id)))
    reconciliation.heard(uuid.UUID(event_id))


@shared_task(name="voice.send_command")
def send_command(command_id: str) -> None:
    """One attempt at one command."""
    wake_commands(*dispatch.send(uuid.UUID(command_id)))


def wake_event(event_id: uuid.UUID) -> None:
    wake("voice.process_event", event_id)


def wake_commands(*command_ids: uuid.UUID) -> None:
    wake("voice.send_command", *command_ids)


def wake_following(following: processing.Next) -> None:
    """Whatever processing left to be done."""
    wake_commands(*following.commands)
    for event_id in following.events:
        wake_event(event_id)
    if following.pull_account:
        wake("applications.pull_account", following.pull_account)


@worker_ready.connect
def read_the_sdk(**_: object) -> None:
    """Importing the SDK takes seconds: not while the first caller listens to it ring."""
    actions.names()
