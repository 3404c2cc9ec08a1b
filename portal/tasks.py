"""Runs the core's periodic tasks."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from portal.models import Heartbeat, IdempotentReply


@shared_task(name="portal.heartbeat")
def heartbeat() -> None:
    """Record that beat, which sends it, and a worker, which runs it, are both at work."""
    Heartbeat.beat("worker")


@shared_task(name="portal.clean_up")
def clean_up() -> None:
    """Forget kept replies after 24 h, and what the apps above let grow old."""
    IdempotentReply.objects.filter(created_at__lt=timezone.now() - timedelta(hours=24)).delete()
    for name in settings.CLEAN_UPS:
        import_string(name)()
