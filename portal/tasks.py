"""Runs the core's periodic tasks."""

from datetime import timedelta

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from portal.models import Heartbeat, IdempotentReply

_log = structlog.get_logger(__name__)


@shared_task(name="portal.heartbeat")
def heartbeat() -> None:
    """Record that beat, which sends it, and a worker, which runs it, are both at work."""
    Heartbeat.beat("worker")


@shared_task(name="portal.clean_up")
def clean_up() -> None:
    """Forget kept replies after 24 h, and what the apps above let grow old.

    What goes wrong with one keeps no other waiting; the task fails with the first of it, at the end.
    """
    failures = list[Exception]()
    for name in ("portal.tasks.forget_replies", *settings.CLEAN_UPS):
        try:
            import_string(name)()
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            _log.exception("not cleaned up", what=name)
            failures.append(error)
    if failures:
        raise failures[0]


def forget_replies() -> None:
    """Forget the kept replies of 24 hours ago."""
    IdempotentReply.objects.filter(created_at__lt=timezone.now() - timedelta(hours=24)).delete()
