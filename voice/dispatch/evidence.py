"""Reads from Telnyx's record (``/call_events``) what became of a command whose outcome is unknown."""

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.times import read_time
from voice.calls import status, telnyx_record
from voice.catalogue import actions, retry_policy
from voice.conferences import queues, service
from voice.models import Call, CallCommand, CallEvent


def record_filter(command: CallCommand) -> dict[str, Any]:
    """Build the filter of the record's entries that may speak of the command; empty when it cannot be asked for."""
    if command.call is not None:
        return {"leg_id": command.call.call_leg_id} if command.call.call_leg_id else {}
    if command.action != actions.DIAL:
        return {}  # the record cannot be asked by conference or queue
    at = (command.first_sent_at or timezone.now()) - timedelta(seconds=5)
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

    Another one of ours has to be there, sent before it. Only a minute after the last attempt: the record may lag
    behind.
    """
    if command.finished_at is None or timezone.now() - command.finished_at < timedelta(minutes=1):
        return False
    others = command.call.commands.filter(status=CallCommand.Status.OK) if command.call else CallCommand.objects.none()
    with_id = [row for row in others.values_list("id", "action") if retry_policy.takes_command_id(row[1])]
    return retry_policy.takes_command_id(command.action) and any(
        carries_id(entry, other) for other, _ in with_id for entry in record.entries
    )


def event_of(command: CallCommand, entry: dict[str, Any]) -> CallEvent | None:
    """Make an unsaved event of a webhook in Telnyx's record that may never have reached us."""
    metadata = entry.get("metadata")
    webhook = metadata.get("event") if isinstance(metadata, dict) else None
    if not isinstance(webhook, dict) or not isinstance(webhook.get("payload"), dict):
        return None
    at = read_time(webhook.get("occurred_at")) or read_time(entry.get("event_timestamp"))
    if at is None:
        return None
    row = CallEvent(event_type=str(webhook.get("event_type") or entry.get("name")), payload=webhook["payload"])
    row.occurred_at, row.received_at, row.call = at, timezone.now(), command.call
    row.call_session_id = str(webhook["payload"].get("call_session_id") or "")
    return row


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
    return status.is_already_so(command)
