"""Uncertain commands, and the look that reconciles them."""

from typing import Any

from django.test import Client

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import made_uncertain, seen
from tests.support.factories import CONNECTION, FROM, TO
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice import tasks
from voice.catalogue import retry_policy
from voice.commands import outbox
from voice.dispatch import reconciliation


def uncertain(call: Call, action: str, parameters: dict[str, Any] | None = None, **when: float) -> CallCommand:
    return made_uncertain(outbox.act(call, action, parameters or {}, PORTAL), **when)


def sent_ok(call: Call, action: str, parameters: dict[str, Any], seconds: float) -> CallCommand:
    command = outbox.act(call, action, parameters, PORTAL)
    CallCommand.objects.filter(pk=command.pk).update(status="ok", first_sent_at=ago(seconds), finished_at=ago(seconds))
    return command


def hear(account: TelnyxAccount, event: dict[str, Any]) -> None:
    """A webhook comes in and is processed as a worker does it."""
    assert post_webhook(Client(), account, event).status_code == 200
    tasks.process_event(str(CallEvent.objects.get(event_id=event["data"]["id"]).pk))


def look(command: CallCommand) -> CallCommand:
    """The look that is due is taken."""
    CallCommand.objects.filter(pk=command.pk, lease_until__isnull=False).update(lease_until=ago(1))
    for due in reconciliation.due(99):
        reconciliation.reconcile(due)
    return seen(command)


def awaits_the_next_look(command: CallCommand) -> bool:
    """As the growing distances have it, which is before the lease of a look that died would be over."""
    assert command.finished_at is not None
    return command.lease_until == retry_policy.next_look(command.finished_at, ago(0))


def dialled(account: TelnyxAccount, to: str = TO, **when: float) -> CallCommand:
    values = {"connection_id": CONNECTION, "from": FROM, "to": to}
    return made_uncertain(outbox.dial(account, values, PORTAL), **when)


def entry(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    at = ago(20).isoformat()
    return {"record_type": "call_event", "type": kind, "name": name, "event_timestamp": at, "metadata": metadata}
