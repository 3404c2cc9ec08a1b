"""Carries a replay through: requests, dry run, run, cancel. The row is the work; a piece at a time is done of it.

Each event is one transaction, with the line that tells what it changed and the place where the work stands: a killed
worker leaves nothing half-way, and the next one goes on behind it.
"""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet

from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import AuditEvent
from voice.dialling import rights
from voice.dispatch import reconciliation
from voice.events import processing
from voice.models import CallCommand, CallEvent, Replay, Rule
from voice.replay import apply
from voice.replay.apply import Applied, Outcome
from voice.replay.dry_run import DryRun
from voice.replay.ledger import StoredLedger
from voice.replay.selection import Selection

LEASE = timedelta(seconds=30)
SCAN_LEASE = timedelta(minutes=10)  # while events are counted or looked for: of a rare kind it takes long
MOST_CLAIMS = 5
_SLICE = 100
_KEPT = timedelta(days=30)
_OPEN = (Replay.State.LOOKING, Replay.State.RUNNING)
_REVIVED = {CallEvent.Status.QUARANTINED: "readable", CallEvent.Status.DEAD: "through"}

_log = structlog.get_logger(__name__)


class Stopped(Exception):
    """Says that it was cancelled, or another worker has it: what is not committed is undone."""


def request_dry_run(selection: Selection, actor: Actor) -> Replay:
    """Request a dry run. A month later it is gone, unless somebody still works at it."""
    return _create(selection, actor, Replay.State.LOOKING)


def request_run(selection: Selection, actor: Actor) -> Replay:
    """Make a replay ready to run without a dry run before: for somebody who has seen it otherwise."""
    return _create(selection, actor, Replay.State.READY)


def begin(row: Replay, actor: Actor, *, side_effects: bool = False) -> bool:
    """Have run what was looked at; tell whether it had not begun before. ``missing_rights`` is the caller's to ask."""
    with transaction.atomic():
        begun = Replay.objects.filter(pk=row.pk, state=Replay.State.READY).update(
            state=Replay.State.RUNNING,
            side_effects=side_effects,
            requested_by=actor.label,
            user=actor.user,
            started_at=sql.clock(),
            finished_at=None,
            total=None,
            done=0,
            counts={},
            cursor_at=None,
            cursor_id=None,
            claims=0,
        )
        row.refresh_from_db()
        if begun:
            AuditEvent.note(actor, "replay.run", row, selection=row.selection, side_effects=side_effects)
    return bool(begun)


def cancel(row: Replay, actor: Actor) -> None:
    """Cancel it: no further event is run; those that were stay so."""
    with transaction.atomic():
        stopped = Replay.objects.filter(pk=row.pk, state__in=(*_OPEN, Replay.State.READY)).update(
            state=Replay.State.CANCELLED, finished_at=sql.clock(), lease_until=None, holder=None
        )
        row.refresh_from_db()
        if stopped and row.has_run:
            _note_end(row, actor)


def missing_rights(user: Any, selection: Selection) -> list[str]:
    """List what ``user`` lacks to run these with side effects: a rule acts on calls, and some of them dial."""
    first = ["voice.replay_event", "voice.control_call"]
    wanted = [*first, *sorted(_rights_of_rules(selection) - set(first))]
    return [name for name in wanted if not user.has_perm(name)]


def due(limit: int) -> list[uuid.UUID]:
    """List the ids of replays that somebody has to work at, and nobody does."""
    return list(_due().order_by("created_at").values_list("id", flat=True)[:limit])


def is_due(replay_id: uuid.UUID) -> bool:
    """Tell whether this replay is due."""
    return _due().filter(pk=replay_id).exists()


def work(replay_id: uuid.UUID, seconds: float) -> processing.FollowUp:
    """Go on with it for about so long, unless somebody else does. What is left is due to the next one who asks."""
    following, until = processing.FollowUp(), time.monotonic() + seconds
    try:
        row = _claim(replay_id)
        if row is None:
            return following
        _count(row)
        for event_id, received_at in _due_events(row):
            _run_event(row, event_id, received_at, following)
            if time.monotonic() >= until:
                _release(row)
                break
        else:
            _end(row, Replay.State.READY if row.state == Replay.State.LOOKING else Replay.State.DONE)
    except Stopped:
        pass
    return following


def fate(applied: Applied) -> list[str]:
    """Name what an event is counted as: its outcome, and whether it is ``readable`` or ``through`` now."""
    lives = applied.outcome in {Outcome.CHANGED, Outcome.UNCHANGED} and applied.was in _REVIVED
    return [applied.outcome.value, *([_REVIVED[CallEvent.Status(applied.was)]] if lives else [])]


def in_order(found: QuerySet[CallEvent]) -> QuerySet[CallEvent]:
    """Order the events as they were received."""
    return found.order_by("received_at", "pk")


def rows(row: Replay) -> QuerySet[CallEvent]:
    """Select its events: those that were there when it was asked for."""
    return Selection.from_json(row.selection).rows().filter(received_at__lte=row.created_at)


def _create(selection: Selection, actor: Actor, state: str) -> Replay:
    now, requester = sql.clock(), {"requested_by": actor.label, "user": actor.user}
    Replay.objects.filter(created_at__lt=now - _KEPT).exclude(state__in=_OPEN).delete()
    return Replay.objects.create(selection=selection.as_json(), state=state, created_at=now, **requester)


def _due() -> QuerySet[Replay]:
    return Replay.objects.due().filter(state__in=_OPEN)


def _claim(replay_id: uuid.UUID) -> Replay | None:
    mine = Replay.objects.filter(pk=replay_id, state__in=_OPEN)
    if not mine.claim(LEASE, holder=uuid.uuid4(), claims=F("claims") + 1):
        return None
    row = Replay.objects.get(pk=replay_id)
    if row.claims > MOST_CLAIMS:
        _end(row, Replay.State.FAILED, _where_it_dies(row))
        return None
    return row


