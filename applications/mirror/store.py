"""Stores what Telnyx has in rows: keep an answer, read whole lists, find what is gone. Nothing read is ever refused."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from django.db import DataError, IntegrityError, models, transaction
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from applications.kinds import Kind, flatten, kind_of
from applications.models import TelnyxApplication
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxRefused, TelnyxUncertain
from portal.telnyx.patience import nobody, patiently
from portal.times import read_time

Outcome = Literal["created", "updated", "missing", "unchanged"]

PAGE_SIZE = 250  # the largest that Telnyx takes ("List call control applications")
_MOST_PAGES = 1000
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))  # kept: making one costs as much as its work
_OURS = {"id", "account", "telnyx_id", "remote", "remote_digest", "pulled_at", "missing_since"}


@dataclass(frozen=True)
class Page:
    """Holds one page of a list: Telnyx's answers by id, as they were at ``asked_at``, and what could not be read or
    kept.

    ``total`` is how many applications the whole list has, if Telnyx tells.
    """

    asked_at: datetime
    remotes: dict[str, JsonObject]
    errors: list[JsonObject]
    total: int | None = None


def digest(remote: JsonObject) -> str:
    """Return the SHA-256 of an answer as canonical JSON: equal answers have equal ones."""
    return hashlib.sha256(_CANONICAL.encode(remote).encode()).hexdigest()


def columns(model: type[TelnyxApplication], remote: JsonObject) -> JsonObject:
    """Return the columns an answer fills.

    A value of another type than expected leaves its column empty; ``remote`` has it.
    """
    fields = (field for field in model._meta.concrete_fields if field.name not in _OURS)
    return {field.name: _fitting(field, remote.get(field.name)) for field in fields}


def data_of(answer: JsonObject) -> JsonObject:
    """Return the application in an answer of Telnyx."""
    remote = answer.get("data")
    if not isinstance(remote, dict) or not _id(remote):
        raise TelnyxUncertain("Telnyx's answer holds no application. It may have acted, or not.")
    return remote


def store(
    kind: Kind, account: TelnyxAccount, remote: JsonObject, actor: Actor, reason: str
) -> tuple[TelnyxApplication, Outcome]:
    """Keep one answer: upsert by account and Telnyx's id, with a history entry when something changed."""
    return _store_patiently(kind, account, remote, actor, reason, None)


def mark_missing(application: TelnyxApplication, actor: Actor, reason: str) -> None:
    """Note that Telnyx does not know it any more. The row stays for its calls."""
    now = sql.clock()
    if application.missing_since is None:
        application.missing_since, application.pulled_at = now, now
        _keep(kind_of(application), [], [application], actor, reason, now)


def pages(kind: Kind, account: TelnyxAccount, alive: Callable[[], None] = nobody) -> Iterator[Page]:
    """Read the list of one kind once, page by page, waiting when Telnyx asks for it. Each application comes once.

    One that moves to a page that was read already is left out: ``listing`` leaves out none.
    """
    seen: set[str] = set()
    for number in range(1, _MOST_PAGES + 1):
        asked_at = sql.clock()
        query = {"page[number]": str(number), "page[size]": str(PAGE_SIZE)}
        answer = patiently(partial(ask, account, kind.method("list"), extra_query=query), alive)
        listed = answer.get("data")
        if not isinstance(listed, list):
            raise TelnyxUncertain("Telnyx's list of applications cannot be read.")
        readable = [item for item in listed if isinstance(item, dict) and _id(item)]
        errors = [{"id": None, "message": f"Page {number} holds an application without an id."}]
        fresh = {_id(item): item for item in readable if _id(item) not in seen}
        yield Page(asked_at, fresh, errors if len(readable) < len(listed) else [], _total(answer, "total_results"))
        seen |= fresh.keys()
        if _is_last(answer, number, len(listed)) or (readable and not fresh):
            return


