"""Takes calls out of the log, page by page: any number of them in the same memory.

Between two pages no connection to the database is held: who takes the file slowly keeps none from others. What was
begun is a row, so that it can be followed, cancelled and found in the audit trail.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from portal import sql
from portal.actors import Actor
from portal.masking import masked_text, may_see_whole, whole_was_seen
from portal.models import AuditEvent
from portal.refusals import FieldRefused
from portal.statement_timeout import statement_timeout
from portal.times import uptime
from voice.call_log import query
from voice.call_log.query import Query
from voice.exports.columns import BY_NAME, SHOWN, Column, Writer, fields_of
from voice.exports.formats import FORMATS, Format
from voice.models import Call, CallExport

PAGE, KEPT = 2000, timedelta(days=90)
MOST_OF_ONE, MOST = 2, 4  # at a time: each holds a thread of the web server until it is taken
_STATEMENT_SECONDS = 30.0
_log = structlog.get_logger(__name__)


class ExportRefused(FieldRefused):
    """Says why nothing is exported, by the name of the field that is wrong."""

    code = "export_refused"


@dataclass(frozen=True)
class Export:
    """Is an export that may begin: its row, and what is needed to write it."""

    row: CallExport
    sides: list[QuerySet[Call]]  # of a number on either side of a call those of each, else one
    columns: tuple[Column, ...]
    form: Format
    actor: Actor
    begun: tuple[datetime, float]  # one moment: by the database's clock, and by ours that nobody sets
    cut: str = ""  # what the search did not look at


def begin(
    found: Query, form: str, names: Sequence[str], actor: Actor, identifier: uuid.UUID, *, told: str = ""
) -> Export:
    """Begin an export of what a search shows; ``told`` says what it is where it has no words. ``ExportRefused``."""
    row = _row(found, form, names, actor, identifier)
    row.query = told or row.query
    _demand_room(actor, row.begun_at)
    if not _insert(row):
        raise ExportRefused("", "This export has begun already. Open the page anew for another one.")
    _note(row, actor)
    return _export(row, found, actor)


def order(found: Query, form: str, names: Sequence[str], actor: Actor, identifier: uuid.UUID) -> CallExport:
    """Keep an export of what a search shows now, for being fetched. Raises ``ExportRefused``.

    The same ``identifier`` twice is one.
    """
    row = _row(found, form, names, actor, identifier)
    row.state, row.asked = CallExport.State.WAITING, found.text
    return row if _insert(row) else CallExport.objects.get(pk=identifier, user=actor.user)


def fetch(row: CallExport, actor: Actor) -> Export:
    """Begin to write an export that was ordered, or write it once more. Raises ``ExportRefused``."""
    found, now = query.read(row.asked, actor.user, actor=actor, now=row.bound), sql.clock()
    _demand_sense(found)
    _demand_room(actor, now)
    anew = {"state": CallExport.State.RUNNING, "seen_at": now, "shows_numbers": may_see_whole(actor.user)}
    anew |= {"rows": 0, "reached": None, "digest": "", "error": "", "ended_at": None}
    is_fetched = Q(state=CallExport.State.RUNNING, seen_at__gt=now - CallExport.SILENT)
    free = CallExport.objects.filter(pk=row.pk).exclude(state=CallExport.State.CANCELLED).exclude(is_fetched)
    if not free.update(**anew):
        raise ExportRefused("", "It was cancelled, or is being fetched just now.")
    row.refresh_from_db()
    _note(row, actor)
    return _export(row, found, actor)


def stream(export: Export) -> Iterator[bytes]:
    """Write the file. One that could not be finished says so in its last line."""
    row, names = export.row, [column.name for column in export.columns]
    digest, state, error = hashlib.sha256(), CallExport.State.BROKEN_OFF, ""
    try:
        yield _noted(digest, export.form.begin(names))
        for text in _pages(export, names):
            yield _noted(digest, text)
        if export.cut:
            error = export.cut
            yield _noted(digest, export.form.cut(error))
        state = CallExport.State.DONE
    except _Over as over:
        state = over.state
        yield _noted(digest, export.form.cut(over.words))
    except DatabaseError as failed:
        state, error = CallExport.State.FAILED, "The database did not answer in time. Narrow the search, or try again."
        _log.warning("an export failed", export=str(row.pk), error=type(failed).__name__)
        yield _noted(digest, export.form.cut(error))
    finally:
        whole_was_seen()  # that this export shows numbers is noted with it; the next request of this thread did not
        _end(export, state, error, digest.hexdigest())


def cancel(row: CallExport, actor: Actor) -> bool:
    """Have an export end with its next page, or not begin; false when it is over already."""
    alive = CallExport.objects.filter(pk=row.pk, state__in=(CallExport.State.WAITING, CallExport.State.RUNNING))
    with transaction.atomic():
        told = alive.update(state=CallExport.State.CANCELLED, ended_at=sql.Now())
        if told:
            AuditEvent.note(actor, "call.export_cancel", row)
    return bool(told)


def latest(user: Any) -> list[CallExport]:
    """List what somebody took out lately, newest first."""
    return list(CallExport.objects.filter(user=user).order_by("-begun_at")[:8])


def clean_up() -> None:
    """Forget exports of 90 days ago; the audit trail keeps that they were."""
    CallExport.objects.filter(begun_at__lt=sql.clock() - KEPT).delete()


class _Over(Exception):
    """Says that it is not to be gone on with, and why."""

    def __init__(self, state: CallExport.State, words: str) -> None:
        super().__init__(words)
        self.state, self.words = state, words


def _row(found: Query, form: str, names: Sequence[str], actor: Actor, identifier: uuid.UUID) -> CallExport:
    """Make the row of an export, unless something of it is wrong."""
    if form not in FORMATS:
        raise ExportRefused("format", f"There is no such format; there are {', '.join(FORMATS)}.")
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise ExportRefused("columns", f"There is no column {', '.join(unknown)[:200]}.")
    _demand_sense(found)
    now = sql.clock()
    return CallExport(
        id=identifier,
        user=actor.user,
        query=masked_text(found.text)[:1000],
        format=form,
        columns=list(names or SHOWN),
        shows_numbers=may_see_whole(actor.user),
        bound=now,
        begun_at=now,
        seen_at=now,
    )


def _export(row: CallExport, found: Query, actor: Actor) -> Export:
    sides = [calls.filter(started_at__lte=row.bound) for calls in found.by_side()]
    columns, begun = tuple(BY_NAME[name] for name in row.columns), (row.seen_at, uptime())
    return Export(row, sides, columns, FORMATS[row.format], actor, begun, " ".join(found.cuts)[:300])


def _note(row: CallExport, actor: Actor) -> None:
    AuditEvent.note(actor, "call.export", row, query=row.query, format=row.format, columns=row.columns)


def _demand_sense(found: Query) -> None:
    if found.wrong or found.refused:
        said = [*found.wrong, *([found.refused.words] if found.refused else [])]
        raise ExportRefused("q", " ".join([*said, "Nothing was exported: set the search right first."]))


def _demand_room(actor: Actor, now: datetime) -> None:
    """Refuse when too many run."""
    alive = CallExport.objects.filter(state=CallExport.State.RUNNING, seen_at__gt=now - CallExport.SILENT)
    users = [str(user) for user in alive.values_list("user", flat=True)[:MOST]]
    if users.count(str(actor.user.pk)) >= MOST_OF_ONE or len(users) >= MOST:
        raise ExportRefused("", f"{len(users)} exports are running. Wait for one to end, or cancel it.")


def _insert(row: CallExport) -> bool:
    """Insert the row, unless it is there already."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    return True


