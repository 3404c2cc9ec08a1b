"""Reads from Telnyx's record (``/call_events``) what became of a command whose outcome is unknown."""

import uuid
from datetime import timedelta
from typing import Any

from django.db.models import Q

from portal import sql
from portal.times import read_time
from voice.calls import status, telnyx_record
from voice.catalogue import actions, retry_policy, texml_operations
from voice.conferences import queues, service
from voice.models import Call, CallCommand, CallEvent
from voice.recordings import evidence as recordings
from voice.texml import evidence as texml_evidence

_IDS = ("control", "session")


def record_filter(command: CallCommand) -> dict[str, Any]:
    """Build the filter of the record's entries that may speak of the command; empty when it cannot be asked for."""
    if command.call is not None:
        return {"leg_id": command.call.call_leg_id} if command.call.call_leg_id else {}
    if command.action != actions.DIAL:
        return {}  # the record cannot be asked by conference or queue
    at = (command.first_sent_at or sql.clock()) - timedelta(seconds=5)
    return {"connection_id": str(command.parameters.get("connection_id")), "occurred_at": {"gte": at.isoformat()}}


def carries_id(entry: dict[str, Any], command_id: uuid.UUID) -> bool:
    """Tell whether the entry is a command and carries that id, wherever Telnyx puts it."""
    return entry.get("type") == "command" and str(command_id) in _texts(entry)


def _texts(value: object) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(_texts(member) for member in value.values()))
    if isinstance(value, list):
        return set().union(*(_texts(member) for member in value))
    return {value.lower()} if isinstance(value, str) else set()


def is_missing(command: CallCommand, record: telnyx_record.Record) -> bool:
    """Tell whether Telnyx has the ids of this leg's commands, and not this one's.

    Another one of ours has to be there. Only a minute after the last attempt: the record may lag behind. And only of
    what is sent to the leg itself: that its record has what is sent to a conference is documented nowhere.
    """
    if not actions.is_on_a_call(command.action):
        return False
    if command.finished_at is None or sql.clock() - command.finished_at < timedelta(minutes=1):
        return False
    others = command.call.commands.filter(status=CallCommand.Status.OK) if command.call else CallCommand.objects.none()
    with_id = [row for row in others.values_list("id", "action") if retry_policy.takes_command_id(row[1])]
    return retry_policy.takes_command_id(command.action) and any(
        carries_id(entry, other) for other, _ in with_id for entry in record.entries
    )


def events_of(command: CallCommand, record: telnyx_record.Record) -> list[CallEvent]:
    """List the webhooks of Telnyx's record as events: those stored here as they are, the others unsaved.

    The record lists a webhook once per attempt. Each event gets its call, if that is known here: a webhook of a call
    that another command made speaks for that one.
    """
    told = {str(one["id"]).lower(): entry for entry in record.entries if (one := _webhook(entry)).get("id")}
    rows = CallEvent.objects.defer("body", "headers").filter(account=command.account_id, dedupe_key__in=list(told))
    stored = {row.dedupe_key: row for row in rows}
    found = (stored.get(key) or _unsaved(entry) for key, entry in told.items())
    events = [one for one in found if one is not None]
    attach_calls(command, events)
    return events


def _webhook(entry: dict[str, Any]) -> dict[str, Any]:
    return telnyx_record.event_of(entry) or {}


def _unsaved(entry: dict[str, Any]) -> CallEvent | None:
    """Make an event of a webhook that never reached us."""
    webhook = _webhook(entry)
    payload, at = webhook.get("payload"), read_time(webhook.get("occurred_at")) or telnyx_record.time_of(entry)
    if not isinstance(payload, dict) or at is None:
        return None
    row = CallEvent(event_type=str(webhook.get("event_type") or entry.get("name")), payload=payload)
    row.call_control_id, row.call_session_id = (str(payload.get(f"call_{name}_id") or "") for name in _IDS)
    row.call_leg_id = str(payload.get("call_leg_id") or entry.get("call_leg_id") or "")
    row.occurred_at, row.received_at = at, sql.clock()
    return row


def attach_calls(command: CallCommand, events: list[CallEvent]) -> None:
    """Attach to the events that have none, unsaved, the calls that are known here: they may not be processed yet."""
    events = [one for one in events if one.call_id is None]
    ids, legs = ({getattr(one, name) for one in events} - {""} for name in ("call_control_id", "call_leg_id"))
    rows = Call.objects.filter(Q(call_control_id__in=ids) | Q(call_leg_id__in=legs), account=command.account_id)
    known = {key: call for call in rows for key in (call.call_leg_id, call.call_control_id) if key}
    for one in events:
        one.call = known.get(one.call_control_id) or known.get(one.call_leg_id)


def ids_of_dialled_call(command: CallCommand, entry: dict[str, Any]) -> dict[str, Any] | None:
    """Find the ids of the call that a dial in the record made.

    Its webhook must have come: the record itself has no control id.
    """
    if command.action != actions.DIAL or not isinstance(leg := entry.get("call_leg_id"), str):
        return None
    known = Call.objects.filter(account=command.account_id, call_leg_id=leg).values("call_control_id").first()
    return dict(known) if known else None


def is_already_so(command: CallCommand) -> bool:
    """Ask Telnyx whether the command's effect is there already; False for actions whose effect cannot be read."""
    if command.action.startswith("conferences."):
        return service.is_already_so(command)
    if command.action.startswith("queues."):
        return queues.is_already_so(command)
    if command.action.startswith("recordings."):
        return recordings.is_already_so(command)
    if texml_operations.is_texml(command.action):
        return texml_evidence.is_already_so(command)
    return status.is_already_so(command)
