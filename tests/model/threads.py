"""The same steps by real threads on PostgreSQL: whole ones, at the same moment, with pauses between their statements.

The database's clock is the real one and a shift, which a schema of its own puts before PostgreSQL's: so calm comes
without waiting for it.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.utils import timezone

from portal.models import TelnyxAccount
from portal.runtime import wakeups
from portal.telnyx import paging
from tests.model import batch_steps, command_steps, event_steps
from tests.model.calm import calm_down
from tests.model.clock import BEGIN, Clock
from tests.model.histories import TAKE
from tests.model.invariants import broken
from tests.model.sequential import differences_to_a_sequential_run
from tests.model.steps import MOODS, Dice
from tests.model.world import Sending, Settings, Silence, Step, World
from voice.calls import status
from voice.conferences import queues, service
from voice.dialling import batches, limits
from voice.dispatch import circuit_breaker, sender
from voice.events import intake, processing
from voice.events.following import wake_following
from voice.models import CallCommand, CallEvent
from voice.wakeups import wake_commands

THREADS = 15
_PAUSED, _LONGEST = 0.08, 0.004  # one statement in twelve waits for up to so many seconds
_SCHEMA = """
    CREATE SCHEMA IF NOT EXISTS model;
    CREATE TABLE IF NOT EXISTS model.clock (shift interval NOT NULL);
    DELETE FROM model.clock; INSERT INTO model.clock VALUES ('0');
    CREATE OR REPLACE FUNCTION model.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
        AS 'SELECT pg_catalog.statement_timestamp() + (SELECT shift FROM model.clock)';
