"""Tells the time of a world: that of this machine, unless somebody stopped it or set it forward.

Whoever does something in a world does it ``within`` its clock; ``time()`` is that clock's.
"""

import time as machine
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from portal.json_types import JsonObject


class Clock:
    """Runs as this machine's does, or stands still. Times are Unix seconds."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._stands_at: float | None = None

    @property
    def stands(self) -> bool:
        return self._stands_at is not None

    def time(self) -> float:
        return machine.time() + self._ahead if self._stands_at is None else self._stands_at

    def stop(self, at: float | None = None) -> None:
        """Stand still from now on, or at that time."""
        self._stands_at = self.time() if at is None else at

    def go_on(self) -> None:
        """Run again, from where it stood."""
        self._ahead = self.time() - machine.time()
        self._stands_at = None

    def set_forward(self, to: float) -> None:
        """Let it be that time, unless it is later already."""
        if self._stands_at is not None:
            self._stands_at = max(self._stands_at, to)
        else:
            self._ahead = max(self._ahead, to - machine.time())

    def as_json(self) -> JsonObject:
        return {"ahead": self._ahead, "stands_at": self._stands_at}

    def restore(self, kept: JsonObject) -> None:
        self._ahead, self._stands_at = kept["ahead"], kept["stands_at"]


_MACHINE = Clock()
_current: ContextVar[Clock] = ContextVar("clock", default=_MACHINE)


def time() -> float:
    """Return the time of the world this is done in."""
    return _current.get().time()


def enter(clock: Clock) -> None:
    """Let everything that this thread does from now on happen by that clock."""
    _current.set(clock)


@contextmanager
def within(clock: Clock) -> Iterator[None]:
    """Let what is done happen by that clock."""
    token = _current.set(clock)
    try:
        yield
    finally:
        _current.reset(token)
