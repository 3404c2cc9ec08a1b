"""Settles *uncertain* commands: finds out from what Telnyx tells later whether it carried them out.

First the webhooks that came, then Telnyx's record of the call (``/call_events``) and the call's status, at growing
distances; what nobody can tell after 15 minutes is a person's to decide. Money is always a person's.
"""

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from portal import sql
from portal.actors import Actor
from portal.models import AuditEvent
from portal.telnyx.errors import TelnyxError
from voice.calls import status, telnyx_record
from voice.catalogue import actions, retry_policy, texml_operations
from voice.catalogue.correlation import (
    ANSWERS,
    BEGINS_WITHIN,
    EVENT_TYPES,
    fits,
    may_have_caused,
    numbers_called,
    pairs,
    proof,
)
from voice.catalogue.event_types import label
from voice.commands import outbox
from voice.dispatch import evidence, ordering
from voice.dispatch.dialled_call import call_of_dial
from voice.dispatch.evidence import is_already_so
from voice.models import CallCommand, CallEvent, Recording
from voice.texml import evidence as texml_evidence
from voice.texml import secrets

SEND_AGAIN = "send_again"
VERDICTS = ("it_happened", "it_did_not", SEND_AGAIN)
_LEASE = timedelta(seconds=60)
_MOST = 500  # events or commands that are weighed against each other
_CONNECTS_WITHIN = timedelta(hours=1)  # a dial connects when it is answered
_Status = CallCommand.Status


class NotUncertain(Exception):
    """Says that there is nothing to decide (any more)."""


class CannotRepeat(NotUncertain):
    """Says that the portal cannot send it again, and who can."""


def unsettled() -> QuerySet[CallCommand]:
    """Select the commands of which nobody knows whether they were carried out."""
    return CallCommand.objects.filter(status=_Status.UNCERTAIN, settled_at=None)


def for_a_person() -> QuerySet[CallCommand]:
    """Select the unsettled commands that a person has to decide: unknown after 15 minutes, and money at once."""
    waited = Q(finished_at__lt=sql.Now() - retry_policy.UNKNOWN_AFTER)
    return unsettled().filter(waited | Q(action__in=retry_policy.MONEY))


def needs_a_person(command: CallCommand) -> bool:
    """Tell whether the portal has stopped looking, so that a person has to decide."""
    if not command.is_open_question or command.finished_at is None:
        return False
    return (
        retry_policy.retry_class(command.action) is retry_policy.RetryClass.MONEY
        or sql.clock() - command.finished_at > retry_policy.UNKNOWN_AFTER
    )


def due(limit: int) -> list[uuid.UUID]:
    """List the ids of the uncertain commands whose time for a look has come."""
    rows = unsettled().filter(lease_until__lt=sql.Now()).order_by("lease_until")
    return list(rows.values_list("id", flat=True)[:limit])


def settle_from_event(event_id: uuid.UUID) -> None:
    """Settle the commands that this processed event answers."""
    if not unsettled().exists():
        return
    _settle_texml_from(event_id)
    event = CallEvent.objects.defer("body", "headers").filter(pk=event_id, event_type__in=EVENT_TYPES).first()
    if event is None:
        return
    actions_answered = [name for name, types in ANSWERS.items() if event.event_type in types]
    subject = Q(call=event.call_id) if event.call_id else Q(pk=None)
    if event.call_session_id:
        subject |= Q(call__call_session_id=event.call_session_id)
    if event.conference_id:
        subject |= Q(conference=event.conference_id)
    subject |= Q(call=None, action=actions.DIAL)
    for command in (
        unsettled().select_related("call").filter(subject, account=event.account_id, action__in=actions_answered)
    ):
        if fits(command, event):
            _from_webhooks(command)


def reconcile(command_id: uuid.UUID) -> None:
    """Look once for what became of an uncertain command.

    First at the webhooks that came, then at Telnyx, whose failures are no error here.
    """
    claimed = unsettled().filter(pk=command_id, lease_until__lt=sql.Now()).update(lease_until=sql.Now() + _LEASE)
    command = CallCommand.objects.select_related("account", "call").filter(pk=command_id).first()
    if not claimed or command is None:
        return
    if texml_operations.is_texml(command.action):
        found = _from_callbacks(command) or _from_resources(command)
    else:
        found = retry_policy.retry_class(command.action) is not retry_policy.RetryClass.MONEY and (
            _from_webhooks(command) or _from_telnyx(command)
        )
    if not found:
        unsettled().filter(pk=command_id).update(lease_until=_next_look(command))


def answer_of(command: CallCommand) -> CallEvent | None:
    """Find the stored event that answers the command, if one does."""
    if command.first_sent_at is None:
        return None
    events = _stored(command)
    return pairs([command, *_rivals(command, events)], events).get(command.pk)


