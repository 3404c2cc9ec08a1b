"""Runs what is periodic from a thread: Celery's beat, without a process and without a broker of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from celery.beat import PersistentScheduler, ScheduleEntry, Service

from portal.celery import app

Put = Callable[..., None]  # has a task of that name run with these arguments

_PAUSE_SECONDS = 5.0  # before it begins anew, whatever ended it
_LOOK_SECONDS = 1  # it hears that it is to end between two looks at the schedule
_log = structlog.get_logger(__name__)


@contextmanager
def running(schedule: Path, put: Put) -> Iterator[None]:
    """Put what is due while the block runs; ``schedule`` keeps when each was put last."""
    timers = _Timers(schedule, put)
    timers.start()
    try:
        yield
    finally:
        timers.end()


class _Timers(threading.Thread):
    """Runs a beat, and another one should it fail."""

    def __init__(self, schedule: Path, put: Put) -> None:
        super().__init__(name="timers", daemon=True)
        self._schedule = str(schedule)
        self._scheduler = _scheduler(put)
        self._is_over = threading.Event()
        self._beat: Service | None = None

    def run(self) -> None:
        while not self._is_over.is_set():
            self._beat = Service(
                app, max_interval=_LOOK_SECONDS, schedule_filename=self._schedule, scheduler_cls=self._scheduler
            )
            try:
                self._beat.start()
            except Exception as error:  # whatever a broken file may raise
                _log.error("the timers begin anew", error=type(error).__name__)
                self._is_over.wait(_PAUSE_SECONDS)

    def end(self) -> None:
        self._is_over.set()
        if self._beat is not None:
            self._beat.stop()
        self.join(2 * _LOOK_SECONDS)


def _scheduler(put: Put) -> type[PersistentScheduler]:
    class Here(PersistentScheduler):
        """Puts in this process what Celery's own sends to a broker, which it does not ask for a connection."""

        producer: Any = None

        def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **kwargs: Any) -> None:
            if advance:
                self.reserve(entry)
            put(entry.task, *(entry.args or ()))

    return Here
