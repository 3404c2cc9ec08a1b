"""Sends what is periodic from a thread: Celery's beat without a process of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from celery.beat import Service

from portal.celery import app

_PAUSE_SECONDS = 5.0  # before it begins anew, whatever ended it
_LOOK_SECONDS = 1  # it hears that it is to end between two looks at the schedule
_log = structlog.get_logger(__name__)


@contextmanager
def running(schedule: Path) -> Iterator[None]:
    """Send what is due while the block runs; ``schedule`` keeps when each was sent last."""
    timers = _Timers(schedule)
    timers.start()
    try:
        yield
    finally:
        timers.end()


class _Timers(threading.Thread):
    """Runs a beat, and another one should it fail. A broker that hangs, hangs this thread alone."""

    def __init__(self, schedule: Path) -> None:
        super().__init__(name="timers", daemon=True)
        self._schedule = str(schedule)
        self._is_over = threading.Event()
        self._beat: Service | None = None

    def run(self) -> None:
        while not self._is_over.is_set():
            self._beat = Service(app, max_interval=_LOOK_SECONDS, schedule_filename=self._schedule)
            try:
                self._beat.start()
            except Exception as error:  # whatever a broker or a broken file may raise
                _log.error("the timers begin anew", error=type(error).__name__)
                self._is_over.wait(_PAUSE_SECONDS)

    def end(self) -> None:
        self._is_over.set()
        if self._beat is not None:
            self._beat.stop()
        self.join(2 * _LOOK_SECONDS)
