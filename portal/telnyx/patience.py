"""Waits as long as Telnyx's 429 says, and asks again: it is no answer, and nothing happened."""

import time
from collections.abc import Callable
from typing import TypeVar

from portal.telnyx.errors import TelnyxUnavailable

T = TypeVar("T")

_MOST_WAITS = 5
_SLICE = 10  # seconds between two signs of life: a run that is silent for a minute counts as killed


def nobody() -> None:
    """Tell nobody that it goes on."""


def patiently(ask: Callable[[], T], alive: Callable[[], None] = nobody) -> T:
    """Return what ``ask`` returns, after at most five waits. ``alive`` is called while it is waited.

    For what people wait for at a command line, or what runs by itself: a page has less time.
    """
    for _ in range(_MOST_WAITS):
        try:
            return ask()
        except TelnyxUnavailable as error:
            if error.http_status != 429:
                raise
            _wait(error.retry_after, alive)
    return ask()


def _wait(seconds: int, alive: Callable[[], None]) -> None:
    while seconds > 0:
        time.sleep(min(seconds, _SLICE))
        alive()
        seconds -= _SLICE
