"""Sends commands: makes one attempt, records its outcome, and says when another may follow (``resends``).

A command of which nobody knows the outcome becomes *uncertain*; ``reconciliation`` takes it from there.
"""

import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.lookups import In

from portal import sql, stopping
from portal.encryption import CannotOpen
from portal.refusals import LimitExceeded
from portal.sealed_json import unsealed
from portal.telnyx.client import NotAsked, NotNow, Unaskable, ask
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable, TelnyxUncertain
from portal.times import uptime
from voice.catalogue import actions, retry_policy, texml_operations
from voice.commands import outbox
from voice.conferences import projection
from voice.dialling import batches, limits
from voice.dispatch import circuit_breaker, held_back, ordering, resends
from voice.dispatch.dialled_call import call_of_dial, refused_call
from voice.dispatch.evidence import is_already_so
from voice.models import AccountBreaker, Call, CallCommand, Conference, DialBatch, Stop
from voice.texml import requests

WAS_OVER = "The call had already ended: what was asked for is so."  # the settlement of a hang-up that is refused so
_Status = CallCommand.Status
_OPEN = (_Status.QUEUED, _Status.SENDING)
_MAKES_ROWS = {*actions.NEW_CALLS, "conferences.create"}  # when Telnyx accepts it
_CLOSING = (
    *("status", "error", "error_code", "finished_at", "lease_until", "attempts", "answer", "settlement", "settled_at"),
    *("call", "call_control_id", "conference"),
)


@dataclass(frozen=True)
class _Outcome:
    answer: dict[str, Any] | None = None
    error: TelnyxError | None = None
    milliseconds: int = 0
    read: bool = False  # Telnyx was not commanded again: its state showed that the first attempt had acted

    @property
    def word(self) -> str:
        return self.error.kind if self.error else "ok"


def send(command_id: uuid.UUID) -> list[uuid.UUID]:
    """Make one attempt if the command is due; return the ids of commands that may go now because of it."""
    if stopping.has_begun():
        return []  # another process finds it due
    begin = uptime()
    command = _claim(command_id)
    if command is None:
        return []
    if command.status != _Status.SENDING:
        return ordering.next_free(command)
    return _settle(command, _attempt(command, begin))


@dataclass(frozen=True)
class Begun:
    """Holds a command that was saved ``sending``. ``at``: when it was leased, by ``uptime``."""

    command: CallCommand
    at: float


def begin(command: CallCommand, call: Call, now: datetime) -> Begun | None:
    """Make a new command ``sending``, as a claim leaves it, if nothing at all stands before it; else leave it queued.

    Inside the transaction that has locked the call, has held the command to the limits, and saves it. Who commits calls
    ``send_begun``; should he die before, the lease runs out, and the command is taken up as after any other claim.
    """
    at = uptime()
    if command.status != _Status.QUEUED or not call.is_alive or now > command.expires_at or stopping.has_begun():
        return None
    account = ordering.account_if_free(command.account_id, call.pk)
    if account is None:
        return None
    command.account = account
    _lease(command, now)
    return Begun(command, at)


def send_begun(begun: Begun) -> list[uuid.UUID]:
    """Make the first attempt at it; return the ids of commands that may go now because of it."""
    return _settle(begun.command, _attempt(begun.command, begun.at))


def owed() -> QuerySet[CallCommand]:
    """Select the commands that are to be sent, or are on their way."""
    return CallCommand.objects.filter(status__in=_OPEN)


