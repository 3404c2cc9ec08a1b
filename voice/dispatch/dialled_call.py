"""Stores the call that an accepted dial made."""

from datetime import datetime
from typing import Any

from voice.calls import waiting_events
from voice.calls.projection import Fact, assign, merge
from voice.models import Call, CallCommand


def call_of_dial(command: CallCommand, answer: dict[str, Any], now: datetime) -> Call | None:
    """Create or update the row of that call: its webhook may have been faster, so this answer weighs least.

    ``is_alive`` (always false here) and ``end_time`` of the answer are ignored.
    """
    control_id = answer.get("call_control_id")
    if not isinstance(control_id, str) or not control_id:
        return None
    sent = command.first_sent_at or now
    stub = Call(account=command.account, call_control_id=control_id, started_at=sent)
    Call.objects.bulk_create([stub], ignore_conflicts=True)
    call = Call.objects.select_for_update(no_key=True).get(account=command.account, call_control_id=control_id)
    values = {
        "direction": "outgoing",
        "from_number": command.parameters.get("from"),
        "to_number": command.parameters.get("to"),
        "connection_id": command.parameters.get("connection_id"),
        "call_leg_id": answer.get("call_leg_id"),
        "call_session_id": answer.get("call_session_id"),
        "state": "initiated",
    }
    facts = [Fact(column, value, 0, sent) for column, value in values.items() if isinstance(value, str) and value]
    changed = merge(call, iter([*facts, Fact("started_at", sent, 0, sent)]), sent, 0, str(command.pk))
    assign(call, changed).save()
    waiting_events.make_due(call, changed)
    return call
