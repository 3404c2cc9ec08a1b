"""CallEvent: one Telnyx event, its bytes as they came. RejectedRequest: what was not let in."""

import uuid

from django.db import models
from django.db.models import Q

from portal.models import TelnyxAccount
from voice.models.calls import Call
from voice.models.conferences import Conference


class CallEvent(models.Model):
    """One event. ``body`` is the record; ``payload`` is a readable copy and may be missing."""

    class Source(models.TextChoices):
        WEBHOOK = "webhook"
        TEXML = "texml"
        BACKFILL = "backfill"

    class Status(models.TextChoices):
        RECEIVED = "received"
        PROCESSED = "processed"
        IGNORED = "ignored"
        QUARANTINED = "quarantined"
        DEAD = "dead"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+")
    # Telnyx's id, or sha256:<body> when the body cannot be read: what makes a repeat a repeat
    dedupe_key = models.CharField(max_length=100)
    event_id = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001  null means "none could be read"
    event_type = models.CharField(max_length=100, blank=True)
    source = models.CharField(max_length=10, choices=Source)
    status = models.CharField(max_length=12, choices=Status, default=Status.RECEIVED)
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(null=True, help_text="meta.attempt: Telnyx's count of its tries")
    call_control_id = models.CharField(max_length=512, blank=True, db_index=True)
    call_leg_id = models.CharField(max_length=64, blank=True)
    call_session_id = models.CharField(max_length=64, blank=True)
    connection_id = models.CharField(max_length=64, blank=True)
    call = models.ForeignKey(Call, null=True, on_delete=models.SET_NULL, related_name="events")
    conference = models.ForeignKey(
        Conference, null=True, on_delete=models.SET_NULL, related_name="events", db_index=False
    )
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    payload = models.JSONField(null=True)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Ours, counted when one begins.")
    lease_until = models.DateTimeField(null=True, help_text="Nobody else touches it before; also the next try's time.")

    class Meta:
        ordering = ["-received_at", "-id"]
        permissions = [("view_raw_event", "Can see raw events"), ("replay_event", "Can run events again")]
        constraints = [models.UniqueConstraint(fields=["account", "dedupe_key"], name="one_event_per_key")]
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="event_by_time"),
            models.Index(fields=["received_at"], name="event_owed", condition=Q(status="received")),
            models.Index(fields=["status", "-received_at"], name="event_by_status"),
            models.Index(
                fields=["conference", "received_at"],
                name="event_by_conference",
                condition=Q(conference__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.event_type or "unreadable event"


class RejectedRequest(models.Model):
    """One of the last 100 webhook requests that were refused: so that an operator sees why nothing arrives."""

    at = models.DateTimeField(db_index=True)
    account = models.ForeignKey(TelnyxAccount, null=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=200)
    header_names = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "rejected webhook"

    def __str__(self) -> str:
        return self.reason
