"""Writes what requests leave behind, in a thread: no caller waits for a log of ours."""

import abc
import atexit
import threading

from django.db import connections

_LAST_SECONDS = 5.0  # which a process that ends gives to its last write


class WriteBehind(abc.ABC):
    """Has what waits written by a thread, which ends when nothing waits any more, and with the process.

    A process that is told to end writes once more before it does; one that is killed loses what came within a pause.
    """

    def __init__(self, name: str, pause: float, pause_after_failure: float) -> None:
        """``pause``, ``pause_after_failure``: seconds between two writes."""
        self._name, self._pause, self._pause_after_failure = name, pause, pause_after_failure
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    @abc.abstractmethod
    def flush(self) -> bool:
        """Write what waits. False when the database is away."""

    @abc.abstractmethod
    def _waits(self) -> bool:
        """Tell whether anything waits; asked with the lock held."""

    def start(self) -> None:
        """Have it written: by the thread there is, or by a new one."""
        with self._lock:
            if self._thread and self._thread.is_alive():  # after a fork it is not
                return
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no thread to be had: the next one tries again
                self._thread = None
        atexit.unregister(self._end)  # once a process, also in one that was forked
        atexit.register(self._end)

    def _run(self) -> None:
        while True:
            is_last = self._ending.is_set()
            pause = self._pause if self.flush() else self._pause_after_failure
            connections.close_all()
            if is_last:
                return
            self._rest(pause)
            with self._lock:
                if not self._waits():
                    self._thread = None
                    return

    def _rest(self, seconds: float) -> None:
        self._ending.wait(seconds)

    def _end(self) -> None:
        self._ending.set()
        if thread := self._thread:
            thread.join(_LAST_SECONDS)
