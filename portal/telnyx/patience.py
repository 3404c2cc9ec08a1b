"""Waits as long as Telnyx's 429 says, and asks again: it is no answer, and nothing happened."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from portal.telnyx.errors import TelnyxUnavailable

T = TypeVar("T")

_MOST_WAITS = 5
_SLICE = 10  # seconds between two signs of life: a run that is silent for a minute counts as killed
_waits: ContextVar[bool] = ContextVar("waits", default=True)


class NotYet(TelnyxUnavailable):
    """Says that Telnyx asks to wait, where nobody does: nothing happened."""


@contextmanager
def impatient() -> Iterator[None]:
    """Let nobody wait within: a request that waits holds a thread, and whoever made it, or a proxy, gives it up.

    A thread that is begun within waits all the same.
    """
    before = _waits.set(False)
    try:
        yield
    finally:
        _waits.reset(before)


def nobody() -> None:
    """Tell nobody that it goes on."""


def patiently(ask: Callable[[], T], alive: Callable[[], None] = nobody) -> T:
    """Return what ``ask`` returns, after at most five waits. ``alive`` is called while it is waited.

    For what people wait for at a command line, or what runs by itself: a page has less time. Raises ``NotYet`` for the
    first wait within ``impatient``.
    """
    for _ in range(_MOST_WAITS):
        try:
            return ask()
        except TelnyxUnavailable as error:
            if error.http_status != 429:
                raise
            if not _waits.get():
                raise NotYet(error.message, retry_after=error.retry_after, code=error.code, http_status=429) from error
            _wait(error.retry_after, alive)
    return ask()


def _wait(seconds: int, alive: Callable[[], None]) -> None:
    while seconds > 0:
        time.sleep(min(seconds, _SLICE))
        alive()
        seconds -= _SLICE
