"""Wakes workers without letting the request wait for anybody.

``wake`` sends a datagram to the worker of this host. Where none listens, or it has enough for the moment, the id goes
on a bounded queue in memory, and one daemon thread tries the worker once more, patiently, and else publishes to the
broker. A full queue, a frozen broker or a crash drops wake-ups, and the sweep finds the same work in its row half a
second later. What is dropped is counted for all processes of the host: each appends a byte to a file, and its length is
the count. So it outlives them, and whichever web process is asked tells the same.
"""

import contextlib
import os
import queue
import threading
import uuid
from pathlib import Path

import structlog
from django.conf import settings

from portal.celery import app
from portal.runtime.datagrams import Fate, Sender

_CAPACITY = 10_000
# Tasks that take several ids: under load one message carries a few, since publishing costs more than handing over.
_TAKE_SEVERAL = {"voice.process_event"}
_AT_ONCE = 10
_EXPIRES = 60  # seconds; by then the sweep has found the work, and a worker that comes back begins with what is new
# A broker that was started anew has closed the kept connection, which only the next message notices.
_ONCE_MORE = {"max_retries": 1}  # at once: before the first repeat Celery waits for nothing
# Who drops: a process that has to wake somebody, and the worker of the host, when too many wait for its threads.
SENDER, WORKER = "sender", "worker"
_log = structlog.get_logger(__name__)


def count_dropped(by: str, many: int = 1) -> None:
    """Count wake-ups that were dropped. Never raises: whoever drops has other work, and a disk may be full."""
    with contextlib.suppress(OSError):
        file = os.open(_count_file(by), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, b"." * many)
        finally:
            os.close(file)


def dropped() -> dict[str, int]:
    """Return how many wake-ups were dropped on this host since its data directory was made, by who dropped them."""
    counts = dict.fromkeys((SENDER, WORKER), 0)
    for by in counts:
        with contextlib.suppress(OSError):
            counts[by] = _count_file(by).stat().st_size
    return counts


def _count_file(by: str) -> Path:
    return Path(settings.VAR_DIR) / f"wakeups-dropped.{by}"


class Publisher:
    """Sends wake-ups to this host's worker, and keeps in a bounded queue what one thread has to send or to publish."""

    def __init__(self) -> None:
        self.pending: queue.Queue[tuple[str, str]] = queue.Queue(_CAPACITY)
        self.dropped = 0
        self._here = Sender()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def put(self, task: str, identifier: str) -> None:
        """Send a wake-up, or queue it, and never block."""
        if task not in settings.WAKE_UPS_BY_BROKER and self._here.send(task, identifier) is Fate.SENT:
            return
        self._ensure_thread()
        try:
            self.pending.put_nowait((task, identifier))
        except queue.Full:
            self._drop(1)

    def _ensure_thread(self) -> None:
        if self._thread and self._thread.is_alive() and self._pid == os.getpid():
            return
        with self._lock:  # also after a fork, which takes no threads along
            if not (self._thread and self._thread.is_alive() and self._pid == os.getpid()):
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            for task, identifiers in _messages(self._some()):
                if identifiers := self._not_taken_here(task, identifiers):
                    self._publish(task, identifiers)

    def _not_taken_here(self, task: str, identifiers: list[str]) -> list[str]:
        """Send to this host's worker what it has room for within a second; return the others."""
        if task in settings.WAKE_UPS_BY_BROKER:
            return identifiers
        sent = 0
        while sent < len(identifiers) and self._here.send(task, identifiers[sent], patient=True) is Fate.SENT:
            sent += 1
        return identifiers[sent:]

    def _publish(self, task: str, identifiers: list[str]) -> None:
        try:
            arguments = [one for one in identifiers if one]
            app.send_task(
                task, args=arguments, retry=True, retry_policy=_ONCE_MORE, ignore_result=True, expires=_EXPIRES
            )
        except Exception as error:  # whatever a broker may raise: nothing is owed here
            self._drop(len(identifiers))
            _log.warning("wake-up dropped", task=task, error=type(error).__name__)
        else:
            if not settings.HAS_BROKER:  # it lies in a file that nobody need ever read
                self._drop(len(identifiers))

    def _drop(self, many: int) -> None:
        self.dropped += many
        count_dropped(SENDER, many)

    def _some(self) -> list[tuple[str, str]]:
        """Wait for one, and take along what is there beside it."""
        some = [self.pending.get()]
        while len(some) < _AT_ONCE:
            try:
                some.append(self.pending.get_nowait())
            except queue.Empty:
                break
        return some


def _messages(some: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Return the messages in the order of their first ids; an id that waits twice is woken once."""
    together: dict[tuple[str, str], list[str]] = {}
    for task, identifier in dict.fromkeys(some):
        together.setdefault((task, "" if task in _TAKE_SEVERAL else identifier), []).append(identifier)
    return [(task, identifiers) for (task, _), identifiers in together.items()]


publisher = Publisher()


def wake(task: str, *identifiers: uuid.UUID) -> None:
    """Have ``task`` run for each id soon. Call it after the commit of the rows it is about."""
    for identifier in identifiers:
        publisher.put(task, str(identifier))


def wake_task(task: str) -> None:
    """Have a task run soon that takes no id."""
    publisher.put(task, "")
