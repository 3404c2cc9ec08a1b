"""Defines CallCommand: one instance of an action, a row before it is a request."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.leases import Leased
from portal.models import ApiToken, TelnyxAccount
from portal.sealed_json import SealedJSONField
from voice.models.batches import DialBatch
from voice.models.calls import Call
from voice.models.conferences import Conference
from voice.models.events import CallEvent


class CallCommand(models.Model):
    """Stores a command. Its id is the ``command_id`` at Telnyx; ``intent_key`` is unique: one intent, one row."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        OK = "ok"
        REFUSED = "refused"
        UNCERTAIN = "uncertain"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    action = models.CharField(max_length=60, help_text="dial, an action by its SDK name, conferences.hold …")
    parameters = SealedJSONField(placeholders=False, default=dict, help_text="By wire name.")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    call = models.ForeignKey(Call, null=True, on_delete=models.PROTECT, related_name="commands")
    call_control_id = models.CharField(max_length=512, blank=True, db_index=True)
    conference = models.ForeignKey(
        Conference, null=True, on_delete=models.PROTECT, related_name="commands", db_index=False
    )
    queue_name = models.CharField(max_length=255, blank=True, help_text="The queue it is about.")
    path = models.JSONField(default=list, help_text="The ids of its address at Telnyx, where that is no call's.")
    event = models.ForeignKey(CallEvent, null=True, on_delete=models.PROTECT, related_name="commands", db_index=False)
    sequence = models.PositiveSmallIntegerField(
        default=0, help_text="Order among the commands of one event, or the line of a batch."
    )
    intent_key = models.CharField(max_length=200, unique=True)
    requested_by = models.CharField(max_length=300)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    batch = models.ForeignKey(DialBatch, null=True, on_delete=models.PROTECT, related_name="commands", db_index=False)
    dials = models.PositiveSmallIntegerField(default=0, help_text="How many numbers it calls.")
    counted_at = models.DateTimeField(null=True, help_text="When these count against the limits.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Not begun after this.")
    first_sent_at = models.DateTimeField(null=True, help_text="Telnyx ignores a repeat for 60 s from here.")
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True, help_text="Nobody else touches it before; also the next try's time.")
    held_since = models.DateTimeField(null=True, help_text="Since when it was due and not sent.")
    held_why = models.CharField(max_length=300, blank=True, default="", db_default="", help_text="Why, in words.")
    attempts = models.JSONField(default=list, help_text="[{at, http_status, ms, code}]")
    answer = models.JSONField(null=True, help_text="Telnyx's, when it is ok.")
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=20, blank=True, help_text="Telnyx's")
    settlement = models.CharField(max_length=500, blank=True, help_text="How an uncertain one came to its end.")
    settled_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True, help_text="When the reports were told that it came to nothing.")
    repeats = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="repeated_by", help_text="Sent again by a person."
    )

    objects = Leased.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["created_at"], name="command_owed", condition=Q(status__in=("queued", "sending"))),
            models.Index(fields=["-created_at", "-id"], name="command_by_time"),
            models.Index(fields=["account", "-created_at"], name="command_by_account"),
            models.Index(fields=["action", "-created_at"], name="command_by_action"),
            # for its beginning, as for all of it
            models.Index(
                fields=["requested_by", "-created_at"],
                name="command_by_asker",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
            models.Index(fields=["batch", "status"], name="command_by_batch", condition=Q(batch__isnull=False)),
            models.Index(fields=["status", "-created_at"], name="command_by_status"),
            models.Index(fields=["event", "sequence"], name="command_by_event"),
            models.Index(
                fields=["finished_at"], name="command_unsettled", condition=Q(status="uncertain", settled_at=None)
            ),
            models.Index(
                fields=["created_at"],
                name="command_uncounted",
                condition=Q(status__in=("refused", "expired"), reported_at=None),
            ),
            models.Index(
                fields=["conference", "created_at"],
                name="command_by_conference",
                condition=Q(conference__isnull=False),
            ),
            models.Index(fields=["queue_name", "-created_at"], name="command_by_queue", condition=~Q(queue_name="")),
            models.Index(fields=["account", "counted_at"], name="command_dials", condition=Q(counted_at__isnull=False)),
            models.Index(
                fields=["token", "counted_at"], name="command_token_dials", condition=Q(counted_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.action

    @property
    def id_at_telnyx(self) -> uuid.UUID:
        """Return the ``command_id`` it is sent under: its own id, and another one once that was refused.

        Telnyx ignores a repeat of an id, and nobody says that it does not ignore one that it has refused.
        """
        refused = any(attempt.get("outcome") == "refused" for attempt in self.attempts[:-1])
        return uuid.uuid5(self.pk, "after a refusal") if refused else self.pk

    @property
    def is_open_question(self) -> bool:
        """Tell whether nobody knows or has said what Telnyx did with it."""
        return self.status == self.Status.UNCERTAIN and self.settled_at is None

    @property
    def held_until(self) -> datetime | None:
        """When it was sent, or ended unsent; None while it still waits."""
        return self.first_sent_at or self.finished_at

    @property
    def seconds(self) -> float | None:
        """Measure from the first request to the end; nothing for one that was never sent."""
        if self.first_sent_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.first_sent_at).total_seconds(), 3)


class AccountBreaker(models.Model):
    """Stops the commands of one account: a fuse. An account without a row has never had trouble."""

    class State(models.TextChoices):
        CLOSED = "closed"
        OPEN = "open"
        HALF_OPEN = "half-open"

    account = models.OneToOneField(TelnyxAccount, on_delete=models.CASCADE, primary_key=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.CLOSED)
    since = models.DateTimeField()
    why = models.CharField(max_length=500, blank=True)
    next_probe_at = models.DateTimeField(null=True, help_text="One command may try then.")
    pauses = models.PositiveSmallIntegerField(default=0, help_text="Probes that failed since it opened.")
    wait_until = models.DateTimeField(null=True, help_text="Telnyx's rate limit: no command goes before.")
    dials_wait_until = models.DateTimeField(null=True, help_text="Its limit of dials a second: no dial goes before.")
    recent = models.CharField(max_length=20, blank=True, help_text="Outcomes, newest last: o usable, x not.")

    class Meta:
        default_permissions = ()
        permissions = [("close_breaker", "Can close the circuit breaker of an account by hand")]

    def __str__(self) -> str:
        return f"breaker of {self.account}"

    @property
    def is_closed(self) -> bool:
        return self.state == self.State.CLOSED
