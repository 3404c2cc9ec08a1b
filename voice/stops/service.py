"""Suspends accounts and applications, hangs up many calls at once, and undoes what of that can be undone.

Whoever suspends takes the lock of the account's limits first, as each dial does: a dial is either there already, and
its batch is paused below, or it is refused. Batches are paused and resumed after that commit, since their rows are
locked before those of limits. Whoever does it may die: the rows tell what is left to do, and the sweep does it.
"""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress

from django.db import transaction
from django.db.models import Count, Exists, F, Model, OuterRef, Q, QuerySet

from applications.kinds import KINDS
from applications.models import TelnyxApplication
from portal import sql
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from voice.catalogue import actions
from voice.commands import outbox
from voice.dialling import batches, limits
from voice.models import Call, CallCommand, DialBatch, Limits, Stop, Suspension
from voice.suspensions import standing

MOST = 2000  # calls that one stop hangs up: more are left for the next one, and it says so
_Status = CallCommand.Status
# also a document, given to a call, that dials by itself
_RINGS = Q(action__in=sorted(actions.RINGS)) | Q(action="texml.calls.redirect", dials__gt=0)


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
    _pause_all_of(row, actor)
    return row


def lift(row: Suspension, actor: Actor) -> int:
    """Lift the suspension, and let the batches go on that were paused with it; how many that are."""
    with transaction.atomic():
        if not Suspension.objects.filter(pk=row.pk).delete()[0]:
            return 0
        _note(actor, "lift", row, since=row.since.isoformat(), why=row.why)
    return resume(row.pk, actor) + _resume(_held_by_nobody().filter(account=row.account), actor)


def resume(paused_for: uuid.UUID, actor: Actor) -> int:
    """Let the batches go on that this suspension or stop has paused, except where another one holds; how many do."""
    return _resume(paused_with(paused_for), actor)


def settle_batches() -> None:
    """Pause the batches that run although they are suspended; resume those whose suspension is not there any more.

    Whoever suspends or lifts does both at once, unless he dies before; and a batch may be resumed just before it is
    suspended, or be paused with two suspensions. What a stop has paused, a person resumes.
    """
    for row in Suspension.objects.select_related("account"):
        _pause_all_of(row, PORTAL)
    _resume(_held_by_nobody(), PORTAL)


def _held_by_nobody() -> QuerySet[DialBatch]:
    """Select the batches whose suspension is not there any more, where no other one holds."""
    mine, whole = Q(pk=OuterRef("paused_for")), Q(connection_id="", account=OuterRef("account"))
    one = Q(connection_id=OuterRef("connection_id"), account=OuterRef("account"))
    held = Exists(Suspension.objects.filter(mine | whole | one)) | Exists(Stop.objects.filter(mine))
    paused = _with_lines_left().filter(status=DialBatch.Status.PAUSED, paused_for__isnull=False)
    return paused.exclude(held)


def paused_with(paused_for: uuid.UUID) -> QuerySet[DialBatch]:
    """Select the batches that this suspension or stop has paused, and nobody has touched since."""
    return DialBatch.objects.filter(paused_for=paused_for, status=DialBatch.Status.PAUSED)


def outgoing(account: TelnyxAccount | None = None) -> QuerySet[Call]:
    """Select the outgoing calls that are alive, of one account or of all."""
    rows = Call.objects.alive().filter(direction="outgoing")
    return rows.filter(account=account) if account else rows


def running_batches(account: TelnyxAccount | None = None) -> QuerySet[DialBatch]:
    """Select the batches that have lines to dial, or on the wire."""
    rows = _with_lines_left().filter(status=DialBatch.Status.RUNNING)
    return rows.filter(account=account) if account else rows


def held_batches(account: TelnyxAccount | None = None) -> QuerySet[DialBatch]:
    """Select the batches with lines left that a suspension has paused: lifted, they would go on."""
    rows = _with_lines_left().filter(_held_by_a_suspension())
    return rows.filter(account=account) if account else rows


def waiting_dials(account: TelnyxAccount | None = None) -> QuerySet[CallCommand]:
    """Select the dials, transfers and refers that were asked for and have not left yet, beside those of batches."""
    rows = CallCommand.objects.filter(_RINGS, status=_Status.QUEUED, first_sent_at=None, batch=None)
    return rows.filter(account=account) if account else rows


def begun_dials(account: TelnyxAccount | None = None) -> QuerySet[CallCommand]:
    """Select what rings, has left and may be sent again, lines of batches among it: Telnyx may send it back."""
    left = Q(status=_Status.SENDING) | Q(status=_Status.QUEUED, first_sent_at__isnull=False)
    rows = CallCommand.objects.filter(left, _RINGS, expires_at__gte=sql.Now())
    return rows.filter(account=account) if account else rows


