"""Defines DialBatch: many numbers dialled one after the other from one application. Its lines are commands."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from portal.masking import masked_text
from portal.models import ApiToken, TelnyxAccount
from portal.sealed_json import SealedJSONField


class DialBatch(models.Model):
    """Stores a batch. ``intent`` is unique: the same wish, the same batch. Line n is the command ``batch:<id>:<n>``."""

    class Status(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    connection_id = models.CharField(max_length=64, help_text="The id of the application at Telnyx.")
    parameters = SealedJSONField(
        placeholders=False, default=dict, help_text="What every line is dialled with, by wire name."
    )
    per_second = models.FloatField(validators=[MinValueValidator(0.01), MaxValueValidator(20)])
    lines = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    intent = models.CharField(max_length=200, unique=True)
    requested_by = models.CharField(max_length=300)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    began_at = models.DateTimeField(help_text="When it was made or last resumed.")
    paused_for = models.UUIDField(null=True, help_text="The suspension, or the stop, that paused it: undone with that.")

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "dial batches"
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="batch_by_time"),
            models.Index(fields=["name"], name="batch_by_name", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return masked_text(self.name)
