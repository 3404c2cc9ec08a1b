"""Releases what waits, while nobody owns it: each is one UPDATE that finds the row only as it was shown."""

import uuid
from collections.abc import Callable

from django.db import transaction
from django.db.models import Q

from applications.kinds import BY_SLUG
from applications.models import ApplyRun, Pull
from applications.pulls import one_at_a_time, pulls
from portal import sql
from portal.actors import Actor
from portal.models import AuditEvent
from portal.refusals import PortalRefusal
from voice.calls import status
from voice.catalogue import actions
from voice.dialling import batches
from voice.models import Call, CallCommand, CallEvent, DialBatch, Recovery, Replay
from voice.recovery import runs
from voice.wakeups import wake_commands, wake_event, wake_replay

_Status = CallCommand.Status


class Owned(PortalRefusal):
    """Says that somebody has it, or that it has gone on meanwhile."""

    code = "owned"


_GONE_ON = "It has gone on meanwhile, or somebody is at it: nothing was changed."


def release(kind: str, verb: str, row_id: uuid.UUID, actor: Actor) -> str:
    """Do one of ``RELEASES`` to the row; what was done, in words. ``PortalRefusal`` for a no."""
    permission, do = RELEASES[kind, verb]
    _demand(actor, permission)
    return do(row_id, actor)


def _now(row_id: uuid.UUID, actor: Actor) -> str:
    command = _command(row_id, actor)
    free = Q(status=_Status.QUEUED, batch=None) | Q(status=_Status.SENDING, lease_until__lt=sql.Now())
    with transaction.atomic():
        if not CallCommand.objects.filter(free, pk=row_id).update(lease_until=None):
            raise Owned(_GONE_ON)
        AuditEvent.note(actor, "command.release", command)
    wake_commands(row_id)
    return "It is tried now."


def _drop(row_id: uuid.UUID, actor: Actor) -> str:
    command = _command(row_id, actor)
    words = f"{actor.label} said that it is not to be sent any more."
    waiting = CallCommand.objects.filter(pk=row_id, status=_Status.QUEUED, first_sent_at=None)
    with transaction.atomic():
        if not waiting.update(status=_Status.EXPIRED, error=words, finished_at=sql.Now(), lease_until=None):
            raise Owned(_GONE_ON)
        AuditEvent.note(actor, "command.drop", command)
    return "It is not sent any more."


def _process(row_id: uuid.UUID, actor: Actor) -> str:
    event = CallEvent.objects.due().filter(pk=row_id, status=CallEvent.Status.RECEIVED).first()
    if event is None:
        raise Owned(_GONE_ON)
    AuditEvent.note(actor, "event.release", event)
    wake_event(row_id)
    return "It is processed now."


def _resume(row_id: uuid.UUID, actor: Actor) -> str:
    batch = DialBatch.objects.filter(pk=row_id, status=DialBatch.Status.PAUSED).first()
    if batch is None:
        raise Owned(_GONE_ON)
    batches.resume(batch, actor)
    return "It goes on."


def _ask(row_id: uuid.UUID, actor: Actor) -> str:
    call = Call.objects.alive().select_related("account").filter(pk=row_id).first()
    if call is None:
        raise Owned(_GONE_ON)
    is_known, words = status.asked(call)
    if not is_known:
        return "Telnyx does not know this call any more: it has ended, and the next recovery closes it."
    return words


def _bury_run(model: type[Pull] | type[ApplyRun]) -> Callable[[uuid.UUID, Actor], str]:
    def bury(row_id: uuid.UUID, actor: Actor) -> str:
        record = model.objects.filter(pk=row_id).first()
        if record is None:
            raise Owned(_GONE_ON)
        _demand(actor, f"applications.change_{BY_SLUG[record.kind].model._meta.model_name}")
        if not one_at_a_time.bury(record, pulls.INTERRUPTED if isinstance(record, Pull) else {}):
            raise Owned(_GONE_ON)
        AuditEvent.note(actor, "run.end", record)
        return "It is ended: the next one may begin."

    return bury


def _bury_recovery(row_id: uuid.UUID, actor: Actor) -> str:
    record = Recovery.objects.filter(pk=row_id).first()
    if record is None or not runs.bury(record):
        raise Owned(_GONE_ON)
    AuditEvent.note(actor, "run.end", record)
    return "It is ended: the next one may begin."


def _go_on(row_id: uuid.UUID, actor: Actor) -> str:
    if not Replay.objects.due().filter(pk=row_id, state__in=(Replay.State.LOOKING, Replay.State.RUNNING)).exists():
        raise Owned(_GONE_ON)
    wake_replay(row_id)
    return "Somebody is woken for it."


def _command(row_id: uuid.UUID, actor: Actor) -> CallCommand:
    command = CallCommand.objects.filter(pk=row_id).first()
    if command is None:
        raise Owned(_GONE_ON)
    _demand(actor, actions.permission(command.action))
    return command


def _demand(actor: Actor, permission: str) -> None:
    if actor.user is None or not actor.user.has_perm(permission):
        raise PortalRefusal(f"That needs the permission {permission}, which is lacking.")


# by kind and verb: the permission that it takes at least, and the function
RELEASES: dict[tuple[str, str], tuple[str, Callable[[uuid.UUID, Actor], str]]] = {
    ("command", "now"): ("voice.view_callcommand", _now),
    ("command", "drop"): ("voice.view_callcommand", _drop),
    ("event", "now"): ("voice.replay_event", _process),
    ("batch", "resume"): ("voice.dial", _resume),
    ("call", "ask"): ("voice.view_call", _ask),
    ("pull", "bury"): ("applications.view_pull", _bury_run(Pull)),
    ("applyrun", "bury"): ("applications.view_applyrun", _bury_run(ApplyRun)),
    ("recovery", "bury"): ("voice.recover_events", _bury_recovery),
    ("replay", "now"): ("voice.replay_event", _go_on),
}
