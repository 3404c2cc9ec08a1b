"""Waiting for what happens elsewhere, by asking until it has."""

import time
from collections.abc import Callable
from typing import Any

from portal.sandbox.core.exchange import Exchange

PATIENCE = 60.0


def eventually(found: Callable[[], Any], what: str = "it", exchange: Exchange | None = None) -> Any:
    """What ``found`` gives once that is true; fails after a minute.

    With an ``exchange`` its calls go on meanwhile: whenever nothing else could make it true, time passes there.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := found():
            return value
        if exchange and exchange.is_quiet():
            if value := found():  # it came just before the quiet
                return value
            exchange.leap()
        time.sleep(0.005)
    raise AssertionError(f"{what} did not happen within {PATIENCE:.0f} s")
