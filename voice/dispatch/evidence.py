"""What the entries of Telnyx's record (``/call_events``) say of a command whose outcome is unknown."""

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.times import read_time
from voice.calls import status, telnyx_record
from voice.catalogue import actions, retry_policy
from voice.conferences import queues, service
from voice.models import Call, CallCommand, CallEvent


def wanted(command: CallCommand) -> dict[str, Any]:
    """Which part of the record may tell of it; empty when it cannot be asked for."""
    if command.call is not None:
        return {"leg_id": command.call.call_leg_id} if command.call.call_leg_id else {}
    if command.action != actions.DIAL:
        return {}  # the record cannot be asked by conference or queue
    at = (command.first_sent_at or timezone.now()) - timedelta(seconds=5)
    return {"connection_id": str(command.parameters.get("connection_id")), "occurred_at": {"gte": at.isoformat()}}


def names(entry: dict[str, Any], command_id: uuid.UUID) -> bool:
    """The entry is a command and carries that id, wherever Telnyx puts it."""
    return entry.get("type") == "command" and str(command_id) in _texts(entry)


def _texts(value: object) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(_texts(member) for member in value.values()))
    if isinstance(value, list):
        return set().union(*(_texts(member) for member in value))
    return {value.lower()} if isinstance(value, str) else set()


def is_missing(command: CallCommand, record: telnyx_record.Record) -> bool:
    """Telnyx tells the ids of this leg's commands (another one of ours is there, sent before it), and not this one's.

    Only a minute after the last attempt: the record may lag behind.
    """
    if command.finished_at is None or timezone.now() - command.finished_at < timedelta(minutes=1):
        return False
    others = command.call.commands.filter(status=CallCommand.Status.OK) if command.call else CallCommand.objects.none()
    takes = [one for one in others.values_list("id", "action") if retry_policy.takes_command_id(one[1])]
    return retry_policy.takes_command_id(command.action) and any(
        names(entry, other) for other, _ in takes for entry in record.entries
    )


def event_of(command: CallCommand, entry: dict[str, Any]) -> CallEvent | None:
    """A webhook in Telnyx's record that may never have reached us, as an event that is not saved."""
    told = entry.get("metadata")
    inner = told.get("event") if isinstance(told, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("payload"), dict):
        return None
    at = read_time(inner.get("occurred_at")) or read_time(entry.get("event_timestamp"))
    if at is None:
        return None
    row = CallEvent(event_type=str(inner.get("event_type") or entry.get("name")), payload=inner["payload"])
    row.occurred_at, row.received_at, row.call = at, timezone.now(), command.call
    row.call_session_id = str(inner["payload"].get("call_session_id") or "")
    return row


def made_by(command: CallCommand, entry: dict[str, Any]) -> dict[str, Any] | None:
    """The ids of the call that a dial in the record made, if its webhook came: the record itself has no control id."""
    if command.action != actions.DIAL or not isinstance(leg := entry.get("call_leg_id"), str):
        return None
    known = Call.objects.filter(account=command.account_id, call_leg_id=leg).values("call_control_id").first()
    return dict(known) if known else None


def is_already_so(command: CallCommand) -> bool:
    """Asks Telnyx, for those actions whose effect can be read there; False for all others."""
    if command.action.startswith("conferences."):
        return service.is_already_so(command)
    if command.action.startswith("queues."):
        return queues.is_already_so(command)
    return status.is_already_so(command)
