"""Creates, updates and deletes applications, and is their only writer. Telnyx is asked first; what is stored is its
answer.

None of them may run inside a transaction (``portal.telnyx.client.ask`` refuses). A crash between Telnyx's yes and our
row is healed by the next pull.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from applications import addresses
from applications.editing import adoption
from applications.editing.edit_lock import edit_lock
from applications.kinds import NESTED, Kind, flatten, kind_of, unflatten
from applications.mirror.store import data_of, digest, mark_missing, store
from applications.models import TelnyxApplication
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUncertain
from portal.telnyx.schemas import InvalidParameters, has_parameter, validate

Retry = Literal["look", "if none", "anyway"]


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
) -> tuple[TelnyxApplication, str]:
    """Create at Telnyx (``POST /call_control_applications``, ``/texml_applications``) and keep the answer.

    Returns the row and what is to be known of how it was made (empty: nothing). Webhooks are asked for in version 2
    unless ``values`` say otherwise: Telnyx's own default is the old one. When the answer is lost, or was lost at the
    last try of the same name and address, the application is looked for at Telnyx and adopted if it is the only one
    that may be it. Otherwise ``retry`` tells whether such a repeated try makes a new one: never (``look``), if nothing
    is there that may be it (``if none``), or in any case (``anyway``). With ``open_choices`` words that the SDK does
    not know are sent, too: they were read from Telnyx. Raises ``InvalidParameters`` or a ``TelnyxError``, of which
    ``adoption.UncertainCreate`` tells the candidates.
    """
    method = kind.method("create")
    if has_parameter(method, "webhook_api_version"):
        values = {"webhook_api_version": "2", **values}
    values, later = _in_turn(kind, values)
    _check_create(kind, values, later, open_choices=open_choices)
    application, notice = _find_open(kind, account, values, actor, retry) or _create(kind, account, values, actor)
    application, trouble = _set_later(application, kind, later, actor)
    return application, " ".join(sentence for sentence in (notice, trouble) if sentence)


def _create(kind: Kind, account: TelnyxAccount, values: JsonObject, actor: Actor) -> tuple[TelnyxApplication, str]:
    asked_at = sql.clock()
    try:
        remote = data_of(ask(account, kind.method("create"), **values))
    except TelnyxUncertain as error:
        adoption.note(actor, kind, account, values, "uncertain", None, asked_at=asked_at.isoformat())
        try:
            return _adopt(kind, account, values, actor, asked_at, error)
        except adoption.UncertainCreate:
            raise
        except TelnyxError:
            raise adoption.uncertain(error, None) from error
    application, _ = store(kind, account, remote, actor, f"created ({actor.label})")
    adoption.note(actor, kind, account, values, "done", application, telnyx_id=application.telnyx_id)
    return application, ""


def _find_open(
    kind: Kind, account: TelnyxAccount, values: JsonObject, actor: Actor, retry: Retry
) -> tuple[TelnyxApplication, str] | None:
    """Return what an earlier try made, its outcome still unknown; None without one, or when ``retry`` lets go on."""
    asked_at = adoption.open_since(kind, account, values)
    if asked_at is None:
        return None
    error = TelnyxUncertain("It is not known whether the last try created it.")
    try:
        return _adopt(kind, account, values, actor, asked_at, error)
    except adoption.UncertainCreate as uncertain:
        if retry == "anyway" or (retry == "if none" and not uncertain.candidates):
            return None
        raise


def _adopt(
    kind: Kind, account: TelnyxAccount, values: JsonObject, actor: Actor, asked_at: datetime, error: TelnyxUncertain
) -> tuple[TelnyxApplication, str]:
    """Return the only application at Telnyx that this create can have made; else raise ``UncertainCreate``."""
    candidates = adoption.candidates(kind, account, values, asked_at)
    if len(candidates) != 1:
        raise adoption.uncertain(error, candidates) from error
    application, _ = store(kind, account, candidates[0], actor, f"adopted ({actor.label})")
    adoption.note(actor, kind, account, values, "adopted", application, telnyx_id=application.telnyx_id)
    return application, "Telnyx's answer was lost; the application it had made was found there and taken over."


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
    Telnyx since and is not named stays; what both changed raises ``Conflict``, as does a state that is not one of
    ``expected``. None clears a value, and Telnyx judges. Raises ``InvalidParameters`` or a ``TelnyxError``, too.
    """
    kind, mine = kind_of(application), flatten(values)
    _check_update(kind, mine, flatten(application.remote), open_choices=open_choices)
    with edit_lock(application):
        return _change(application, kind, mine, actor, base_digest, expected)


