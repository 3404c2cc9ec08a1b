"""The steps of senders, operators and their batches, with what each step alone must keep."""

import uuid
from datetime import timedelta
from typing import Any

from portal import sql, stopping
from portal.actors import Actor
from tests.model.limits import taken
from tests.model.telnyx import ROOM
from tests.model.world import SPEAK, Died, Sending, Step, World, known_calls
from tests.support.factories import CONNECTION, FROM
from voice.catalogue import retry_policy
from voice.commands import outbox
from voice.conferences import service
from voice.dialling import limits
from voice.dispatch import circuit_breaker, held_back, ordering, reconciliation, sender
from voice.models import AccountBreaker, Call, CallCommand, Conference, DialBatch
from voice.wakeups import wake_commands

ADA = Actor("user: ada")
MANY = 100  # calls at once: nothing reaches such a limit
MOMENT = timedelta(milliseconds=50)
# What a person asks of a call. Whatever is sent later adds its own here.
WISHES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("speak", SPEAK),
    ("hangup", {}),
    ("answer", {}),
    ("send_dtmf", {"digits": "1"}),
    ("update_client_state", {"client_state": "b25l"}),
    ("update_client_state", {"client_state": "dHdv"}),
    ("switch_supervisor_role", {"role": "monitor"}),
    ("start_siprec", {}),
    ("start_siprec", {}),
    ("start_recording", {"channels": "dual", "format": "mp3"}),
    ("stop_recording", {}),
    ("answer", {"record": "record-from-answer"}),
    ("start_transcription", {}),
    ("transfer", {"to": "+13125550177"}),
    ("bridge", {}),
)
IN_THE_ROOM = ("hold", "unhold", "mute")


def wish(world: World, call: int, action: int, twice: bool = False) -> None:
    """Somebody wants something of a call, and clicks once or, not knowing what became of it, once more."""
    calls = known_calls(world.account)
    chosen, (name, values) = calls[call % len(calls)], WISHES[action % len(WISHES)]
    if name == "bridge":
        values = {"call_control_id": calls[(call + 1) % len(calls)].call_control_id}
    intent = f"{world.clock.now}"
    for _ in range(2 if twice else 1):
        _made(world, intent, lambda: outbox.act(chosen, name, values, ADA, intent=intent))


def dial(world: World, number: int, twice: bool = False) -> None:
    """Somebody dials, once or, the answer to the first request being lost, once more."""
    values = {"connection_id": CONNECTION, "from": FROM, "to": f"+1312555{2000 + number}"}
    intent = f"{world.clock.now}"
    for _ in range(2 if twice else 1):
        _made(world, intent, lambda: outbox.dial(world.account, values, ADA, intent=intent))


def in_room(world: World, call: int, action: int) -> None:
    calls = known_calls(world.account)[:2]
    values = {"call_control_ids": [calls[call % 2].call_control_id]}
    name = f"conferences.{IN_THE_ROOM[action % len(IN_THE_ROOM)]}"
    room = Conference.objects.get(account=world.account, conference_id=ROOM)
    intent = f"{world.clock.now}"
    _made(world, intent, lambda: service.act(room, name, values, ADA, intent=intent))


def _made(world: World, intent: str, make: Any) -> None:
    before, used = world.clock.database(), _used(world) if world.between else 0
    try:
        command = make()
    except limits.LimitExceeded as error:
        if intent not in world.wishes:
            _judge_refusal(world, error.limit, 1, used)
        return
    world.wishes.setdefault(intent, set()).add(command.pk)
    world.made_at.setdefault(command.pk, world.clock.now)
    if not before - MOMENT < command.created_at < world.clock.database() + MOMENT:
        world.wrong.append("I7: a wish is not timed by the database's clock")
    wake_commands(command.pk)


def _used(world: World, but: CallCommand | None = None) -> int:
    """Count calls at once; 0 where no history reaches the limit."""
    if world.settings.concurrent_calls > MANY:
        return 0
    with world.judging():
        return taken(world, but)[0]


