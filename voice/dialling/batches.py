"""Dials many numbers from one application, one after the other. A line is a command with a time to come.

Nothing waits here: the sweep sends each line when it is due. A line's intent is the batch and its place in it, so no
repetition dials it twice.
"""

import base64
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, F

from portal import csv_lines, sql
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.phone_numbers import check_endpoint
from portal.refusals import LimitExceeded
from portal.telnyx.schemas import InvalidParameters
from portal.texts import pluralised
from voice.catalogue import actions, retry_policy
from voice.dialling import destinations, limits, own_numbers, rights
from voice.models import CallCommand, DialBatch
from voice.suspensions import standing

MAX_LINES = 1000
_LAST_LINE = 32_767  # its command's ``sequence`` holds no more
SLOWEST, FASTEST = 0.01, 20.0  # dials per second
_HELD = datetime(9999, 1, 1, tzinfo=UTC)  # a paused line is due then, and takes room from then on
_HEADERS = {"number", "numbers", "to", "phone", "phone number", "phone_number"}
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')  # a cell of CSV
_ROOM_AFTER = timedelta(seconds=5)  # a full limit is asked again then
_PATIENCE = timedelta(hours=1)  # after the batch would have been through
_PASSING = {"dials_per_minute", "concurrent_calls", standing.LIMIT}  # what passes without this batch's doing
_SOMEBODY = "+13125550001"  # in the place of each line's number
_AT_ONCE = 50  # batches whose lines one statement counts
_Status = CallCommand.Status


@dataclass(frozen=True)
class Line:
    """Holds one line. ``at`` is its number for people, from 1; ``client_state`` as on the wire."""

    at: int
    to: str
    client_state: str = ""


@dataclass
class Plan:
    """Holds a dry run: the lines as they would be dialled, with what they share, and what is wrong with which."""

    shared: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """Counts the lines in each status. ``state`` is that of the batch, ``done`` when nothing is left of it.

    ``percent`` is 100 then alone.
    """

    state: str
    counts: dict[str, int]
    finished: int
    percent: int


def read_lines(text: str) -> list[Line]:
    """Read a number a line; behind a comma, semicolon or tab a client state. Empty lines and a heading fall away.

    So does the apostrophe that a file of ours has before a number, for spreadsheets.
    """
    separator = r"[,\t]" if "sip:" in text.lower() else r"[,;\t]"
    found: list[Line] = []
    for at, row in enumerate(text.splitlines(), 1):
        number, *state = [cell.strip() for cell in re.split(separator, row, maxsplit=1)]
        number = csv_lines.bare(number.strip('"').strip())
        if number and not (not found and number.lower() in _HEADERS):
            found.append(Line(at, number, encode_client_state(_unquoted(state[0])) if state else ""))
    return found


def encode_client_state(text: str) -> str:
    """Encode a client state as Telnyx takes it: in base64."""
    return base64.b64encode(text.encode()).decode()


def plan(account: TelnyxAccount, shared: dict[str, Any], lines: list[Line], per_second: float, actor: Actor) -> Plan:
    """Check everything and dial nothing. ``InvalidParameters`` or ``PortalRefusal`` for what is wrong as a whole."""
    if not SLOWEST <= per_second <= FASTEST:
        raise InvalidParameters({"per_second": [f"Must be between {SLOWEST} and {FASTEST:g}."]})
    if not 0 < len(lines) <= MAX_LINES:
        raise InvalidParameters({"numbers": [f"Give 1 to {MAX_LINES:,} numbers; these are {len(lines):,}."]})
    if "to" in shared:
        raise InvalidParameters({"to": ["The numbers say whom to call: leave it out."]})
    checked = actions.check(actions.DIAL, shared | {"to": _SOMEBODY})
    shared = {name: value for name, value in checked.items() if name != "to"}  # its numbers in one form
    if len(shared["connection_id"]) > (most := sql.longest(DialBatch, "connection_id")):
        raise InvalidParameters({"connection_id": [f"At most {most} characters: give the application's id."]})
    rights.demand(actor, actions.DIAL, shared | {"to": _SOMEBODY})
    actions.refuse_hidden(shared)
    standing.demand_none(account, str(shared.get("connection_id", "")), "connection_id")
    own_numbers.open_own_countries(account)
    held = limits.limits_for(account, actor.token)
    rung = destinations.destinations(actions.DIAL, shared | {"to": _SOMEBODY}).dials  # a tool may ring another one
    limits.check_room(held, len(lines) * rung, per_second * rung)
    limits.check_shared(held, shared, actor.user)
    made = Plan(shared, seconds=(len(lines) - 1) / per_second)
    seen: dict[str, int] = {}
    for line in lines:
        _judge(made, line, str(shared.get("from", "")), held, seen)
    return made


