"""Creates, updates and deletes applications, and is their only writer. Telnyx is asked first; what is stored is its
answer.

None of them may run inside a transaction (``portal.telnyx.client.ask`` refuses). A crash between Telnyx's yes and our
row is healed by the next pull, which finds in the intent who it was.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction

from applications.editing import adoption
from applications.editing.checks import check_create, check_update, in_turn
from applications.editing.edit_lock import create_lock, edit_lock
from applications.kinds import Kind, flatten, kind_of, unflatten
from applications.mirror import intents
from applications.mirror.answers import agree, digest, has_all, merged, same
from applications.mirror.rows import claim_creation
from applications.mirror.store import changed_by, data_of, mark_missing, retrieved, seen_by, store
from applications.models import Intent, TelnyxApplication
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUncertain
from portal.telnyx.schemas import has_parameter
from portal.trail import changes

Retry = Literal["look", "only look", "if none", "anyway"]

_TAUGHT = 10  # of the newest versions, those among which one may have been told more since it was written


@dataclass(frozen=True)
class Difference:
    """Holds one field that both sides changed: as it was, as it is at Telnyx now, as it is wanted here."""

    base: Any
    theirs: Any
    mine: Any


class Conflict(Exception):
    """Telnyx has another state than the one this change was made from. Nothing was sent.

    ``fields`` by dotted name; ``application`` is the row, already as Telnyx has it now.
    """

    def __init__(self, application: TelnyxApplication, fields: dict[str, Difference]) -> None:
        super().__init__("The application was changed at Telnyx meanwhile; nothing was sent.")
        self.application, self.fields = application, fields


def create_application(
    kind: Kind,
    account: TelnyxAccount,
    values: JsonObject,
    actor: Actor,
    *,
    retry: Retry = "if none",
    open_choices: bool = False,
    wish: str = "",
) -> tuple[TelnyxApplication, str]:
    """Create at Telnyx (``POST /call_control_applications``, ``/texml_applications``) and keep the answer.

    Returns the row and what is to be known of how it was made (empty: nothing). Webhooks are asked for in version 2
    unless ``values`` say otherwise: Telnyx's own default is the old one. When the answer is lost, or the last try of
    the same name and address has no known outcome, the application is looked for at Telnyx and adopted if it is the
    only one that may be it. Otherwise ``retry`` tells whether such a repeated try makes a new one: never (``look``), if
    nothing is there that may be it (``if none``), or in any case (``anyway``). ``only look`` makes none either where no
    such try is known. With ``open_choices`` words that the SDK does not know are sent, too: they were read from Telnyx.
    What the same ``wish`` has made before is returned, if any is told. Raises ``InvalidParameters`` or a
    ``TelnyxError``, of which ``adoption.UncertainCreate`` tells the candidates.
    """
    method = kind.method("create")
    if has_parameter(method, "webhook_api_version"):
        values = {"webhook_api_version": "2", **values}
    values, later = in_turn(kind, values)
    check_create(kind, values, later, open_choices=open_choices)
    with create_lock(kind, account, values):
        if wish and (made := adoption.made_before(kind, account, values, wish)):
            return made, "This form had been sent before: here is the application that it made."
        found = _find_open(kind, account, values, actor, retry, wish)
        application, notice = found or _create(kind, account, values, actor, wish)
    application, trouble = _set_later(application, kind, later, actor)
    return application, " ".join(sentence for sentence in (notice, trouble) if sentence)


def _create(
    kind: Kind, account: TelnyxAccount, values: JsonObject, actor: Actor, wish: str
) -> tuple[TelnyxApplication, str]:
    intent = intents.begin(actor, kind, account, Intent.Verb.CREATE, values)
    try:
        remote = data_of(ask(account, kind.method("create"), **values))
    except TelnyxUncertain as error:
        adoption.note(actor, kind, account, values, "uncertain", None, asked_at=intent.asked_at.isoformat())
        try:
            return _adopt(kind, account, values, actor, [intent], error, wish)
        except adoption.UncertainCreate:
            raise
        except TelnyxError:
            raise adoption.uncertain(error, None) from error
    except TelnyxError:
        intents.end(intent)
        raise
    return _made(kind, account, remote, values, actor, "created", wish), ""


def _find_open(
    kind: Kind, account: TelnyxAccount, values: JsonObject, actor: Actor, retry: Retry, wish: str
) -> tuple[TelnyxApplication, str] | None:
    """Return what an earlier try made, its outcome still unknown; None without one, or when ``retry`` lets go on."""
    tries = adoption.open_tries(kind, account, values)
    if not tries and retry == "only look":
        raise adoption.not_remembered(kind, account, values)
    if not tries:
        return None
    error = TelnyxUncertain("It is not known whether the last try created it.")
    try:
        return _adopt(kind, account, values, actor, tries, error, wish)
    except adoption.UncertainCreate as uncertain:
        if retry == "anyway" or (retry == "if none" and not uncertain.candidates):
            return None
        raise


def _adopt(
    kind: Kind,
    account: TelnyxAccount,
    values: JsonObject,
    actor: Actor,
    tries: list[Intent],
    error: TelnyxUncertain,
    wish: str,
) -> tuple[TelnyxApplication, str]:
    """Return the only application at Telnyx that these tries can have made; else raise ``UncertainCreate``."""
    candidates = adoption.candidates(kind, account, values, tries)
    if len(candidates) != 1 or not has_all(kind, candidates[0], values):
        raise adoption.uncertain(error, candidates) from error
    application = _made(kind, account, candidates[0], values, actor, "adopted", wish)
    return application, "Telnyx's answer was lost; the application it had made was found there and taken over."


def _made(
    kind: Kind, account: TelnyxAccount, remote: JsonObject, values: JsonObject, actor: Actor, how: str, wish: str
) -> TelnyxApplication:
    """Keep one that was created here. What was asked for before, under its name and address, is settled with it."""
    reason = f"{how} ({actor.label})"
    said = "done" if how == "created" else how
    with transaction.atomic():
        application, outcome = store(kind, account, remote, actor, reason)
        if outcome != "created":
            claim_creation(application, actor, reason)
        intents.end(*adoption.open_tries(kind, account, values))
        told = {"telnyx_id": application.telnyx_id} | ({"wish": wish} if wish else {})
        adoption.note(actor, kind, account, values, said, application, **told)
    return application


def update_application(
    application: TelnyxApplication,
    values: JsonObject,
    actor: Actor,
    *,
    base_digest: str | None = None,
    expected: Collection[str] = (),
    open_choices: bool = False,
) -> TelnyxApplication:
    """Change ``values`` (nested; only what is to change) at Telnyx and keep the answer.

    ``base_digest`` names the state the change was made from; without it that is the state re-read now. What changed at
    Telnyx since and is not named stays, and is stored first, as changed there; what both changed raises ``Conflict``,
    as does a state that is not one of ``expected``, and whatever is named of a base that nobody knows and is otherwise
    at Telnyx. None clears a value, and Telnyx judges. Raises ``InvalidParameters`` or a ``TelnyxError``, too.
    """
    kind, mine = kind_of(application), flatten(values)
    check_update(kind, mine, flatten(application.remote), open_choices=open_choices)
    with edit_lock(application):
        row = _reread(application, kind, actor)
        there = flatten(row.remote)
        base = row.remote if base_digest is None else snapshot(application, base_digest)
        fields = _conflicts(base, there, mine)
        if expected and not _is_expected(row, expected):
            raise Conflict(row, _stale(application, expected, there, mine))
        if fields:
            raise Conflict(row, fields)
        wanted = {name: value for name, value in mine.items() if name not in there or not same(there[name], value)}
        return _push(row, kind, wanted, actor) if wanted else row


def delete_application(application: TelnyxApplication, actor: Actor, *, expected: Collection[str] = ()) -> None:
    """Delete at Telnyx and mark the row missing; it stays for its calls. Gone there already counts as done."""
    kind = kind_of(application)
    with edit_lock(application):
        if expected:
            row = _reread(application, kind, actor)
            if not _is_expected(row, expected):
                raise Conflict(row, _stale(application, expected, flatten(row.remote), {}))
        _delete(application, kind, actor)


def _reread(application: TelnyxApplication, kind: Kind, actor: Actor) -> TelnyxApplication:
    """Ask Telnyx for it, and return the row as Telnyx has it now: what others changed there is stored as theirs."""
    asked_at = sql.clock()
    try:
        remote = retrieved(kind, application.account, application.telnyx_id)
    except TelnyxRefused as error:
        if error.is_not_found:
            mark_missing(application, actor, f"gone at Telnyx, seen by {actor.label}")
        raise
    row, _ = store(kind, application.account, remote, actor, seen_by(actor))
    intents.lapse(kind, application.account, asked_at, row)
    return row


def _is_expected(row: TelnyxApplication, expected: Collection[str]) -> bool:
    """Return whether Telnyx has one of these states, by what its answers of then and of now both tell."""
    if row.remote_digest in expected:
        return True
    known = (snapshot(row, digest) for digest in expected)
    return any(remote is not None and agree(remote, row.remote) for remote in known)


def snapshot(application: TelnyxApplication, base_digest: str) -> JsonObject | None:
    """Return the answer of Telnyx that has that digest: the row's own, or one of its history.

    A version that was told more later on has all of it, and the digest of before (``applications.mirror.rows.learn``).
    """
    if base_digest == application.remote_digest:
        own: JsonObject = application.remote
        return own
    if "\x00" in base_digest:  # no digest, and PostgreSQL takes no such text
        return None
    remotes = application.history.values_list("remote", flat=True)  # type: ignore[attr-defined]
    remote: JsonObject | None = remotes.filter(remote_digest=base_digest).first()
    if remote is None:
        remote = next((told for told in remotes[:_TAUGHT] if digest(told) == base_digest), None)
    return remote


def _push(application: TelnyxApplication, kind: Kind, wanted: JsonObject, actor: Actor) -> TelnyxApplication:
    """Change ``wanted`` (by dotted name) and return the row made of Telnyx's answer. The edit lock is held.

    The intent is a row before the request goes out. An answer that is lost is looked for once; when the change is not
    there by then, it stays uncertain.
    """
    account = application.account
    intent = intents.begin(actor, kind, account, Intent.Verb.UPDATE, wanted, application.telnyx_id)
    try:
        answer = _patch(application, kind, unflatten(wanted))
    except TelnyxUncertain as error:
        intents.note(intent, "uncertain", application)
        return _found(application, kind, intent, error)
    except TelnyxError:
        intents.end(intent)
        raise
    answer = _told_whole(application, kind, wanted, answer)
    before = flatten(application.remote)
    with transaction.atomic():  # the intent is over with it, and tells nobody any more who it was
        row, _ = store(kind, account, answer, actor, changed_by(actor.label), own=intent)
        after = flatten(row.remote)
        told = changes.between(*({name: all_of.get(name) for name in wanted} for all_of in (before, after)))
        AuditEvent.note(actor, "application.update", row, telnyx_id=row.telnyx_id, changed=sorted(wanted), **told)
    return _after_a_pull(row, kind, actor) if intents.was_pulled(intent) else row


def _delete(application: TelnyxApplication, kind: Kind, actor: Actor) -> None:
    """Delete it; of one that is gone already somebody else is told to have done it."""
    intent = intents.begin(actor, kind, application.account, Intent.Verb.DELETE, {}, application.telnyx_id)
    reason, own = f"deleted ({actor.label})", True
    try:
        ask(application.account, kind.method("delete"), application.telnyx_id)
    except TelnyxUncertain:
        intents.note(intent, "uncertain", application)
        if not _is_gone(application, kind):
            raise
    except TelnyxError as error:
        intents.end(intent)
        if not isinstance(error, TelnyxRefused) or not error.is_not_found:
            raise
        reason, own = f"gone at Telnyx, seen by {actor.label}", False
    with transaction.atomic():
        mark_missing(application, actor, reason, own=intent if own else None)
        AuditEvent.note(actor, "application.delete", application, telnyx_id=application.telnyx_id)


def _patch(application: TelnyxApplication, kind: Kind, values: JsonObject) -> JsonObject:
    required = {name: application.remote.get(name) for name in kind.required}
    return data_of(ask(application.account, kind.method("update"), application.telnyx_id, **{**required, **values}))


def _told_whole(application: TelnyxApplication, kind: Kind, wanted: JsonObject, answer: JsonObject) -> JsonObject:
    """Return the answer to a change, and where it leaves out what the change may have touched, what Telnyx has now.

    Whether an object keeps the members that a PATCH does not name is documented nowhere. It should, since Telnyx's own
    clients name only what they change; what it did not keep is stored as changed at Telnyx, for everybody to see.
    """
    touched = {name.partition(".")[0] for name in wanted}
    before = flatten({name: value for name, value in application.remote.items() if name in touched})
    there = flatten(answer)
    if all(name in there for name in {**before, **wanted}):
        return answer
    try:
        return merged(answer, retrieved(kind, application.account, application.telnyx_id))
    except TelnyxError:
        return answer  # Telnyx said yes


def _found(application: TelnyxApplication, kind: Kind, intent: Intent, error: TelnyxUncertain) -> TelnyxApplication:
    """Return the row when Telnyx has the change whose answer was lost; else raise what came of asking for it."""
    actor = intents.who(intent)
    try:
        remote = retrieved(kind, application.account, application.telnyx_id)
    except TelnyxError:
        raise error from None
    row, _ = store(kind, application.account, remote, actor, seen_by(actor))
    if intents.is_open(intent):
        raise error
    return row


def _after_a_pull(row: TelnyxApplication, kind: Kind, actor: Actor) -> TelnyxApplication:
    """Return the row as Telnyx has it now: a pull leaves alone what is in work, and others may have changed it."""
    try:
        remote = retrieved(kind, row.account, row.telnyx_id)
    except TelnyxError:
        return row  # what was asked for is done; the next pull brings the rest
    return store(kind, row.account, remote, actor, seen_by(actor))[0]


def _is_gone(application: TelnyxApplication, kind: Kind) -> bool:
    """Return whether Telnyx does not know it any more; not if that cannot be told now."""
    try:
        ask(application.account, kind.method("retrieve"), application.telnyx_id)
    except TelnyxError as error:
        return isinstance(error, TelnyxRefused) and error.is_not_found
    return False


def _conflicts(base: JsonObject | None, there: JsonObject, mine: JsonObject) -> dict[str, Difference]:
    """Return what both sides changed; of a base that nobody knows all that is wanted otherwise than it is there."""
    was = flatten(base or {})
    return {
        name: Difference(was.get(name), there.get(name), value)
        for name, value in mine.items()
        if not same(there.get(name), value) and (base is None or not same(there.get(name), was.get(name)))
    }


def _stale(
    application: TelnyxApplication, expected: Collection[str], there: JsonObject, mine: JsonObject
) -> dict[str, Difference]:
    """Return what changed since the expected state, and what was named; ``mine`` of a field not named is its base."""
    known = (snapshot(application, digest) for digest in expected)
    base = flatten(next((remote for remote in known if remote is not None), {}))
    changed = {name: base.get(name) for name in [*base, *there] if base and not same(base.get(name), there.get(name))}
    named = {name: base.get(name) for name, value in mine.items() if not same(there.get(name), value)}
    return {
        name: Difference(was, there.get(name), mine.get(name, was))
        for name, was in {**changed, **named}.items()
        if name != "updated_at"
    }


def _set_later(
    application: TelnyxApplication, kind: Kind, later: Mapping[str, Any], actor: Actor
) -> tuple[TelnyxApplication, str]:
    if not any(later.values()):
        return application, ""
    try:
        with edit_lock(application):
            return _push(application, kind, dict(later), actor), ""
    except TelnyxError as error:
        return application, f"The application was created, but its {' and '.join(later)} could not be set: {error}"
