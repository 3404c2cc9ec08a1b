"""Timers: what is periodic is said from a thread, which begins anew whatever befalls it, and ends when it is told."""

import threading
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from portal.runtime import timers
from tests.support.polling import eventually


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule of its own, at a broker that nobody may ask."""
    app = Celery(broker="amqp://127.0.0.1:9//", set_as_current=False)
    app.conf.beat_schedule = {"quick": {"task": "portal.heartbeat", "schedule": 0.05}}
    monkeypatch.setattr(timers, "app", app)


def test_what_is_due_is_sent_again_and_again_and_then_no_more(tmp_path: Path) -> None:
    said: list[str] = []
    with timers.running(tmp_path / "schedule", said.append):
        assert "timers" in {thread.name for thread in threading.enumerate()}
        eventually(lambda: said[:2] == ["portal.heartbeat"] * 2)
    eventually(lambda: "timers" not in {thread.name for thread in threading.enumerate()})


def test_its_thread_keeps_no_process_alive_and_what_was_said_when_is_kept_where_it_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    with timers.running(tmp_path / "schedule", said.append):
        eventually(lambda: said)
        assert {thread.daemon for thread in threading.enumerate() if thread.name == "timers"} == {True}
    kept = {file.name.partition(".")[0] for file in tmp_path.iterdir()}  # by the endings of whatever dbm there is
    assert kept == {"schedule"}


def test_nobody_is_listened_to(tmp_path: Path) -> None:
    """What a broker says would be heard by another thread."""
    said, before = list[str](), set(threading.enumerate())
    with timers.running(tmp_path / "schedule", said.append):
        eventually(lambda: said)
        assert {thread.name for thread in set(threading.enumerate()) - before} == {"timers"}


def test_it_begins_anew_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "_PAUSE_SECONDS", 0.01)
    failures = iter([OSError("the broker is away"), RuntimeError("the file is broken")])
    service = timers.Service

    class Failing(service):  # type: ignore[misc, valid-type]
        def start(self, *arguments: Any) -> None:
            if failure := next(failures, None):
                raise failure
            super().start(*arguments)

    monkeypatch.setattr(timers, "Service", Failing)
    said: list[str] = []
    with timers.running(tmp_path / "schedule", said.append):
        eventually(lambda: "portal.heartbeat" in said)
    assert next(failures, None) is None