def make(
    account: TelnyxAccount,
    shared: dict[str, Any],
    lines: list[Line],
    per_second: float,
    actor: Actor,
    *,
    name: str = "",
    intent: str = "",
) -> DialBatch:
    """Begin to dial. As ``plan``, and ``InvalidParameters`` by line (``numbers.3``) when any cannot be dialled.

    The same ``intent`` twice is the same batch.
    """
    if made := made_before(intent):  # before the limits are asked, which its own lines may fill
        return made
    try:
        return _made(account, shared, lines, per_second, actor, name, intent)
    except (IntegrityError, LimitExceeded):  # it was made meanwhile
        if made := made_before(intent):
            return made
        raise


def made_before(intent: str) -> DialBatch | None:
    """Find the batch that this very wish made before."""
    return DialBatch.objects.filter(intent=intent).first() if intent else None


def pause(
    batch: DialBatch, actor: Actor, *, paused_for: uuid.UUID | None = None, takes_over: bool = False
) -> DialBatch:
    """Pause the batch: no further line is sent until ``resume``; what is on the wire stays there.

    ``paused_for`` is the suspension, or the stop of everything, that it is paused with. Who pauses one of these for
    himself keeps it from going on with the others; so does a stop, which ``takes_over`` what a suspension has paused.
    """
    with transaction.atomic():
        batch = _locked(batch)
        holder = batch.paused_for if batch.status == DialBatch.Status.PAUSED else None
        is_held = holder is not None and (paused_for is None or (takes_over and holder != paused_for))
        if batch.status != DialBatch.Status.RUNNING and not is_held:
            return batch
        _waiting(batch).update(lease_until=_HELD, counted_at=_HELD)
        batch.paused_for = paused_for
        return _changed(batch, DialBatch.Status.PAUSED, "batch.pause", actor)


def hold_if_paused(command: CallCommand) -> None:
    """Hold, unsaved, a line that was on the wire and has not left, as ``pause`` has held the others meanwhile.

    Inside the transaction that saves it: ``pause`` and ``resume`` come before it, or find it waiting.
    """
    if command.batch is None or command.first_sent_at is not None:
        return
    if _locked(command.batch).status == DialBatch.Status.PAUSED:
        command.lease_until = command.counted_at = _HELD


def resume(batch: DialBatch, actor: Actor, *, paused_for: uuid.UUID | None = None) -> DialBatch:
    """Resume the batch where it stopped, at its rate, from now. ``Suspended`` while its application is.

    With ``paused_for`` only if it is still paused with that: somebody may have resumed it, and paused it for himself.
    """
    with transaction.atomic():
        if (batch := _locked(batch)).status != DialBatch.Status.PAUSED:
            return batch
        if paused_for and batch.paused_for != paused_for:
            return batch
        standing.demand_none(batch.account, batch.connection_id)
        left = list(_waiting(batch).select_for_update(no_key=True).order_by("sequence"))
        now = sql.clock()
        for at, command in enumerate(left):
            _time(command, now + timedelta(seconds=at / batch.per_second))
        CallCommand.objects.bulk_update(left, ["lease_until", "counted_at", "expires_at"], batch_size=200)
        batch.began_at, batch.paused_for = now, None
        return _changed(batch, DialBatch.Status.RUNNING, "batch.resume", actor)


def cancel(batch: DialBatch, actor: Actor) -> DialBatch:
    """Cancel the batch: what was not sent yet never will be."""
    with transaction.atomic():
        if (batch := _locked(batch)).status == DialBatch.Status.CANCELLED:
            return batch
        words, now = f"The batch was cancelled by {actor.label}.", sql.clock()
        _waiting(batch).update(status=_Status.EXPIRED, error=words, finished_at=now, lease_until=None)
        return _changed(batch, DialBatch.Status.CANCELLED, "batch.cancel", actor)


def put_off(command: CallCommand, limit: LimitExceeded, now: datetime) -> bool:
    """Put a line that meets a full limit off, and those behind it with it; False when it is not to wait.

    Nobody is called hours after the batch was meant to be through.
    """
    batch = command.batch
    if batch is None or batch.status != DialBatch.Status.RUNNING or limit.limit not in _PASSING:
        return False
    if now + _ROOM_AFTER > batch.began_at + timedelta(seconds=batch.lines / batch.per_second) + _PATIENCE:
        return False
    # another sender may hold another line of it and want this one: take only what is free
    free = _waiting(batch).select_for_update(skip_locked=True, no_key=True).exclude(lease_until=_HELD)
    later = {name: F(name) + _ROOM_AFTER for name in ("lease_until", "counted_at", "expires_at")}
    CallCommand.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(**later)
    waits_for = "" if limit.limit == standing.LIMIT else "Waits for room. "
    CallCommand.objects.filter(pk=command.pk).update(error=f"{waits_for}{limit.words}")
    return True


