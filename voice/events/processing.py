"""Processes one stored event: claims it, then in one transaction locks its call, merges, decides and closes it.

The claim is a committed UPDATE that counts the attempt, so an event that kills its worker still reaches ``dead``. The
UPDATE that closes the event finds it only as it was claimed: of two that have it, one commits. Locks go call → leg →
event → conference → recording → command. What fails while it is decided what to do undoes nothing of what the event
tells of its call.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Case, When
from django.utils import timezone

from applications.models import CallControlApplication, TexmlApplication
from portal import sql
from voice.calls import waiting_events
from voice.calls.projection import Fact, assign, changes, merge
from voice.catalogue.event_types import meaning
from voice.conferences import projection
from voice.dialling import limits
from voice.dispatch import sender
from voice.events import leases
from voice.events.leases import LeasedEvent
from voice.flows import handler_commands, handlers
from voice.flows.rules import Decision, active_rules, commands_for
from voice.models import Call, CallCommand, CallEvent, Rule
from voice.recordings import projection as recordings

MAX_ATTEMPTS = 8
DIRECTION_WAIT = timedelta(seconds=2)
_TOGETHER = 10  # claimed at once: as many wait for a lease to run out when their process is killed
_CLOSING = ("call", "conference", "status", "processed_at", "lease_until", "error", "reason")
_Status = CallEvent.Status

_log = structlog.get_logger(__name__)


class _TakenOver(Exception):
    """Says that the event is not what was claimed any more: the lease ran out, and somebody else took it."""


@dataclass
class FollowUp:
    """Names what the edge has to do: commands and events to wake, an account to pull, an event that may answer.

    ``begun`` is a command whose row says that it is being sent: nobody else touches it while its lease lasts.
    """

    commands: list[uuid.UUID] = field(default_factory=list)
    events: list[uuid.UUID] = field(default_factory=list)
    pull_account: uuid.UUID | None = None
    may_answer: uuid.UUID | None = None  # this event, if it may settle an uncertain command
    begun: sender.Begun | None = None


def process(event_id: uuid.UUID, *, sends: bool = False) -> FollowUp:
    """Apply the event once, if it is due and nobody else has it. Never raises for what the event holds.

    Who ``sends`` gets its first command begun, if nothing stands before it.
    """
    claimed = leases.lease(event_id)
    return _work(replace(claimed, sends=sends)) if claimed else FollowUp()


def process_all(event_ids: Sequence[uuid.UUID]) -> Iterator[FollowUp]:
    """Process each of the events, in this order.

    First attempts are claimed a few at once; one that failed before goes alone, so that an event which kills its
    process costs the others no more than one attempt.
    """
    for begin in range(0, len(event_ids), _TOGETHER):
        few = event_ids[begin : begin + _TOGETHER]
        fresh = leases.lease_fresh(few) if len(few) > 1 else {}
        for event_id in few:
            yield _work(fresh[event_id]) if event_id in fresh else process(event_id)


def due(limit: int) -> list[uuid.UUID]:
    """List the ids of events that are due: those of live calls before what was recovered, oldest first."""
    found = CallEvent.objects.due().filter(status=_Status.RECEIVED)
    recovered = Case(When(source=CallEvent.Source.BACKFILL, then=1), default=0)
    return list(found.order_by(recovered, "received_at").values_list("id", flat=True)[:limit])


def _work(claimed: LeasedEvent) -> FollowUp:
    event = claimed.event
    if event.attempts > MAX_ATTEMPTS:
        _fail(event, event.error or "Whoever processed it died of it, each time.")
        return FollowUp()
    try:
        return _in_transaction(claimed)
    except _TakenOver:
        return FollowUp()
    except handlers.HandlerFailed as error:
        # without the payload, which the error's own words may hold
        _log.error("handler failed", event_id=str(event.pk), error=str(error), traceback=error.where)
        return _keep_facts(claimed, str(error))
    except Exception as error:
        _log.exception("event not processed", event_id=str(event.pk))
        return _keep_facts(claimed, f"{type(error).__name__} while it was processed")


def _keep_facts(claimed: LeasedEvent, why: str) -> FollowUp:
    """Merge a hang-up whatever a rule or a handler makes of it, since it ends its call; decide again later."""
    try:
        return _in_transaction(claimed, why)
    except _TakenOver:
        return FollowUp()
    except Exception:  # the merge itself is what fails
        _fail(claimed.event, why)
        return FollowUp()


def _in_transaction(claimed: LeasedEvent, failure: str = "") -> FollowUp:
    """Apply the event in one transaction. ``failure`` is why nothing is decided this time."""
    event = copy(claimed.event)  # what a transaction that is rolled back did to it counts for nothing
    with transaction.atomic():
        following = _apply(replace(claimed, event=event), failure)
    if claimed.may_answer and event.status in {_Status.PROCESSED, _Status.IGNORED}:
        following.may_answer = event.pk
    return following


def _apply(claimed: LeasedEvent, failure: str) -> FollowUp:
    event = claimed.event
    call, made = lock_call(event, filled=True, is_new=not claimed.has_call)
    if call is None:
        return _apply_without_call(claimed)
    is_stray = not claimed.is_at_home and bool(event.connection_id)
    if is_stray and (owner := foreign_owner(event)):
        if made:
            sql.delete(call)
        return _quarantine(event, owner)
    changed = set() if made else set(assign(call, changes(call, event)).columns)  # it was made of what it tells
    rules = _rules(claimed, call)
    if not call.direction and not failure and _may_still_be_decided(claimed, call, rules):
        return _wait(event, call, made)
    decision = Decision() if failure else _decide(call, event, rules, claimed.now())
    if decision.step is not None:
        changed |= set(assign(call, step(call, event, decision.step)).columns)
    asked = call.ask_for_judgement(claimed.now())
    if changed or asked:
        sql.update(call, sorted({*changed, *asked}))
    waited = waiting_events.make_due(call, waiting_events.TOLD if made else changed)  # it may wait for the leg
    relevant = bool(made or changed or decision.matched or event.processed_at or has_facts_of(call, event))
    following = _conclude(claimed, call, decision, failure, relevant=relevant)
    following.events = waited
    if is_stray and made:  # nobody's yet: a pull may tell more
        following.pull_account = event.account_id
    return following


def _conclude(claimed: LeasedEvent, call: Call, decision: Decision, failure: str, *, relevant: bool) -> FollowUp:
    """Close the event's row and save the commands that follow from it."""
    event = claimed.event
    event.call = call
    in_conference = _apply_to_conference(event, call)
    is_recorded = bool(recordings.apply(event, call))
    if failure:
        _fail(event, failure, call=call, conference=event.conference_id)
        return FollowUp()
    _close(event, _Status.PROCESSED if relevant or in_conference or is_recorded else _Status.IGNORED)
    limits.expire_forbidden(decision.commands)
    first = decision.commands[:1]  # the others follow, one after the other
    begun = sender.begin(first[0], call, claimed.now()) if first and claimed.sends else None
    _insert(decision.commands)
    return FollowUp([] if begun else [row.id for row in first], begun=begun)


