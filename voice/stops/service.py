"""Suspends accounts and applications, hangs up many calls at once, and undoes what of that can be undone.

Whoever suspends takes the lock of the account's limits first, as each dial does: a dial is either there already, and
its batch is paused below, or it is refused.
"""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress

from django.db import transaction
from django.db.models import Count, Model, Q, QuerySet

from applications.kinds import KINDS
from applications.models import TelnyxApplication
from portal import sql
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from voice.catalogue import actions
from voice.commands import outbox
from voice.commands.responses import wake_sender
from voice.dialling import batches, limits
from voice.models import Call, CallCommand, DialBatch, Limits, Stop, Suspension
from voice.suspensions import standing

MOST = 2000  # calls that one stop hangs up: more are left for the next one, and it says so
_Status = CallCommand.Status


def suspend(account: TelnyxAccount, connection_id: str, why: str, actor: Actor) -> Suspension:
    """Suspend the application, or with an empty ``connection_id`` the whole account, and pause its batches.

    What is suspended already stays as it is.
    """
    limits.of_account(account)
    told = {"since": sql.clock(), "why": why, "requested_by": actor.label[:300], "user": actor.user}
    with transaction.atomic():
        Limits.objects.select_for_update(no_key=True).get(account=account)
        row, made = Suspension.objects.get_or_create(account=account, connection_id=connection_id, defaults=told)
        if made:
            _note(actor, "suspend", row, why=why)
    scope = Q(account=account) & (Q(connection_id=connection_id) if connection_id else Q())
    _pause(running_batches().filter(scope), row.pk, actor)
    return row


def lift(row: Suspension, actor: Actor) -> int:
    """Lift the suspension, and let the batches go on that were paused with it; how many that are."""
    with transaction.atomic():
        if not Suspension.objects.filter(pk=row.pk).delete()[0]:
            return 0
        _note(actor, "lift", row, since=row.since.isoformat(), why=row.why)
    return resume(row.pk, actor)


def resume(paused_for: uuid.UUID, actor: Actor) -> int:
    """Let the batches go on that this suspension or stop has paused, except where another one holds; how many do."""
    going_on = 0
    for batch in paused_with(paused_for).select_related("account"):
        with suppress(standing.Suspended):
            going_on += batches.resume(batch, actor).status == DialBatch.Status.RUNNING
    return going_on


def paused_with(paused_for: uuid.UUID) -> QuerySet[DialBatch]:
    """Select the batches that this suspension or stop has paused, and nobody has touched since."""
    return DialBatch.objects.filter(paused_for=paused_for, status=DialBatch.Status.PAUSED)


def outgoing(account: TelnyxAccount | None = None) -> QuerySet[Call]:
    """Select the outgoing calls that are alive, of one account or of all."""
    rows = Call.objects.alive().filter(direction="outgoing")
    return rows.filter(account=account) if account else rows


def running_batches(account: TelnyxAccount | None = None) -> QuerySet[DialBatch]:
    """Select the batches that have lines to dial."""
    waiting = CallCommand.objects.filter(status=_Status.QUEUED, batch__isnull=False).values("batch")
    rows = DialBatch.objects.filter(status=DialBatch.Status.RUNNING, pk__in=waiting)
    return rows.filter(account=account) if account else rows


def waiting_dials(account: TelnyxAccount | None = None) -> QuerySet[CallCommand]:
    """Select the dials that were asked for and have not left yet, beside those of batches."""
    rows = CallCommand.objects.filter(status=_Status.QUEUED, first_sent_at=None, batch=None)
    rows = rows.filter(action__in=sorted(actions.NEW_CALLS))
    return rows.filter(account=account) if account else rows


def stop_outgoing(stop_id: uuid.UUID, actor: Actor, account: TelnyxAccount | None = None) -> Stop:
    """Pause the batches, drop dials that have not left, hang up every outgoing call.

    The same ``stop_id``: once. One that was interrupted goes on, since nothing of it is done twice.
    """
    row = _begin(stop_id, actor, account)
    if row.done_at:
        return row
    _pause(running_batches(account), row.pk, actor)
    row.batches = paused_with(row.pk).count()
    dropped = {"status": _Status.EXPIRED, "finished_at": row.at, "lease_until": None}
    row.dials = waiting_dials(account).update(**dropped, error=f"All outgoing calls were stopped by {actor.label}.")
    _hang_up(row, list(outgoing(account).select_related("account").defer("facts")[:MOST]), actor)
    AuditEvent.note(actor, "call.stop_outgoing", account, calls=row.calls, dials=row.dials, batches=row.batches)
    return row


