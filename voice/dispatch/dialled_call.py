"""Stores the call that an accepted dial made; a refused one makes none, whatever its answer names."""

from datetime import datetime
from typing import Any

from portal import payloads, sql
from portal.telnyx.errors import TelnyxError, TelnyxRefused
from voice.calls import waiting_events
from voice.calls.projection import PARTIES, Fact, assign, merge, texts
from voice.catalogue import actions, texml_operations
from voice.models import Call, CallCommand

_LONGEST = 512


def call_of_dial(command: CallCommand, answer: dict[str, Any], now: datetime) -> Call | None:
    """Create or update the row of that call: its webhook may have been faster, so this answer weighs least.

    ``is_alive`` (always false here) and ``end_time`` of the answer are ignored. TeXML's answer has other names, and its
    ``call_sid`` is in no documentation: without one the call's row comes with its first callback.
    """
    control_id = answer.get("call_control_id") or answer.get("call_sid")
    if not isinstance(control_id, str) or not 0 < len(control_id) <= _LONGEST:
        return None
    sent, asked = command.first_sent_at or now, command.parameters
    stub = Call(account=command.account, call_control_id=control_id, started_at=sent)
    Call.objects.bulk_create([stub], ignore_conflicts=True)
    call = Call.objects.select_for_update(no_key=True).get(account=command.account, call_control_id=control_id)
    ids = {
        "connection_id": actions.application_of(command),
        "call_leg_id": answer.get("call_leg_id"),
        "call_session_id": answer.get("call_session_id"),
    }
    parties = {"from": asked.get("from") or asked.get("From"), "to": asked.get("to") or asked.get("To")}
    facts = [Fact("direction", "outgoing", 0), Fact("state", "initiated", 0), Fact("started_at", sent, 0)]
    facts += texts(parties, PARTIES, 0)
    facts += [Fact(column, value, 0) for column, value in ids.items() if _fits(column, value)]
    facts += [Fact("is_texml", True, 0)] if texml_operations.is_texml(command.action) else []
    changed = merge(call, iter(facts), sent, 0, str(command.pk))
    assign(call, changed).save()
    waiting_events.make_due(call, changed)
    return call


def _fits(column: str, value: Any) -> bool:
    """Tell whether it can be an id of Telnyx's; a part of a longer one would be another's."""
    return isinstance(value, str) and 0 < len(value) <= sql.longest(Call, column)


def refused_call(command: CallCommand, error: TelnyxError | None) -> dict[str, str]:
    """Return the ``call_control_id`` that Telnyx's refusal of a dial names, for the attempt; empty when it names none.

    Seen in production: a 4xx with ``data.call_control_id``, though no call exists. So it is evidence, and no call.
    TeXML's answers are flat, and name a ``call_sid``.
    """
    body = getattr(error.__cause__, "body", None) if isinstance(error, TelnyxRefused) else None
    data = body.get("data", body) if isinstance(body, dict) and command.action in actions.NEW_CALLS else None
    named = data.get("call_control_id") or data.get("call_sid") if isinstance(data, dict) else None
    is_id = isinstance(named, str) and 0 < len(named) <= _LONGEST
    return {"call_control_id": payloads.storable(named)} if is_id else {}
