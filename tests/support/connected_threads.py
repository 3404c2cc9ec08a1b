"""Threads that use the database: each has its own connection, which it closes."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connections

PATIENCE = 20.0


@contextmanager
def others(number: int = 1) -> Iterator[Callable[..., "Future[Any]"]]:
    """Has somebody else do the work: ``elsewhere(work, *values)``; what it raises, the end of the block raises."""
    begun: list[Future[Any]] = []

    def carry_out(work: Callable[..., Any], *values: Any) -> Any:
        try:
            return work(*values)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:

        def elsewhere(work: Callable[..., Any], *values: Any) -> "Future[Any]":
            begun.append(pool.submit(carry_out, work, *values))
            return begun[-1]

        yield elsewhere
        for future in begun:
            future.result(PATIENCE)


def wait_for(event: threading.Event, what: str) -> None:
    """Until another thread says so; fails when it does not."""
    if not event.wait(PATIENCE):
        raise AssertionError(f"{what} did not happen within {PATIENCE:.0f} s")
