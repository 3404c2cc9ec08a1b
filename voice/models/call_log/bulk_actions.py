"""Defines BulkAction: one thing that is done for many calls, how far that is, and how it ended."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.leases import Leased


class BulkAction(models.Model):
    """Stores one thing done for many. The row is the work, done piece by piece under a lease; what is done stays.

    ``items`` are ids of calls, or of recordings that are to be deleted, in the order in which they are done.
    """

    class Kind(models.TextChoices):
        TAG = "tag"
        FOLLOW_UP = "follow-up"
        DELETE = "delete"

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    requested_by = models.CharField(max_length=300)
    query = models.CharField(max_length=1000, help_text="Which calls they are, numbers masked.")
    calls = models.IntegerField(help_text="How many were chosen.")
    told = models.CharField(max_length=200, blank=True, help_text="The tag, or who is to follow them up.")
    items = models.JSONField(default=list)
    done = models.IntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="By what came of them.")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    problem = models.CharField(max_length=500, blank=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True, help_text="Nobody else works at it before.")
    holder = models.UUIDField(null=True, help_text="Of the lease: who has lost it writes nothing more.")
    claims = models.IntegerField(default=0, help_text="Since a piece was last done.")

    objects = Leased.as_manager()

    class Meta:
        default_permissions = ()  # it takes what the thing itself takes
        indexes = [models.Index(fields=["begun_at"], name="bulk_action_owed", condition=Q(state="running"))]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.begun_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_open(self) -> bool:
        """Tell whether somebody has to work at it."""
        return self.state == self.State.RUNNING

    @property
    def total(self) -> int:
        return len(self.items)
