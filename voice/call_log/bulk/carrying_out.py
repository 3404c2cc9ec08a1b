"""Carries out one thing for many calls, a piece at a time: the row is the work, whoever does it.

A piece and the place where the work then stands are one transaction: a killed worker leaves nothing half-way, and the
next one goes on behind it.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from portal import sql
from portal.actors import Actor
from portal.leases import Leased
from portal.models import AuditEvent
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import InvalidParameters
from voice.call_log.bulk.selection import Selection
from voice.models import BulkAction, CallCommand, Recording
from voice.notes import notes, tags
from voice.recordings import service as recordings

KIND, STATE = BulkAction.Kind, BulkAction.State
_Do = Callable[[BulkAction, list[uuid.UUID], Actor], "Piece"]
MOST_CLAIMS = 5
MOST_OPEN = 50  # deletions on their way to Telnyx at a time: calls have commands, too
_LEASE, _WAIT, _KEPT = timedelta(seconds=30), timedelta(seconds=2), timedelta(days=30)
_OPEN = (CallCommand.Status.QUEUED, CallCommand.Status.SENDING)  # for what is uncertain nothing has to wait
_NOTED: dict[str, str] = {
    KIND.TAG: "call.tag_many",
    KIND.FOLLOW_UP: "call.follow_up_many",
    KIND.DELETE: "recording.delete_many",
}


@dataclass
class Piece:
    """Says what came of a piece: counts by their name, and the commands that it made."""

    counts: dict[str, int]
    commands: list[uuid.UUID] = field(default_factory=list)


class _Stopped(Exception):
    """Says that it was cancelled, or another worker has it: what is not committed is undone."""


def begin(kind: str, chosen: Selection, items: Sequence[uuid.UUID], actor: Actor, told: str = "") -> BulkAction:
    """Begin it; ``work`` does it. What was asked for a month ago is forgotten, the audit trail keeps that it was."""
    now = sql.clock()
    BulkAction.objects.filter(begun_at__lt=now - _KEPT).exclude(state=STATE.RUNNING).delete()
    return BulkAction.objects.create(
        kind=kind,
        user=actor.user,
        requested_by=actor.label[:300],
        query=chosen.words[:1000],
        calls=len(chosen.ids),
        told=told,
        items=[str(item) for item in items],
        begun_at=now,
    )


def due(limit: int) -> list[uuid.UUID]:
    """List the ids of those that somebody has to work at, and nobody does."""
    return list(_due().order_by("begun_at").values_list("id", flat=True)[:limit])


def is_due(action_id: uuid.UUID) -> bool:
    """Tell whether this one is due."""
    return _due().filter(pk=action_id).exists()


def work(action_id: uuid.UUID, seconds: float, actor: Actor | None = None) -> list[uuid.UUID]:
    """Go on with it for about so long, unless somebody else does; return the commands that are to be sent.

    ``actor``: whose request it is that does it; a worker has none.
    """
    commands, until = list[uuid.UUID](), time.monotonic() + seconds
    row = _claim(action_id)
    if row is None:
        return commands
    actor = actor or Actor(row.requested_by, row.user)
    try:
        while row.done < row.total:
            if _has_to_wait(row):
                _step(row, lease_until=sql.Now() + _WAIT, holder=None, claims=0)
                return commands
            commands += _do_piece(row, actor)
            if time.monotonic() >= until and row.done < row.total:
                _step(row, lease_until=None, holder=None)
                return commands
        _end(row, actor, STATE.DONE)
    except _Stopped:
        pass
    except (PortalRefusal, InvalidParameters, ValidationError) as refused:
        _end(row, actor, STATE.FAILED, f"After {row.done:,}: {_words_of(refused)}")
    return commands


def cancel(row: BulkAction, actor: Actor) -> bool:
    """Cancel the rest; false when it is over already."""
    with transaction.atomic():
        stopped = BulkAction.objects.filter(pk=row.pk, state=STATE.RUNNING).update(
            state=STATE.CANCELLED, ended_at=sql.clock(), lease_until=None, holder=None
        )
        row.refresh_from_db()
        if stopped:
            _note(row, actor)
    return bool(stopped)


def _due() -> Leased[BulkAction]:
    return BulkAction.objects.due().filter(state=STATE.RUNNING)


def _claim(action_id: uuid.UUID) -> BulkAction | None:
    if not _due().filter(pk=action_id).claim(_LEASE, holder=uuid.uuid4(), claims=F("claims") + 1):
        return None
    row = BulkAction.objects.select_related("user").get(pk=action_id)
    if row.claims > MOST_CLAIMS:
        _end(
            row,
            Actor(row.requested_by, row.user),
            STATE.FAILED,
            f"{MOST_CLAIMS} workers were lost after {row.done:,}. What is done stays.",
        )
        return None
    return row


def _has_to_wait(row: BulkAction) -> bool:
    """Tell whether so many deletions are on their way that these have to arrive first."""
    if row.kind != KIND.DELETE or not row.done:
        return False
    return Recording.objects.filter(pk__in=row.items[: row.done], deletion__status__in=_OPEN).count() >= MOST_OPEN


def deletions(row: BulkAction) -> Counter[str]:
    """Count by their status what became of the deletions that it asked for."""
    asked = Recording.objects.filter(pk__in=row.items[: row.done], deletion__isnull=False)
    return Counter(asked.values_list("deletion__status", flat=True))


def _do_piece(row: BulkAction, actor: Actor) -> list[uuid.UUID]:
    do, size = _DOES[row.kind]
    items = [uuid.UUID(item) for item in row.items[row.done : row.done + size]]
    with transaction.atomic():
        piece = do(row, items, actor)
        counts = dict(Counter(row.counts) + Counter(piece.counts))
        values = {"done": row.done + len(items), "counts": counts, "claims": 0}
        _step(row, **values)
    for name, value in values.items():  # only what is committed
        setattr(row, name, value)
    return piece.commands


def _tag(row: BulkAction, items: list[uuid.UUID], actor: Actor) -> Piece:
    made, full = tags.tag_many(items, row.told, actor)
    return Piece({"made": made, "full": full})


def _follow_up(row: BulkAction, items: list[uuid.UUID], actor: Actor) -> Piece:
    made, left = notes.ask_for_follow_ups(items, notes.person(row.told), actor)
    return Piece({"made": made, "left": left})


def _delete(row: BulkAction, items: list[uuid.UUID], actor: Actor) -> Piece:
    rows = recordings.still_deletable(items).select_related("account")
    commands = [recordings.delete(one, actor, intent=f"many:{row.pk}").pk for one in rows]
    return Piece({"made": len(commands)}, commands)


_DOES: dict[str, tuple[_Do, int]] = {
    KIND.TAG: (_tag, 100),
    KIND.FOLLOW_UP: (_follow_up, 100),
    KIND.DELETE: (_delete, 10),
}


def _step(row: BulkAction, **values: Any) -> None:
    """Write down where it stands, and renew the lease. ``_Stopped`` when it is not this worker's any more."""
    mine = BulkAction.objects.filter(pk=row.pk, state=STATE.RUNNING, holder=row.holder)
    if not mine.update(**{"lease_until": sql.Now() + _LEASE} | values):
        raise _Stopped


def _end(row: BulkAction, actor: Actor, state: str, problem: str = "") -> None:
    with suppress(_Stopped), transaction.atomic():
        _step(row, state=state, problem=problem[:500], ended_at=sql.clock(), lease_until=None, holder=None)
        row.refresh_from_db()
        _note(row, actor)


def _note(row: BulkAction, actor: Actor) -> None:
    made, told = row.counts.get("made", 0), dict[str, Any]()
    if row.kind == KIND.TAG:
        told = {"tag": row.told, "tagged": made}
    elif row.kind == KIND.FOLLOW_UP:
        told = {"assignee": row.told, "asked": made}
        told |= {"left": left} if (left := row.counts.get("left", 0)) else {}
    else:
        told = {"recordings": made}
    if row.state != STATE.DONE:
        told |= {"state": str(row.state), "done": row.done}
    AuditEvent.note(actor, _NOTED[row.kind], None, query=row.query, count=row.calls, **told)


def _words_of(refused: Exception) -> str:
    return " ".join(refused.messages) if isinstance(refused, ValidationError) else str(refused)
