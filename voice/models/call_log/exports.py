"""Defines CallExport: that somebody takes calls out as a file, how far that is, and how it ended."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone


class CallExport(models.Model):
    """Stores one export. The file itself is kept nowhere: it is written to who asked while it is read."""

    class State(models.TextChoices):
        WAITING = "waiting"  # ordered, and not fetched yet
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"
        BROKEN_OFF = "broken_off", "broken off"

    SILENT = timedelta(minutes=2)  # after which one that runs is taken for dead: its process is

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    query = models.CharField(max_length=1000, blank=True, help_text="The search, its numbers masked.")
    asked = models.TextField(blank=True, help_text="The search itself, of one that is ordered and fetched later.")
    format = models.CharField(max_length=20)
    columns = models.JSONField(default=list)
    shows_numbers = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    bound = models.DateTimeField(help_text="No call that began later is in it.")
    rows = models.BigIntegerField(default=0)
    reached = models.DateTimeField(null=True, help_text="When the last call that was written began.")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the whole file.")
    error = models.CharField(max_length=300, blank=True)
    begun_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["user", "-begun_at"], name="export_by_user"),
            models.Index(fields=["seen_at"], name="export_running", condition=models.Q(state="running")),
            models.Index(fields=["begun_at"], name="export_by_age"),
        ]

    def __str__(self) -> str:
        return f"export of {self.begun_at:%Y-%m-%d %H:%M} UTC"

    def is_running(self, now: datetime) -> bool:
        return self.state == self.State.RUNNING and self.seen_at > now - self.SILENT
