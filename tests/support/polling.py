"""Waiting for what happens elsewhere, by asking until it has."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 10.0


def eventually(found: Callable[[], Any], what: str = "it") -> Any:
    """What ``found`` gives once that is true; fails after ten seconds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.005)
    raise AssertionError(f"{what} did not happen within {PATIENCE:.0f} s")
