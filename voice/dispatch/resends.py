"""Puts commands back for another attempt, where one may follow (``retry_policy``)."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.db import transaction

from portal import sql
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable
from voice.catalogue import retry_policy
from voice.dialling import batches
from voice.models import Call, CallCommand

BRIDGE_AGAIN = timedelta(milliseconds=400)
CALL_ENDED = "90018"  # Telnyx's code for: the call has already ended
_NOTHING_HAPPENED = {TelnyxUnavailable.kind, TelnyxRefused.kind}
_PUT_BACK = ("status", "lease_until", "counted_at", "first_sent_at", "attempts", "error", "error_code")


def may_yet_bridge(command: CallCommand, error: TelnyxError | None) -> bool:
    """Tell whether a bridge of two live legs that was refused is tried once more.

    Seen in production: a 422 just after a leg was answered, or after a hang-up freed it, which passes by itself.
    """
    if command.action != "bridge" or not isinstance(error, TelnyxRefused) or error.code == CALL_ENDED:
        return False
    before = [attempt.get("outcome") for attempt in command.attempts[:-1]]
    if error.http_status != HTTPStatus.UNPROCESSABLE_ENTITY or set(before) - {TelnyxUnavailable.kind}:
        return False
    legs = {command.call_control_id, command.parameters.get("call_control_id")}
    return Call.objects.alive().filter(account=command.account_id, call_control_id__in=legs).count() == 2


def postpone(command: CallCommand, until: datetime, status: str, only_if: dict[str, Any]) -> None:
    """Put the command back until ``until``: nothing happened (``queued``) or nothing is known (``sending``)."""
    if all(attempt.get("outcome") in _NOTHING_HAPPENED for attempt in command.attempts):
        command.first_sent_at = None
    command.status, command.lease_until = status, until
    with nullcontext() if command.batch_id is None else transaction.atomic():
        batches.hold_if_paused(command)
        sql.update(command, _PUT_BACK, **only_if)


def next_resend(command: CallCommand, now: datetime) -> datetime | None:
    """Tell when an attempt without an answer is made again; None when no other one follows."""
    first = command.first_sent_at
    return retry_policy.next_resend(command.action, first, now) if first else None