def due(limit: int) -> list[uuid.UUID]:
    """List the ids of commands that are due and may go, oldest first. What waits for another comes after that one."""
    paused = DialBatch.objects.filter(pk=OuterRef("batch"), status=DialBatch.Status.PAUSED)
    is_dial = Q(In(OuterRef("action"), [Value(one) for one in sorted(actions.NEW_CALLS)]))
    dials = Q(dials_wait_until__gt=sql.Now()) & is_dial
    waits = Q(next_probe_at__gt=sql.Now()) | Q(wait_until__gt=sql.Now()) | dials
    held = AccountBreaker.objects.filter(waits, account=OuterRef("account"))
    # it ends, whatever the breaker says
    over = Q(expires_at__lt=sql.Now()) | Q(first_sent_at__lt=sql.Now() - retry_policy.WINDOW)
    goes_on = Q(first_sent_at__isnull=False) | ~Exists(paused)
    found = CallCommand.objects.due().filter(~Exists(held) | over, goes_on, ordering.not_blocked(), status__in=_OPEN)
    return list(found.order_by("created_at", "sequence").values_list("id", flat=True)[:limit])


def _claim(command_id: uuid.UUID) -> CallCommand | None:
    """Lease the command and mark it ``sending`` (or close it without sending); None when it is not its turn."""
    with transaction.atomic():
        call, conference = ordering.lock_subjects(command_id)
        command, now = ordering.locked(command_id)
        if command is None:
            return None
        held = _why_waiting(command)
        if not held:
            limit = limits.find_exceeded(command)
            reason = _reason_not_to_send(command, call, conference, limit, now)
            if reason and limit and reason[1] == limit.words and batches.put_off(command, limit, now):
                held = limit.words
            elif reason:
                _close(command, *reason, now)
                return command
            elif vars(command)["has_breaker"]:
                held = circuit_breaker.why_held(command.account_id, command.action, now)
        if held:  # it waits as it is: the sweep offers it again, until it expires
            held_back.note(command, held, now)
            return None
        held_back.note_lag(command, now)
        _lease(command, now)
        sql.update(command, ("status", "first_sent_at", "attempts", "lease_until", "held_since", "held_why"))
        return command


def _lease(command: CallCommand, now: datetime) -> None:
    """Mark the command, unsaved, as one whose next attempt begins."""
    command.status, command.first_sent_at = _Status.SENDING, command.first_sent_at or now
    command.attempts.append({"at": now.isoformat(), "http_status": None, "ms": None, "code": None})
    command.lease_until = now + outbox.LEASE


def _why_waiting(command: CallCommand) -> str:
    """Tell why others let the command wait; empty when they do not."""
    if ordering.is_blocked(command):
        return held_back.BLOCKED
    if command.batch and command.batch.status == DialBatch.Status.PAUSED and not command.first_sent_at:
        return held_back.PAUSED  # what is on the wire goes on: its outcome is to be known
    return ""


def _reason_not_to_send(
    command: CallCommand,
    call: Call | None,
    conference: Conference | None,
    limit: LimitExceeded | None,
    now: datetime,
) -> tuple[str, str] | None:
    """Find why the command is not sent (any more): the status it gets and the words."""
    if call is not None and not call.is_alive and not actions.is_on_a_queued_call(command.action):
        why = "The call has already ended."
    elif conference is not None and conference.is_over:
        why = "The conference has already ended."
    elif now > command.expires_at:
        why = _why_too_late(command)
    elif command.first_sent_at and retry_policy.is_sent_once(command.action):
        why = "The sender died while it was on the wire, and Telnyx would not recognise a repeat."
    elif (
        command.first_sent_at
        and retry_policy.needs_window(command.action)
        and now - command.first_sent_at > retry_policy.WINDOW
    ):
        why = "Telnyx would not recognise a repeat after so long."
    elif command.first_sent_at and resends.is_overtaken(command):
        why = "A later command about the same was sent meanwhile."
    elif _failed_before(command):
        return _Status.EXPIRED, "An earlier command of the same event failed."
    elif command.batch and command.batch.status == DialBatch.Status.CANCELLED and not command.first_sent_at:
        return _Status.EXPIRED, "The batch was cancelled."
    elif limit:
        return _Status.EXPIRED, limit.words
    else:
        return None
    if command.first_sent_at:
        return _Status.UNCERTAIN, f"{why} Whether Telnyx carried it out is not known."
    return _Status.EXPIRED, f"{why} {_last_words(command)}".strip()