def _insert(commands: list[CallCommand]) -> None:
    if len(commands) == 1:
        sql.insert_new(commands[0])
    else:
        CallCommand.objects.bulk_create(commands)


def _apply_without_call(claimed: LeasedEvent) -> FollowUp:
    """Apply an event of a conference as a whole, or of nothing the portal knows."""
    event = claimed.event
    if not claimed.is_at_home and (owner := foreign_owner(event)):
        return _quarantine(event, owner)
    in_conference = _apply_to_conference(event, None)
    recordings.apply(event, None)
    return _close(event, _Status.PROCESSED if in_conference else _Status.IGNORED)


def _apply_to_conference(event: CallEvent, call: Call | None) -> bool:
    if not projection.id_of(event):
        if call and event.event_type in recordings.TYPES:
            _lock(event)
        return False
    _lock(event)
    return bool(projection.apply(event, call))


def _lock(event: CallEvent) -> None:
    """Lock the event before its conference and its recording: in the order everybody takes."""
    mine = CallEvent.objects.select_for_update(no_key=True).filter(pk=event.pk, **_as_claimed(event))
    if not mine.values_list("pk"):
        raise _TakenOver


def lock_call(event: CallEvent, *, filled: bool = False, is_new: bool = False) -> tuple[Call | None, bool]:
    """Lock the event's call, or make it; tell whether it was made: empty, or ``filled`` with what the event tells.

    One that was not there a moment ago (``is_new``) is made before it is looked for. Some events name only a leg, some
    no call at all.
    """
    if not event.call_control_id:
        return waiting_events.lock_call_of_leg(event.account_id, event.call_leg_id), False
    named = {"account": event.account_id, "call_control_id": event.call_control_id}
    if not is_new and (call := sql.fetch_locked(Call, **named)):
        return call, False
    at = event.happened_at
    stub = Call(account_id=event.account_id, call_control_id=event.call_control_id, started_at=at)
    if filled:
        assign(stub, changes(stub, event))
    if sql.insert(stub):
        return stub, True
    return sql.fetch_locked(Call, **named), False  # another event has made it in the meantime