def _change(
    application: TelnyxApplication,
    kind: Kind,
    mine: JsonObject,
    actor: Actor,
    base_digest: str | None,
    expected: Collection[str],
) -> TelnyxApplication:
    theirs = _reread(application, kind, actor)
    there = flatten(theirs)
    base = there if base_digest is None else flatten(snapshot(application, base_digest) or {})
    fields = _conflicts(base, there, mine)
    if expected and digest(theirs) not in expected:
        fields = _stale(application, expected, there, mine)
        row, _ = store(kind, application.account, theirs, actor, f"changed at Telnyx, seen by {actor.label}")
        raise Conflict(row, fields)
    if fields:
        row, _ = store(kind, application.account, theirs, actor, f"changed at Telnyx, seen by {actor.label}")
        raise Conflict(row, fields)
    wanted = {name: value for name, value in mine.items() if name not in there or there[name] != value}
    return _push(application, kind, theirs, wanted, actor)


def delete_application(application: TelnyxApplication, actor: Actor, *, expected: Collection[str] = ()) -> None:
    """Delete at Telnyx and mark the row missing; it stays for its calls. Gone there already counts as done."""
    with edit_lock(application):
        _delete(application, actor, expected)


def _delete(application: TelnyxApplication, actor: Actor, expected: Collection[str]) -> None:
    kind = kind_of(application)
    if expected and digest(remote := _reread(application, kind, actor)) not in expected:
        fields = _stale(application, expected, flatten(remote), {})
        row, _ = store(kind, application.account, remote, actor, f"changed at Telnyx, seen by {actor.label}")
        raise Conflict(row, fields)
    try:
        ask(application.account, kind.method("delete"), application.telnyx_id)
    except TelnyxRefused as error:
        if error.http_status != 404:
            raise
    mark_missing(application, actor, f"deleted ({actor.label})")
    AuditEvent.note(actor, "application.delete", application, telnyx_id=application.telnyx_id)


def check(kind: Kind, values: JsonObject, there: JsonObject | None) -> None:
    """Check whether flat ``values`` could be sent, without asking Telnyx: as a create, or as a change of what is
    ``there``.

    Words that the SDK does not know are let through. Raises ``InvalidParameters``.
    """
    if there is not None:
        return _check_update(kind, values, there, open_choices=True)
    return _check_create(kind, *_in_turn(kind, unflatten(values)), open_choices=True)


