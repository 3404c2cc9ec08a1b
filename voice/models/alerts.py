"""Defines Alert: a condition somebody should know of, while it lasts. AlertNotice tells of it, AlertMute does not."""

import uuid
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q

from portal.leases import Leased
from portal.models import TelnyxAccount

KINDS: dict[str, str] = {}  # by code what people call it; each check brings its own (voice.alerts.findings.check)


class Alert(models.Model):
    """Spans one condition, from the check that first found it to the one that no longer does."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=30)  # of KINDS, and no choices: a new check needs no migration
    subject = models.CharField(max_length=150, help_text="What it is about: an account, an application, a process …")
    account = models.ForeignKey(TelnyxAccount, null=True, on_delete=models.CASCADE, related_name="+")
    summary = models.CharField(max_length=300)
    link = models.CharField(max_length=300, blank=True, help_text="The page to look at, without the host.")
    details = models.JSONField(default=dict, blank=True)
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="The last check that found it so.")
    clear_since = models.DateTimeField(
        null=True, help_text="Since when checks do not find it; it closes a little later."
    )
    closed_at = models.DateTimeField(null=True)
    announced_at = models.DateTimeField(null=True, help_text="When its notices were made; not while it is muted.")

    class Meta:
        ordering = [F("closed_at").desc(nulls_first=True), "-opened_at", "-id"]
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(closed_at=None), name="one_open_alert_per_subject"
            )
        ]
        indexes = [models.Index(fields=["-opened_at", "-id"], name="alert_by_time")]

    def __str__(self) -> str:
        return f"{self.label}: {self.subject}"

    @property
    def label(self) -> str:
        """Return what people call its kind; the code itself, once there is no such check any more."""
        return KINDS.get(self.kind, self.kind)

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class AlertMute(models.Model):
    """Mutes what it names: a kind, a subject, or one of both. Without ``until`` for ever."""

    kind = models.CharField(max_length=30, blank=True)
    subject = models.CharField(max_length=150, blank=True)
    until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="one_mute_per_subject")]

    def __str__(self) -> str:
        words = [KINDS.get(self.kind, self.kind)] if self.kind else []
        return ": ".join([*words, self.subject] if self.subject else words)

    def covers(self, kind: str, subject: str) -> bool:
        return self.kind in {"", kind} and self.subject in {"", subject}


class AlertNotice(models.Model):
    """Tells one state change by one channel. The row is the queue; its id is the ``webhook-id`` of all its tries."""

    class Change(models.TextChoices):
        OPENED = "opened"
        CLOSED = "closed"

    class Channel(models.TextChoices):
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook"

    class Outcome(models.TextChoices):
        WAITING = "", "waiting"
        SENT = "sent"
        MUTED = "muted"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    change = models.CharField(max_length=6, choices=Change)
    channel = models.CharField(max_length=7, choices=Channel)
    body = models.JSONField(help_text="As it was at the change: each try says the same.")
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Counted when one begins.")
    lease_until = models.DateTimeField(null=True, help_text="Nobody else touches it before; also the next try's time.")
    outcome = models.CharField(max_length=6, choices=Outcome, blank=True, default=Outcome.WAITING)
    finished_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    objects = Leased.as_manager()

    class Meta:
        ordering = ["created_at", "-change", "channel"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["alert", "change", "channel"], name="one_notice_per_change_and_channel")
        ]
        indexes = [models.Index(fields=["created_at"], name="notice_waiting", condition=Q(finished_at=None))]

    def __str__(self) -> str:
        return f"{self.change} by {self.channel}"


class AlertRound(models.Model):
    """Keeps when the checks last ran, and since when without a gap. One row: who moves ``at`` on runs the next."""

    at = models.DateTimeField()
    since = models.DateTimeField()

    class Meta:
        default_permissions = ()

    @classmethod
    def claim(cls, now: datetime, every: Any, gap: Any) -> datetime | None:
        """Claim the next round, if it is time for it: since when the checks run; None if it is not, or another's."""
        row = cls.objects.filter(pk=1).first()
        if row is None:
            _, first = cls.objects.get_or_create(pk=1, defaults={"at": now, "since": now})
            return now if first else None
        if row.at > now - every:
            return None
        since = row.since if row.at > now - gap else now
        return since if cls.objects.filter(pk=1, at=row.at).update(at=now, since=since) else None
