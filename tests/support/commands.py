"""Commands as rows: asked for, due again, uncertain, and what came of their attempts."""

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.times import ago
from voice.commands import outbox


def act(call: Call, action: str = "answer", **parameters: Any) -> CallCommand:
    return outbox.act(call, action, parameters, PORTAL)


def dial(account: TelnyxAccount, connection_id: str, to: str = "+13125550001") -> CallCommand:
    return outbox.dial(account, {"connection_id": connection_id, "from": "+13125550100", "to": to}, PORTAL)


def now_due(command: CallCommand, **columns: Any) -> None:
    """Time passes until its next try."""
    CallCommand.objects.filter(pk=command.pk).update(lease_until=None, **columns)


def seen(command: CallCommand) -> CallCommand:
    return CallCommand.objects.get(pk=command.pk)


def outcomes(command: CallCommand) -> list[str]:
    return [attempt["outcome"] for attempt in seen(command).attempts]


def made_uncertain(command: CallCommand, sent: float = 30, over: float = 10) -> CallCommand:
    """It was sent so many seconds ago and given up so many seconds ago; a look is due."""
    tried = {"at": ago(sent).isoformat(), "http_status": 503, "ms": 12, "code": None, "outcome": "uncertain"}
    told = {"first_sent_at": ago(sent), "finished_at": ago(over), "lease_until": ago(1), "attempts": [tried]}
    CallCommand.objects.filter(pk=command.pk).update(status="uncertain", error="It may have acted, or not.", **told)
    return CallCommand.objects.get(pk=command.pk)


def of_event(call: Call, *wanted: tuple[str, dict[str, Any]]) -> list[CallCommand]:
    """Commands as one event would make them, in order."""
    now = timezone.now()
    told = {"account": call.account, "call": call}
    event = CallEvent.objects.create(
        **told, dedupe_key=f"e{uuid.uuid4()}", source="webhook", status="processed", received_at=now, body=b"{}"
    )
    rows = [
        CallCommand(
            **told,
            action=action,
            parameters=parameters,
            call_control_id=call.call_control_id,
            event=event,
            sequence=at,
            intent_key=f"event:{event.pk}:{at}",
            requested_by="rule: greeting #1",
            created_at=now,
            expires_at=now + timedelta(seconds=20),
        )
        for at, (action, parameters) in enumerate(wanted)
    ]
    return CallCommand.objects.bulk_create(rows)
