"""Timers: what is periodic is sent from a thread, which begins anew whatever befalls it, and ends when it is told."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from portal.runtime import sqlite_broker, timers
from tests.support.polling import eventually

sqlite_broker.register()


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The queue's file of an app with a quick schedule of its own."""
    file = tmp_path / "queue.sqlite3"
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)  # Celery would prefer it to what it is told
    app = Celery(broker=f"embedded://localhost/{file}", set_as_current=False)
    app.conf.beat_schedule = {"quick": {"task": "portal.heartbeat", "schedule": 0.05}}
    monkeypatch.setattr(timers, "app", app)
    return file


def sent(queue: Path) -> int:
    with sqlite3.connect(queue) as database:
        there = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'message'").fetchone()[0]
        return database.execute("SELECT count(*) FROM message").fetchone()[0] if there else 0


def test_what_is_due_is_sent_again_and_again_and_then_no_more(queue: Path, tmp_path: Path) -> None:
    with timers.running(tmp_path / "schedule"):
        assert "timers" in {thread.name for thread in threading.enumerate()}
        eventually(lambda: sent(queue) >= 2)
    eventually(lambda: "timers" not in {thread.name for thread in threading.enumerate()})


def test_it_begins_anew_after_a_failure(queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "_PAUSE_SECONDS", 0.01)
    failures = iter([OSError("the broker is away"), RuntimeError("the file is broken")])
    service = timers.Service

    class Failing(service):  # type: ignore[misc, valid-type]
        def start(self, *arguments: Any) -> None:
            if failure := next(failures, None):
                raise failure
            super().start(*arguments)

    monkeypatch.setattr(timers, "Service", Failing)
    with timers.running(tmp_path / "schedule"):
        eventually(lambda: sent(queue) >= 1)
    assert next(failures, None) is None
