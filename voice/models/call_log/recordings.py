"""Defines Recording: what was recorded of a leg or a conference, or why that failed. The file lies at Telnyx."""

import uuid

from django.db import models
from django.db.models import Q

from portal.models import TelnyxAccount


class Recording(models.Model):
    """Stores one recording. Its columns are a merge of events (``facts``), as a call's are."""

    class Status(models.TextChoices):
        UNDER_WAY = "under_way"
        SAVED = "saved"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # without an index of its own: the unique key begins with it
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Telnyx's id; a failure tells none, and has its event's: what makes a repeat a repeat
    key = models.CharField(max_length=120)
    recording_id = models.CharField(max_length=100, blank=True, help_text="Telnyx's, by which the file is asked for.")
    call = models.ForeignKey("voice.Call", null=True, on_delete=models.SET_NULL, related_name="recordings")
    conference = models.ForeignKey(
        "voice.Conference", null=True, on_delete=models.SET_NULL, related_name="recordings", db_index=False
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.UNDER_WAY)
    reason = models.CharField(max_length=300, blank=True, help_text="Telnyx's words for why it failed.")
    is_texml = models.BooleanField(default=False)
    source = models.CharField(max_length=50, blank=True, help_text="What had it begun, as TeXML tells it.")
    channels = models.CharField(max_length=10, blank=True, help_text="single or dual")
    format = models.CharField(max_length=10, blank=True)
    started_at = models.DateTimeField(help_text="When it began, else when it was first told of.")
    ended_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True, help_text="Its length, as far as it is told.")
    transcription_id = models.CharField(max_length=100, blank=True)
    transcript = models.TextField(blank=True)
    peaks = models.JSONField(null=True, help_text="Per channel the loudness, 0 to 99, in even steps.")
    peaks_error = models.CharField(max_length=200, blank=True, help_text="Why none could be drawn.")
    deletion = models.ForeignKey("voice.CallCommand", null=True, on_delete=models.SET_NULL, related_name="+")
    facts = models.JSONField(default=dict, help_text="Per column: which event told it, and when.")

    class Meta:
        default_permissions = ("view", "delete")
        ordering = ["-started_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="one_recording_per_key")]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="recording_by_time"),
            models.Index(fields=["conference"], name="recording_by_conference", condition=Q(conference__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"recording …{self.recording_id[-8:]}" if self.recording_id else "recording that failed"

    @property
    def is_deleted(self) -> bool:
        return self.deletion is not None and self.deletion.status == "ok"
