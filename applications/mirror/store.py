"""Stores what Telnyx has in rows: keep an answer, read whole lists, find what is gone. Nothing read is ever refused."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

from django.db import DataError, IntegrityError, transaction
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from applications.kinds import Kind, flatten, kind_of
from applications.mirror import intents
from applications.mirror.answers import differing, digest, is_older, merged, only_in, same, with_those
from applications.mirror.rows import COUNTED, columns, fill, learn, signed  # noqa: F401  columns are asked for here
from applications.models import Intent, TelnyxApplication
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import UNREAD, TelnyxRefused, TelnyxUncertain, TelnyxUnread
from portal.telnyx.patience import nobody, patiently

Outcome = Literal["created", "updated", "missing", "unchanged"]

Known = dict[str, bytes]

PAGE_SIZE = 250  # the largest that Telnyx takes ("List call control applications")
LONGEST_REASON = 100
_MOST_PAGES = 1000


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


def data_of(answer: JsonObject) -> JsonObject:
    """Return the application in Telnyx's answer to a create or a change."""
    remote = answer.get("data")
    if not isinstance(remote, dict) or not _id(remote):
        raise TelnyxUncertain("Telnyx's answer holds no application. It may have acted, or not.")
    return remote


def retrieved(kind: Kind, account: TelnyxAccount, telnyx_id: str) -> JsonObject:
    """Ask Telnyx for one application. Raises a ``TelnyxError``, and never that it may have acted: this is a read."""
    answer = ask(account, kind.method("retrieve"), telnyx_id)
    try:
        return data_of(answer)
    except TelnyxUncertain as error:
        raise TelnyxUnread(UNREAD) from error


def seen_by(actor: Actor) -> str:
    """Return the reason in the history of what was changed at Telnyx and found when somebody here asked."""
    return f"changed at Telnyx, seen by {actor.label}"


def changed_by(label: str) -> str:
    """Return the reason in the history of what was changed here, by an actor of that label."""
    return f"changed ({label})"[:LONGEST_REASON]


def store(
    kind: Kind, account: TelnyxAccount, remote: JsonObject, actor: Actor, reason: str, *, own: Intent | None = None
) -> tuple[TelnyxApplication, Outcome]:
    """Keep one answer: upsert by account and Telnyx's id, with a history entry for each who changed something.

    An answer older than what is known is not kept. ``own`` is the change that this answer is the yes to: what it sent
    is its own, whatever Telnyx made of it, and all else was changed at Telnyx.
    """
    return _store_patiently(kind, account, remote, actor, reason, None, own)


def mark_missing(application: TelnyxApplication, actor: Actor, reason: str, *, own: Intent | None = None) -> None:
    """Note that Telnyx does not know it any more. The row stays for its calls.

    Who asked for it (``own``, or one whose answer was lost) is who did it.
    """
    kind = kind_of(application)
    with transaction.atomic():
        row = kind.rows(application.account).select_for_update(no_key=True).get(pk=application.pk)
        asked = intents.open_of(kind, row.account, {row.telnyx_id})[row.telnyx_id]
        deletes = [intent for intent in asked if intent.verb == Intent.Verb.DELETE]
        if row.missing_since is None:
            if own is None and deletes:
                actor, reason = intents.who(deletes[0]), f"deleted ({deletes[0].actor})"
                intents.note(deletes[0], "found carried out", row)
            row.missing_since = row.pulled_at = at = sql.clock()
            _keep(kind, [], [row], actor, reason, at)
        intents.end(*deletes)
    application.missing_since, application.pulled_at = row.missing_since, row.pulled_at


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
            raise TelnyxUnread(UNREAD)
        readable = [item for item in listed if isinstance(item, dict) and _id(item)]
        errors = [{"id": None, "message": f"Page {number} holds an application without an id."}]
        fresh = {_id(item): item for item in readable if _id(item) not in seen}
        yield Page(asked_at, fresh, errors if len(readable) < len(listed) else [], _total(answer, "total_results"))
        seen |= fresh.keys()
        if _is_last(answer, number, len(listed)) or (readable and not fresh):
            return


def known(kind: Kind, account: TelnyxAccount) -> Known:
    """Read by which digest each application is known that is not missing: of all at once, in one statement."""
    rows = kind.rows(account).filter(missing_since=None).order_by()
    return {id: bytes(digest, "ascii") for id, digest in rows.values_list("telnyx_id", "remote_digest").iterator()}


def news(page: Page, as_it_was: Known) -> Page:
    """Return the page with those of its applications alone that are not ``as_it_was``.

    What somebody here changed since that was read is newer than the page, and stays.
    """
    told = {id: remote for id, remote in page.remotes.items() if as_it_was.get(id) != digest(remote).encode()}
    return replace(page, remotes=told)