def _rules(claimed: LeasedEvent, call: Call) -> list[Rule]:
    if not claimed.meets_rules or claimed.event.source != CallEvent.Source.WEBHOOK:
        return []  # what was recovered later changes the log, never the phone
    return active_rules(call, claimed.event.event_type)


def _decide(call: Call, event: CallEvent, rules: Iterable[Rule], now: datetime) -> Decision:
    if event.source != CallEvent.Source.WEBHOOK:
        return Decision()
    if event.processed_at and CallCommand.objects.filter(event=event).exists():
        return Decision()  # run again by a person; its rules have had their turn
    return handler_commands.add(commands_for(call, event, rules, now), call, event, now)


def _may_still_be_decided(claimed: LeasedEvent, call: Call, rules: list[Rule]) -> bool:
    """Tell whether the call's direction is worth waiting for: ``call.initiated`` may be a moment behind, and rules ask.

    Nothing waits where the times differ by more: the event has lain here for so long, or another clock wrote one.
    """
    event = claimed.event
    if event.event_type == "call.initiated" or event.source != CallEvent.Source.WEBHOOK:
        return False
    if abs(claimed.at - event.received_at) > DIRECTION_WAIT:
        return False
    may_meet_rules = bool(rules) or (claimed.meets_rules and not call.connection_id)  # nor its application is known yet
    return may_meet_rules or bool(handlers.matching(event.event_type, call.connection_id))


def _wait(event: CallEvent, call: Call, made: bool) -> FollowUp:
    """Put the event back until the direction must be known; waiting is no attempt."""
    if made:
        sql.delete(call)
    claimed = _as_claimed(event)
    event.lease_until, event.attempts = event.received_at + DIRECTION_WAIT, event.attempts - 1
    if not sql.update(event, ("lease_until", "attempts"), **claimed):
        raise _TakenOver
    return FollowUp()


def step(call: Call, event: CallEvent, name: str) -> dict[str, object]:
    """Merge the step that the rules set: of two events' words the later event's stands, as for any column."""
    at, rank = event.happened_at, meaning(event.event_type).rank
    return merge(call, iter([Fact("step", name)]), at, rank, event.dedupe_key)


def has_facts_of(call: Call, event: CallEvent) -> bool:
    """Tell whether the call has something from the event, perhaps from an attempt that failed later.

    What a callback of TeXML tells is a line of the call's story, more often than a fact of the call.
    """
    return event.source == CallEvent.Source.TEXML or any(key[3] == event.dedupe_key for key in call.facts.values())


def _as_claimed(event: CallEvent) -> dict[str, object]:
    """Build the condition that the row is as it was claimed.

    A later claim counts another attempt, and a backfilled event may have become a webhook, with rules to run.
    """
    return {"status": _Status.RECEIVED, "attempts": event.attempts, "source": event.source}


def _close(event: CallEvent, status: str) -> FollowUp:
    claimed = _as_claimed(event)
    event.status, event.processed_at, event.lease_until = status, timezone.now(), None
    if status != _Status.QUARANTINED:
        event.error = ""  # of an attempt before
    if not sql.update(event, _CLOSING, **claimed):
        raise _TakenOver
    return FollowUp()


def _quarantine(event: CallEvent, owner: str) -> FollowUp:
    event.error, event.reason = f"Its application belongs to the account {owner}.", CallEvent.Reason.FOREIGN
    return _close(event, _Status.QUARANTINED)


def _fail(event: CallEvent, why: str, **links: object) -> None:
    """Keep ``why``, and try again after 1, 2, 4 … s, or give up visibly after the eighth attempt."""
    dead = event.attempts >= MAX_ATTEMPTS
    done = CallEvent.objects.filter(pk=event.pk, **_as_claimed(event)).update(
        status=_Status.DEAD if dead else _Status.RECEIVED,
        processed_at=timezone.now() if dead else event.processed_at,
        lease_until=None if dead else sql.Now() + timedelta(seconds=min(2 ** (event.attempts - 1), 300)),
        error=why,
        **links,
    )
    if links and not done:
        raise _TakenOver


def foreign_owner(event: CallEvent) -> str:
    """Name the other account that the event's application belongs to; empty when it is this account's or nobody's."""
    if not event.connection_id:
        return ""
    voice, texml = (
        kind._default_manager.filter(telnyx_id=event.connection_id)
        .order_by()
        .values_list("account_id", "account__name")
        for kind in (CallControlApplication, TexmlApplication)
    )
    owners = dict(voice.union(texml))
    return "" if event.account_id in owners else next(iter(owners.values()), "")