def _why_too_late(command: CallCommand) -> str:
    """Tell what has ended its time: perhaps a stop, which has given its own time to what rings and had left."""
    stop = Stop.objects.filter(at=command.expires_at).first()
    return stop.words if stop else "Too late: it would not make sense any more."


def _last_words(command: CallCommand) -> str:
    return f"Before: {command.error}" if command.error else ""


def _failed_before(command: CallCommand) -> bool:
    return command.event_id is not None and bool(vars(command)["failed_before"])  # as it was when it was locked


def _attempt(command: CallCommand, claimed: float | None = None) -> _Outcome:
    """Ask Telnyx once. ``claimed``: when the claim began, by ``uptime``."""
    path = [command.call_control_id] if actions.is_on_a_call(command.action) else command.path
    values: dict[str, Any] = {}
    if retry_policy.takes_command_id(command.action):
        values["command_id"] = str(command.id_at_telnyx)
    begin = uptime()
    try:
        values |= _opened(command)
        if len(command.attempts) > 1 and is_already_so(command):
            return _Outcome(answer={"result": "ok"}, milliseconds=_since(begin), read=True)
        slept = uptime() - (claimed or begin)
        if slept > outbox.LEASE.total_seconds():  # somebody else may have it by now, or it is of yesterday
            raise NotNow("The sender was stopped before it could send it.")
        if _is_late(command, slept) and retry_policy.needs_window(command.action):
            raise TelnyxUncertain("Telnyx would not recognise a repeat after so long.")  # this sender slept
        answer = _asked(command, path, values)
    except TelnyxError as error:
        return _Outcome(error=error, milliseconds=_since(begin))
    return _Outcome(answer=answer, milliseconds=_since(begin))


def _asked(command: CallCommand, path: list[str], values: dict[str, Any]) -> dict[str, Any]:
    if texml_operations.is_texml(command.action):
        return requests.send(command.account, command.action, path, values)
    answer = ask(command.account, actions.method(command.action), *path, **values)
    if actions.answers_nothing(command.action):
        return {}
    if not isinstance(data := answer.get("data"), dict):
        raise TelnyxUncertain("Telnyx's answer has no data. It may have acted, or not.")
    return data


def _opened(command: CallCommand) -> dict[str, Any]:
    try:
        opened: dict[str, Any] = unsealed(command.parameters)
    except CannotOpen as error:
        raise Unaskable(f"A secret of this command cannot be read: {error}.") from None
    return opened


def _is_late(command: CallCommand, slept: float) -> bool:
    """Tell whether Telnyx would not recognise a repeat any more, ``slept`` seconds after the claim."""
    claimed = datetime.fromisoformat(command.attempts[-1]["at"])
    return (
        command.first_sent_at is not None
        and claimed + timedelta(seconds=slept) - command.first_sent_at > retry_policy.WINDOW
    )


def _since(begin: float) -> int:
    return round((uptime() - begin) * 1000)


def _settle(command: CallCommand, outcome: _Outcome) -> list[uuid.UUID]:
    """Write down what came of the attempt, in one statement where all is well; return the ids that may go now."""
    _note_attempt(command, outcome)
    if outcome.error is None and not outcome.read and command.action not in _MAKES_ROWS:
        command.answer = outcome.answer
        if (has_more := ordering.close_ok(command)) is not None:
            return ordering.next_free(command) if has_more else []
    return _settle_in_full(command, outcome)


