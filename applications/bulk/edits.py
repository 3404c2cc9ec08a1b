"""Applies one change to many applications: drawn up, shown, then carried out one by one, each through the one service.

Nothing is in a transaction, and nothing is undone: what Telnyx took stays, what it refused is told. A run that was
killed goes on where it stopped when somebody asks for it.
"""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Q

from applications.editing.outcomes import conflict_sentences
from applications.editing.service import Conflict, update_application
from applications.kinds import BY_SLUG, Kind, flatten, unflatten
from applications.mirror.answers import same
from applications.models import BulkEdit, TelnyxApplication
from applications.wording import changes_for
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.masking import addresses_for
from portal.models import AuditEvent
from portal.telnyx.client import NotNow, client_for
from portal.telnyx.errors import TelnyxError
from portal.telnyx.patience import patiently
from portal.telnyx.schemas import InvalidParameters

MOST = 500
SILENT_SECONDS = 60  # far above the 16 s that the two requests for one application may take
_KEPT = timedelta(days=30)
_PATIENCE = 3  # applications in a row that Telnyx did not answer for
_AWAY = {"unavailable", "uncertain", "skipped"}
_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Line:
    """Holds one application of a preview: per chosen field its value now and then, and what came of it.

    ``viewer`` is who looks at it.
    """

    application: TelnyxApplication
    changes: dict[str, tuple[Any, Any]]
    state: str
    said: str
    viewer: Any = None

    @property
    def texts(self) -> list[tuple[str, str, bool]]:
        """Return for each chosen field its value now and then as texts, and whether they differ."""
        shown = changes_for(self.viewer, self.changes)
        return [(before, after, self.changes[name][0] != self.changes[name][1]) for name, before, after in shown]

    @property
    def is_changed(self) -> bool:
        return any(before != after for before, after in self.changes.values())


class TooMany(Exception):
    """More were chosen than one bulk edit takes."""


def draft(kind: Kind, rows: Iterable[TelnyxApplication], owner: Any, values: JsonObject | None = None) -> BulkEdit:
    """Make a new bulk edit for those of ``rows`` that Telnyx knows. Raises ``TooMany``."""
    targets = [_target(row) for row in rows if row.missing_since is None]
    if len(targets) > MOST:
        raise TooMany(f"{len(targets)} are chosen; {MOST} can be changed at once.")
    BulkEdit.objects.filter(created_at__lt=sql.Now() - _KEPT).delete()
    return BulkEdit.objects.create(kind=kind.slug, owner=owner, targets=targets, values=values or {})


def choose(edit: BulkEdit, values: JsonObject) -> None:
    """Set what is to be changed, from the applications as they are now: that is what the preview shows."""
    targets = [_target(row) for row in _rows(edit)]
    chosen = {"values": values, "targets": targets, "preview": uuid.uuid4()}
    BulkEdit.objects.filter(pk=edit.pk, state=BulkEdit.State.DRAFT).update(**chosen)
    edit.refresh_from_db()


def lines(edit: BulkEdit, viewer: Any = None) -> list[Line]:
    """Return every application of it with what would change, or what became of it, for ``viewer``; two queries."""
    rows = {str(row.pk): row for row in _rows(edit)}
    known = [target for target in edit.targets if target["id"] in rows]
    return [_line(rows[target["id"]], target, edit.values, viewer) for target in known]


class OtherPreview(Exception):
    """Other fields or values were chosen since the preview that was confirmed was drawn."""


def run_within(seconds: float, edit: BulkEdit, preview: str, actor: Actor) -> None:
    """Carry it out in a thread and wait at most so long for its end; nothing when it already runs or is done.

    ``preview`` is the one that was confirmed. Raises ``OtherPreview``.
    """
    if not _claim(edit, preview):
        edit.refresh_from_db()
        if edit.values and edit.state == BulkEdit.State.DRAFT:
            raise OtherPreview
        return
    thread = threading.Thread(target=_in_thread, args=(edit.pk, actor), daemon=True)
    thread.start()
    thread.join(seconds)


def is_silent(edit: BulkEdit) -> bool:
    """Return whether it runs by its state only: whoever ran it was killed."""
    alive = edit.seen_alive_at
    return edit.state == BulkEdit.State.RUNNING and (alive is None or sql.clock() - alive > _silence())


def counts(edit: BulkEdit) -> dict[str, int]:
    """Count how many came to each end; those still to come are not counted."""
    return dict(Counter(target["state"] for target in edit.targets if target["state"]))