def _judge_refusal(world: World, limit: str, dials: int, before: int, but: CallCommand | None = None) -> None:
    """It was full before the step or is after it: the others that came amid it came before its count, or after."""
    if limit != "concurrent_calls" or world.settings.concurrent_calls > MANY:
        return
    used = max(before, _used(world, but))
    if used + dials <= world.settings.concurrent_calls:
        world.wrong.append(f"limits: refused by concurrent_calls, and {used} are taken")


# --- Senders ---------------------------------------------------------------------------------------------------------


def claim(world: World, at: int) -> None:
    """A worker takes up a wake-up."""
    if command_id := world.next_woken("voice.send_command", at):
        claim_row(world, command_id)


def sweep(world: World, most: int = 500) -> None:
    """The sweep takes up what is due."""
    due = sender.due(500)
    with world.judging():
        _judge_hangups(world, due)
    held_back.note_accounts()
    for command_id in due[:most]:
        claim_row(world, command_id)


def claim_row(world: World, command_id: uuid.UUID) -> None:
    with world.judging():
        row = sql.fetch(CallCommand, id=command_id)
        if row is None:
            return
        call = sql.fetch(Call, id=row.call_id) if row.call_id else None
        batch = sql.fetch(DialBatch, id=row.batch_id) if row.batch_id else None
        used, accepted = taken(world, row) if row.dials and world.settings.concurrent_calls <= MANY else (0, 0)
        breaker = sql.fetch(AccountBreaker, account=world.account.pk)
        is_leased = any(other.command.pk == row.pk and _has_lease(world, other) for other in world.sending)
    command = sender._claim(command_id)
    if command is None:
        return
    if command.status != "sending":
        world.closed.add(command_id)
        _judge_closed(world, row, command, used)
        wake_commands(*ordering.next_free(command))
        return
    had_room = row.first_sent_at is not None or used - accepted + row.dials <= world.settings.concurrent_calls
    if is_leased:
        world.wrong.append(f"lease: two senders have {row.action}")
    if not had_room:
        world.wrong.append(f"limits: {row.action} goes beyond concurrent_calls")
    if call is not None and not call.is_alive:
        world.wrong.append(f"I7: {row.action} begins after the end of its call")
    if batch is not None and row.first_sent_at is None and batch.status != DialBatch.Status.RUNNING:
        world.wrong.append(f"batches: a line begins and its batch is {batch.status}")
    with world.judging():
        judge_claim(world, row)
        judge_breaker(world, row, breaker)
    world.sending.append(Sending(command, world.clock.now))


def judge_claim(world: World, row: CallCommand) -> None:
    now, wrong = world.clock.database(), world.wrong
    if now > row.expires_at + MOMENT:
        wrong.append(f"I7: {row.action} begins too late")
    for other in world.sending:
        of_its_call = row.call_id and other.command.call_id == row.call_id and other.command.pk != row.pk
        if of_its_call and _has_lease(world, other):
            wrong.append(f"order: {row.action} begins while {other.command.action} of its call is on the wire")
    if row.event_id:
        before = CallCommand.objects.filter(event=row.event_id, sequence__lt=row.sequence).exclude(status="ok")
        if row.sequence and before.exists():
            wrong.append(f"order: {row.action} begins before the earlier ones of its event are ok")
    if row.call_id and not row.sequence and not row.attempts and row.action != "hangup":
        older = {"call": row.call_id, "created_at__lt": row.created_at, "status": "queued", "sequence": 0}
        if CallCommand.objects.filter(**older, lease_until=None).exists():
            wrong.append(f"order: {row.action} overtakes an older wish")


def _is_mine(sending: Sending) -> bool:
    row = sql.fetch(CallCommand, id=sending.command.pk)
    return row is not None and row.status == "sending" and row.lease_until == sending.command.lease_until


