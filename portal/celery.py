"""Provides the Celery application. Messages carry ids only; the work they stand for is in rows."""

import os
from typing import Any

from celery import Celery, Task
from celery.fixups.django import DjangoFixup, DjangoWorkerFixup  # type: ignore[attr-defined]
from celery.signals import worker_shutting_down
from django.db import close_old_connections

from portal import stopping
from portal.runtime import sqlite_broker


class KeptConnections(DjangoWorkerFixup):  # type: ignore[misc]
    """Treats a task as Django treats a request: a worker keeps its connection from one to the next.

    Celery's own closes it before and after each task, of a prefork worker the whole pool: a new backend for each event.
    It also runs all of Django's checks, which load every page there is, and looks at nothing that they say.
    """

    def validate_models(self) -> None:
        self.django_setup()

    def on_task_prerun(self, sender: "Task[Any, Any]", **kwargs: Any) -> None:
        self._look_after(sender)

    def on_task_postrun(self, sender: "Task[Any, Any]", **kwargs: Any) -> None:
        self._look_after(sender)

    def _look_after(self, task: "Task[Any, Any]") -> None:
        if not getattr(task.request, "is_eager", False):
            close_old_connections()  # to the pool, or what is broken or has been open for long
            self.close_cache()


class _Fixup(DjangoFixup):
    _kept: KeptConnections | None = None

    @property
    def worker_fixup(self) -> DjangoWorkerFixup:
        if self._kept is None:  # not sooner: it reads the configuration
            self._kept = KeptConnections(self.app)
        return self._kept


def fixup(app: Celery) -> DjangoFixup:
    """Tie Celery to Django, in place of Celery's own."""
    tied = _Fixup(app)
    tied.install()
    return tied


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
sqlite_broker.register()
app = Celery("portal", fixups=["portal.celery:fixup"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_shutting_down.connect
def begin_no_request(**_: object) -> None:
    """Let the tasks that run come to their end without asking Telnyx anything new."""
    stopping.begin()
    os.write(2, b"worker: begins no request any more\n")  # as Celery says its own: this is in a signal's handler
