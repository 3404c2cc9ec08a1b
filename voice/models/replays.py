"""Defines Replay: stored events run again. ReplayLine says what that changes, or would change, in one place."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.leases import Leased
from portal.models import TelnyxAccount
from voice.models.calls import Call


class Replay(models.Model):
    """Holds the events chosen by ``selection``: first tried (a dry run), then, if somebody says so, run again.

    The row is the work, done piece by piece under a lease; ``cursor_at`` and ``cursor_id`` are the last event done.
    Events received after ``created_at`` are not among them.
    """

    class State(models.TextChoices):
        LOOKING = "looking"
        READY = "ready"
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    selection = models.JSONField(default=dict, help_text="Which events: see voice.selection.")
    side_effects = models.BooleanField(default=False, help_text="Rules and handlers run, commands are sent.")
    state = models.CharField(max_length=10, choices=State, default=State.LOOKING)
    requested_by = models.CharField(max_length=300)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, help_text="When the run began; a dry run never does.")
    finished_at = models.DateTimeField(null=True)
    total = models.PositiveIntegerField(null=True, help_text="Counted when the work begins.")
    done = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="Events by what came of them.")
    cursor_at = models.DateTimeField(null=True)
    cursor_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True, help_text="Nobody else works at it before.")
    holder = models.UUIDField(null=True, help_text="Of the lease: who has lost it writes nothing more.")
    claims = models.PositiveSmallIntegerField(default=0, help_text="Since an event was last done.")
    problem = models.TextField(blank=True)

    objects = Leased.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        default_permissions = ()  # replay_event, of the events, is what it takes
        indexes = [
            models.Index(fields=["created_at"], name="replay_owed", condition=Q(state__in=("looking", "running")))
        ]

    def __str__(self) -> str:
        return f"replay of {self.created_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_open(self) -> bool:
        """Tell whether somebody has to work at it."""
        return self.state in {self.State.LOOKING, self.State.RUNNING}

    @property
    def has_run(self) -> bool:
        return self.started_at is not None


class ReplayLine(models.Model):
    """Keeps ``changes`` by column: before, after; as JSON, times in ISO 8601. ``said``: why an event stays."""

    class Kind(models.TextChoices):
        CALL = "call"
        CONFERENCE = "conference"
        PARTICIPANT = "participant"
        EVENT = "event"

    replay = models.ForeignKey(Replay, on_delete=models.CASCADE, related_name="lines")
    is_rehearsed = models.BooleanField(help_text="Told by the dry run, else done by the run.")
    kind = models.CharField(max_length=12, choices=Kind)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=600, help_text="Telnyx's id of it; of a participant both ids; of an event ours.")
    call = models.ForeignKey(Call, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    is_new = models.BooleanField(default=False)
    about = models.JSONField(default=dict)
    changes = models.JSONField(default=dict)
    said = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["replay", "is_rehearsed", "kind", "account", "key"], name="one_line_per_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