"""


class ShiftedClock(Clock):
    """Real time and a shift, here and in the database. Small steps are left to real time."""

    def __init__(self) -> None:
        self.shift, self.skew = 0.0, 0.0

    @property
    def now(self) -> float:  # type: ignore[override]
        return (datetime.now(UTC) - BEGIN).total_seconds() + self.shift

    @now.setter
    def now(self, at: float) -> None:
        further = at - self.now
        if further > 0.1:
            self.shift += further
            with connection.cursor() as cursor:
                cursor.execute("UPDATE model.clock SET shift = %s", [timedelta(seconds=self.shift)])


class Own(threading.local):
    """What a process has for itself."""

    current: Sending | None = None
    read_fate = "ok"
    fate = "ok"
    in_web = False
    may_ask = True
    while_asked: tuple[Step, ...] = ()


class ThreadedWorld(World):
    """A world whose processes are threads. ``errors`` is what none of them may raise."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        object.__setattr__(self, "own", Own())
        self.lock = threading.RLock()
        self.errors: list[str] = []
        super().__init__(clock, settings, TAKE)

    def __getattribute__(self, name: str) -> Any:
        if name in _OWN:
            return getattr(object.__getattribute__(self, "own"), name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            setattr(self.own, name, value)
        else:
            object.__setattr__(self, name, value)

    def ask(self, account: TelnyxAccount, method: str, *path: str, **values: Any) -> Any:
        with self.lock:  # Telnyx is one
            return super().ask(account, method, *path, **values)

    def next_woken(self, task: str, at: int) -> uuid.UUID | None:
        with self.lock:
            return super().next_woken(task, at)


_OWN = {"current", "read_fate", "in_web", "while_asked", "may_ask"}


def _send(world: ThreadedWorld, dice: Dice) -> None:
    """A sender takes up what it is woken for, or what is due, and goes on with what follows."""
    woken = world.next_woken("voice.send_command", dice.some())
    for command_id in [woken] if woken else sender.due(5):
        world.own.fate = dice.fate()
        wake_commands(*sender.send(command_id))


def _process(world: ThreadedWorld, dice: Dice) -> None:
    woken = world.next_woken("voice.process_event", dice.some())
    if woken and dice.random() < 0.7:
        world.own.fate = dice.fate()
        wake_following(processing.process(woken, sends=dice.random() < 0.7))
        return
    for following in processing.process_all(processing.due(20)):
        wake_following(following)


def _of_telnyx(step: Callable[..., None], *draws: Callable[[Dice], Any]) -> Callable[[ThreadedWorld, Dice], None]:
    def take(world: ThreadedWorld, dice: Dice) -> None:
        with world.lock:
            step(world, *(draw(dice) for draw in draws))

    return take


def _batch(world: ThreadedWorld, dice: Dice) -> None:
    world.batch = None  # another one beside those that there are
    batch_steps.make_batch(world, dice.randint(3, 9), per_second=10.0)


def _leg_and_its_call(world: ThreadedWorld, dice: Dice) -> None:
    """Telnyx tells of a call and, by its leg alone, of what happened on it: two workers have both at once."""
    with world.lock:
        event_steps.ring(world)
        event_steps.record(world, -1)
        told = world.telnyx.webhooks[-2:]
    for webhook in told:
        if world.post(webhook) == 200:
            webhook.source = "delivered"
    events = CallEvent.objects.filter(account=world.account, event_id__in=[webhook.data["id"] for webhook in told])
    _at_once(world, dice, *(partial(_process_one, event_id) for event_id in events.values_list("pk", flat=True)))


def _process_one(event_id: uuid.UUID, world: ThreadedWorld, dice: Dice) -> None:
    wake_following(processing.process(event_id))


def _line_and_its_batch(world: ThreadedWorld, dice: Dice) -> None:
    """A batch is paused at the moment in which a sender takes up a line of it."""
    waiting = CallCommand.objects.filter(account=world.account, status="queued", first_sent_at=None)
    line = waiting.filter(batch__status="running").select_related("batch").order_by("counted_at").first()
    if line is not None and (batch := line.batch) is not None:
        _at_once(world, dice, partial(_send_one, line.pk), lambda world, dice: batches.pause(batch, command_steps.ADA))
        batches.resume(batch, command_steps.ADA)


def _send_one(command_id: uuid.UUID, world: ThreadedWorld, dice: Dice) -> None:
    wake_commands(*sender.send(command_id))


def _at_once(world: ThreadedWorld, dice: Dice, *deeds: Callable[[ThreadedWorld, Dice], object]) -> None:
    def do(deed: Callable[[ThreadedWorld, Dice], object], seed: float) -> None:
        with _own_connection(seed):
            _take(world, deed, Dice(seed))

    with ThreadPoolExecutor(len(deeds)) as pool:
        for deed in deeds:
            pool.submit(do, deed, dice.random())


def _some(dice: Dice) -> int:
    return dice.some()


# What threads do, and how often. Whatever sends later adds its own here, too.
DEEDS: tuple[tuple[Callable[[ThreadedWorld, Dice], None], float], ...] = (
    (_send, 26),
    (_process, 20),
    (lambda world, dice: command_steps.wish(world, dice.some(), dice.choice(dice.wishes), dice.rarely()), 9),
    (lambda world, dice: command_steps.dial(world, dice.number(), dice.rarely()), 4),
    (lambda world, dice: command_steps.in_room(world, dice.some(2), dice.some(3)), 2),
    (_batch, 3),
    (_leg_and_its_call, 2),
    (_line_and_its_batch, 4),
    (lambda world, dice: batch_steps.steer(world, dice.choices(("pause", "resume", "cancel"), (6, 6, 1))[0]), 8),
    (lambda world, dice: command_steps.look(world, dice.some()), 2),
    (lambda world, dice: command_steps.decide(world, dice.some(), dice.choice(("it_happened", "send_again"))), 1),
    (_of_telnyx(event_steps.ring), 2),
    (_of_telnyx(event_steps.press, _some, lambda dice: dice.choice("122")), 3),
    (_of_telnyx(event_steps.pick_up, _some), 2),
    (_of_telnyx(event_steps.hang_up, _some), 1),
    (
        lambda world, dice: event_steps.deliver(
            world, dice.some(), dice.choices(("once", "twice", "again"), (9, 2, 2))[0]
        ),
        18,
    ),
    (lambda world, dice: event_steps.recover(world), 0.3),
    (lambda world, dice: event_steps.replay(world, dice.choice((0, dice.some())), dice.random() < 0.3), 0.7),
    (lambda world, dice: event_steps.work_replay(world), 1.5),
)


def play_by_threads(seed: int, steps: int) -> list[str]:
    """Let each of the threads take so many steps, then all become calm, and judge."""
    before = _deadlocks()
    with _world(seed) as world:
        with ThreadPoolExecutor(THREADS) as pool:
            for number in range(THREADS):
                pool.submit(_thread, world, seed * THREADS + number, steps)
        world.wrong.clear()  # a step's own judgement holds for one process at a time
        world.made_at.clear()
        world.batch = None
        calm_down(world)
        found = [*world.errors, *broken(world), *differences_to_a_sequential_run(world)]
    if (deadlocks := _deadlocks() - before) > 0:
        found.append(f"deadlocks: {deadlocks}")
    return list(dict.fromkeys(found))


def _thread(world: ThreadedWorld, seed: int, steps: int) -> None:
    dice = Dice(seed)
    dice.choose_theme()
    deeds, often = zip(*DEEDS, strict=True)
    with _own_connection(seed):
        for _ in range(steps):
            if dice.random() < 0.03:
                dice.mood = dice.choice(list(MOODS))
            _take(world, dice.choices(deeds, often)[0], dice)


@contextmanager
def _own_connection(seed: float) -> Iterator[None]:
    """Give this thread a connection that pauses now and then, and close it."""
    pauses = random.Random(seed)

    def pausing(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if pauses.random() < _PAUSED:
            time.sleep(pauses.random() * _LONGEST)  # another one comes between, if it can
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(pausing):
            yield
    finally:
        connections.close_all()


def _take(world: ThreadedWorld, deed: Callable[[ThreadedWorld, Dice], object], dice: Dice) -> None:
    try:
        deed(world, dice)
    except Exception as error:
        world.errors.append(f"{type(error).__name__}: {str(error).splitlines()[0][:200]}")


@contextmanager
def _world(seed: int) -> Iterator[ThreadedWorld]:
    """Make a world that threads see: its rows are committed, and are flushed when it ends."""
    with connection.cursor() as cursor:
        cursor.execute(_SCHEMA)
    clock = ShiftedClock()
    really_attempt, really_send_begun = sender._attempt, sender.send_begun
    with pytest.MonkeyPatch.context() as patch:
        world = ThreadedWorld(clock, Settings(seed, 4, seed % 2 == 0))

        def attempt(command: Any, claimed: float | None = None) -> Any:
            world.current = Sending(command, 0.0, fate=world.own.fate)
            world.said.add(world.own.fate)
            return really_attempt(command, claimed)

        def send_begun(begun: sender.Begun) -> list[uuid.UUID]:
            world.claims.append(begun.command.pk)
            return really_send_begun(begun)

        for module in (sender, status, paging, service, queues):
            patch.setattr(module, "ask", world.ask)
        for module in (processing, limits, circuit_breaker, intake):
            patch.setattr(module, "_log", Silence())
        patch.setattr(sender, "_attempt", attempt)
        patch.setattr(sender, "send_begun", send_begun)
        patch.setattr(sender, "_claim", world.counting(sender._claim))
        patch.setattr(wakeups.publisher, "put", world.wake)
        patch.setattr(timezone, "now", clock.host)
        connection_created.connect(_look_first)
        _look_first(connection=connection)
        try:
            world.make()
            yield world
        finally:
            connection_created.disconnect(_look_first)
            with connection.cursor() as cursor:  # the pool keeps connections that still look there
                cursor.execute("DROP SCHEMA model CASCADE")
                cursor.execute("RESET search_path")
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)


def _look_first(*, connection: Any, **_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET search_path TO model, pg_catalog, public")


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
