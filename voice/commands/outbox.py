"""Makes commands on a person's behalf. A command is a row here; sending it is another room's business."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from portal import sql
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.refusals import LimitExceeded
from portal.telnyx import schemas
from portal.telnyx.schemas import InvalidParameters
from voice.catalogue import actions, retry_policy, texml_operations
from voice.commands import products
from voice.dialling import limits, own_numbers, rights
from voice.dialling.destinations import destinations
from voice.models import Call, CallCommand, Conference, Recording
from voice.wakeups import wake_commands

LEASE = timedelta(seconds=30)  # of who sends a command
_LONGEST_ID = 512
NOT_DELETED = frozenset({CallCommand.Status.REFUSED, CallCommand.Status.EXPIRED})  # the file, or the words: there yet
_AT_ONCE = 200  # rows of one INSERT


def dial(account: TelnyxAccount, parameters: object, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued dial. ``parameters`` by wire name; ``InvalidParameters`` when Telnyx's SDK would not take them.

    ``LimitExceeded`` when a limit of the account or of the token forbids it, ``PortalRefusal`` without the permissions.
    ``intent`` tells one wish from another: the same one twice is the same command.
    """
    values = _allowed(account, actions.DIAL, actions.check(actions.DIAL, parameters), actor)
    return _save(_command(account, actions.DIAL, values, actor, intent), actor)


