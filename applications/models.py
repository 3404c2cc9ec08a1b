"""Mirrors what is configured at Telnyx: one row per application, with every field of the SDK's answers.

Values read from Telnyx are stored as they came and never refused: enums as text, since Telnyx's lists grow.
Sources: developers.telnyx.com, "Call Control Applications" and "TeXML Applications".
"""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from portal import sql
from portal.models import ApiToken, TelnyxAccount

NOT_VERSIONED = ["pulled_at", "numbers_count", "numbers_read_at"]
SILENT_SECONDS = 60  # a run says that it is alive far more often: one request may take 8 s


class TelnyxApplication(models.Model):
    """Holds what both kinds share.

    ``telnyx_id`` is what calls know as ``connection_id``; a missing one stays for them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+")
    telnyx_id = models.CharField("Telnyx ID", max_length=64, db_index=True, editable=False)
    active = models.BooleanField(null=True)
    anchorsite_override = models.CharField(max_length=100, blank=True)
    dtmf_type = models.CharField("DTMF type", max_length=50, blank=True)
    first_command_timeout = models.BooleanField(null=True)
    first_command_timeout_secs = models.BigIntegerField(null=True, blank=True)
    call_cost_in_webhooks = models.BooleanField(null=True)
    inbound = models.JSONField(default=dict, blank=True)
    outbound = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    record_type = models.CharField(max_length=50, blank=True, editable=False)
    created_at = models.DateTimeField("created at Telnyx", null=True, editable=False)
    updated_at = models.DateTimeField("updated at Telnyx", null=True, editable=False)

    remote = models.JSONField(default=dict, editable=False, help_text="Telnyx's last answer, whole.")
    remote_digest = models.CharField(max_length=64, blank=True, editable=False, help_text="Of remote: the ETag.")
    pulled_at = models.DateTimeField(null=True, editable=False)
    missing_since = models.DateTimeField(null=True, editable=False, help_text="Since when Telnyx does not know it.")
    numbers_count = models.PositiveIntegerField(null=True, editable=False, help_text="Phone numbers that Telnyx lists.")
    numbers_read_at = models.DateTimeField(null=True, editable=False, help_text="Since when, or as of which look.")

    numbers_as_of: datetime | None  # beside the row, of ``pulls.number_counts``

    name_field: ClassVar[str]
    url_field: ClassVar[str]

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name or self.telnyx_id

    @property
    def name(self) -> str:
        """Return its name at Telnyx: the two kinds call the field differently."""
        return str(getattr(self, self.name_field))


class HistoryEntry(models.Model):
    """Records who made a version, beside what simple_history itself keeps: user, time and reason."""

    history_actor = models.CharField(max_length=200, blank=True, help_text="user: …, token: …, command line or portal")
    history_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    history_request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        abstract = True


class CallControlApplication(TelnyxApplication):
    """Telnyx posts JSON events of its calls to ``webhook_event_url`` and takes commands."""

    application_name = models.CharField(max_length=500, blank=True)
    webhook_event_url = models.CharField("webhook event URL", max_length=2000, blank=True)
    webhook_event_failover_url = models.CharField("webhook event failover URL", max_length=2000, blank=True)
    webhook_api_version = models.CharField("webhook API version", max_length=10, blank=True)
    webhook_timeout_secs = models.BigIntegerField(null=True, blank=True)
    redact_dtmf_debug_logging = models.BooleanField("redact DTMF in debug logging", null=True)

    history = HistoricalRecords(bases=[HistoryEntry], excluded_fields=NOT_VERSIONED)

    name_field, url_field = "application_name", "webhook_event_url"

    class Meta:
        ordering = ["application_name", "telnyx_id"]
        verbose_name = "Call Control application"
        permissions = [("assign_number", "Can assign phone numbers to applications")]  # of both kinds
        constraints = [models.UniqueConstraint(fields=["account", "telnyx_id"], name="one_call_control_per_telnyx_id")]
        indexes = [
            models.Index(fields=["account", "active"], name="call_control_there", condition=Q(missing_since=None)),
            models.Index(fields=["numbers_count"], name="call_control_by_numbers", condition=Q(missing_since=None)),
        ]


class TexmlApplication(TelnyxApplication):
    """Telnyx fetches an XML document for its calls from ``voice_url``."""

    friendly_name = models.CharField(max_length=500, blank=True)
    voice_url = models.CharField("voice URL", max_length=2000, blank=True)
    voice_method = models.CharField(max_length=10, blank=True)
    voice_fallback_url = models.CharField("voice fallback URL", max_length=2000, blank=True)
    status_callback = models.CharField(max_length=2000, blank=True)
    status_callback_method = models.CharField(max_length=10, blank=True)

    history = HistoricalRecords(bases=[HistoryEntry], excluded_fields=NOT_VERSIONED)

    name_field, url_field = "friendly_name", "voice_url"

    class Meta:
        ordering = ["friendly_name", "telnyx_id"]
        verbose_name = "TeXML application"
        constraints = [models.UniqueConstraint(fields=["account", "telnyx_id"], name="one_texml_per_telnyx_id")]
        indexes = [
            models.Index(fields=["account", "active"], name="texml_there", condition=Q(missing_since=None)),
            models.Index(fields=["numbers_count"], name="texml_by_numbers", condition=Q(missing_since=None)),
        ]


class NumbersReading(models.Model):
    """Says when the phone numbers of an account were last counted: a count that is as it was is not written again."""

    account = models.OneToOneField(TelnyxAccount, primary_key=True, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()  # told beside the counts

    def __str__(self) -> str:
        return f"{self.account} at {self.at:%Y-%m-%d %H:%M} UTC"


class OneAtATime(models.Model):
    """Records what runs once at a time for each account and kind: while it runs, its row is the lock."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=50)
    requested_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(auto_now_add=True)
    seen_alive_at = models.DateTimeField(auto_now=True, help_text="A running one that is silent for long was killed.")
    finished_at = models.DateTimeField(null=True)

    state: Any  # each has its own choices, "running" and "failed" among them

    class Meta:
        abstract = True
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.account} at {self.started_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_silent(self) -> bool:
        """Return whether it should be running, and was killed: the next one replaces it."""
        if self.state != "running":
            return False  # the clock is a question to the database, for each line of a list
        return self.seen_alive_at <= sql.clock() - timedelta(seconds=SILENT_SECONDS)


class Pull(OneAtATime):
    """Records one pull of one kind of one account: when, by whom, and what it found."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped", "stopped: looks like a mass delete"
        FAILED = "failed"

    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    progress = models.PositiveIntegerField(default=0, help_text="Applications read so far.")
    total = models.PositiveIntegerField(null=True, help_text="How many there are, if Telnyx tells.")
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list, blank=True)

    class Meta(OneAtATime.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "kind"], condition=Q(state="running"), name="one_pull_at_a_time")
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="pull_by_time"),
            models.Index(fields=["account", "kind", "-started_at"], name="pull_by_account"),
        ]

    @property
    def counts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("created", "updated", "missing", "unchanged")}


class ApplyRun(OneAtATime):
    """Records one plan that is, or was, carried out for one kind of one account: by whom, how far, what came of it.

    ``results`` are ``{"action", "name", "id", "line", "state", "message"}``, in the order in which they were tried.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped", "stopped: Telnyx was not as planned"
        FAILED = "failed", "interrupted"

    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    source = models.CharField(max_length=200, blank=True, help_text="The file, the import, or REST.")
    is_at_work = models.BooleanField(default=True, help_text="Not between two requests of an import.")
    progress = models.PositiveIntegerField(default=0, help_text="Steps tried so far.")
    total = models.PositiveIntegerField(default=0, help_text="Steps of the plan.")
    failed = models.PositiveIntegerField(default=0)
    results = models.JSONField(default=list, blank=True)

    class Meta(OneAtATime.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind"], condition=Q(state="running"), name="one_apply_at_a_time"
            )
        ]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="apply_by_time"),
            models.Index(fields=["account", "kind", "-started_at"], name="apply_by_account"),
        ]