def write(kind: Kind, account: TelnyxAccount, page: Page, actor: Actor, reason: str) -> Counter[str]:
    """Keep a page's applications, in bulk. What is as it was is not written; what cannot be kept is in its errors."""
    known = kind.rows(account).filter(telnyx_id__in=page.remotes)
    stored = known.values_list("telnyx_id", "remote_digest", "missing_since")
    as_it_was = {id: (kept, gone) for id, kept, gone in stored}
    changed = {id: remote for id, remote in page.remotes.items() if as_it_was.get(id) != (digest(remote), None)}
    counts = Counter({"unchanged": len(page.remotes) - len(changed)})
    if not changed:
        return counts
    try:
        return counts + _write(kind, account, Page(page.asked_at, changed, []), actor, reason)
    except (IntegrityError, DataError):  # one was made by hand meanwhile, or the database does not take it
        return counts + _write_singly(kind, account, Page(page.asked_at, changed, page.errors), actor, reason)


def unlisted(kind: Kind, account: TelnyxAccount, seen: Collection[str], since: datetime) -> list[str]:
    """Return ids that should have been in the list, and were not.

    Those stored since the list was asked for do not count.
    """
    known = kind.rows(account).filter(missing_since=None).exclude(pulled_at__gte=since).order_by()
    return [id for id in known.values_list("telnyx_id", flat=True).iterator() if id not in seen]


def confirm_missing(application: TelnyxApplication, kind: Kind, actor: Actor, reason: str) -> Outcome:
    """Ask Telnyx for one that the list left out: only its 404 makes it missing."""
    try:
        remote = data_of(ask(application.account, kind.method("retrieve"), application.telnyx_id))
    except TelnyxRefused as error:
        if error.http_status != 404:
            raise
        mark_missing(application, actor, reason)
        return "missing"
    return store(kind, application.account, remote, actor, reason)[1]


def differences(kind: Kind, account: TelnyxAccount, listed: Iterable[Page]) -> list[JsonObject]:
    """Return the drift between what is here and what was ``listed``, the whole of it: what a pull would write, as JSON.

    Nothing is written, and of what agrees only the ids are kept.
    """
    differing: list[JsonObject] = []
    seen: set[str] = set()
    for page in listed:
        seen |= page.remotes.keys()
        rows = {row.telnyx_id: row for row in kind.rows(account).filter(telnyx_id__in=page.remotes)}
        differing += [change for id, remote in page.remotes.items() if (change := _difference(rows.get(id), remote))]
    known = kind.rows(account).filter(missing_since=None).only("telnyx_id", kind.model.name_field)
    gone = (row for row in known.iterator() if row.telnyx_id not in seen)
    return differing + [{"id": row.telnyx_id, "name": row.name, "change": "missing"} for row in gone]