def write(kind: Kind, account: TelnyxAccount, page: Page, actor: Actor, reason: str) -> Counter[str]:
    """Keep a page's applications, in bulk; what cannot be kept is in its errors."""
    if not page.remotes:
        return Counter()
    try:
        return _write(kind, account, page, actor, reason)
    except (IntegrityError, DataError):  # one was made by hand meanwhile, or the database does not take it
        return _write_singly(kind, account, page, actor, reason)


def unlisted(kind: Kind, account: TelnyxAccount, seen: Collection[str], since: datetime) -> list[str]:
    """Return ids that should have been in the list, and were not.

    Those stored since the list was asked for do not count.
    """
    known = kind.rows(account).filter(missing_since=None).exclude(pulled_at__gte=since).order_by()
    return [id for id in known.values_list("telnyx_id", flat=True).iterator() if id not in seen]


def confirm_missing(application: TelnyxApplication, kind: Kind, actor: Actor, reason: str) -> Outcome:
    """Ask Telnyx for one that the list left out: only its 404 makes it missing."""
    asked_at = sql.clock()
    try:
        remote = retrieved(kind, application.account, application.telnyx_id)
    except TelnyxRefused as error:
        if not error.is_not_found:
            raise
        if intents.in_work([application]):
            return "unchanged"
        mark_missing(application, actor, reason)
        return "missing"
    return _store_patiently(kind, application.account, remote, actor, reason, asked_at)[1]


def differences(kind: Kind, account: TelnyxAccount, listed: Iterable[Page]) -> list[JsonObject]:
    """Return the drift between what is here and what was ``listed``, the whole of it: what a pull would write, as JSON.

    Nothing is written, and of what agrees only the ids are kept.
    """
    differing: list[JsonObject] = []
    seen: set[str] = set()
    for page in listed:
        seen |= page.remotes.keys()
        rows = {row.telnyx_id: row for row in kind.rows(account).filter(telnyx_id__in=page.remotes)}
        differing += [
            change for id, remote in page.remotes.items() if (change := _difference(kind, rows.get(id), remote))
        ]
    known = kind.rows(account).filter(missing_since=None).only("telnyx_id", kind.model.name_field)
    gone = (row for row in known.iterator() if row.telnyx_id not in seen)
    return differing + [{"id": row.telnyx_id, "name": row.name, "change": "missing"} for row in gone]


