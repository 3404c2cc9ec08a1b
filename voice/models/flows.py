"""Defines Flow, what to do for the calls of one application, and Rule, one line of it."""

import uuid

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from portal.models import TelnyxAccount
from portal.sealed_json import SealedJSONField


class Flow(models.Model):
    """Belongs to an application by its ``connection_id``; at most one of them is active."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    connection_id = models.CharField(max_length=64, help_text="The id of the application at Telnyx.")
    active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "connection_id"],
                condition=Q(active=True),
                name="one_active_flow",
                violation_error_message="This application has another active flow. Switch that one off first.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """Does ``do`` and goes to ``step`` when ``event_type`` comes and every condition of ``when`` holds."""

    class Direction(models.TextChoices):
        INCOMING = "incoming"
        OUTGOING = "outgoing"
        ANY = "any"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField(default=0)
    event_type = models.CharField(max_length=100)
    direction = models.CharField(
        max_length=10,
        choices=Direction,
        default=Direction.INCOMING,
        help_text="Of the legs it is for; a condition on the direction overrides it.",
    )
    when = models.JSONField(default=list, blank=True)
    do = SealedJSONField(default=list, blank=True)
    step = models.CharField(max_length=100, blank=True)
    stop = models.BooleanField(default=True, help_text="Later rules are not looked at.")

    history = HistoricalRecords()

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        names = [entry.get("action", "?") for entry in self.do if isinstance(entry, dict)]
        return f"#{self.position + 1} {self.event_type}: {', then '.join(names) or 'nothing'}"
