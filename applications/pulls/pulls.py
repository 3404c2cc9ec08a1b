"""Runs pulls: one at a time for each account and kind, counted while it runs, stopped before a mass delete."""

import json
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from applications.kinds import BY_SLUG, Kind
from applications.mirror import drift, intents, store
from applications.models import Pull
from applications.pulls import listing, number_counts, one_at_a_time
from applications.pulls.mass_delete import looks_like_mass_delete
from applications.pulls.ownership import AnotherOwner, remember_owner
from portal import sql
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.client import client_for
from portal.telnyx.errors import TelnyxError, TelnyxRefused
from portal.telnyx.patience import patiently

OnPage = Callable[[Pull], None]
Packed = tuple[store.Page, bytes]  # the page without its applications, and these

_MOST_ERRORS = 100
_KEPT, _MOST_FORGOTTEN = timedelta(days=90), 10_000  # at a time: until now none was forgotten
ANOTHER_OWNER = "another_owner"  # the kind of the error of a pull that was stopped for its key
_MASS_DELETE = "stopped"  # that of one where so much is gone
INTERRUPTED = {"errors": [{"id": None, "kind": "interrupted", "message": "The pull was interrupted."}]}


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
    seconds: float,
    kind: Kind,
    account: TelnyxAccount,
    actor: Actor,
    *,
    accept_missing: bool = False,
    accept_owner: bool | None = None,
) -> Pull:
    """Pull in a thread and wait at most so long for its end. ``accept_owner`` is as of ``run``."""
    record, began = begin(kind, account, actor)
    until = time.monotonic() + seconds
    while not began:
        wait(record, until - time.monotonic())
        if not stopped_for_what_is_accepted(record, accept_missing, accept_owner):
            break
        record, began = begin(kind, account, actor)  # the other one did not accept it
    if began:
        thread = threading.Thread(target=_in_thread, args=(record.pk, actor, accept_missing, accept_owner), daemon=True)
        thread.start()
        thread.join(until - time.monotonic())
    record.refresh_from_db()
    return record


def wait(record: Pull, seconds: float) -> None:
    """Wait until another's pull is over, or the time is."""
    until = time.monotonic() + seconds
    while record.state == Pull.State.RUNNING and time.monotonic() < until:
        time.sleep(0.1)
        record.refresh_from_db()


def stopped_for_what_is_accepted(record: Pull, accept_missing: bool, accept_owner: bool | None = None) -> bool:
    """Tell whether it was stopped for what these, which are as of ``run``, accept."""
    accepted = {_MASS_DELETE: accept_missing, ANOTHER_OWNER: accept_missing if accept_owner is None else accept_owner}
    return record.state == Pull.State.STOPPED and any(accepted.get(error["kind"]) for error in record.errors[-1:])


def begin(kind: Kind, account: TelnyxAccount, actor: Actor) -> tuple[Pull, bool]:
    """Return a new pull's record, or the running one's, and whether it is new. The row is the lock."""
    return one_at_a_time.begin(Pull, kind, account, actor, INTERRUPTED)


def clean_up() -> None:
    """Forget pulls of 90 days ago.

    Of each account and kind the last one stays, and the last that did not fail: lists and alerts tell of them.
    """
    later = Pull.objects.filter(
        account=OuterRef("account"), kind=OuterRef("kind"), started_at__gt=OuterRef("started_at")
    )
    told = later.filter(state__in=(Pull.State.DONE, Pull.State.STOPPED))
    old = Pull.objects.filter(started_at__lt=sql.Now() - _KEPT).exclude(state=Pull.State.RUNNING)
    old = old.filter(Q(Exists(told)) | Q(Exists(later), state=Pull.State.FAILED)).order_by("started_at", "id")
    Pull.objects.filter(pk__in=old.values("pk")[:_MOST_FORGOTTEN]).delete()


def run(
    record: Pull,
    actor: Actor,
    *,
    accept_missing: bool = False,
    accept_owner: bool | None = None,
    on_page: OnPage | None = None,
) -> None:
    """Carry out a pull that ``begin`` made. Raises nothing that Telnyx may answer.

    Who accepts what is missing accepts the key of another organization as well, unless ``accept_owner`` tells of it.
    """
    try:
        state = _run(record, actor, accept_missing, accept_missing if accept_owner is None else accept_owner, on_page)
    except Replaced:
        record.refresh_from_db()
    except AnotherOwner as error:
        _finish(record, Pull.State.STOPPED, actor, {"id": None, "kind": ANOTHER_OWNER, "message": str(error)})
    except LooksLikeMassDelete as error:
        _finish(record, Pull.State.STOPPED, actor, {"id": None, "kind": _MASS_DELETE, "message": str(error)})
    except TelnyxError as error:
        _finish(record, Pull.State.FAILED, actor, _told(error))
    except BaseException:
        _finish(record, Pull.State.FAILED, actor, {"id": None, "kind": "interrupted", "message": "It was interrupted."})
        raise
    else:
        _finish(record, state, actor)