class BulkEdit(models.Model):
    """Stores one change wished for many applications of a kind: what is to be set, where, and what came of each.

    ``values`` by dotted name; ``targets`` are ``{"id", "base", "state", "said"}`` with our row's id, the digest that
    the preview was drawn from, and ``state`` empty until its turn.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        RUNNING = "running"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=50)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    values = models.JSONField(default=dict)
    targets = models.JSONField(default=list)
    preview = models.UUIDField(
        null=True, default=uuid.uuid4, help_text="Of what is shown to be confirmed: another one with each choice."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    seen_alive_at = models.DateTimeField(null=True, help_text="A running one that is silent for long was killed.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{len(self.targets)} {self.kind} at {self.created_at:%Y-%m-%d %H:%M} UTC"


class EditLock(models.Model):
    """Is held while one application is being changed. A row left behind by a killed process ends by itself."""

    subject = models.CharField(max_length=100, unique=True)
    until = models.DateTimeField()

    class Meta:
        db_table = "applications_turn"  # as it was first called
        default_permissions = ()  # nobody's to see or change

    def __str__(self) -> str:
        return self.subject

    @staticmethod
    def subject_of(application: TelnyxApplication) -> str:
        return f"{application._meta.model_name}:{application.pk}"


class Intent(models.Model):
    """Says what somebody here asks of Telnyx while the outcome is not known: written before the request, gone after it.

    One that stays was sent by a process that died, or its answer was lost. ``telnyx_id`` is empty for a create.
    """

    class Verb(models.TextChoices):
        CREATE = "create"
        UPDATE = "update"
        DELETE = "delete"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=50)
    telnyx_id = models.CharField(max_length=64, blank=True)
    verb = models.CharField(max_length=10, choices=Verb)
    sent = models.TextField(help_text="As JSON in ASCII: PostgreSQL's jsonb takes no NUL, which Telnyx may be asked.")
    asked_at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    request_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=45, blank=True)

    class Meta:
        ordering = ["asked_at", "id"]
        default_permissions = ()  # the audit trail and the history tell what came of it

    def __str__(self) -> str:
        return f"{self.verb} {self.kind} {self.telnyx_id}"

    @property
    def values(self) -> dict[str, Any]:
        """Return what was sent, of a change by dotted name."""
        values: dict[str, Any] = json.loads(self.sent)
        return values
