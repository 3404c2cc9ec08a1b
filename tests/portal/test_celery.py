"""A worker of Celery's keeps its connection from one task to the next."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from celery import signals
from django.db import connection

from portal.celery import KeptConnections, app

TASKS = 100


@pytest.fixture
def prefork() -> Iterator[None]:
    """The fixup as a prefork worker has it: its signals are connected, and it knows the kind of its pool."""
    worker = KeptConnections(app)
    worker.worker = SimpleNamespace(pool_cls="celery.concurrency.prefork:TaskPool")
    signals.task_prerun.connect(worker.on_task_prerun)
    signals.task_postrun.connect(worker.on_task_postrun)
    yield
    signals.task_prerun.disconnect(worker.on_task_prerun)
    signals.task_postrun.disconnect(worker.on_task_postrun)


def connections() -> set[object]:
    """The backends of this database on PostgreSQL; on SQLite this thread's open file."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            return {connection.connection}
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = CURRENT_DATABASE()")
        return {pid for (pid,) in cursor.fetchall()}


def work() -> None:
    task = app.tasks["voice.process_event"]
    signals.task_prerun.send(sender=task)
    connections()
    signals.task_postrun.send(sender=task)


@pytest.mark.django_db(transaction=True)
def test_a_hundred_tasks_make_no_new_connection(prefork: None) -> None:
    for _ in range(5):
        work()
    known = connections()
    for _ in range(TASKS):
        work()
    assert connections() - known == set()


def test_the_application_is_tied_to_django_by_that_fixup() -> None:
    assert [type(fixup.worker_fixup) for fixup in app._fixups] == [KeptConnections]