def changes(before: JsonObject, after: JsonObject) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two answers: by dotted name the value before and after."""
    old, new = flatten(before), flatten(after)
    names = [*old, *(name for name in new if name not in old)]
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _difference(row: TelnyxApplication | None, remote: JsonObject) -> JsonObject | None:
    if row is None:
        return {"id": _id(remote), "name": "", "change": "created"}
    if row.remote_digest == digest(remote) and row.missing_since is None:
        return None
    fields = {name: {"here": old, "there": new} for name, (old, new) in changes(row.remote, remote).items()}
    return {"id": row.telnyx_id, "name": row.name, "change": "updated", "fields": fields}


def _store_patiently(
    kind: Kind, account: TelnyxAccount, remote: JsonObject, actor: Actor, reason: str, asked_at: datetime | None
) -> tuple[TelnyxApplication, Outcome]:
    try:
        return _store(kind, account, remote, actor, reason, asked_at)
    except IntegrityError:  # a pull, or somebody here, brought the same row meanwhile
        return _store(kind, account, remote, actor, reason, asked_at)


def _store(
    kind: Kind, account: TelnyxAccount, remote: JsonObject, actor: Actor, reason: str, asked_at: datetime | None
) -> tuple[TelnyxApplication, Outcome]:
    with transaction.atomic():
        row = kind.rows(account).select_for_update(no_key=True).filter(telnyx_id=_id(remote)).first()
        if row and (_is_newer(row, asked_at) or (row.remote_digest == digest(remote) and row.missing_since is None)):
            return row, "unchanged"
        outcome: Outcome = "updated" if row else "created"
        new = row is None
        at = sql.clock()
        row = _fill(row or kind.model(account=account, telnyx_id=_id(remote)), remote, at)
        _keep(kind, [row] if new else [], [] if new else [row], actor, reason, at)
    return row, outcome


def _is_newer(row: TelnyxApplication | None, asked_at: datetime | None) -> bool:
    """Tell whether the row was saved here after the answer was asked for: then it is the newer one of the two."""
    return row is not None and asked_at is not None and row.pulled_at is not None and row.pulled_at >= asked_at


def _write(kind: Kind, account: TelnyxAccount, page: Page, actor: Actor, reason: str) -> Counter[str]:
    new: list[TelnyxApplication] = []
    old: list[TelnyxApplication] = []
    with transaction.atomic():
        rows = {
            row.telnyx_id: row
            for row in kind.rows(account).select_for_update(no_key=True).filter(telnyx_id__in=page.remotes)
        }
        at = sql.clock()
        for id, remote in page.remotes.items():
            row = rows.get(id)
            if _is_newer(row, page.asked_at):
                continue
            (old if row else new).append(_fill(row or kind.model(account=account, telnyx_id=id), remote, at))
        _keep(kind, new, old, actor, reason, at)
    return Counter({"created": len(new), "updated": len(old), "unchanged": len(page.remotes) - len(new) - len(old)})


def _write_singly(kind: Kind, account: TelnyxAccount, page: Page, actor: Actor, reason: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for id, remote in page.remotes.items():
        try:
            counts[_store_patiently(kind, account, remote, actor, reason, page.asked_at)[1]] += 1
        except DataError as error:
            page.errors.append({"id": id, "kind": "not stored", "message": f"It cannot be stored: {error}"})
    return counts


def _keep(
    kind: Kind, new: list[TelnyxApplication], old: list[TelnyxApplication], actor: Actor, reason: str, at: datetime
) -> None:
    """Keep rows and their history entries. In bulk even for one: only so does simple_history take fields of our own."""
    signed = {"history_actor": actor.label[:200], "history_token": actor.token, "history_request_id": actor.request_id}
    how: JsonObject = {"batch_size": PAGE_SIZE, "default_user": actor.user, "default_change_reason": reason[:100]}
    how |= {"default_date": at, "custom_historical_attrs": signed}
    if new:
        bulk_create_with_history(new, kind.model, **how)
    if old:
        fields = [field.name for field in kind.model._meta.concrete_fields if not field.primary_key]
        bulk_update_with_history(old, kind.model, fields, **how)


def _fill(row: TelnyxApplication, remote: JsonObject, at: datetime) -> TelnyxApplication:
    for name, value in columns(type(row), remote).items():
        setattr(row, name, value)
    row.remote, row.remote_digest = remote, digest(remote)
    row.pulled_at, row.missing_since = at, None
    return row


def _id(remote: JsonObject) -> str:
    """Return Telnyx's id: digits as text. One sent as a number is taken, too."""
    id = remote.get("id")
    text = str(id) if isinstance(id, str | int) and not isinstance(id, bool) else ""
    return text if len(text) <= 64 else ""


def _is_last(answer: JsonObject, number: int, length: int) -> bool:
    total = _total(answer, "total_pages")
    if not length:
        return True
    return length < PAGE_SIZE if total is None else number >= total


def _total(answer: JsonObject, name: str) -> int | None:
    meta = answer.get("meta")
    total = meta.get(name) if isinstance(meta, dict) else None
    return total if type(total) is int and 0 <= total < 2**31 else None


def _fitting(field: "models.Field[Any, Any]", value: Any) -> Any:
    if isinstance(field, models.BooleanField):
        return value if isinstance(value, bool) else None
    if isinstance(field, models.BigIntegerField):
        return value if type(value) is int and -(2**63) <= value < 2**63 else None
    if isinstance(field, models.DateTimeField):
        return read_time(value)
    if isinstance(field, models.JSONField):
        return value if isinstance(value, field.default) else field.default()
    return value[: field.max_length] if isinstance(value, str) else ""
