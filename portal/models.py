"""Stores the core's rows: Telnyx accounts, REST tokens, the audit trail, kept REST replies, heartbeats."""

import hashlib
import re
import secrets
import uuid
from datetime import timedelta
from hmac import compare_digest
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from portal import sql
from portal.actors import Actor
from portal.encryption import CannotOpen, seal, unseal
from portal.environment import account_sid, telnyx_url
from portal.list_columns import ListColumns  # noqa: F401  Django finds a model only where models are
from portal.masking import masked_text
from portal.networks import network_of
from portal.saved_filters import SavedFilter  # noqa: F401  as above
from portal.signatures import public_key_problem
from portal.view_times import TimePreference  # noqa: F401  as above

SCOPES = (
    *(
        f"{area}:{right}"
        for area in ("applications", "calls", "events", "flows", "texml", "recordings", "reports")
        for right in ("read", "write")
    ),
    "metrics:read",
)
MOST_DAYS = 36_500  # of a token: what ends nearer to the end of the calendar cannot be told in every zone

_TOKEN = re.compile(r"tvp_([0-9a-f]{8})\.[A-Za-z0-9_\-]{43}")


def webhook_token() -> str:
    """Return 32 random bytes for a webhook address: whoever knows it still has to sign."""
    return secrets.token_urlsafe(32)


def check_public_key(key: str) -> None:
    """Validate a public key: 32 bytes in base64."""
    if problem := public_key_problem(key):
        raise ValidationError(problem)


def check_base_url(url: str) -> None:
    """Validate a base address: an https address that ends in ``/v2``, as the SDK needs it; http for loopback only."""
    try:
        telnyx_url(url)
    except ValueError as error:
        raise ValidationError(f"The address {error}") from None


def check_account_sid(sid: str) -> None:
    """Validate an account SID, which becomes a part of an address."""
    try:
        account_sid(sid)
    except ValueError as error:
        raise ValidationError(f"It {error}") from None


class TelnyxAccount(models.Model):
    """Stores one API key's world at Telnyx, or at the sandbox. Everything mirrored belongs to one."""

    LONGEST_SID = 64

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(max_length=64, unique=True)
    base_url = models.CharField(max_length=200, default="https://api.telnyx.com/v2", validators=[check_base_url])
    api_key_sealed = models.TextField(blank=True, editable=False)
    api_key_last4 = models.CharField("API key ends in", max_length=4, blank=True, editable=False)
    public_key = models.CharField(max_length=64, blank=True, validators=[check_public_key])
    previous_public_key = models.CharField(
        max_length=64,
        blank=True,
        validators=[check_public_key],
        help_text="Still verifies while a rotation is under way.",
    )
    account_sid = models.CharField(
        "account SID",
        max_length=LONGEST_SID,
        blank=True,
        default="",
        db_default="",
        validators=[check_account_sid],
        help_text="What stands in TeXML's addresses. Leave it empty: Telnyx is asked for it.",
    )
    found_account_sid = models.CharField(
        "account SID as Telnyx told it", max_length=LONGEST_SID, blank=True, default="", db_default="", editable=False
    )
    owner = models.CharField(
        "owner as Telnyx told it",
        max_length=LONGEST_SID,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Whose applications were pulled. Another key does not change it.",
    )
    webhook_token = models.CharField(max_length=64, unique=True, default=webhook_token, editable=False)
    from_environment = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "Telnyx account"

    def __str__(self) -> str:
        return self.name

    @property
    def api_key(self) -> str:
        """Return the key itself, for the client only:"""
        return unseal(self.api_key_sealed, self._place) if self.api_key_sealed else ""

    @api_key.setter
    def api_key(self, key: str) -> None:
        if not self._has(key):
            self.found_account_sid = ""  # it may be another account's key
        self.api_key_sealed, self.api_key_last4 = seal(key, self._place), key[-4:]

    def _has(self, key: str) -> bool:
        try:
            return self.api_key == key
        except CannotOpen:
            return False

    @property
    def public_keys(self) -> list[str]:
        """Return the keys a webhook may be signed with, current first."""
        return [key for key in (self.public_key, self.previous_public_key) if key]

    @property
    def is_live(self) -> bool:
        """Return whether its calls ring real phones: anything but a loopback address does."""
        return urlsplit(self.base_url).hostname not in {"127.0.0.1", "localhost", "::1"}

    @property
    def world(self) -> str:
        """Return what tells its key's world from others, for whatever is kept of Telnyx's answers for a while.

        The same account with another address or another key may be a sandbox that became live.
        """
        return _sha256(f"{self.pk} {self.base_url} {self.api_key_sealed}")

    @property
    def webhook_url(self) -> str:
        """Return the address for Call Control events that Telnyx is to be given."""
        return f"{settings.PORTAL_PUBLIC_URL}/webhooks/{self.webhook_token}/call-control/"

    @property
    def texml_url(self) -> str:
        """Return the address for TeXML status callbacks that Telnyx is to be given.

        Any path below ``texml/`` is one.
        """
        return f"{settings.PORTAL_PUBLIC_URL}/webhooks/{self.webhook_token}/texml/status"

    @property
    def _place(self) -> str:
        return f"portal_telnyxaccount.api_key.{self.pk}"