def hang_up(stop_id: uuid.UUID, ids: Sequence[uuid.UUID], actor: Actor) -> Stop:
    """Hang up those of the calls that are alive. The same ``stop_id``: once, as ``stop_outgoing``."""
    row = _begin(stop_id, actor, None)
    if row.done_at:
        return row
    picked = Call.objects.alive().filter(pk__in=list(ids)[:MOST])
    _hang_up(row, list(picked.select_related("account").defer("facts")), actor)
    AuditEvent.note(actor, "call.hang_up_many", None, calls=row.calls)
    return row


def commands_of(row: Stop) -> QuerySet[CallCommand]:
    """Select the hang-ups that the stop asked for."""
    asked = CallCommand.objects.filter(requested_by=row.requested_by, created_at=row.at)
    return asked.filter(action__in=sorted(actions.HANG_UPS))


def outcomes(row: Stop) -> dict[str, int]:
    """Count the hang-ups that the stop asked for, by their status now."""
    return dict(commands_of(row).order_by().values_list("status").annotate(count=Count("pk")))


def application_of(account: TelnyxAccount, connection_id: str) -> TelnyxApplication | None:
    """Find the application of either kind by its id at Telnyx; None when the account has none of that id."""
    rows = (kind.model._default_manager.filter(account=account, telnyx_id=connection_id).first() for kind in KINDS)
    return next((row for row in rows if row), None)


def subject_of(row: Suspension) -> Model:
    """Find what is suspended: the application, where it is known, else the account."""
    return (application_of(row.account, row.connection_id) if row.connection_id else None) or row.account


def subjects_of(rows: Sequence[Suspension]) -> list[Model]:
    """Find what each of the suspensions is of, as ``subject_of``, in a statement for each kind of application."""
    asked = {(row.account_id, row.connection_id) for row in rows if row.connection_id}
    where = Q(account__in={account for account, _ in asked}, telnyx_id__in={telnyx_id for _, telnyx_id in asked})
    found: dict[tuple[uuid.UUID, str], Model] = {}
    for kind in KINDS if asked else ():
        for one in kind.model._default_manager.filter(where):
            found.setdefault((one.account_id, one.telnyx_id), one)
    return [found.get((row.account_id, row.connection_id), row.account) for row in rows]


def count_paused_with(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Count, by suspension or stop, the batches that it has paused; those that have none are left out."""
    rows = DialBatch.objects.filter(paused_for__in=list(ids), status=DialBatch.Status.PAUSED).order_by()
    return dict(rows.values_list("paused_for").annotate(count=Count("pk")))


def _begin(stop_id: uuid.UUID, actor: Actor, account: TelnyxAccount | None) -> Stop:
    told = {"account": account, "at": sql.clock(), "requested_by": actor.label[:300], "user": actor.user}
    return Stop.objects.get_or_create(pk=stop_id, defaults=told)[0]


def _hang_up(row: Stop, calls: list[Call], actor: Actor) -> None:
    commands = outbox.hang_up_all(calls, actor, row.at)
    row.calls, row.done_at = len(commands), sql.clock()
    row.save(update_fields=["calls", "dials", "batches", "done_at"])
    for command in commands:
        wake_sender(command)


def _pause(rows: QuerySet[DialBatch], paused_for: uuid.UUID, actor: Actor) -> int:
    paused = [batches.pause(batch, actor, paused_for=paused_for) for batch in rows]
    return sum(batch.paused_for == paused_for for batch in paused)


def _note(actor: Actor, verb: str, row: Suspension, **details: object) -> None:
    subject = subject_of(row)
    noun = "account" if subject == row.account and not row.connection_id else "application"
    AuditEvent.note(actor, f"{noun}.{verb}", subject, connection_id=row.connection_id, **details)
