"""Runs one stored event again: merges its facts into its call once more; only if asked do its rules follow.

What the merge does to rows is recorded, column by column. Locks go call → event → conference, as in processing.
"""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils import timezone

from portal import sql
from portal.payloads import Unreadable
from voice.calls import waiting_events
from voice.calls.projection import Change, assign, changes
from voice.conferences import projection
from voice.events import intake, processing
from voice.models import Call, CallEvent
from voice.recordings import projection as recordings

REPEAT = "The same event is stored already."
_Status = CallEvent.Status
# Whoever has it in between leaves another one of these behind: each closing has a time of its own.
_AS_READ = ("status", "source", "attempts", "processed_at")
# What reading its body again fills in.
_READ = (
    *("event_id", "dedupe_key", "event_type", "occurred_at", "attempt", "payload"),
    *("call_control_id", "call_leg_id", "call_session_id", "connection_id"),
)


class Outcome(StrEnum):
    """Says what became of an event that was run again."""

    CHANGED = "changed"  # a call, a conference or its own status
    UNCHANGED = "unchanged"
    WAITING = "waiting"  # it is still owed: its own turn comes, and with it its rules
    KEPT = "kept"  # it stays quarantined; ``said`` tells why
    FAILED = "failed"


@dataclass
class Applied:
    """Holds ``event`` as it now is, what the merge did to which row, and whether its rules are due."""

    event: CallEvent
    was: str
    outcome: Outcome
    reason: str = ""
    differences: list[Change] = field(default_factory=list)

    @property
    def is_owed(self) -> bool:
        return self.event.status == _Status.RECEIVED and self.outcome is not Outcome.WAITING


def apply(event_id: uuid.UUID, *, rules: bool) -> Applied:
    """Run it again in the caller's transaction, without its rules; with ``rules`` it is due for them afterwards.

    Raises what a defect raises: the caller rolls back, and the event is what it was.
    """
    event = read(event_id)
    as_read = {name: getattr(event, name) for name in _AS_READ}
    was, why = event.status, reread(event)
    if was == _Status.RECEIVED:
        return Applied(event, was, Outcome.WAITING)
    if why:
        return Applied(event, was, Outcome.KEPT, why)
    call, made = processing.lock_call(event)
    if not CallEvent.objects.select_for_update(no_key=True).filter(pk=event_id, **as_read).values_list("pk"):
        if call is not None and made:
            call.delete()
        return apply(event_id, rules=rules)  # somebody else had it meanwhile
    if owner := foreign_owner(event):
        if call is not None and made:
            call.delete()
        event.call, applied = None, disown(event, was, owner)
        if applied.outcome is Outcome.CHANGED:
            event.save(update_fields=["call", "status", "error", "reason", "processed_at"])
        return applied
    return _merge(event, was, call, made, rules=rules)


def read(event_id: uuid.UUID) -> CallEvent:
    """Read the event; its body only if there is something to be read in it again."""
    event = CallEvent.objects.defer("body", "headers").get(pk=event_id)
    return CallEvent.objects.get(pk=event_id) if event.status == _Status.QUARANTINED else event


def reread(event: CallEvent) -> str:
    """Fill a quarantined event from its bytes, unsaved; return why that is not possible, or nothing."""
    if event.status != _Status.QUARANTINED:
        return ""
    try:
        intake.read_again(event)
    except Unreadable as error:
        return str(error)
    others = CallEvent.objects.filter(account=event.account_id, dedupe_key=event.dedupe_key)
    return REPEAT if others.exclude(pk=event.pk).exists() else ""


def foreign_owner(event: CallEvent) -> str:
    """Say why the event cannot be this account's; nothing if it can."""
    owner = processing.foreign_owner(event)
    return f"Its application belongs to the account {owner}." if owner else ""


def set_status(event: CallEvent, was: str, differences: list[Change], *, rules: bool) -> Outcome:
    """Set its status after the merge, unsaved. One that told something once goes on having told it."""
    was_used = any(differences) or bool(event.conference_id) or was == _Status.PROCESSED or _has_told(event)
    status = _Status.PROCESSED if was_used else _Status.IGNORED
    changed = any(differences) or status != was
    if changed:
        event.processed_at, event.error, event.reason = timezone.now(), "", ""
        event.attempts = 1 if was in {_Status.DEAD, _Status.QUARANTINED} else event.attempts
    event.status = status
    if rules and event.source == CallEvent.Source.WEBHOOK and event.call_id:
        event.status, event.attempts, event.lease_until = _Status.RECEIVED, 0, None
        event.processed_at = event.processed_at if was_used else None
    return Outcome.CHANGED if changed else Outcome.UNCHANGED


def disown(event: CallEvent, was: str, why: str) -> Applied:
    """Quarantine an event that is another account's, unsaved: nothing of it is merged."""
    event.status, event.error, event.processed_at = _Status.QUARANTINED, why, timezone.now()
    event.reason = CallEvent.Reason.FOREIGN
    return Applied(event, was, Outcome.KEPT if was == _Status.QUARANTINED else Outcome.CHANGED, why)


def _merge(event: CallEvent, was: str, call: Call | None, made: bool, *, rules: bool) -> Applied:
    differences: list[Change] = []
    if call is not None:
        differences.append(assign(call, changes(call, event, restore=True), is_new=made))
        differences[0].save()
        if differences[0] and (asked := call.ask_for_judgement(sql.clock())):
            sql.update(call, asked)
        # what was closed for want of its call is run again only where it is chosen: its rules have never run
        waiting_events.make_due(call, differences[0].columns.keys() - {"call_leg_id"})
    before = _columns(event)
    event.call = call
    differences += projection.apply(event, call, restore=True)
    recordings.apply(event, call, restore=True)  # its row is none that a replay tells of
    outcome = set_status(event, was, differences, rules=rules)
    if altered := [name for name, value in _columns(event).items() if value != before[name]]:
        event.save(update_fields=[*altered, *(_READ if was == _Status.QUARANTINED else ())])
    return Applied(event, was, outcome, differences=[change for change in differences if change])


def _has_told(event: CallEvent) -> bool:
    """Tell whether its call has facts of it: also a dead one may have told its part before it was given up."""
    return event.call is not None and processing.has_facts_of(event.call, event)


def _columns(event: CallEvent) -> dict[str, Any]:
    names = ("call_id", "conference_id", "status", "processed_at", "attempts", "lease_until", "error", "reason")
    return {name: getattr(event, name) for name in names}
