"""Works off one stored event: claim it, then one transaction with call and event locked.

The claim is a committed UPDATE that counts the attempt, so an event that kills its worker still reaches ``dead``.
Locks go call → event → command.
"""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from applications.models import CallControlApplication, TexmlApplication
from voice import conference_events, handlers, handling, limits
from voice.models import Call, CallCommand, CallEvent, Rule
from voice.projection import changes
from voice.rules import Decision, commands_for

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 8
DIRECTION_WAIT = timedelta(seconds=2)

_log = structlog.get_logger(__name__)


@dataclass
class Next:
    """What the edge has to wake: commands to send, events to process, an account to pull applications of."""

    commands: list[uuid.UUID] = field(default_factory=list)
    events: list[uuid.UUID] = field(default_factory=list)
    pull_account: uuid.UUID | None = None


def process(event_id: uuid.UUID) -> Next:
    """Apply the event once, if it is owed and nobody else is at it. Never raises for what the event holds."""
    if not _claim(event_id):
        return Next()
    try:
        with transaction.atomic():
            return _apply(event_id)
    except handlers.HandlerFailed as error:
        # without the payload, which the error's own words may hold
        _log.error("handler failed", event_id=str(event_id), error=str(error), traceback=error.where)
        _fail(event_id, str(error))
        return Next()
    except Exception as error:
        _log.exception("event not processed", event_id=str(event_id))
        _fail(event_id, f"{type(error).__name__} while it was processed")
        return Next()


def owed(limit: int) -> list[uuid.UUID]:
    """The ids of events that are due, oldest first."""
    due = Q(lease_until=None) | Q(lease_until__lt=Now())
    rows = CallEvent.objects.filter(due, status=CallEvent.Status.RECEIVED).order_by("received_at")
    return list(rows.values_list("id", flat=True)[:limit])


def _claim(event_id: uuid.UUID) -> bool:
    due = Q(lease_until=None) | Q(lease_until__lt=Now())
    row = CallEvent.objects.filter(due, pk=event_id, status=CallEvent.Status.RECEIVED)
    return bool(row.update(lease_until=Now() + LEASE, attempts=F("attempts") + 1))


def _apply(event_id: uuid.UUID) -> Next:
    event = CallEvent.objects.defer("body", "headers").get(pk=event_id)
    call, made = _lock_call(event)
    # the database's own row now: a claim whose lease ran out may have been worked off meanwhile
    event = CallEvent.objects.select_for_update().defer("body", "headers").get(pk=event_id)
    if event.status != CallEvent.Status.RECEIVED:
        return Next()
    if call is None:
        return _apply_without_call(event)
    if made and (owner := _foreign_owner(event)):
        event.error = f"Its application belongs to the account {owner}."
        call.delete()
        return _finish(event, None, CallEvent.Status.QUARANTINED)
    undecided = not call.direction
    changed = changes(call, event)
    for column, value in changed.items():
        setattr(call, column, value)
    if not call.direction and _may_still_be_decided(event):
        return _wait(event, call, made)
    in_conference = conference_events.apply(event, call)
    decision = _decide(call, event)
    if decision.step is not None:
        call.step = changed["step"] = decision.step
    if changed:
        call.save(update_fields=list(changed))
    limits.settle(decision.commands)
    CallCommand.objects.bulk_create(decision.commands)
    told = changed or decision.matched or in_conference
    done = CallEvent.Status.PROCESSED if told else CallEvent.Status.IGNORED
    following = _finish(event, call, done)
    following.commands = [row.id for row in decision.commands[:1]]  # the others follow, one after the other
    if undecided and call.direction:
        following.events = _release_waiting(call)
    if made and event.connection_id and not _is_known(event):
        following.pull_account = event.account_id
    return following


def _apply_without_call(event: CallEvent) -> Next:
    """Of a conference as a whole, or of nothing the portal knows."""
    if conference_events.id_of(event) and (owner := _foreign_owner(event)):
        event.error = f"Its application belongs to the account {owner}."
        return _finish(event, None, CallEvent.Status.QUARANTINED)
    told = conference_events.apply(event, None)
    return _finish(event, None, CallEvent.Status.PROCESSED if told else CallEvent.Status.IGNORED)


