"""The makers of commands on a person's behalf. A command is a row here; sending it is another room's business."""

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from voice import actions
from voice.models import Call, CallCommand


def dial(account: TelnyxAccount, parameters: object, actor: Actor, *, intent: str = "") -> CallCommand:
    """A queued dial. ``parameters`` by wire name; ``InvalidParameters`` when Telnyx's SDK would not take them.

    ``intent`` tells one wish from another: the same one twice is the same command.
    """
    values = actions.check(actions.DIAL, parameters)
    return _save(_command(account, actions.DIAL, values, actor, intent), actor)


def act(call: Call, action: str, parameters: object, actor: Actor, *, intent: str = "") -> CallCommand:
    """A queued action on a call; ``expired`` at once when the call is known to have ended.

    Everything else (is it answered yet, may this leg do that) is Telnyx's to judge.
    """
    values = actions.check(action, parameters)
    command = _command(call.account, action, values, actor, intent)
    command.call, command.call_control_id = call, call.call_control_id
    if not call.is_alive:
        command.status, command.error = CallCommand.Status.EXPIRED, "The call has already ended."
        command.finished_at = command.created_at
    return _save(command, actor)


def _command(account: TelnyxAccount, action: str, values: dict[str, object], actor: Actor, intent: str) -> CallCommand:
    now: datetime = timezone.now()
    return CallCommand(
        account=account,
        action=action,
        parameters=values,
        intent_key=f"person:{intent or uuid.uuid4()}",
        requested_by=actor.label,
        user=actor.user,
        created_at=now,
        expires_at=now + actions.freshness(action),
    )


def _save(command: CallCommand, actor: Actor) -> CallCommand:
    """The new command, or the one that this very wish made before (a double click)."""
    try:
        with transaction.atomic():
            command.save(force_insert=True)
            details = {"command": str(command.pk), "status": command.status}
            AuditEvent.note(actor, f"call.{command.action}", command.call or command.account, **details)
    except IntegrityError:
        return CallCommand.objects.get(intent_key=command.intent_key)
    return command