def _in_turn(kind: Kind, values: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Split a create from what only a PATCH after it takes: the SDK's Call Control create has no tags."""
    later = {name: values[name] for name in values if name == "tags" and not has_parameter(kind.method("create"), name)}
    return {name: value for name, value in values.items() if name not in later}, later


def snapshot(application: TelnyxApplication, base_digest: str) -> JsonObject | None:
    """Return the answer of Telnyx that has that digest: the row's own, or one of its history."""
    if base_digest == application.remote_digest:
        own: JsonObject = application.remote
        return own
    if "\x00" in base_digest:  # no digest, and PostgreSQL takes no such text
        return None
    history = application.history.filter(remote_digest=base_digest)  # type: ignore[attr-defined]
    remote: JsonObject | None = history.values_list("remote", flat=True).first()
    return remote


def _push(
    application: TelnyxApplication, kind: Kind, theirs: JsonObject, wanted: JsonObject, actor: Actor
) -> TelnyxApplication:
    if not wanted:
        return store(kind, application.account, theirs, actor, f"read ({actor.label})")[0]
    body = _patch_body(kind, theirs, wanted)
    answer = ask(application.account, kind.method("update"), application.telnyx_id, **body)
    row, _ = store(kind, application.account, data_of(answer), actor, f"changed ({actor.label})")
    AuditEvent.note(actor, "application.update", row, telnyx_id=row.telnyx_id, changed=sorted(wanted))
    return row


def _patch_body(kind: Kind, theirs: JsonObject, wanted: JsonObject) -> JsonObject:
    """Return both required fields, whole nested objects, and what is to change.

    Whether Telnyx keeps or resets a member that an object leaves out is documented nowhere, so it gets all of them;
    those that read as null stay out, since its own default ``channel_limit: null`` is not of the type it takes.
    """
    body: JsonObject = {name: theirs.get(name) for name in kind.required}
    for name in NESTED:
        inner = theirs.get(name)
        if isinstance(inner, dict) and (kept := {key: value for key, value in inner.items() if value is not None}):
            body[name] = kept
    for name, value in unflatten(wanted).items():
        body[name] = {**body.get(name, {}), **value} if name in NESTED else value
    return body


def _reread(application: TelnyxApplication, kind: Kind, actor: Actor) -> JsonObject:
    try:
        return data_of(ask(application.account, kind.method("retrieve"), application.telnyx_id))
    except TelnyxRefused as error:
        if error.http_status == 404:
            mark_missing(application, actor, f"gone at Telnyx, seen by {actor.label}")
        raise


def _conflicts(base: JsonObject, there: JsonObject, mine: JsonObject) -> dict[str, Difference]:
    return {
        name: Difference(base.get(name), there.get(name), value)
        for name, value in mine.items()
        if there.get(name) != base.get(name) and there.get(name) != value
    }


def _stale(
    application: TelnyxApplication, expected: Collection[str], there: JsonObject, mine: JsonObject
) -> dict[str, Difference]:
    """Return what changed since the expected state, and what was named; ``mine`` of a field not named is its base."""
    known = (snapshot(application, digest) for digest in expected)
    base = flatten(next((remote for remote in known if remote is not None), {}))
    changed = {name: base.get(name) for name in [*base, *there] if base and base.get(name) != there.get(name)}
    named = {name: base.get(name) for name, value in mine.items() if there.get(name) != value}
    return {
        name: Difference(was, there.get(name), mine.get(name, was))
        for name, was in {**changed, **named}.items()
        if name != "updated_at"
    }


def _check_update(kind: Kind, mine: JsonObject, kept: JsonObject, *, open_choices: bool) -> None:
    """Check only what is to change.

    A null clears: the SDK's types know few nulls, Telnyx takes more, so it is the judge.
    """
    known = kind.settable_flat()
    for name, value in mine.items():
        if value is None and (name in NESTED or name in kind.required):
            raise InvalidParameters({name: ["This parameter is required."]})
    checked = {name: value for name, value in mine.items() if value is not None or name not in known}
    validate(kind.method("update"), unflatten(checked), partial=True, open_choices=open_choices)
    if wrong := addresses.problems(mine, kept):
        raise InvalidParameters(wrong)


def _check_create(kind: Kind, values: JsonObject, later: JsonObject, *, open_choices: bool) -> None:
    errors: dict[str, list[str]] = {}
    for verb, part in (("create", values), ("update", later)):
        try:
            validate(kind.method(verb), part, partial=part is later, open_choices=open_choices)
        except InvalidParameters as invalid:
            errors |= invalid.errors
    errors = addresses.problems(values, {}) | errors
    if errors:
        raise InvalidParameters(errors)


def _set_later(
    application: TelnyxApplication, kind: Kind, later: Mapping[str, Any], actor: Actor
) -> tuple[TelnyxApplication, str]:
    if not any(later.values()):
        return application, ""
    try:
        return _push(application, kind, application.remote, dict(later), actor), ""
    except TelnyxError as error:
        return application, f"The application was created, but its {' and '.join(later)} could not be set: {error}"
