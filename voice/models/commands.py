"""CallCommand: one instance of an action, a row before it is a request."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.models import TelnyxAccount
from voice.models.calls import Call
from voice.models.events import CallEvent


class CallCommand(models.Model):
    """The id is its ``command_id`` at Telnyx. ``intent_key`` is unique: one intent, one row, one id."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        OK = "ok"
        REFUSED = "refused"
        UNCERTAIN = "uncertain"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=60, help_text="dial, or an action by its SDK name")
    parameters = models.JSONField(default=dict, help_text="By wire name.")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    call = models.ForeignKey(Call, null=True, on_delete=models.PROTECT, related_name="commands")
    call_control_id = models.CharField(max_length=512, blank=True, db_index=True)
    event = models.ForeignKey(CallEvent, null=True, on_delete=models.PROTECT, related_name="commands")
    sequence = models.PositiveSmallIntegerField(default=0, help_text="Order among the commands of one event.")
    intent_key = models.CharField(max_length=200, unique=True)
    requested_by = models.CharField(max_length=300)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField(help_text="Not begun after this.")
    first_sent_at = models.DateTimeField(null=True, help_text="Telnyx ignores a repeat for 60 s from here.")
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True, help_text="Nobody else touches it before; also the next try's time.")
    attempts = models.JSONField(default=list, help_text="[{at, http_status, ms, code}]")
    answer = models.JSONField(null=True, help_text="Telnyx's, when it is ok.")
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=20, blank=True, help_text="Telnyx's")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["created_at"], name="command_owed", condition=Q(status__in=("queued", "sending"))),
            models.Index(fields=["status", "-created_at"], name="command_by_status"),
            models.Index(fields=["event", "sequence"], name="command_by_event"),
        ]

    def __str__(self) -> str:
        return self.action