class ApiToken(models.Model):
    """Stores a REST token: ``tvp_<prefix>.<secret>``, of which only a SHA-256 is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list, blank=True, help_text="Empty means all.")
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API token"
        permissions = [("own_apitoken", "Can make and revoke tokens of their own")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def make(cls, user: Any, name: str, scopes: list[str] | None = None, expires_at: Any = None) -> tuple[Self, str]:
        """Save a new token and return it with its secret text, which exists only now."""
        prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        text = f"tvp_{prefix}.{secret}"
        row = cls.objects.create(
            user=user, name=name, prefix=prefix, digest=_sha256(text), scopes=scopes or [], expires_at=expires_at
        )
        return row, text

    @classmethod
    def find(cls, text: str) -> Self | None:
        """Return the usable token of that text: known, not revoked, not expired, its user active."""
        if not (match := _TOKEN.fullmatch(text)):  # PostgreSQL would fail on a NUL
            return None
        row = cls.objects.select_related("user").filter(prefix=match[1]).first()
        if row is None or not compare_digest(row.digest, _sha256(text)):
            return None
        return row if row.is_usable and row.user.is_active else None

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    def allows(self, scope: str) -> bool:
        """Return whether ``calls:read`` and the like is within this token's scopes; ``write`` does not include
        ``read``.
        """
        return not self.scopes or scope in self.scopes

    def revoke(self, actor: Actor) -> bool:
        """Revoke it; tell whether it was not revoked before."""
        with transaction.atomic():
            revoked = ApiToken.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())
            if revoked:
                AuditEvent.note(actor, "token.revoke", self)
        return bool(revoked)

    def mark_used(self) -> None:
        """Note that it was used, with at most one write a minute."""
        now = timezone.now()
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)


_MOST_FAILURES = 60


class AppendOnly(models.QuerySet["AuditEvent"]):
    """Refuses to change or delete rows that are only ever added."""

    def update(self, **values: Any) -> int:
        raise TypeError("An audit event is not changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("An audit event is not deleted.")


class AuditEvent(models.Model):
    """Records what a person did. Append-only: rows are neither changed nor deleted here."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    actor = models.CharField(max_length=200, help_text="user: …, token: …, rule: … or portal")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=60, help_text="call.dial, application.update …")
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=600, blank=True, db_index=True)
    object_label = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(
        max_length=45, blank=True, default="", db_default="", help_text="The IP address it was asked from."
    )
    details = models.JSONField(default=dict, blank=True)

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_by_time"),
            models.Index(fields=["action", "-at"], name="audit_by_action"),
            models.Index(fields=["object_type", "-at"], name="audit_by_type"),
            # for its beginning, as for all of it
            models.Index(fields=["action"], name="audit_by_area", opclasses=["varchar_pattern_ops"]),
            models.Index(
                fields=["actor", "-at"], name="audit_by_actor", opclasses=["varchar_pattern_ops", "timestamptz_ops"]
            ),
        ]

    def __str__(self) -> str:
        return masked_text(f"{self.actor} {self.action} {self.object_label}")

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("An audit event is not changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("An audit event is not deleted.")

    @classmethod
    def note(cls, actor: Actor, action: str, subject: models.Model | None = None, **details: Any) -> None:
        """Write down that ``actor`` did ``action`` to ``subject``. ``details`` must hold no secret."""
        cls._write(
            actor,
            action,
            object_type=subject._meta.label_lower if subject else "",
            object_id=str(subject.pk) if subject else "",
            object_label=str(subject)[:300] if subject else "",
            details=details,
        )

    @classmethod
    def note_failure(cls, actor: Actor, action: str, about: str) -> None:
        """Write down what was refused, ``about`` it in words.

        Not more than 60 a minute from one address, or one network of IPv6, all of which is one customer's.
        """
        lately = cls.objects.filter(action=action, at__gt=timezone.now() - timedelta(minutes=1))
        if ":" in actor.address:
            others = lately.filter(address__contains=":").values_list("address", flat=True)
            count = sum(network_of(other) == network_of(actor.address) for other in others)
        else:
            count = lately.filter(address=actor.address)[:_MOST_FAILURES].count()
        if count < _MOST_FAILURES:
            cls._write(actor, action, object_label=masked_text(about.replace("\0", ""))[:300])

    @classmethod
    def note_look(cls, actor: Actor, action: str, about: str) -> None:
        """Write down that ``actor`` looked at something: once in ten minutes, however often the page draws itself."""
        label, since = masked_text(about)[:300], timezone.now() - timedelta(minutes=10)
        if not cls.objects.filter(action=action, user=actor.user, object_label=label, at__gt=since).exists():
            cls._write(actor, action, object_label=label)

    @classmethod
    def _write(cls, actor: Actor, action: str, **columns: Any) -> None:
        who = {"actor": actor.label[:200], "user": actor.user, "request_id": actor.request_id, "address": actor.address}
        cls.objects.create(action=action, **who, **columns)


class IdempotentReply(models.Model):
    """Keeps the answer to a POST with an ``Idempotency-Key`` for 24 h; without a status the request still runs."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of path and body")
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    location = models.CharField(max_length=700, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="one_reply_per_key")]


class Heartbeat(models.Model):
    """Records when a process last said that it is alive and at work."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    @classmethod
    def beat(cls, name: str) -> None:
        cls.objects.update_or_create(name=name, defaults={"at": sql.Now()})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
