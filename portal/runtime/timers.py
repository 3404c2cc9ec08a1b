"""Says from a thread what is due: Celery's beat without a process of its own, and without a broker."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from celery.beat import PersistentScheduler, Service

from portal.celery import app

_PAUSE_SECONDS = 5.0  # before it begins anew, whatever ended it
_LOOK_SECONDS = 1  # it hears that it is to end between two looks at the schedule
_log = structlog.get_logger(__name__)


@contextmanager
def running(schedule: Path, put: Callable[[str], object]) -> Iterator[None]:
    """Call ``put`` with the name of each task that is due; ``schedule`` keeps when each was last."""
    timers = _Timers(schedule, put)
    timers.start()
    try:
        yield
    finally:
        timers.end()


class _Timers(threading.Thread):
    """Runs a beat, and another one should it fail."""

    def __init__(self, schedule: Path, put: Callable[[str], object]) -> None:
        super().__init__(name="timers", daemon=True)
        self._schedule, self._put = str(schedule), put
        self._is_over = threading.Event()
        self._beat: Service | None = None

    def run(self) -> None:
        while not self._is_over.is_set():
            told: dict[str, Any] = {
                "schedule_filename": self._schedule,
                "scheduler_cls": self._scheduler,
                "remote_control": False,
            }
            self._beat = Service(app, max_interval=_LOOK_SECONDS, **told)
            try:
                self._beat.start()
            except Exception as error:  # a broken file, a disk that is full
                _log.error("the timers begin anew", error=type(error).__name__)
                self._is_over.wait(_PAUSE_SECONDS)

    def end(self) -> None:
        self._is_over.set()
        if self._beat is not None:
            self._beat.stop()
        self.join(2 * _LOOK_SECONDS)

    def _scheduler(self, *arguments: Any, **told: Any) -> "_Scheduler":
        return _Scheduler(self._put, *arguments, **told)


class _Scheduler(PersistentScheduler):
    """Hands over in this process: nothing is published, and no broker is asked."""

    producer: Any = None

    def __init__(self, put: Callable[[str], object], *arguments: Any, **told: Any) -> None:
        self._put = put
        super().__init__(*arguments, **told)

    def apply_async(self, entry: Any, producer: Any = None, advance: bool = True, **_: Any) -> None:
        self._put(entry.task)
        if advance:
            self.reserve(entry)
