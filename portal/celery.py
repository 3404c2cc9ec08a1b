"""Provides the Celery application. Messages carry ids only; the work they stand for is in rows."""

import os

from celery import Celery
from celery.signals import worker_shutting_down

from portal import stopping
from portal.runtime import sqlite_broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
sqlite_broker.register()
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_shutting_down.connect
def begin_no_request(**_: object) -> None:
    """Let the tasks that run come to their end without asking Telnyx anything new."""
    stopping.begin()