def settle(command_id: uuid.UUID, verdict: str, actor: Actor) -> CallCommand:
    """Settle a command by a person's verdict; return it as it is now, or the new one made by ``send_again``.

    Raises ``NotUncertain``; for ``send_again`` also what ``outbox.act`` and ``outbox.dial`` raise.
    """
    with transaction.atomic():
        ordering.lock_subjects(command_id)  # sending it again may lock its call
        list(Recording.objects.select_for_update(no_key=True).filter(deletion=command_id))  # and names another there
        rows = CallCommand.objects.select_for_update(of=("self",), no_key=True)
        command = rows.select_related("account", "call").get(pk=command_id)
        if command.status != _Status.UNCERTAIN or command.settled_at is not None:
            raise NotUncertain(f"There is nothing to decide: it is {command.status}.")
        AuditEvent.note(actor, "command.settle", command, verdict=verdict)
        if verdict == SEND_AGAIN:
            again = _send_again(command, actor)
            _write(command, _Status.UNCERTAIN, f"Not known. {actor.label} sent it again, as {again.pk}.")
            return again
        happened = verdict == "it_happened"
        words = f"Settled by {actor.label}: it {'happened' if happened else 'did not happen'}."
        _write(command, _Status.OK if happened else _Status.EXPIRED, words)
        return command


def _send_again(command: CallCommand, actor: Actor) -> CallCommand:
    """Make the same wish under a new id: Telnyx must not take it for the old one."""
    if command.action == secrets.SAVE:
        raise CannotRepeat("The portal does not keep the value of a secret: save the secret again.")
    intent, parameters = f"again:{command.pk}", command.parameters
    if "." in command.action:
        again = outbox.repeat(command, actor, intent=intent)
    elif command.call is not None and command.action != actions.DIAL:
        again = outbox.act(command.call, command.action, parameters, actor, intent=intent)
    else:
        again = outbox.dial(command.account, parameters, actor, intent=intent)
    again.repeats = command
    again.save(update_fields=["repeats"])
    return again


def _settle_texml_from(event_id: uuid.UUID) -> None:
    """Settle the TeXML commands that this callback, now in its call's story, may answer."""
    told = CallEvent.objects.defer("body", "headers").filter(pk=event_id, event_type__in=texml_operations.ANSWERING)
    if (event := told.first()) is None:
        return
    answered = [name for name, types in texml_operations.ANSWERS.items() if event.event_type in types]
    subject = Q(call=None) | Q(call=event.call_id)
    for command in unsettled().select_related("call").filter(subject, account=event.account_id, action__in=answered):
        _from_callbacks(command)


def _from_callbacks(command: CallCommand) -> bool:
    found = texml_evidence.from_callbacks(command)
    return found is not None and _confirm(command.pk, _Status.OK, found.words, found.call)


def _from_resources(command: CallCommand) -> bool:
    """Ask Telnyx for what the TeXML command made or set. That it is not there proves nothing: lists lag behind."""
    try:
        found = texml_evidence.from_telnyx(command)
    except TelnyxError:
        return False  # asked again at the next look
    return found is not None and _confirm(command.pk, _Status.OK, found.words, found.call)


def _from_webhooks(command: CallCommand) -> bool:
    return _prove(command, _stored(command), "the webhook")


def _stored(command: CallCommand) -> list[CallEvent]:
    """List the events that came since the command was sent and may answer it."""
    events = CallEvent.objects.filter(_where(command), event_type__in=ANSWERS.get(command.action, ()))
    events = events.filter(account=command.account_id, received_at__gte=command.first_sent_at)
    found = list(events.defer("body", "headers").order_by("received_at")[:_MOST])
    evidence.attach_calls(command, found)
    return found


def _prove(command: CallCommand, events: list[CallEvent], source: str) -> bool:
    if retry_policy.retry_class(command.action) is retry_policy.RetryClass.MONEY:
        return False
    rivals = _rivals(command, events)
    event = proof(command, rivals, events) if len(rivals) <= _MOST else None
    if event is None:
        return False
    words = f"Settled from {source} {event.event_type} ({label(event.event_type)})."
    # of two dials and two calls it is known that both were made, and not which is whose
    is_its_call = command.action == actions.DIAL and not any(may_have_caused(one, event) for one in rivals)
    return _confirm(command.pk, _Status.OK, words, event.payload if is_its_call else None)


