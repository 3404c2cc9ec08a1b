"""Puts commands back for another attempt, where one may follow (``retry_policy``)."""

from contextlib import nullcontext
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.db.models import Q

from portal import sql
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable
from voice.catalogue import retry_policy, texml_operations
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


def is_overtaken(command: CallCommand) -> bool:
    """Tell whether a later wish about the same queue, participant or recording was sent meanwhile: that one stands.

    Commands of a call or a conference go one after the other, so of those there is none.
    """
    rivals = retry_policy.rivals(command.action)
    if not rivals or command.call_id is not None or command.conference_id is not None:
        return False
    later = CallCommand.objects.filter(account=command.account_id, created_at__gt=command.created_at)
    sent = later.filter(_about_the_same(command), action__in=sorted(rivals), first_sent_at__isnull=False)
    sent = sent.exclude(status__in=(CallCommand.Status.REFUSED, CallCommand.Status.EXPIRED))
    # the same action undoes what it names again: who mutes somebody does not take them off hold
    return any(
        action != command.action or not values or bool(values.keys() & command.parameters.keys())
        for action, values in sent.values_list("action", "parameters")
    )


def _about_the_same(command: CallCommand) -> Q:
    if command.action in retry_policy.OF_A_QUEUE:
        return Q(queue_name=command.queue_name)
    same = Q(path=command.path, queue_name=command.queue_name)
    if retry_policy.PARTICIPANT_DIAL in retry_policy.rivals(command.action):
        named = texml_operations.address(command.action, command.path)
        room, label = [named.get("conference_sid")], named.get("call_sid_or_participant_label")
        same |= Q(action=retry_policy.PARTICIPANT_DIAL, path=room, parameters__Label=label)
    return same


def next_resend(command: CallCommand, now: datetime) -> datetime | None:
    """Tell when an attempt without an answer is made again; None when no other one follows."""
    first = command.first_sent_at
    return retry_policy.next_resend(command.action, first, now) if first else None