def _has_lease(world: World, sending: Sending) -> bool:
    """Tell whether the row is as this sender leased it, and its lease goes on."""
    until = sending.command.lease_until
    return until is not None and until > world.clock.database() and _is_mine(sending)


def judge_breaker(world: World, row: CallCommand, breaker: AccountBreaker | None) -> None:
    now = world.clock.database()
    if breaker is not None and not breaker.is_closed and (breaker.next_probe_at or now) > now:
        world.wrong.append(f"breaker: {row.action} begins while it is open")
    names = ("all", "dials") if row.action == "dial" else ("all",)
    if any(world.quiet_until.get(name, 0) > world.clock.now + 0.001 for name in names):
        world.wrong.append(f"breaker: {row.action} begins while Telnyx asked us to wait")


def _judge_closed(world: World, row: CallCommand, command: CallCommand, used: int) -> None:
    """What is given up must be so for the reason given."""
    if command.status == "expired" and command.error.startswith("Too late") and row.pk in world.made_at:
        age = world.clock.now - world.made_at[row.pk]
        if age < retry_policy.freshness(row.action).total_seconds() - 0.1:
            world.wrong.append(f"I7: {row.action} expires {age:.0f} s after it was made")
    if command.status == "expired" and command.error.startswith("The limit concurrent_calls"):
        _judge_refusal(world, "concurrent_calls", row.dials, used, row)


def _judge_hangups(world: World, due: list[uuid.UUID]) -> None:
    """A hang-up must go: it waits for nothing but what is on the wire, its event's earlier ones, and the account."""
    rows = list(CallCommand.objects.filter(account=world.account, status__in=("queued", "sending")))
    now = world.clock.database()
    for row in rows:
        is_due = row.status == "queued" and (row.lease_until is None or row.lease_until < now - MOMENT)
        if row.action != "hangup" or row.pk in due or not is_due:
            continue
        beside = [one for one in rows if one.call_id == row.call_id and one.pk != row.pk]
        sending = [one for one in beside if one.status == "sending"]
        on_the_wire = [one for one in sending if one.attempts[-1].get("outcome") is None]
        earlier = [one for one in rows if row.event_id == one.event_id is not None and one.sequence < row.sequence]
        wishes = [one for one in beside if one.sequence == 0 and one.lease_until is None and one.status == "queued"]
        is_first = not any(one.created_at < row.created_at for one in wishes)
        if on_the_wire or earlier or not (sending or is_first) or circuit_breaker.holding():
            continue
        world.wrong.append("hang-ups: one waits for what waits itself")


def attempt(world: World, at: int, fate: str, seconds: float = 0.1, others: tuple[Step, ...] = ()) -> None:
    """A sender asks Telnyx, which takes its time; meanwhile others take their steps."""
    idle = [one for one in world.sending if one.outcome is None and not one.is_asking]
    if not idle:
        return
    mine = idle[at % len(idle)]
    mine.fate, mine.is_asking = fate, True
    world.said.add(fate)
    world.current, kept = mine, world.current
    world.while_asked = [("wait", seconds), *others]
    try:
        mine.outcome = sender._attempt(mine.command, mine.at)
    except Died:
        world.sending.remove(mine)
        raise
    finally:
        world.current, world.while_asked, mine.is_asking = kept, [], False


def settle(world: World, at: int) -> None:
    """A sender writes down what came of it."""
    over = [one for one in world.sending if one.outcome is not None]
    if not over:
        return
    mine = over[at % len(over)]
    world.sending.remove(mine)
    with world.judging():
        is_mine = _is_mine(mine)
    begun = world.clock.now
    try:
        free = sender._settle(mine.command, mine.outcome)
    except Died:
        if is_mine and mine.heard_nothing:
            world.heard += "x"  # the breaker may have been told of it before
        raise
    with world.judging():
        if is_mine:
            _hear(world, mine, begun)
        _judge_written(world, mine.command.pk)
    wake_commands(*free)


