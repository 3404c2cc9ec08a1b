"""Timers: what is periodic is put from a thread, which begins anew whatever befalls it, and ends when it is told."""

import threading
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from portal.runtime import timers
from tests.support.polling import eventually


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app with a quick schedule of its own, and a broker that nobody could reach."""
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)  # Celery would prefer it to what it is told
    app = Celery(broker="amqp://127.0.0.1:9//", set_as_current=False)
    app.conf.beat_schedule = {
        "quick": {"task": "portal.heartbeat", "schedule": 0.05},
        "told": {"task": "portal.told", "schedule": 0.05, "args": ("one",)},
    }
    monkeypatch.setattr(timers, "app", app)


def test_what_is_due_is_put_again_and_again_and_then_no_more(tmp_path: Path) -> None:
    put: list[tuple[str, ...]] = []
    with timers.running(tmp_path / "schedule", lambda *told: put.append(told)):
        assert "timers" in {thread.name for thread in threading.enumerate()}
        eventually(lambda: put.count(("portal.heartbeat",)) >= 2 and put.count(("portal.told", "one")) >= 2)
    eventually(lambda: "timers" not in {thread.name for thread in threading.enumerate()})
    assert set(put) == {("portal.heartbeat",), ("portal.told", "one")}


def test_it_begins_anew_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "_PAUSE_SECONDS", 0.01)
    failures = iter([OSError("the file is away"), RuntimeError("the file is broken")])
    service = timers.Service

    class Failing(service):  # type: ignore[misc, valid-type]
        def start(self, *arguments: Any) -> None:
            if failure := next(failures, None):
                raise failure
            super().start(*arguments)

    monkeypatch.setattr(timers, "Service", Failing)
    put: list[tuple[str, ...]] = []
    with timers.running(tmp_path / "schedule", lambda *told: put.append(told)):
        eventually(lambda: put)
    assert next(failures, None) is None