def changes(before: JsonObject, after: JsonObject) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two answers: by dotted name the value before and after."""
    old, new = flatten(before), flatten(after)
    names = [*old, *(name for name in new if name not in old)]
    return {name: (old.get(name), new.get(name)) for name in names if not same(old.get(name), new.get(name))}


def _difference(kind: Kind, row: TelnyxApplication | None, remote: JsonObject) -> JsonObject | None:
    if row is None:
        return {"id": _id(remote), "name": remote.get(kind.model.name_field) or "", "change": "created"}
    if row.missing_since is None and (is_older(remote, row.remote) or not _tells_more(row, remote)):
        return None
    fields = {name: {"here": old, "there": new} for name, (old, new) in _news(row, remote).items()}
    return {"id": row.telnyx_id, "name": row.name, "change": "updated", "fields": fields}


def _store_patiently(
    kind: Kind,
    account: TelnyxAccount,
    remote: JsonObject,
    actor: Actor,
    reason: str,
    asked_at: datetime | None,
    own: Intent | None = None,
) -> tuple[TelnyxApplication, Outcome]:
    try:
        return _store(kind, account, remote, actor, reason, asked_at, own)
    except IntegrityError:  # a pull, or somebody here, brought the same row meanwhile
        return _store(kind, account, remote, actor, reason, asked_at, own)


def _store(
    kind: Kind,
    account: TelnyxAccount,
    remote: JsonObject,
    actor: Actor,
    reason: str,
    asked_at: datetime | None,
    own: Intent | None,
) -> tuple[TelnyxApplication, Outcome]:
    with transaction.atomic():
        row = kind.rows(account).select_for_update(no_key=True).filter(telnyx_id=_id(remote)).first()
        at = sql.clock()
        if row is None:
            row = fill(kind.model(account=account, telnyx_id=_id(remote)), remote, at)
            _keep(kind, [row], [], actor, reason, at)
            return row, "created"
        if asked_at and (_is_newer(row, asked_at) or intents.in_work([row])):
            return row, "unchanged"
        asked = intents.open_of(kind, account, {row.telnyx_id})[row.telnyx_id]
        outcome = _take(kind, row, remote, actor, reason, at, asked, own)
    return row, outcome


def _take(
    kind: Kind,
    row: TelnyxApplication,
    remote: JsonObject,
    actor: Actor,
    reason: str,
    at: datetime,
    asked: list[Intent],
    own: Intent | None = None,
) -> Outcome:
    """Write what an answer tells into a locked row: a version for each author, in the order in which it came about.

    First what had been asked for here and was not known to be done, then what was changed at Telnyx, then ``own``.
    """
    if own:
        intents.end(own)
    if is_older(remote, row.remote):
        return "unchanged"
    sent = own.values if own else {}
    learn(kind, [row], {row.telnyx_id: remote}, at, but=sent)
    whole = merged(row.remote, remote)
    found = [*differing(row.remote, whole), *only_in(whole, row.remote)]
    if not found and row.missing_since is None:
        return "unchanged"
    mine = [name for name in found if name in sent]
    others = [intent for intent in asked if own is None or intent.pk != own.pk]
    claimed = intents.claims(others, whole, [name for name in found if name not in sent])
    named = {"updated_at", *mine, *(name for _, names in claimed for name in names)}
    theirs = [name for name in found if name not in named]
    steps = [(names, intents.who(intent), changed_by(intent.actor)) for intent, names in claimed]
    steps += [(theirs, actor, seen_by(actor) if own else reason)]
    steps += [(mine, actor, reason)] if own else []
    steps = [step for step in steps if step[0]] or steps[-1:]
    for names, who, why in steps[:-1]:
        _keep(kind, [], [fill(row, with_those(row.remote, whole, names), at)], who, why, at)
    _keep(kind, [], [fill(row, whole, at)], steps[-1][1], steps[-1][2], at)
    for intent, _ in claimed:
        intents.note(intent, "found carried out", row)
        intents.end(intent)
    return "updated"


def _news(row: TelnyxApplication, remote: JsonObject) -> dict[str, tuple[Any, Any]]:
    """Return what an answer tells otherwise than the row: of an object that is none on the other side all of it."""
    old, new = row.remote | flatten(row.remote), remote | flatten(remote)
    return {name: (old.get(name), new.get(name)) for name in differing(row.remote, remote)}


def _tells_more(row: TelnyxApplication, remote: JsonObject) -> bool:
    return row.remote_digest != digest(remote) and bool(differing(row.remote, remote))


def _is_newer(row: TelnyxApplication | None, asked_at: datetime | None) -> bool:
    """Tell whether the row was saved here after the answer was asked for: then it is the newer one of the two."""
    return row is not None and asked_at is not None and row.pulled_at is not None and row.pulled_at >= asked_at


def _write(kind: Kind, account: TelnyxAccount, page: Page, actor: Actor, reason: str) -> Counter[str]:
    new: list[TelnyxApplication] = []
    old: list[TelnyxApplication] = []
    known: list[TelnyxApplication] = []
    counts: Counter[str] = Counter()
    with transaction.atomic():
        rows = {
            row.telnyx_id: row
            for row in kind.rows(account).select_for_update(no_key=True).filter(telnyx_id__in=page.remotes)
        }
        at = sql.clock()
        asked, busy = intents.open_of(kind, account, rows), intents.in_work(rows.values())
        for id, remote in page.remotes.items():
            row = rows.get(id)
            if row is None:
                new.append(fill(kind.model(account=account, telnyx_id=id), remote, at))
            elif _is_newer(row, page.asked_at) or id in busy or is_older(remote, row.remote):
                continue
            elif id in asked:
                counts[_take(kind, row, remote, actor, reason, at, asked[id])] += 1
            else:
                known.append(row)
        learn(kind, known, page.remotes, at)
        for row in known:
            remote = page.remotes[row.telnyx_id]
            if row.missing_since or _tells_more(row, remote):
                old.append(fill(row, merged(row.remote, remote), at))
        _keep(kind, new, old, actor, reason, at)
    counts += Counter({"created": len(new), "updated": len(old)})
    counts["unchanged"] = len(page.remotes) - counts["created"] - counts["updated"]
    return counts


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
    how: JsonObject = {
        "batch_size": PAGE_SIZE,
        "default_user": actor.user,
        "default_change_reason": reason[:LONGEST_REASON],
    }
    how |= {"default_date": at, "custom_historical_attrs": signed(actor)}
    if new:
        bulk_create_with_history(new, kind.model, **how)
    if old:
        every = (field.name for field in kind.model._meta.concrete_fields if not field.primary_key)
        fields = [name for name in every if name not in COUNTED]
        bulk_update_with_history(old, kind.model, fields, **how)


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
