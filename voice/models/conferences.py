"""Defines Conference, derived from its events, and ConferenceParticipant, a leg that was in it."""

import uuid

from django.db import models
from django.db.models import Q

from portal.masking import masked_text
from portal.models import TelnyxAccount
from voice.models.calls import Call


class Conference(models.Model):
    """Stores a conference, merged from events and Telnyx (``facts``), equal for any order and repetition.

    Queues have no row: they are Telnyx's alone. Their permission stands here because a permission needs a model.
    """

    class State(models.TextChoices):
        INIT = "init", "not started"
        IN_PROGRESS = "in_progress", "in progress"
        COMPLETED = "completed", "ended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    conference_id = models.CharField(max_length=64, help_text="Telnyx's id")
    name = models.CharField(max_length=255, blank=True, help_text="No event tells it: only Telnyx when asked.")
    connection_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.IN_PROGRESS)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=50, blank=True)
    facts = models.JSONField(default=dict, help_text="Per column: which event told it, and when.")

    class Meta:
        ordering = ["-started_at", "-id"]
        default_permissions = ("view",)
        permissions = [("view_queue", "Can see the queues at Telnyx")]
        constraints = [models.UniqueConstraint(fields=["account", "conference_id"], name="one_conference_per_id")]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="conference_by_time"),
            models.Index(fields=["account", "-started_at"], name="conference_by_account"),
            models.Index(fields=["connection_id", "-started_at"], name="conference_by_application"),
            models.Index(fields=["name"], name="conference_by_name", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["conference_id"], name="conference_by_id"),
            models.Index(fields=["state", "-started_at"], name="conference_by_state", condition=~Q(state="completed")),
        ]

    def __str__(self) -> str:
        return masked_text(self.name_or_id)

    @property
    def name_or_id(self) -> str:
        return self.name or f"conference …{self.conference_id[-8:]}"

    @property
    def is_over(self) -> bool:
        return self.state == self.State.COMPLETED


class ConferenceParticipant(models.Model):
    """Keeps the last time a leg came into a conference, and left it: it may do both several times."""

    conference = models.ForeignKey(Conference, on_delete=models.CASCADE, related_name="participants", db_index=False)
    call_control_id = models.CharField(max_length=512)
    call = models.ForeignKey(Call, null=True, on_delete=models.SET_NULL, related_name="conferences")
    joined_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)
    recount_after = models.DateTimeField(
        null=True, help_text="Calls that were in it later than this may be counted otherwise; null once that is done."
    )

    class Meta:
        ordering = ["joined_at", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["conference", "call_control_id"], name="one_participant_per_leg")
        ]
        indexes = [
            models.Index(
                fields=["recount_after"], name="participant_uncounted", condition=Q(recount_after__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"…{self.call_control_id[-8:]}"

    @property
    def is_present(self) -> bool:
        """Tell whether the leg is in it: not after the conference's end, whatever the leg's last event was."""
        inside = self.joined_at is not None and (self.left_at is None or self.left_at < self.joined_at)
        return inside and not self.conference.is_over
