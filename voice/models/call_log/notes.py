"""Defines what people write beside a call: notes, tags, that somebody is to look at it again."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class CallNote(models.Model):
    """Stores what somebody wrote about a call. It is not changed, so that it stays what was written then."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    call = models.ForeignKey("voice.Call", on_delete=models.CASCADE, related_name="notes", db_index=False)
    text = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    written_by = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ("add", "view", "delete")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["call", "-at"], name="note_by_call"),
            models.Index(fields=["-at", "-id"], name="note_by_time"),
        ]

    def __str__(self) -> str:
        return f"note by {self.written_by}"


class CallTag(models.Model):
    """Stores a word that somebody gave a call. Telnyx's own ``tags`` come with its events, and are others."""

    call = models.ForeignKey("voice.Call", on_delete=models.CASCADE, related_name="people_tags", db_index=False)
    name = models.CharField(max_length=40, help_text="In lower case, without spaces.")
    tagged_by = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ("add", "view", "delete")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["call", "name"], name="one_tag_per_call")]
        indexes = [
            models.Index(
                fields=["name", "-at"], name="tag_by_name", opclasses=["varchar_pattern_ops", "timestamptz_ops"]
            )
        ]

    def __str__(self) -> str:
        return self.name


class FollowUp(models.Model):
    """Stores that somebody is to look at a call again, until it is done."""

    call = models.OneToOneField("voice.Call", on_delete=models.CASCADE, primary_key=True, related_name="follow_up")
    asked_by = models.CharField(max_length=200)
    at = models.DateTimeField()
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=200, blank=True)

    class Meta:
        default_permissions = ("add", "change", "view")
        ordering = ["-at", "-call_id"]
        indexes = [
            models.Index(fields=["-at", "-call"], name="follow_up_by_time"),
            models.Index(fields=["-at", "-call"], name="follow_up_open", condition=Q(done_at=None)),
            models.Index(fields=["assignee", "-at"], name="follow_up_by_assignee", condition=Q(done_at=None)),
        ]

    def __str__(self) -> str:
        return "follow-up that is done" if self.done_at else "follow-up"