def _judge_written(world: World, pk: uuid.UUID) -> None:
    row = sql.fetch(CallCommand, id=pk)
    if row is not None and row.status not in ("queued", "sending"):
        world.closed.add(pk)
    elif pk in world.closed:
        world.wrong.append("lease: a sender opens again what another one has closed")


def _hear(world: World, mine: Sending, begun: float) -> None:
    """Note what Telnyx said; a time that it asks for counts from when the sender ``begun`` to write it down."""
    error = mine.outcome.error
    world.heard += "x" if mine.heard_nothing else "o"
    row = sql.fetch(AccountBreaker, account=world.account.pk) if error is not None else None
    opened = row is not None and row.state == "open" and abs(row.since - world.clock.database()) < MOMENT
    silent = world.heard[-12:].count("x") >= circuit_breaker.IN_A_ROW  # in what order, those that overlap do not tell
    if row is not None and opened and "told nothing" in row.why and not silent:
        world.wrong.append(f"breaker: it opens though Telnyx answers ({world.heard[-20:]})")
    if error is not None and error.http_status == 429:
        name = "dials" if error.code == circuit_breaker.DIALS_PER_SECOND else "all"
        until = begun + error.retry_after
        world.quiet_until[name] = max(world.quiet_until.get(name, 0.0), until)


def send(world: World, at: int, fate: str) -> None:
    """A worker takes up a wake-up, asks, and writes down what came of it."""
    before = len(world.sending)
    claim(world, at)
    if len(world.sending) > before:
        mine = world.sending[-1]
        others = [one for one in world.sending if one.outcome is None and not one.is_asking]
        attempt(world, others.index(mine), fate)
        settle(world, [one for one in world.sending if one.outcome is not None].index(mine))


def kill(world: World, at: int) -> None:
    """A sender dies, wherever it is."""
    idle = [one for one in world.sending if not one.is_asking]
    if idle:
        world.sending.remove(idle[at % len(idle)])


def send_at_the_end(world: World, at: int) -> None:
    """A worker that has been told to end takes up a wake-up."""
    if command_id := world.next_woken("voice.send_command", at):
        stopping._Process.is_ending, world.may_ask = True, False
        try:
            sender.send(command_id)
        finally:
            stopping._Process.is_ending, world.may_ask = False, True


def close_breaker(world: World) -> None:
    circuit_breaker.close(world.account, ADA)


# --- What nobody knows -----------------------------------------------------------------------------------------------


def look(world: World, at: int, fate: str = "ok", others: tuple[Step, ...] = ()) -> None:
    """Telnyx is asked what became of an uncertain command; meanwhile others take their steps."""
    due = reconciliation.due(20)
    if not due:
        return
    world.read_fate, world.while_asked = fate, list(others)
    try:
        reconciliation.reconcile(due[at % len(due)])
    finally:
        world.read_fate, world.while_asked = "ok", []


def decide(world: World, at: int, verdict: str) -> None:
    """A person says what became of an uncertain command. Who says that it happened or not, knows it."""
    shown = CallCommand.objects.filter(account=world.account, status="uncertain")  # on a page that may be old
    rows = list(shown.order_by("created_at", "sequence"))
    if not rows:
        return
    chosen = rows[at % len(rows)]
    if verdict != reconciliation.SEND_AGAIN:
        verdict = "it_happened" if world.telnyx.done[chosen.pk] else "it_did_not"
    used = _used(world) if world.between else 0
    try:
        made = reconciliation.settle(chosen.pk, verdict, ADA)
    except limits.LimitExceeded as error:
        _judge_refusal(world, error.limit, 1, used)
        return
    except reconciliation.NotUncertain:
        return
    if made.pk == chosen.pk:
        world.decided[made.pk] = made.status
    else:
        world.made_at[made.pk] = world.clock.now
        wake_commands(made.pk)


def wait(world: World, seconds: float) -> None:
    world.clock.now += seconds


def skew(world: World, seconds: float) -> None:
    """From now on the clocks of all processes are so far ahead of the database's."""
    world.clock.skew = seconds