def _settle_in_full(command: CallCommand, outcome: _Outcome) -> list[uuid.UUID]:
    now, error = ordering.now_if_leased(command), outcome.error
    if now is None:  # its lease ran out, and another sender has it: that one's word counts
        return []
    # it may run out yet: each write is made only while the row is as this sender leased it
    mine = {"status": command.status, "lease_until": command.lease_until}
    if not isinstance(error, NotAsked):
        circuit_breaker.record_outcome(command, error, now)
    if isinstance(error, TelnyxUnavailable):
        resends.postpone(command, now + timedelta(seconds=error.retry_after), _Status.QUEUED, mine)
        return []
    if resends.may_yet_bridge(command, error):
        resends.postpone(command, now + resends.BRIDGE_AGAIN, _Status.QUEUED, mine)
        return []
    if isinstance(error, TelnyxUncertain) and (again := resends.next_resend(command, now)):
        resends.postpone(command, again, _Status.SENDING, mine)
        return ordering.next_free(command)  # a hang-up does not wait for its resend
    alone = error is None and command.action not in _MAKES_ROWS  # one UPDATE, no more
    with nullcontext() if alone else transaction.atomic():
        if outcome.answer is not None and command.action in actions.NEW_CALLS:
            command.call = call_of_dial(command, outcome.answer, now)
            command.call_control_id = command.call.call_control_id if command.call else ""
        if outcome.answer is not None and command.action == "conferences.create":
            command.conference = projection.merge_answer(command.account, outcome.answer)
        command.answer = outcome.answer
        if outcome.read:
            subject = "call's status" if actions.is_on_a_call(command.action) else "state"
            command.settlement, command.settled_at = f"Settled from the {subject} at Telnyx.", now
        status = _final(command, error)
        if not _close(command, status, command.error, now, mine):
            if not alone:
                transaction.set_rollback(True)
            return []
    return ordering.next_free(command)


def _note_attempt(command: CallCommand, outcome: _Outcome) -> None:
    """Note on the command, unsaved, what came of its attempt."""
    error = outcome.error
    command.attempts[-1] |= {
        "http_status": error.http_status if error else 200,
        "ms": outcome.milliseconds,
        "code": error.code if error else None,
        "outcome": outcome.word,
        **refused_call(command, error),
    }
    command.error, code = (str(error), error.reason or error.code or "") if error else ("", "")
    command.error_code = sql.cut(CallCommand, "error_code", code)  # it is Telnyx's word; ``error`` has it whole


def _final(command: CallCommand, error: TelnyxError | None) -> _Status:
    if error is None:
        return _Status.OK
    if error.code == resends.CALL_ENDED and command.action in {*actions.HANG_UPS, "reject"}:
        command.error = command.error_code = ""
        command.settlement = WAS_OVER
        return _Status.OK
    # without an outcome: its sender died while it was on the wire
    before = any(attempt.get("outcome") in {None, TelnyxUncertain.kind} for attempt in command.attempts[:-1])
    if before and isinstance(error, TelnyxRefused):
        # it says nothing of the first attempt, which may be why this one was refused
        command.error += " Whether the attempt before was carried out is not known."
        return _Status.UNCERTAIN
    return _Status.UNCERTAIN if isinstance(error, TelnyxUncertain) else _Status.REFUSED


def _close(command: CallCommand, status: str, error: str, now: datetime, only_if: dict[str, Any] | None = None) -> bool:
    """End the command; False, and nothing is written, when its row does not have the values of ``only_if`` any more.

    ``now`` is the database's, as the leases are: the first look at an uncertain one is due by that clock.
    """
    command.status, command.error = status, error
    command.finished_at, command.lease_until = now, None
    if status == _Status.UNCERTAIN:
        command.lease_until = retry_policy.next_look(now, now)
    if not sql.update(command, _CLOSING, **only_if or {}):
        return False
    if status != _Status.OK and command.event_id:
        CallCommand.objects.filter(
            event=command.event_id, sequence__gt=command.sequence, status=_Status.QUEUED, first_sent_at=None
        ).update(status=_Status.EXPIRED, error="An earlier command of the same event failed.", finished_at=now)
    return True