def stop_outgoing(stop_id: uuid.UUID, actor: Actor, account: TelnyxAccount | None = None) -> Stop:
    """Pause the batches, drop dials, transfers and refers that have not left, hang up every outgoing call.

    A batch that a suspension has paused is taken over, whichever came first: what a stop holds, a person lets go on.
    What is on the wire is not sent again, whatever Telnyx says. The same ``stop_id``: once. One that was interrupted
    goes on, since nothing of it is done twice.
    """
    row = _begin(stop_id, actor, account)
    if row.done_at:
        return row
    # in one look: whoever suspends or lifts meanwhile changes the one into the other
    going = _with_lines_left().filter(Q(status=DialBatch.Status.RUNNING) | _held_by_a_suspension())
    _pause(going.filter(account=account) if account else going, row.pk, actor, takes_over=True)
    row.batches = paused_with(row.pk).count()
    dropped = {"status": _Status.EXPIRED, "finished_at": row.at, "lease_until": None, "error": row.words}
    with transaction.atomic():
        # in the order in which a sender locks those of one event; and none comes back between the two statements
        open_dials = waiting_dials(account) | begun_dials(account)
        list(open_dials.select_for_update(no_key=True).order_by("created_at", "sequence").values_list("pk"))
        number = waiting_dials(account).update(**dropped)
        begun_dials(account).update(expires_at=row.at)
        Stop.objects.filter(pk=row.pk).update(dials=F("dials") + number)  # somebody else may stop them with it
    row.dials += number
    _hang_up(row, list(outgoing(account).select_related("account").defer("facts")[:MOST]), actor)
    return _end(row, actor, "call.stop_outgoing", "calls", "dials", "batches")


def hang_up(stop_id: uuid.UUID, ids: Sequence[uuid.UUID], actor: Actor) -> Stop:
    """Hang up those of the calls that are alive. The same ``stop_id``: once, as ``stop_outgoing``."""
    row = _begin(stop_id, actor, None, is_of_picked=True)
    if row.done_at:
        return row
    picked = Call.objects.alive().filter(pk__in=list(ids)[:MOST])
    _hang_up(row, list(picked.select_related("account").defer("facts")), actor)
    return _end(row, actor, "call.hang_up_many", "calls")


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


def _begin(stop_id: uuid.UUID, actor: Actor, account: TelnyxAccount | None, *, is_of_picked: bool = False) -> Stop:
    told = {"account": account, "at": sql.clock(), "requested_by": actor.label[:300], "user": actor.user}
    return Stop.objects.get_or_create(pk=stop_id, defaults=told | {"is_of_picked": is_of_picked})[0]


def _hang_up(row: Stop, calls: list[Call], actor: Actor) -> None:
    commands = outbox.hang_up_all(calls, actor, row.at)
    row.calls = commands_of(row).count()  # with those from before it was interrupted
    for command in commands:
        outbox.wake_sender(command)


def _end(row: Stop, actor: Actor, action: str, *counts: str) -> Stop:
    """Write down what the stop did, unless somebody who asked for the same one at this moment has."""
    row.done_at = sql.clock()
    told = {"calls": row.calls, "batches": row.batches, "done_at": row.done_at}
    with transaction.atomic():
        if Stop.objects.filter(pk=row.pk, done_at=None).update(**told):
            AuditEvent.note(actor, action, row.account, **{name: getattr(row, name) for name in counts})
    return row


def _with_lines_left() -> QuerySet[DialBatch]:
    """Select the batches with lines to dial. One on the wire is one: Telnyx may send it back, and then it waits."""
    left = CallCommand.objects.filter(status__in=(_Status.QUEUED, _Status.SENDING), batch__isnull=False)
    return DialBatch.objects.filter(pk__in=left.values("batch"))


def _held_by_a_suspension() -> Q:
    """Build the condition for batches that are paused with a suspension, which may be lifted already, and no stop."""
    by_a_stop = Exists(Stop.objects.filter(pk=OuterRef("paused_for")))
    return Q(~by_a_stop, status=DialBatch.Status.PAUSED, paused_for__isnull=False)


def _pause_all_of(row: Suspension, actor: Actor) -> None:
    scope = Q(connection_id=row.connection_id) if row.connection_id else Q()
    _pause(running_batches(row.account).filter(scope), row.pk, actor)


def _pause(rows: QuerySet[DialBatch], paused_for: uuid.UUID, actor: Actor, *, takes_over: bool = False) -> None:
    for batch in rows:
        batches.pause(batch, actor, paused_for=paused_for, takes_over=takes_over)


def _resume(rows: QuerySet[DialBatch], actor: Actor) -> int:
    going_on = 0
    for batch in rows.select_related("account"):
        with suppress(standing.Suspended):
            resumed = batches.resume(batch, actor, paused_for=batch.paused_for)
            going_on += resumed.status == DialBatch.Status.RUNNING
    return going_on


def _note(actor: Actor, verb: str, row: Suspension, **details: object) -> None:
    subject = subject_of(row)
    noun = "application" if row.connection_id else "account"
    AuditEvent.note(actor, f"{noun}.{verb}", subject, connection_id=row.connection_id, **details)