def _claim(edit: BulkEdit, preview: str) -> bool:
    if preview != str(edit.preview):
        return False
    free = Q(state=BulkEdit.State.DRAFT) | Q(state=BulkEdit.State.RUNNING, seen_alive_at__lt=sql.Now() - _silence())
    now = {"state": BulkEdit.State.RUNNING, "seen_alive_at": sql.Now()}
    shown = BulkEdit.objects.filter(free, pk=edit.pk, preview=edit.preview)  # another tab may choose just now
    return bool(shown.exclude(values={}).update(**now))


def _in_thread(edit_id: Any, actor: Actor) -> None:
    edit = BulkEdit.objects.get(pk=edit_id)
    try:
        run(edit, actor)
    finally:  # each thread has its own connections, to Telnyx and to the database
        for account in {row.account for row in _rows(edit)}:
            client_for(account).close()
        connection.close()


def run(edit: BulkEdit, actor: Actor) -> None:
    """Carry out what has had no turn yet, in order, waiting when Telnyx asks for it.

    When Telnyx stays away, the rest is left as it is. Who was taken for dead meanwhile leaves it to whoever has it now,
    and a process that is to end to whoever goes on.
    """
    rows = {str(row.pk): row for row in _rows(edit)}
    away = 0
    with suppress(_Lost, NotNow):
        for target in edit.targets:
            if target["state"]:
                continue
            row, alive = rows.get(target["id"]), partial(_save, edit)
            target["state"], target["said"] = _turn(row, target["base"], edit.values, actor, away, alive)
            away = away + 1 if target["state"] in _AWAY else 0
            _save(edit, targets=edit.targets)
        with transaction.atomic():
            _save(edit, state=BulkEdit.State.DONE, finished_at=sql.Now())
            AuditEvent.note(actor, "application.bulk_edit", edit, fields=sorted(edit.values), **counts(edit))


class _Lost(Exception):
    """Says that the run is another's: it was silent for too long."""


def _save(edit: BulkEdit, **values: Any) -> None:
    """Write while it is ours, which says as well that somebody is at it. Raises ``_Lost``."""
    mine, now = BulkEdit.objects.filter(pk=edit.pk, seen_alive_at=edit.seen_alive_at), sql.clock()
    if not mine.update(seen_alive_at=now, **values):
        raise _Lost
    edit.seen_alive_at = now


def _turn(
    row: TelnyxApplication | None, base: str, values: JsonObject, actor: Actor, away: int, alive: Callable[[], None]
) -> tuple[str, str]:
    if row is None:
        return "gone", "Its row is not here any more."
    if away >= _PATIENCE:
        return "skipped", "Telnyx could not be asked for those before it, so this one was not tried."
    try:
        return _one(row, base, values, actor, alive)
    except (NotNow, _Lost):
        raise
    except Exception:  # the others are still to have their turn
        _logger.exception("bulk edit of one application failed", application=str(row.pk))
        return "failed", "An error of the portal; its log tells more."


def _one(
    row: TelnyxApplication, base: str, values: JsonObject, actor: Actor, alive: Callable[[], None]
) -> tuple[str, str]:
    before = flatten(row.remote)
    try:
        after = patiently(partial(update_application, row, unflatten(values), actor, base_digest=base), alive)
    except Conflict as conflict:
        return "conflict", " ".join(
            ["Changed at Telnyx since the preview; nothing was sent.", *conflict_sentences(conflict)]
        )
    except InvalidParameters as invalid:
        return "refused", str(invalid)
    except NotNow:  # it had no turn
        raise
    except TelnyxError as error:
        fields = getattr(error, "fields", {})
        return error.kind, "; ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items()) or str(error)
    there = flatten(after.remote)
    return ("unchanged" if all(same(before.get(name), there.get(name)) for name in values) else "changed"), ""


def _line(row: TelnyxApplication, target: JsonObject, values: JsonObject, viewer: Any) -> Line:
    there = flatten(row.remote)
    changes, said = {name: (there.get(name), value) for name, value in values.items()}, target["said"]
    return Line(row, changes, target["state"], addresses_for(viewer, said), viewer)  # a conflict names both values


def _rows(edit: BulkEdit) -> list[TelnyxApplication]:
    ids = [target["id"] for target in edit.targets]
    return list(BY_SLUG[edit.kind].model._default_manager.filter(pk__in=ids).select_related("account"))


def _target(row: TelnyxApplication) -> JsonObject:
    return {"id": str(row.pk), "base": row.remote_digest, "state": "", "said": ""}


def _silence() -> timedelta:
    return timedelta(seconds=SILENT_SECONDS)
