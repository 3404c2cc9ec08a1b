"""Works off the wake-ups of this host on threads, which keep their connections: no broker stands between.

The tasks are Celery's, called as functions. What it was at when it died, and what it never heard of, the sweep finds.
"""

import queue
import signal
import sys
import threading
import time
from collections.abc import Callable

import structlog
from celery import signals
from django.db import DatabaseError, close_old_connections, connection

from portal import stopping
from portal.celery import app
from portal.runtime.datagrams import Inbox
from portal.runtime.wakeups import WORKER, count_dropped

# by the queues of Celery: events want the processor, commands wait for Telnyx
_THREADS = {"postgresql": {"events": 8, "commands": 32}, "sqlite": {"events": 4, "commands": 8}}
_MOST_WAITING = 10_000  # of a lane: far more than the sweep would leave it
_END_SECONDS = 9.0  # a request that has left is over after 8
# Seconds. Each statement of an event ends in a wait for the interpreter, which the senders want too.
_SWITCH_INTERVAL = 0.0005

_own = threading.local()
_log = structlog.get_logger(__name__)


def has_time() -> bool:
    """Tell whether the thread that asks may do more than it was woken for: nobody waits for it."""
    lane: Lane | None = getattr(_own, "lane", None)
    return lane.has_room() if lane else threading.current_thread() is not threading.main_thread()


class Lane:
    """Runs tasks of one queue on its threads, in the order in which they came."""

    def __init__(self, name: str, threads: int) -> None:
        self._name, self._count = name, threads
        self._waiting: queue.SimpleQueue[tuple[str, tuple[str, ...]] | None] = queue.SimpleQueue()
        self._busy: set[int] = set()
        self._threads: list[threading.Thread] = []
        self.dropped = 0

    def start(self) -> None:
        for number in range(self._count):
            thread = threading.Thread(target=self._run, name=f"{self._name}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def put(self, task: str, *arguments: str) -> None:
        """Have the task run when a thread is free; drop it when too many wait."""
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put((task, arguments))
        else:
            self.dropped += 1
            count_dropped(WORKER)
            _log.warning("wake-up dropped", task=task, dropped=self.dropped)

    def has_room(self) -> bool:
        """Tell whether nothing waits, and one more thread is free than the one that asks."""
        return self._waiting.empty() and len(self._busy) < self._count

    def finish(self, deadline: float) -> None:
        """Let what runs come to its end; what waits is left to the next process."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def _run(self) -> None:
        _own.lane = self
        me = threading.get_ident()
        while (job := self._waiting.get()) is not None:
            if not stopping.has_begun():
                self._busy.add(me)
                _call(*job)
                self._busy.discard(me)
        connection.close()


def _call(task: str, arguments: tuple[str, ...]) -> None:
    try:
        app.tasks[task].run(*arguments)
    except DatabaseError as error:
        _log.warning("a task cannot reach the database", task=task, error=type(error).__name__)
        connection.close()
    except Exception:  # the row is still owed, and the sweep counts the attempts
        _log.exception("a task failed", task=task)
    finally:
        close_old_connections()  # what is broken, and what the pool may have meanwhile


class Worker:
    """Takes wake-ups from the inbox, and from this process by ``put``."""

    def __init__(self) -> None:
        self._lanes = {name: Lane(name, count) for name, count in _THREADS[connection.vendor].items()}
        app.loader.import_default_modules()
        app.autodiscover_tasks(force=True)

    def run(self, has_ended: Callable[[], bool] = stopping.has_begun) -> None:
        """Work until this process is told to end. To be called on one thread, whichever."""
        inbox = Inbox()
        try:
            for lane in self._lanes.values():
                lane.start()
            # what reads the SDK does it now, for seconds: the kernel keeps few datagrams, so they are taken meanwhile
            threading.Thread(target=signals.worker_ready.send, args=(self,), name="ready", daemon=True).start()
            while not has_ended():
                if woken := inbox.receive():
                    task, identifier = woken
                    self.put(task, *([identifier] if identifier else []))
        finally:
            _log.info("the worker ends")
            inbox.close()
            deadline = time.monotonic() + _END_SECONDS
            for lane in self._lanes.values():
                lane.finish(deadline)

    def put(self, task: str, *arguments: str) -> None:
        """Have a task run, on the lane of its queue. A name that nobody knows is passed over."""
        if task not in app.tasks:
            return
        queue_name = app.amqp.router.route({}, task)["queue"].name
        self._lanes[queue_name if queue_name in self._lanes else "commands"].put(task, *arguments)


def run() -> None:
    """Be the worker of this host until SIGTERM."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.begin())
    Worker().run()