def _lock_call(event: CallEvent) -> tuple[Call | None, bool]:
    """The event's call, locked, and whether it was made just now. Some events name only a leg, some no call at all."""
    calls = Call.objects.select_for_update().filter(account_id=event.account_id)
    if not event.call_control_id:
        return (calls.filter(call_leg_id=event.call_leg_id).first() if event.call_leg_id else None), False
    if call := calls.filter(call_control_id=event.call_control_id).first():
        return call, False
    at = event.occurred_at or event.received_at
    stub = Call(account_id=event.account_id, call_control_id=event.call_control_id, started_at=at)
    Call.objects.bulk_create([stub], ignore_conflicts=True)
    call = calls.get(call_control_id=event.call_control_id)
    return call, call.pk == stub.pk  # another event may have made it in the meantime


def _decide(call: Call, event: CallEvent) -> Decision:
    if event.source != CallEvent.Source.WEBHOOK:
        return Decision()  # what was recovered later changes the log, never the phone
    now = timezone.now()
    rules = Rule.objects.select_related("flow").filter(
        flow__active=True,
        flow__account_id=call.account_id,
        flow__connection_id=call.connection_id,
        event_type=event.event_type,
    )
    return handling.add(commands_for(call, event, rules, now), call, event, now)


def _may_still_be_decided(event: CallEvent) -> bool:
    """Only ``call.initiated`` tells the direction; it may be a moment behind. Worth waiting for only if rules ask."""
    if event.event_type == "call.initiated" or timezone.now() - event.received_at > DIRECTION_WAIT:
        return False
    rules = Rule.objects.filter(flow__active=True, flow__connection_id=event.connection_id, event_type=event.event_type)
    return rules.exists() or bool(handlers.matching(event.event_type, event.connection_id))


def _wait(event: CallEvent, call: Call, made: bool) -> Next:
    """Put it back until the direction must be known; waiting is no attempt."""
    if made:
        call.delete()
    event.lease_until, event.attempts = event.received_at + DIRECTION_WAIT, event.attempts - 1
    event.save(update_fields=["lease_until", "attempts"])
    return Next()


def _release_waiting(call: Call) -> list[uuid.UUID]:
    waiting = CallEvent.objects.filter(
        account_id=call.account_id, call_control_id=call.call_control_id, status=CallEvent.Status.RECEIVED
    )
    ids = list(waiting.filter(attempts=0, lease_until__isnull=False).values_list("id", flat=True))
    waiting.filter(pk__in=ids).update(lease_until=None)
    return ids


def _finish(event: CallEvent, call: Call | None, status: CallEvent.Status) -> Next:
    event.call, event.status, event.processed_at, event.lease_until = call, status, timezone.now(), None
    event.save(update_fields=["call", "conference", "status", "processed_at", "lease_until", "error"])
    return Next()


def _fail(event_id: uuid.UUID, why: str) -> None:
    """``why`` is kept. Try again after 1, 2, 4 … s, or give up visibly after the eighth attempt."""
    event = CallEvent.objects.only("attempts", "status").get(pk=event_id)
    dead = event.attempts >= MAX_ATTEMPTS
    CallEvent.objects.filter(pk=event_id, status=CallEvent.Status.RECEIVED).update(
        status=CallEvent.Status.DEAD if dead else CallEvent.Status.RECEIVED,
        processed_at=timezone.now() if dead else None,
        lease_until=None if dead else Now() + timedelta(seconds=min(2 ** (event.attempts - 1), 300)),
        error=why,
    )


def _foreign_owner(event: CallEvent) -> str:
    """The name of another account its application belongs to, when it is none of this account's."""
    if not event.connection_id or _is_known(event):
        return ""
    for model in (CallControlApplication, TexmlApplication):
        row = model._default_manager.select_related("account").filter(telnyx_id=event.connection_id).first()
        if row is not None:
            return str(row.account)
    return ""


def _is_known(event: CallEvent) -> bool:
    found = {"telnyx_id": event.connection_id, "account_id": event.account_id}
    return CallControlApplication.objects.filter(**found).exists() or TexmlApplication.objects.filter(**found).exists()
