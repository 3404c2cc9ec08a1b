"""Defines CallEvent: one Telnyx event, its bytes as they came. RejectedRequest, RejectionCount: what was refused."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from portal.leases import Leased
from portal.models import TelnyxAccount
from voice.models.calls import Call
from voice.models.conferences import Conference

HAPPENED_AT = Coalesce("occurred_at", "received_at")


class CallEvent(models.Model):
    """Stores one event. ``body`` is the record; ``payload`` is a readable copy and may be missing."""

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

    class Reason(
        models.TextChoices
    ):  # why an event is quarantined; no choices of the column: a new one needs no migration
        UNREADABLE = "unreadable"
        OLD_FORMAT = "old_format"
        VARIANT = "variant"
        FOREIGN = "foreign_account"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # without an index of its own: others begin with it
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Telnyx's id, or sha256:<body> when the body cannot be read: what makes a repeat a repeat
    dedupe_key = models.CharField(max_length=100)
    event_id = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001  null means "none could be read"
    event_type = models.CharField(max_length=100, blank=True)
    source = models.CharField(max_length=10, choices=Source)
    status = models.CharField(max_length=12, choices=Status, default=Status.RECEIVED)
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    known_since = models.DateTimeField(null=True, help_text="When a recovery brought it, before its webhook came.")
    processed_at = models.DateTimeField(null=True)  # kept while one that told something is run again
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
    reason = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        help_text="Why it is quarantined; ``error`` has the words.",
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Ours, counted when one begins.")
    lease_until = models.DateTimeField(null=True, help_text="Nobody else touches it before; also the next try's time.")

    objects = Leased.as_manager()

    class Meta:
        ordering = ["-received_at", "-id"]
        permissions = [("view_raw_event", "Can see raw events"), ("replay_event", "Can run events again")]
        constraints = [models.UniqueConstraint(fields=["account", "dedupe_key"], name="one_event_per_key")]
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="event_by_time"),
            models.Index(fields=["received_at"], name="event_owed", condition=Q(status="received")),
            models.Index(fields=["status", "-received_at"], name="event_by_status"),
            models.Index(fields=["account", "status", "-received_at"], name="event_by_account"),
            models.Index(fields=["account", "-received_at"], name="event_by_account_time"),
            models.Index(fields=["connection_id", "-received_at"], name="event_by_connection"),
            models.Index(fields=["event_type", "-received_at"], name="event_by_type"),
            models.Index(fields=["source", "-received_at"], name="event_by_source", condition=~Q(source="webhook")),
            models.Index(fields=["event_id"], name="event_variant", condition=Q(reason="variant")),
            models.Index(
                fields=["connection_id", "-received_at"], name="event_recovered", condition=Q(source="backfill")
            ),
            models.Index(
                fields=["call_leg_id"],
                name="event_before_its_leg",
                condition=Q(call=None, call_control_id="", status="ignored") & ~Q(call_leg_id=""),
            ),
            models.Index(
                fields=["conference", "received_at"],
                name="event_by_conference",
                condition=Q(conference__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.event_type or "unreadable event"

    @property
    def happened_at(self) -> datetime:
        """Return when it occurred, as far as anybody knows; in a query ``HAPPENED_AT``."""
        return self.occurred_at or self.received_at


class RejectedRequest(models.Model):
    """Keeps one of the last 100 refused webhook requests: so that an operator sees why nothing arrives."""

    at = models.DateTimeField(db_index=True)
    account = models.ForeignKey(
        TelnyxAccount, null=True, on_delete=models.CASCADE, related_name="+", help_text="None: nobody has that address."
    )
    code = models.CharField(max_length=32, blank=True, help_text="Of voice.refusals: what kind of reason it was.")
    reason = models.CharField(max_length=200)
    hint = models.CharField(max_length=500, blank=True, help_text="What may have caused it, and whose key it was.")
    header_names = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = "rejected webhook"

    def __str__(self) -> str:
        return self.reason


class RejectionCount(models.Model):
    """Counts the requests an account's address refused in one hour, by kind of reason. Kept for a week."""

    account = models.ForeignKey(TelnyxAccount, null=True, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField(db_index=True)
    code = models.CharField(max_length=32)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()  # told by the inbox, which asks for those of the requests themselves
        constraints = [
            models.UniqueConstraint(
                fields=["account", "hour", "code"], condition=Q(account__isnull=False), name="one_count_per_reason"
            ),
            models.UniqueConstraint(
                fields=["hour", "code"], condition=Q(account__isnull=True), name="one_count_of_no_account"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.code}"
