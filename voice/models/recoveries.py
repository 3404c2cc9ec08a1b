"""Defines Recovery: one run that fetches from Telnyx what its webhooks did not bring."""

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q

from portal import sql
from portal.models import TelnyxAccount
from portal.texts import pluralised

SILENT = timedelta(minutes=2)  # a run says that it is alive far more often: one request takes at most 8 s


class Recovery(models.Model):
    """Holds the wish for a run and is its lock: of one account there is at most one that is not over.

    ``since`` to ``until`` is the time that was looked through. The greatest ``until`` of those that are done is the
    watermark: up to it nothing that failed was left unread.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    requested_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(help_text="When it was asked for; once it runs, when it began.")
    seen_alive_at = models.DateTimeField(help_text="One that runs and is silent for long was killed.")
    finished_at = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    deliveries_read = models.PositiveIntegerField(default=0, help_text="Failed deliveries in Telnyx's list.")
    events_recovered = models.PositiveIntegerField(default=0)
    calls_ended = models.PositiveIntegerField(default=0, help_text="Calls whose hang-up was among them.")
    calls_found = models.PositiveIntegerField(default=0, help_text="Live calls the portal had not heard of.")
    calls_lost = models.PositiveIntegerField(default=0, help_text="Calls closed because their end is nowhere.")
    problem = models.TextField(blank=True)  # of one that is done: which calls' state Telnyx did not tell

    class Meta:
        ordering = ["-started_at", "-id"]
        default_permissions = ("view",)
        permissions = [("recover_events", "Can look for missed events now")]
        verbose_name_plural = "recoveries"
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(state__in=("queued", "running")), name="one_recovery_at_a_time"
            )
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="recovery_by_time"),
            models.Index(fields=["account", "-started_at"], name="recovery_by_account"),
            models.Index(fields=["state", "-started_at"], name="recovery_by_state", condition=~Q(state="done")),
        ]

    def __str__(self) -> str:
        return f"{self.account} at {self.started_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED}

    @property
    def is_silent(self) -> bool:
        """Tell whether it should be running, and was killed: the next one takes its place."""
        return self.state == self.State.RUNNING and self.seen_alive_at < sql.clock() - SILENT

    @property
    def words(self) -> str:
        """Say what came of it, as one part of a sentence."""
        found = (
            (self.events_recovered, "event recovered", "events recovered"),
            (self.calls_ended, "call ended by them", "calls ended by them"),
            (self.calls_found, "live call found", "live calls found"),
            (self.calls_lost, "call closed as lost", "calls closed as lost"),
        )
        parts = [pluralised(number, singular, plural) for number, singular, plural in found if number]
        return ", ".join(parts) or "nothing was missing"

    @property
    def result(self) -> str:
        """Say what came of one that is over, with what went wrong."""
        if self.state == self.State.FAILED:
            return self.problem
        return f"{self.words}; not every call could be asked for: {self.problem}" if self.problem else self.words