def _rivals(command: CallCommand, events: list[CallEvent]) -> list[CallCommand]:
    """List the other commands that may have caused one of these events; more than ``_MOST`` if nobody can tell.

    Read after the events: a command is a row before it has any.
    """
    sent = command.first_sent_at or sql.clock()
    rows = CallCommand.objects.select_related("call").filter(account=command.account_id, first_sent_at__isnull=False)
    if command.conference_id is not None:
        rows = rows.filter(_where(command))
    elif command.call_id is not None:
        linking = Q(parameters__call_control_id=command.call_control_id) | Q(parameters__has_key="queue")
        linking |= Q(parameters__link_to=command.call_control_id)
        lately = Q(created_at__gte=sent - _CONNECTS_WITHIN, action__in=("bridge", actions.DIAL))
        rows = rows.filter(_of_its_legs(command) | (lately & linking))
    else:
        around = (sent - 2 * BEGINS_WITHIN, sent + 2 * BEGINS_WITHIN)
        several = Q(parameters__to__0__isnull=False)
        to = command.parameters.get("to")
        as_written = to if isinstance(to, list) else [to]
        same = Q(parameters__to__in=[*numbers_called(command), *as_written]) | several
        calls = {event.call_id for event in events}
        unmet = Q(call=None) | Q(call__in=calls - {None}) | ~Q(action=actions.DIAL) | several
        rows = rows.filter(same, unmet, first_sent_at__range=around, action__in=(actions.DIAL, "transfer"))
    return list(rows.exclude(pk=command.pk)[: _MOST + 1])


def _where(command: CallCommand) -> Q:
    """Build the condition for where its events are looked for.

    Its call, its session (a transfer's new leg), its conference, or the application of a dial.
    """
    if command.conference_id is not None:
        room = Q(conference=command.conference_id)
        return room | Q(call=command.call_id) if command.call_id else room
    if command.call_id is None:
        until = (command.first_sent_at or sql.clock()) + BEGINS_WITHIN
        there = Q(connection_id=str(command.parameters.get("connection_id")), occurred_at__lte=until)
        return there & Q(payload__direction="outgoing", payload__to__in=numbers_called(command))
    here = Q(call=command.call_id)
    return here | Q(call_session_id=_session(command)) if _session(command) else here


def _of_its_legs(command: CallCommand) -> Q:
    """Build the condition for commands of its call, or of any leg of its session."""
    here = Q(call=command.call_id)
    return here | Q(call__call_session_id=_session(command)) if _session(command) else here


def _session(command: CallCommand) -> str:
    return command.call.call_session_id if command.call else ""


def _from_telnyx(command: CallCommand) -> bool:
    try:
        return _from_record(command) or _from_status(command)
    except TelnyxError:
        return False  # asked again at the next look


def _from_record(command: CallCommand) -> bool:
    query = evidence.record_filter(command)
    record = telnyx_record.read(command.account, query) if query else telnyx_record.Record([], complete=False)
    if mine := [entry for entry in record.entries if evidence.carries_id(entry, command.id_at_telnyx)]:
        # it has each attempt, and one that was carried out is enough
        entry = next((one for one in mine if telnyx_record.refusal(one) is None), mine[0])
        if (code := telnyx_record.refusal(entry)) is not None:
            words = f"Settled from Telnyx's record: Telnyx refused it{f' ({code})' if code else ''}."
            return _confirm(command.pk, _Status.REFUSED, words)
        words = f"Settled from Telnyx's record: it has the command {entry.get('name')}."
        return _confirm(command.pk, _Status.OK, words, evidence.ids_of_dialled_call(command, entry))
    if _prove(command, evidence.events_of(command, record), "Telnyx's record of"):
        return True
    if record.complete and command.call_id is not None and evidence.is_missing(command, record):
        return _confirm(command.pk, _Status.EXPIRED, "Settled from Telnyx's record: it does not have this command.")
    return False


def _from_status(command: CallCommand) -> bool:
    if "." in command.action:
        return is_already_so(command) and _confirm(command.pk, _Status.OK, "Settled from the state at Telnyx.")
    if command.call is None:
        return False
    if is_already_so(command):
        return _confirm(command.pk, _Status.OK, "Settled from the call's status at Telnyx.")
    if command.action not in {"hangup", "reject"}:
        return False
    answer = status.status(command.call)
    ended = answer is not None and answer.get("is_alive") is False and bool(answer.get("end_time"))
    return ended and _confirm(command.pk, _Status.OK, "Settled from the call's status at Telnyx: it has ended.")


def _confirm(command_id: uuid.UUID, status: str, words: str, made: dict[str, Any] | None = None) -> bool:
    """Store the verdict, unless somebody else has settled the command meanwhile.

    ``made``: the ids of the call that a dial made.
    """
    with transaction.atomic():
        command = unsettled().filter(pk=command_id).first()
        if command is None:
            return True
        if made is not None and (call := call_of_dial(command, made, sql.clock())):  # before the command is locked
            command.call, command.call_control_id = call, call.call_control_id
        if unsettled().select_for_update(no_key=True).filter(pk=command_id).values_list("pk"):
            _write(command, status, words)
        else:
            transaction.set_rollback(True)
    return True


def _write(command: CallCommand, status: str, words: str) -> None:
    command.status, command.settlement = status, words
    command.settled_at, command.lease_until = sql.clock(), None
    command.save(update_fields=["status", "settlement", "settled_at", "lease_until", "call", "call_control_id"])


def _next_look(command: CallCommand) -> Any:
    now = sql.clock()
    return retry_policy.next_look(command.finished_at or now, now)
