"""Runs whatever a wake-up missed: the sweep. It claims due work every 0.5 s and runs it itself, without Celery."""

import signal
import sys
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import structlog
from django.core.management import BaseCommand
from django.db import DatabaseError, close_old_connections, connection

from portal import stopping
from portal.checks import OWN_CHECKS
from portal.models import Heartbeat
from portal.progress import Bar
from voice.alerts import rounds
from voice.call_log.bulk import carrying_out
from voice.catalogue import actions
from voice.dispatch import held_back, reconciliation, sender
from voice.events import processing
from voice.events.following import wake_following
from voice.explanations import judging
from voice.replay import runs
from voice.reports import roll_ups
from voice.stops import service as stops
from voice.tasks import PIECE_SECONDS
from voice.wakeups import wake_commands

_INTERVAL_SECONDS = 0.5
_HEARTBEAT_SECONDS = 10
_BATCH = 500
# Seconds. Each statement of an event ends in a wait for the interpreter, which the senders want too.
_SWITCH_INTERVAL = 0.0005
_LOOKS = 20
_JUDGE = uuid.UUID(int=1)  # in the place of an id: one thread judges at a time
_COUNT = uuid.UUID(int=2)  # and one counts for the reports
_COUNT_SECONDS = 10  # between two times; each takes about one at most
_SETTLE_SECONDS = 10  # between two looks at batches that a suspension has left behind
_SENDERS = 16
_END_SECONDS = 9.5  # after SIGTERM; a request that has left is over after 8

_log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Runs until SIGTERM, or with ``--once`` until nothing is due."""

    requires_system_checks = OWN_CHECKS
    help = "Claim and run what is owed: events to process, commands to send."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Work off what is due and end.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            with _senders() as senders, closing(Bar(self.stderr, "done")) as bar:
                _work_off(Sweep(senders, count_seconds=0), bar)
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        try:
            run()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


def run() -> None:
    """Sweep until the process is told to end; what was sent meanwhile has its answer then."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    actions.names()  # the SDK takes seconds to import: not while the first caller listens to it ring
    with _senders() as senders, rounds.watching():
        sweep = Sweep(senders)
        while not stopping.has_begun():
            sweep.safely()
            time.sleep(0 if sweep.has_more else _INTERVAL_SECONDS)
        _log.info("the sweep ends")
        senders.shutdown(wait=False, cancel_futures=True)


def end(*_: object) -> None:
    """Begin nothing any more. Whatever hangs then (a database, say), an alarm that nobody handles ends the process."""
    if not stopping.has_begun():
        signal.setitimer(signal.ITIMER_REAL, _END_SECONDS)
    stopping.begin()


def _senders() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_SENDERS, thread_name_prefix="sender")


class Sweep:
    """Runs one round after another; events here, commands on threads, since they wait for Telnyx."""

    def __init__(self, senders: ThreadPoolExecutor, count_seconds: float = _COUNT_SECONDS) -> None:
        self.senders, self.count_seconds = senders, count_seconds
        self.sending: dict[uuid.UUID, Future[None]] = {}
        self.replay: uuid.UUID | None = None  # the one that a thread is at, or was
        self.bulk_action: uuid.UUID | None = None  # likewise
        self.next_beat = self.next_count = self.next_settle = 0.0
        self.has_more = False  # the last round left events that were due

    def safely(self) -> None:
        """Run a round that survives a database that is away."""
        self.has_more = False
        try:
            if time.monotonic() >= self.next_beat:
                Heartbeat.beat("sweep")
                self.next_beat = time.monotonic() + _HEARTBEAT_SECONDS
            self.round()
        except DatabaseError as error:
            _log.warning("the sweep cannot reach the database", error=type(error).__name__)
            connection.close()
        finally:
            close_old_connections()

    def round(self) -> int:
        """Begin everything that is due now; return how many. Telnyx's slowness does not hold up events."""
        events, commands = processing.due(_BATCH), []
        for following in processing.process_all(events):
            commands += following.commands  # after all of these: one of them may have ended the call
            wake_following(replace(following, commands=[]))  # what others do: a pull of unknown applications
        if time.monotonic() >= self.next_settle:
            self.next_settle = time.monotonic() + _SETTLE_SECONDS
            stops.settle_batches()
        self._forget_done()
        self._begin(_send, commands)
        self._begin(_send, sender.due(_BATCH))
        held_back.note_accounts()
        self._begin(_look, reconciliation.due(_LOOKS))
        if self.replay not in self.sending:  # one at a time: the others' threads are for calls
            self.replay = next(iter(runs.due(1)), None)
            self._begin(_replay, [self.replay] if self.replay else [])
        if self.bulk_action not in self.sending:
            self.bulk_action = next(iter(carrying_out.due(1)), None)
            self._begin(_carry_out, [self.bulk_action] if self.bulk_action else [])
        if judging.is_due():  # on a thread: it waits for nobody, and nobody waits for it
            self._begin(_judge, [_JUDGE])
        if time.monotonic() >= self.next_count and roll_ups.is_due():
            self.next_count = time.monotonic() + self.count_seconds
            self._begin(_count, [_COUNT])
        self.has_more = len(events) == _BATCH
        return len(events) + len(self.sending)

    def _begin(self, work: Callable[[uuid.UUID], None], command_ids: Iterable[uuid.UUID]) -> None:
        for command_id in command_ids:
            if command_id not in self.sending:
                self.sending[command_id] = self.senders.submit(work, command_id)

    def _forget_done(self) -> None:
        for command_id, sent in list(self.sending.items()):
            if sent.done():
                del self.sending[command_id]
                if error := sent.exception():
                    _log.error("a command was not sent", command_id=str(command_id), error=type(error).__name__)


def _work_off(sweep: Sweep, bar: Bar) -> None:
    """Run rounds until nothing is due; how much that is shows only as it is found."""
    done = 0
    while begun := sweep.round():
        under_way = list(sweep.sending.values())
        done += begun - len(under_way)  # events, which a round ends itself
        bar.update(done, None)
        for sent in under_way:
            sent.result()
            done += 1
            bar.update(done, None)


def _send(command_id: uuid.UUID) -> None:
    """Send the command and, one after the other, those that follow it on the same call."""
    following = [command_id]
    try:
        while following:
            following = sender.send(following[0])
    finally:
        close_old_connections()  # a thread keeps its own from one to the next


def _look(command_id: uuid.UUID) -> None:
    """Find what became of an uncertain command."""
    try:
        reconciliation.reconcile(command_id)
    finally:
        close_old_connections()  # a thread keeps its own from one to the next


def _judge(_: uuid.UUID) -> None:
    """Judge why calls ended; the next round goes on."""
    try:
        judging.judge_due()
    finally:
        close_old_connections()  # a thread keeps its own from one to the next


def _count(_: uuid.UUID) -> None:
    """Count the calls of the quarters of an hour in which some were changed."""
    try:
        roll_ups.count_due()
    finally:
        close_old_connections()  # a thread keeps its own from one to the next


def _replay(replay_id: uuid.UUID) -> None:
    """Do a piece of a replay; the next round goes on."""
    try:
        wake_following(runs.work(replay_id, PIECE_SECONDS))
    finally:
        close_old_connections()  # a thread keeps its own from one to the next


def _carry_out(action_id: uuid.UUID) -> None:
    """Do a piece of what is done for many calls; the next round goes on."""
    try:
        wake_commands(*carrying_out.work(action_id, PIECE_SECONDS))
    finally:
        close_old_connections()  # a thread keeps its own from one to the next