def tell_line_counts(batches: list[Any]) -> None:
    """Give each batch of a page what ``progress`` counts, in a statement for each fifty."""
    counts: dict[Any, dict[str, int]] = {batch.pk: dict.fromkeys(_Status.values, 0) for batch in batches}
    for begin in range(0, len(batches), _AT_ONCE):
        some = [batch.pk for batch in batches[begin : begin + _AT_ONCE]]
        rows = CallCommand.objects.filter(batch__in=some).order_by()
        for batch_id, status, count in rows.values_list("batch", "status").annotate(count=Count("*")):
            counts[batch_id][status] = count
    for batch in batches:
        batch.line_counts = counts[batch.pk]


def progress(batch: DialBatch) -> Progress:
    """Count how far the batch is now."""
    if (counts := getattr(batch, "line_counts", None)) is None:
        rows = batch.commands.order_by().values_list("status").annotate(count=Count("pk"))
        counts = dict.fromkeys(_Status.values, 0) | dict(rows)
    finished = batch.lines - counts[_Status.QUEUED] - counts[_Status.SENDING]
    done = finished == batch.lines and batch.status != DialBatch.Status.CANCELLED
    return Progress("done" if done else batch.status, counts, finished, 100 * finished // max(batch.lines, 1))


def _made(
    account: TelnyxAccount,
    shared: dict[str, Any],
    lines: list[Line],
    per_second: float,
    actor: Actor,
    name: str,
    intent: str,
) -> DialBatch:
    planned = plan(account, shared, lines, per_second, actor)
    if planned.problems:
        raise InvalidParameters({f"numbers.{at}": [words] for at, words in planned.problems.items()})
    now = sql.clock()
    batch = DialBatch(
        account=account,
        name=name or pluralised(len(lines), "number", "numbers"),
        connection_id=planned.shared["connection_id"],
        parameters=planned.shared,
        per_second=per_second,
        lines=len(planned.lines),
        intent=intent or str(uuid.uuid4()),
        requested_by=actor.label,
        user=actor.user,
        token=actor.token,
        created_at=now,
        began_at=now,
    )
    _save(batch, planned.lines, actor)
    return batch


def _unquoted(cell: str) -> str:
    """Return what a cell of CSV holds: quotes around it fall away, and two within them stand for one."""
    quoted = _QUOTED.fullmatch(cell)
    return quoted[1].replace('""', '"').strip() if quoted else cell


def _judge(made: Plan, line: Line, near: str, held: list[Any], seen: dict[str, int]) -> None:
    if line.at > _LAST_LINE:
        made.problems[line.at] = f"Lines are counted up to {_LAST_LINE:,}: remove the empty lines above this one."
        return
    try:
        to = check_endpoint(line.to, near)
    except ValidationError as error:
        made.problems[line.at] = " ".join(error.messages)
        return
    if not actions.is_client_state(line.client_state):
        made.problems[line.at] = f"client_state: {actions.NO_CLIENT_STATE}"
    elif to in seen:
        made.problems[line.at] = f"The same number as line {seen[to]}."
    elif words := limits.refusal(held, to):
        made.problems[line.at] = words
    else:
        made.lines.append(Line(line.at, to, line.client_state))
    seen.setdefault(to, line.at)


def _save(batch: DialBatch, lines: list[Line], actor: Actor) -> None:
    with transaction.atomic():
        batch.save(force_insert=True)
        commands = [_command(batch, line, at) for at, line in enumerate(lines)]
        limits.reserve(commands, batch.per_second)
        CallCommand.objects.bulk_create(commands, batch_size=200)
        AuditEvent.note(actor, "batch.create", batch, lines=len(lines), per_second=batch.per_second)


def _command(batch: DialBatch, line: Line, at: int) -> CallCommand:
    own = {"client_state": line.client_state} if line.client_state else {}
    command = CallCommand(
        account=batch.account,
        action=actions.DIAL,
        parameters=batch.parameters | {"to": line.to} | own,
        intent_key=f"batch:{batch.pk}:{line.at}",
        sequence=line.at,
        batch=batch,
        requested_by=f"{batch.requested_by}, batch {batch.name} line {line.at}"[:300],
        user=batch.user,
        token=batch.token,
        created_at=batch.created_at,
    )
    _time(command, batch.created_at + timedelta(seconds=at / batch.per_second))
    return command


def _time(command: CallCommand, due: datetime) -> None:
    """Let the command go not before ``due``, and soon after: as fresh as a dial that somebody pressed then."""
    command.lease_until = command.counted_at = due
    command.expires_at = due + retry_policy.freshness(actions.DIAL)


def _locked(batch: DialBatch) -> DialBatch:
    # Its key stays free: a sender that has a line and changes it refers to the batch, whose owner may want that line
    rows = DialBatch.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("account").get(pk=batch.pk)


def _waiting(batch: DialBatch) -> Any:
    return CallCommand.objects.filter(batch=batch, status=_Status.QUEUED, first_sent_at=None)


def _changed(batch: DialBatch, status: DialBatch.Status, action: str, actor: Actor) -> DialBatch:
    batch.status = status
    batch.save(update_fields=["status", "began_at", "paused_for"])
    AuditEvent.note(actor, action, batch)
    return batch