def _in_thread(record_id: Any, actor: Actor, accept_missing: bool, accept_owner: bool | None) -> None:
    record = Pull.objects.select_related("account").get(pk=record_id)
    try:
        run(record, actor, accept_missing=accept_missing, accept_owner=accept_owner)
    finally:  # each thread has its own connections, to Telnyx and to the database
        client_for(record.account).close()
        connection.close()


def _run(record: Pull, actor: Actor, accept_missing: bool, accept_owner: bool, on_page: OnPage | None) -> Pull.State:
    kind, account, reason = BY_SLUG[record.kind], record.account, f"pulled ({actor.label})"
    _save(record)  # one that was replaced asks nothing any more
    remember_owner(account, partial(_save, record), accept=accept_owner)
    seen, unchanged, read = _read(record, kind, on_page)
    gone = store.unlisted(kind, account, seen, record.started_at)
    if not accept_missing:
        _check_gone(len(gone), kind.rows(account).filter(missing_since=None).count())
    _count(record, Counter(unchanged=unchanged))
    for page in map(_unpacked, read):
        counts = store.write(kind, account, page, actor, reason)
        record.errors = (record.errors + page.errors)[:_MOST_ERRORS]
        _count(record, counts)
    drift.name_authors(kind, account, reason, record.started_at)
    well = [_confirm(record, kind, id, actor, reason) for id in gone]
    drift.name_authors(kind, account, reason, record.started_at)
    number_counts.count(account, partial(_save, record))
    if not all(well):
        return Pull.State.FAILED
    intents.lapse(kind, account, record.started_at)
    return Pull.State.DONE


def _read(record: Pull, kind: Kind, on_page: OnPage | None) -> tuple[set[str], int, list[Packed]]:
    """Read everything before anything is written: whether it can be true is seen at the end of the list.

    Returns the ids, how many are as they were, and the others. These wait packed: ten thousand in a megabyte.
    """
    seen, unchanged, read = set[str](), 0, list[Packed]()
    as_it_was = store.known(kind, record.account)
    for page in listing.pages(kind, record.account, partial(_save, record)):
        seen |= page.remotes.keys()
        told = store.news(page, as_it_was)
        unchanged += len(page.remotes) - len(told.remotes)
        if told.remotes or told.errors:
            read.append((replace(told, remotes={}), zlib.compress(json.dumps(told.remotes).encode(), 1)))
        _count(record, Counter(), progress=len(page.remotes), total=page.total)
        if on_page:
            on_page(record)
    return seen, unchanged, read


def _unpacked(packed: Packed) -> store.Page:
    page, remotes = packed
    return replace(page, remotes=json.loads(zlib.decompress(remotes)))


def _confirm(record: Pull, kind: Kind, id: str, actor: Actor, reason: str) -> bool:
    """Note a refusal under that application's id: it keeps no other from being asked for."""
    counts: Counter[str] = Counter()
    try:
        row = kind.rows(record.account).get(telnyx_id=id)
        confirm = partial(store.confirm_missing, row, kind, actor, reason)
        counts[patiently(confirm, partial(_save, record))] += 1
    except TelnyxRefused as error:
        if error.http_status == 401 or len(record.errors) >= _MOST_ERRORS:
            raise  # the key is refused, not the application
        record.errors = [*record.errors, _told(error, id)]
    _count(record, counts)
    return bool(counts)


def _told(error: TelnyxError, id: str | None = None) -> dict[str, Any]:
    return {"id": id, "kind": error.kind, "message": str(error), "telnyx_code": error.reason or error.code}


def _check_gone(gone: int, known: int) -> None:
    if looks_like_mass_delete(gone, known):
        raise LooksLikeMassDelete(
            f"{gone} of {known} applications are gone from Telnyx's list. If that is true, pull again and accept it "
            "(--accept-missing); nothing was written."
        )


def _count(record: Pull, counts: Counter[str], progress: int = 0, **values: Any) -> None:
    added = {name: F(name) + counts[name] for name in ("created", "updated", "missing", "unchanged")}
    _save(record, **added, progress=F("progress") + progress, **values)


def _finish(record: Pull, state: Pull.State, actor: Actor, error: dict[str, Any] | None = None) -> None:
    record.errors = [*record.errors, error] if error else record.errors
    with suppress(Replaced), transaction.atomic():
        _save(record, state=state, finished_at=sql.Now())
        if actor != PORTAL:  # the periodic ones are in the list of pulls; the trail is what people do
            details = {"kind": record.kind, "account": record.account.name, "state": str(state), **record.counts}
            AuditEvent.note(actor, "application.pull", record, **details)


def _save(record: Pull, **values: Any) -> None:
    """Write while it is ours: it also says that the pull is alive."""
    mine = Pull.objects.filter(pk=record.pk, state=Pull.State.RUNNING)
    if not mine.update(errors=record.errors, seen_alive_at=sql.Now(), **values):
        raise Replaced
    record.refresh_from_db()
