"""Runs pulls: one at a time for each account and kind, counted while it runs, stopped before a mass delete."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from applications.kinds import BY_SLUG, Kind
from applications.mirror import drift, intents, store
from applications.models import SILENT_SECONDS, Pull
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.client import client_for
from portal.telnyx.errors import TelnyxError, TelnyxRefused

OnPage = Callable[[Pull], None]

_MOST_ERRORS = 100


class LooksLikeMassDelete(Exception):
    """So much is gone from Telnyx's list that a person has to say that it is true."""


class Replaced(Exception):
    """Another pull took this one for dead."""


def pull(
    kind: Kind, account: TelnyxAccount, actor: Actor, *, accept_missing: bool = False, on_page: OnPage | None = None
) -> Pull:
    """Pull, or return the one that is already running. What goes wrong is in its state and errors."""
    record, began = begin(kind, account, actor)
    if began:
        run(record, actor, accept_missing=accept_missing, on_page=on_page)
    return record


def pull_within(
    seconds: float, kind: Kind, account: TelnyxAccount, actor: Actor, *, accept_missing: bool = False
) -> Pull:
    """Pull in a thread and wait at most so long for its end."""
    record, began = begin(kind, account, actor)
    if began:
        thread = threading.Thread(target=_in_thread, args=(record.pk, actor, accept_missing), daemon=True)
        thread.start()
        thread.join(seconds)
    else:
        wait(record, seconds)
    record.refresh_from_db()
    return record


def wait(record: Pull, seconds: float) -> None:
    """Wait until another's pull is over, or the time is."""
    until = time.monotonic() + seconds
    while record.state == Pull.State.RUNNING and time.monotonic() < until:
        time.sleep(0.1)
        record.refresh_from_db()


def begin(kind: Kind, account: TelnyxAccount, actor: Actor) -> tuple[Pull, bool]:
    """Return a new pull's record, or the running one's, and whether it is new. The row is the lock."""
    mine = {"account": account, "kind": kind.slug, "state": Pull.State.RUNNING}
    silent = Now() - timedelta(seconds=SILENT_SECONDS)
    interrupted = [{"id": None, "kind": "interrupted", "message": "The pull was interrupted."}]
    Pull.objects.filter(**mine, seen_alive_at__lt=silent).update(
        state=Pull.State.FAILED, finished_at=Now(), errors=interrupted
    )
    try:
        with transaction.atomic():
            record = Pull.objects.create(**mine, requested_by=actor.label[:200])
            Pull.objects.filter(pk=record.pk).update(started_at=Now(), seen_alive_at=Now())  # not this machine's clock
        record.refresh_from_db()
        return record, True
    except IntegrityError:
        running = Pull.objects.filter(**mine).first()
    return (running, False) if running else begin(kind, account, actor)


def run(record: Pull, actor: Actor, *, accept_missing: bool = False, on_page: OnPage | None = None) -> None:
    """Carry out a pull that ``begin`` made. Raises nothing that Telnyx may answer."""
    try:
        state = _run(record, actor, accept_missing, on_page)
    except Replaced:
        record.refresh_from_db()
    except LooksLikeMassDelete as error:
        _finish(record, Pull.State.STOPPED, actor, {"id": None, "kind": "stopped", "message": str(error)})
    except TelnyxError as error:
        _finish(record, Pull.State.FAILED, actor, {"id": None, "kind": error.kind, "message": str(error)})
    except BaseException:
        _finish(record, Pull.State.FAILED, actor, {"id": None, "kind": "interrupted", "message": "It was interrupted."})
        raise
    else:
        _finish(record, state, actor)


def _in_thread(record_id: Any, actor: Actor, accept_missing: bool) -> None:
    record = Pull.objects.select_related("account").get(pk=record_id)
    try:
        run(record, actor, accept_missing=accept_missing)
    finally:  # each thread has its own connections, to Telnyx and to the database
        client_for(record.account).close()
        connection.close()


def _run(record: Pull, actor: Actor, accept_missing: bool, on_page: OnPage | None) -> Pull.State:
    kind, account, seen = BY_SLUG[record.kind], record.account, set[str]()
    reason = f"pulled ({actor.label})"
    for page in store.pages(kind, account):
        seen |= page.remotes.keys()
        counts = store.write(kind, account, page, actor, reason)
        record.errors = (record.errors + page.errors)[:_MOST_ERRORS]
        _count(record, counts, progress=len(page.remotes), total=page.total)
        if on_page:
            on_page(record)
    drift.name_authors(kind, account, reason, record.started_at)
    gone = store.unlisted(kind, account, seen, record.started_at)
    if not accept_missing:
        _check_gone(len(gone), kind.rows(account).filter(missing_since=None).count(), len(seen))
    well = [_confirm(record, kind, id, actor, reason) for id in gone]
    drift.name_authors(kind, account, reason, record.started_at)
    if not all(well):
        return Pull.State.FAILED
    intents.lapse(kind, account, record.started_at)
    return Pull.State.DONE


def _confirm(record: Pull, kind: Kind, id: str, actor: Actor, reason: str) -> bool:
    """Note a refusal under that application's id: it keeps no other from being asked for."""
    counts: Counter[str] = Counter()
    try:
        counts[store.confirm_missing(kind.rows(record.account).get(telnyx_id=id), kind, actor, reason)] += 1
    except TelnyxRefused as error:
        if error.http_status == 401 or len(record.errors) >= _MOST_ERRORS:
            raise  # the key is refused, not the application
        record.errors = [*record.errors, {"id": id, "kind": error.kind, "message": str(error)}]
    _count(record, counts)
    return bool(counts)


def _check_gone(gone: int, known: int, seen: int) -> None:
    if (gone > 5 and gone * 5 > known) or (not seen and gone > 1):
        raise LooksLikeMassDelete(
            f"{gone} of {known} applications are gone from Telnyx's list. If that is true, pull again and accept it "
            "(--accept-missing); nothing was marked missing."
        )


def _count(record: Pull, counts: Counter[str], progress: int = 0, **values: Any) -> None:
    added = {name: F(name) + counts[name] for name in ("created", "updated", "missing", "unchanged")}
    _save(record, **added, progress=F("progress") + progress, **values)


def _finish(record: Pull, state: Pull.State, actor: Actor, error: dict[str, Any] | None = None) -> None:
    record.errors = [*record.errors, error] if error else record.errors
    try:
        _save(record, state=state, finished_at=Now())
    except Replaced:
        return
    if actor != PORTAL:  # the periodic ones are in the list of pulls; the trail is what people do
        details = {"kind": record.kind, "account": record.account.name, "state": str(state), **record.counts}
        AuditEvent.note(actor, "application.pull", record, **details)


def _save(record: Pull, **values: Any) -> None:
    """Write while it is ours: it also says that the pull is alive."""
    mine = Pull.objects.filter(pk=record.pk, state=Pull.State.RUNNING)
    if not mine.update(errors=record.errors, seen_alive_at=Now(), **values):
        raise Replaced
    record.refresh_from_db()