def act(call: Call, action: str, parameters: object, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued action on a call; ``expired`` at once when the call is known to have ended.

    One on a TeXML leg is ``InvalidParameters``. Everything else (is it answered yet, may this leg do that) is Telnyx's
    to judge.
    What calls somebody is held to the limits, as a dial is; ``PortalRefusal`` without the permissions it takes.
    """
    products.refuse_on_texml(call, action)
    values = _allowed(call.account, action, actions.check(action, parameters), actor)
    command = _command(call.account, action, values, actor, intent)
    command.call, command.call_control_id = call, call.call_control_id
    if not call.is_alive:
        command.status, command.error = CallCommand.Status.EXPIRED, "The call has already ended."
        command.finished_at = command.created_at
    return _save(command, actor)


def hang_up_all(calls: Sequence[Call], actor: Actor, at: datetime) -> list[CallCommand]:
    """Make a queued hang-up of each live call in a few statements. They are all of the time ``at``, and that once.

    They are as fresh as if they were of now: whoever was interrupted at that time may go on much later.
    """
    rights.demand(actor, "hangup", {})
    products.tell_products(list(calls))
    now = sql.clock()
    made = [_hang_up(call, actor, at, now) for call in calls]
    return CallCommand.objects.bulk_create(made, batch_size=_AT_ONCE, ignore_conflicts=True)


def place(
    account: TelnyxAccount,
    action: str,
    parameters: object,
    actor: Actor,
    *,
    path: Sequence[str] = (),
    address: Mapping[str, str] | None = None,
    conference: Conference | None = None,
    queue_name: str = "",
    intent: str = "",
) -> CallCommand:
    """Make a queued command of a conference, a queue or TeXML (``conferences.hold``), by the ids of its address.

    ``address`` are ids that the SDK takes by name (``queue_name`` beside a call's id). ``expired`` at once when the
    conference, or the call that it names, is known to have ended. Limits hold for what calls somebody.
    ``InvalidParameters`` also names an id of TeXML's address that is lacking.
    """
    if texml_operations.is_texml(action):
        texml_operations.check_address(action, path)
    named = dict(address or {})
    taken = {name: value for name, value in named.items() if schemas.has_parameter(actions.method(action), name)}
    given = {**parameters, **taken} if isinstance(parameters, dict) else parameters
    values = _allowed(account, action, actions.check(action, given), actor)
    command = _command(account, action, {**values, **named}, actor, intent)
    command.path, command.conference, command.queue_name = list(path), conference, queue_name
    _attach_call(command)
    return _save(_unless_over(command), actor)


def delete_recording(
    account: TelnyxAccount, action: str, recording_id: str, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued deletion of a recording's file; while one is open, or was carried out, it is that one.

    The recording's row names it, if there is a row.
    """
    with transaction.atomic():
        rows = Recording.objects.select_for_update(of=("self",), no_key=True).select_related("deletion")
        kept = rows.filter(account=account, key=recording_id).first()
        if kept is None:
            return delete_by_id(account, action, recording_id, actor)
        last = kept.deletion or _deletion_by_id(account, action, recording_id)  # asked for before there was a row
        if last is None or last.status in NOT_DELETED:
            last = place(account, action, {}, actor, path=[recording_id], intent=intent)
        if last.pk != kept.deletion_id:
            Recording.objects.filter(pk=kept.pk).update(deletion=last)
        return last


def delete_by_id(account: TelnyxAccount, action: str, identifier: str, actor: Actor) -> CallCommand:
    """Make a queued deletion of what has no row here; while one is open, or was carried out, it is that one.

    There is no row to lock: of two who ask at once the intent is the same.
    """
    last = _deletion_by_id(account, action, identifier)
    if last is not None and last.status not in NOT_DELETED:
        return last
    intent = _deletion_after(last or account, action, identifier)
    return place(account, action, {}, actor, path=[identifier], intent=intent)


def repeat(command: CallCommand, actor: Actor, *, intent: str) -> CallCommand:
    """Make the same command of a conference, a queue or TeXML once more: a new wish, under a new id."""
    rights.demand(actor, command.action, command.parameters)
    fresh = _command(command.account, command.action, command.parameters, actor, intent)
    fresh.path, fresh.conference, fresh.queue_name = command.path, command.conference, command.queue_name
    _attach_call(fresh)
    made = _save(_unless_over(fresh), actor)
    if command.action in actions.DELETES_RECORDING:
        Recording.objects.filter(deletion=command).update(deletion=made)
    return made


def begin(
    account: TelnyxAccount, action: str, parameters: dict[str, object], actor: Actor, *, intent: str = ""
) -> tuple[CallCommand, bool]:
    """Make a command that its maker sends at once, since the row may not hold all of it; whether it is a new one.

    Nobody else sends it: should its maker die, the lease runs out and it is uncertain. ``finish`` ends it.
    """
    rights.demand(actor, action, parameters)
    command = _command(account, action, parameters, actor, intent)
    now = command.created_at
    command.status, command.first_sent_at = CallCommand.Status.SENDING, now
    command.lease_until = now + LEASE
    command.attempts = [{"at": now.isoformat(), "http_status": None, "ms": None, "code": None}]
    saved = _save(command, actor)
    return saved, saved.pk == command.pk


def finish(command: CallCommand, status: str, **told: Any) -> None:
    """Store what came of a command that was begun, unless somebody else has closed it since.

    ``told``: ``answer``, ``error``, ``code``, ``http_status``, ``outcome``.
    """
    mine, now = {"status": command.status, "lease_until": command.lease_until}, sql.clock()
    command.status, command.answer, command.finished_at, command.lease_until = status, told["answer"], now, None
    command.error, command.error_code = told["error"], sql.cut(CallCommand, "error_code", told["code"])
    command.attempts[-1] |= {
        "http_status": told["http_status"],
        "ms": round((now - command.created_at).total_seconds() * 1000),
        "code": told["code"] or None,
        "outcome": told["outcome"],
    }
    names = ("status", "answer", "finished_at", "lease_until", "error", "error_code", "attempts")
    sql.update(command, names, **mine)


def wake_sender(command: CallCommand) -> bool:
    """Wake the sender of a command that is queued; False when it was closed before it could be sent."""
    queued = command.status == CallCommand.Status.QUEUED
    if queued:
        wake_commands(command.pk)
    return queued


def _deletion_by_id(account: TelnyxAccount, action: str, identifier: str) -> CallCommand | None:
    """Return the last one that ``delete_by_id`` made, found by its intent: ids of addresses have no index."""
    last: CallCommand | None = None
    intent = _deletion_after(account, action, identifier)
    while found := CallCommand.objects.filter(intent_key=_of_person(intent)).first():
        last = found
        while again := last.repeated_by.order_by("-created_at").first():
            last = again
        intent = _deletion_after(last, action, identifier)
    return last


def _deletion_after(before: TelnyxAccount | CallCommand, action: str, identifier: str) -> str:
    return str(uuid.uuid5(before.pk, f"{action} {identifier}"))


def _of_person(intent: str) -> str:
    return f"person:{intent}"


def _hang_up(call: Any, actor: Actor, at: datetime, now: datetime) -> CallCommand:
    is_texml = call.product == products.Product.TEXML
    action, values = ("texml.calls.hang_up", {"Status": "completed"}) if is_texml else ("hangup", {})
    command = _command(call.account, action, actions.check(action, values), actor, f"{at.isoformat()}:{call.pk}", now)
    command.created_at, command.lease_until = at, now  # of a stop that goes on nobody is late before now
    command.path = [call.call_control_id] if is_texml else []
    command.call, command.call_control_id = call, call.call_control_id
    return command


def _attach_call(command: CallCommand) -> None:
    """Attach the leg it is about, so that it stands in that leg's story. What is queued may be an ended call's."""
    of_queue = actions.is_on_a_queued_call(command.action)
    control_id = command.path[0] if of_queue else command.parameters.get("call_control_id")
    if texml_operations.is_texml(command.action):
        control_id = texml_operations.call_sid(command.action, command.path) or None
    if not isinstance(control_id, str) or len(control_id) > _LONGEST_ID:
        return
    call = Call.objects.filter(account=command.account, call_control_id=control_id).first()
    if call is not None or not command.action.startswith("texml.participants."):  # there it may be a label
        command.call_control_id = control_id
    command.call = call if call is not None and (call.is_alive or not of_queue) else None


def _unless_over(command: CallCommand) -> CallCommand:
    over = ""
    if command.conference is not None and command.conference.is_over:
        over = "The conference has already ended."
    elif command.call is not None and not command.call.is_alive:
        over = "The call has already ended."
    if over:
        command.status, command.error, command.finished_at = CallCommand.Status.EXPIRED, over, command.created_at
    return command


def _command(
    account: TelnyxAccount,
    action: str,
    values: dict[str, object],
    actor: Actor,
    intent: str,
    now: datetime | None = None,
) -> CallCommand:
    now = now or sql.clock()  # by which it is judged, whatever this machine's clock says
    return CallCommand(
        account=account,
        action=action,
        parameters=values,
        intent_key=_of_person(intent or str(uuid.uuid4())),
        requested_by=actor.label,
        user=actor.user,
        token=actor.token,
        created_at=now,
        expires_at=now + retry_policy.freshness(action),
    )


def _allowed(account: TelnyxAccount, action: str, values: dict[str, object], actor: Actor) -> dict[str, object]:
    """Return ``values``, or refuse what the actor may not do, what was hidden, and to call whom nobody can tell."""
    rights.demand(actor, action, values)
    actions.refuse_hidden(values)
    named = destinations(action, values)
    if named.unreadable:
        raise InvalidParameters({place: [limits.UNREADABLE] for place in named.unreadable})
    if named:
        own_numbers.open_own_countries(account)
    return values


def _save(command: CallCommand, actor: Actor) -> CallCommand:
    """Save the command; return it, or the one that this very wish made before (a double click)."""
    try:
        with transaction.atomic():
            if command.status == CallCommand.Status.QUEUED:
                limits.admit(command)
            command.save(force_insert=True)
            details = {"command": str(command.pk), "status": command.status}
            verb = command.action if "." in command.action else f"call.{command.action}"
            subject = command.conference or command.call or command.account
            AuditEvent.note(actor, verb, subject, **details)
    except IntegrityError:
        return CallCommand.objects.get(intent_key=command.intent_key)
    except LimitExceeded:
        if made := CallCommand.objects.filter(intent_key=command.intent_key).first():
            return made
        raise
    return command