def _pages(export: Export, names: list[str]) -> Iterator[str]:
    """Write the rows, a page at a time, each beyond the last row of the one before.

    ``portal.keyset`` reads whole rows, for lists in any order: a million of them would take three times as long.
    """
    fields, beyond, done = list(dict.fromkeys([*fields_of(export.columns), "started_at", "id"])), Q(), 0
    started, own = fields.index("started_at"), fields.index("id")
    with _connected():
        writer = Writer(export.columns, export.actor.user, export.form.flag)
    while True:
        with _connected():
            rows = _merged(
                [list(calls.filter(beyond).values_list(*fields)[:PAGE]) for calls in export.sides], started, own
            )
            if not rows:
                return
            writer.learn(rows)
            done += len(rows)
            last_at, last_id = rows[-1][started], rows[-1][own]
            _tell(export, done, last_at)
        yield export.form.rows(names, writer.cells(rows))
        if len(rows) < PAGE:
            return
        beyond = Q(started_at__lte=last_at) & (Q(started_at__lt=last_at) | Q(id__lt=last_id))


def _merged(sides: list[list[Any]], started: int, own: int) -> list[Any]:
    """Make one page of a page of each side, newest first. A call may be on both."""
    if not sides[1:]:
        return sides[0]
    rows = {row[own]: row for side in sides for row in side}
    return sorted(rows.values(), key=lambda row: (row[started], row[own]), reverse=True)[:PAGE]


def _tell(export: Export, done: int, reached: datetime) -> None:
    """Note how far it is. Raises ``_Over``."""
    row, (begun, uptime_then) = export.row, export.begun
    seen_at = begun + timedelta(seconds=uptime() - uptime_then)
    if not _mine(row).filter(state=CallExport.State.RUNNING).update(rows=done, reached=reached, seen_at=seen_at):
        if _mine(row).filter(state=CallExport.State.CANCELLED).exists():
            raise _Over(CallExport.State.CANCELLED, "it was cancelled.")
        raise _Over(CallExport.State.BROKEN_OFF, "nothing was heard of it for a while: it is fetched anew.")
    row.rows, row.seen_at = done, seen_at


def _mine(row: CallExport) -> QuerySet[CallExport]:
    """Select it unless somebody fetches it anew: they have noted another time."""
    return CallExport.objects.filter(pk=row.pk, seen_at=row.seen_at)


def _end(export: Export, state: str, error: str, digest: str) -> None:
    row = export.row
    row.state, row.digest = state, digest if state == CallExport.State.DONE else ""
    mine = _mine(row)
    try:
        with _connected(), transaction.atomic():
            # meanwhile: it stays so, whoever did not wait for its last line
            if mine.filter(state=CallExport.State.CANCELLED).update(rows=row.rows):
                row.state, row.digest = CallExport.State.CANCELLED, ""
            else:
                mine.update(state=state, error=error, digest=row.digest, rows=row.rows, ended_at=sql.Now())
            AuditEvent.note(
                export.actor,
                "call.export_end",
                row,
                state=str(row.state),
                rows=row.rows,
                sha256=row.digest,
                query=row.query,
            )
    except DatabaseError as failed:  # then it is taken for dead when nothing is heard of it
        _log.warning("the end of an export was not noted", export=str(row.pk), error=type(failed).__name__)


@contextmanager
def _connected() -> Iterator[None]:
    """Hold a connection to the database for as long as it is needed, and give it back."""
    try:
        with statement_timeout(_STATEMENT_SECONDS):
            yield
    finally:
        if not connection.in_atomic_block:
            connection.close()


def _noted(digest: Any, text: str) -> bytes:
    written = text.encode()
    digest.update(written)
    return written
