"""The time of a history: nobody waits for it. The database has one clock, and those of the processes may differ."""

import os
import random
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from portal import times
from voice.events import webhooks

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
_FORMAT = "%Y-%m-%d %H:%M:%f"  # of SQLite, as Django and portal.sql ask for it


class Clock:
    """``now`` is the database's time, in seconds since ``BEGIN``; the processes' clocks are ``skew`` ahead."""

    def __init__(self) -> None:
        self.now, self.skew = 0.0, 0.0

    def database(self) -> datetime:
        return BEGIN + timedelta(seconds=self.now)

    def host(self) -> datetime:
        return BEGIN + timedelta(seconds=self.now + self.skew)


_running: list[Clock] = []
_sqlite = sqlite3.connect(":memory:", check_same_thread=False)


def _strftime(form: str, *of: Any) -> Any:
    """SQLite's own, but for the present time of a history."""
    if not _running or not of or of[0] != "NOW" or not form.startswith(_FORMAT):
        marks = ", ".join("?" * len(of))
        return _sqlite.execute(f"SELECT STRFTIME(?{', ' if of else ''}{marks})", [form, *of]).fetchone()[0]
    at = _running[-1].database()
    for change in of[1:]:
        at += timedelta(seconds=float(change.removesuffix(" seconds")))
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}" + form[len(_FORMAT) :]


@contextmanager
def database_time() -> Iterator[Clock]:
    """While it lasts SQLite's clock shows what is set: a whole second at first."""
    clock = Clock()
    connection.ensure_connection()
    connection.connection.create_function("STRFTIME", -1, _strftime)
    _running.append(clock)
    try:
        yield clock
    finally:
        _running.pop()


@contextmanager
def history_time(seed: int) -> Iterator[Clock]:
    """While it lasts the clock is the history's, and chance (ids, ``ORDER BY RANDOM()``) is the same each time."""
    dice, state = random.Random(seed), random.getstate()
    with database_time() as clock, pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", clock.host)
        patch.setattr(times, "time", SimpleNamespace(monotonic=lambda: clock.now))  # of ``uptime``
        patch.setattr(webhooks, "time", SimpleNamespace(time=lambda: clock.host().timestamp()))
        patch.setattr(os, "urandom", dice.randbytes)
        random.seed(seed)
        try:
            yield clock
        finally:
            random.setstate(state)