def _where_it_dies(row: Replay) -> str:
    due = _slice(row)
    where = f"at the event {due[0][0]}" if due else "behind the last event"
    return f"{MOST_CLAIMS} workers were lost {where}. What is done stays."


def _count(row: Replay) -> None:
    if row.total is None:
        _step(row, lease_until=sql.Now() + SCAN_LEASE)
        _take(row, _step(row, total=rows(row).count()))


def _due_events(row: Replay) -> Iterator[tuple[uuid.UUID, Any]]:
    """Read the events one after the other; asked for anew from where the work then stands."""
    while due := _slice(row):
        yield from due


def _slice(row: Replay) -> list[tuple[uuid.UUID, Any]]:
    """Read the next events, in the order they were received."""
    _step(row, lease_until=sql.Now() + SCAN_LEASE)
    found = rows(row)
    if row.cursor_at is not None:
        behind = Q(received_at__gt=row.cursor_at) | Q(received_at=row.cursor_at, pk__gt=row.cursor_id)
        found = found.filter(behind, received_at__gte=row.cursor_at)  # which the index begins at; at an OR it cannot
    due = list(in_order(found).values_list("pk", "received_at")[:_SLICE])
    _step(row)
    return due


def _run_event(row: Replay, event_id: uuid.UUID, received_at: Any, following: processing.FollowUp) -> None:
    """Run one event and write its line, in one transaction; then, if asked, its rules by the way of all events."""
    try:
        with transaction.atomic():
            applied = _apply(row, event_id)
            progress = _step(row, **_place(row, event_id, received_at, applied))
    except (Stopped, OperationalError, InterfaceError):
        raise  # the database is away, or the work is another's: the event is still to come
    except Exception as error:
        _log.exception("event not run again", event_id=str(event_id))
        _failed(row, event_id, received_at, f"{type(error).__name__} while it was run again.")
        return
    _take(row, progress)
    if row.state == Replay.State.RUNNING:
        _follow(row, applied, following)


def _apply(row: Replay, event_id: uuid.UUID) -> Applied:
    if row.state == Replay.State.LOOKING:
        return DryRun(StoredLedger(row, is_rehearsed=True)).apply(event_id)
    applied = apply.apply(event_id, rules=row.side_effects)
    StoredLedger(row, is_rehearsed=False).note(applied)
    return applied


def _place(row: Replay, event_id: uuid.UUID, received_at: Any, applied: Applied) -> JsonObject:
    """Return where the work stands with this event done."""
    counts = Counter(row.counts) + Counter(fate(applied))
    done = {"done": row.done + 1, "counts": dict(counts), "claims": 0}
    return {"cursor_at": received_at, "cursor_id": event_id} | done


def _failed(row: Replay, event_id: uuid.UUID, received_at: Any, why: str) -> None:
    """Note an event that failed: it is what it was; the others are still to have their turn."""
    event = CallEvent.objects.defer("body", "headers").get(pk=event_id)
    applied = Applied(event, event.status, Outcome.FAILED, why)
    with transaction.atomic():
        StoredLedger(row, is_rehearsed=row.state == Replay.State.LOOKING).note(applied)
        progress = _step(row, **_place(row, event_id, received_at, applied))
    _take(row, progress)


def _follow(row: Replay, applied: Applied, following: processing.FollowUp) -> None:
    """Run its rules. That they are due is committed: should this worker die now, the sweep runs them."""
    event_id, may_answer = applied.event.pk, applied.was in _REVIVED
    if applied.is_owed:
        follow_up = processing.process(event_id)
        may_answer = may_answer or bool(follow_up.may_answer)
        following.commands += follow_up.commands
        following.events += follow_up.events
        if made := CallCommand.objects.filter(event=event_id, created_at__gte=row.started_at).count():
            _take(row, _step(row, counts={**row.counts, "commands": row.counts.get("commands", 0) + made}))
    if may_answer:
        reconciliation.settle_from_event(event_id)


def _step(row: Replay, **values: Any) -> JsonObject:
    """Write down where it stands, and renew the lease. ``Stopped`` when it is not this worker's any more.

    ``row`` itself takes the values only when they are committed.
    """
    mine = Replay.objects.filter(pk=row.pk, state=row.state, holder=row.holder)
    if not mine.update(**{"lease_until": sql.Now() + LEASE} | values):
        raise Stopped
    return values


def _take(row: Replay, values: JsonObject) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _release(row: Replay) -> None:
    Replay.objects.filter(pk=row.pk, holder=row.holder).update(lease_until=None, holder=None)


def _end(row: Replay, state: str, problem: str = "") -> None:
    with transaction.atomic():
        _step(row, state=state, problem=problem, finished_at=sql.clock(), lease_until=None, holder=None)
        row.refresh_from_db()
        if row.has_run:
            _note_end(row, Actor(row.requested_by, row.user))


def _note_end(row: Replay, actor: Actor) -> None:
    values = {"state": row.state, "total": row.total, "done": row.done, "counts": row.counts}
    AuditEvent.note(actor, "replay.end", row, side_effects=row.side_effects, **values)


def _rights_of_rules(selection: Selection) -> set[str]:
    """Collect what the rules of active flows that may be met need; what a handler does, nobody knows before."""
    rules = Rule.objects.filter(flow__active=True)
    if selection.account:
        rules = rules.filter(flow__account__name=selection.account)
    wanted = [rights.needed(entry.get("action", ""), entry.get("parameters")) for rule in rules for entry in rule.do]
    return set().union(*wanted, {rights.DIAL} if settings.EVENT_HANDLERS else ())
