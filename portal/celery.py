"""The Celery application. Messages carry ids only; the work they stand for is in rows."""

import os

from celery import Celery

from portal import queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
queue.register()
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
