"""Defines TexmlDocument, its immutable versions, its test cases, and TexmlFetch: one time that Telnyx asked for it."""

import hashlib
import json
import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from portal.models import TelnyxAccount, webhook_token

APOLOGY = "We are sorry, this call cannot be handled at the moment. Please try again later."


def check_variables(variables: Any) -> None:
    """Validate declared variables: an object of names and default texts."""
    if not isinstance(variables, dict) or len(variables) > 100:
        raise ValidationError("Declare up to 100 variables as an object of names and default texts.")
    for name, default in variables.items():
        plain = name.replace("_", "a")
        if not (plain.isascii() and plain.isalnum() and plain[0].isalpha() and len(name) <= 64):
            raise ValidationError(f"{name[:64]!r} is no name of a variable: a letter, then letters, digits and _.")
        if not isinstance(default, str) or len(default) > 2000:
            raise ValidationError(f"The default of {name} must be a text of up to 2000 characters.")


class TexmlDocument(models.Model):
    """Is a TeXML document that the portal serves: the draft that people edit, and which version is published."""

    class Signature(models.TextChoices):
        AUTO = "auto", "required of POSTs after the first verified one"
        REQUIRED = "required", "always required"
        OPTIONAL = "optional", "checked where there is one"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    token = models.CharField(max_length=64, unique=True, default=webhook_token, editable=False)
    draft = models.TextField(max_length=64 * 1024, blank=True, default="<Response>\n</Response>\n")
    variables = models.JSONField(
        default=dict,
        blank=True,
        help_text='Names and defaults, as {"greeting": "Hello"}. The query of the address may name another value.',
    )
    apology = models.CharField(
        max_length=1000, default=APOLOGY, help_text="Is spoken when the document cannot be filled, and as the fallback."
    )
    signature = models.CharField(
        max_length=10, choices=Signature, default=Signature.AUTO, help_text="Whether a fetch must be signed by Telnyx."
    )
    verified_at = models.DateTimeField(null=True, editable=False, help_text="When the first signed fetch was verified.")
    published = models.PositiveIntegerField(null=True, editable=False, help_text="The number of the version served.")
    unlogged = models.PositiveIntegerField(default=0, editable=False, help_text="Fetches that could not be logged.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "TeXML document"
        permissions = [("publish_texmldocument", "Can publish TeXML documents and roll them back")]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name"],
                name="one_document_of_a_name",
                violation_error_message="This account has another document of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            check_variables(self.variables)  # no validator: Django asks none of an empty value, whatever kind it is
        except ValidationError as error:
            raise ValidationError({"variables": error.messages}) from None

    @property
    def url(self) -> str:
        """Return the address that Telnyx fetches it from."""
        return f"{settings.PORTAL_PUBLIC_URL}/texml/{self.token}/"

    @property
    def fallback_url(self) -> str:
        """Return the address for ``voice_fallback_url``: it is answered without a database."""
        return f"{settings.PORTAL_PUBLIC_URL}/texml/{self.token}/fallback/"

    @property
    def digest(self) -> str:
        """Return what tells one state of the draft from others: the ETag."""
        return digest_of(self.name, self.draft, self.variables, self.apology, self.signature, self.published)


def digest_of(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


class TexmlVersion(models.Model):
    """Keeps what was published once. It is never changed; a roll-back is a version of its own."""

    document = models.ForeignKey(TexmlDocument, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    source = models.TextField()
    variables = models.JSONField(default=dict, blank=True)
    apology = models.CharField(max_length=1000)
    note = models.CharField(max_length=500, blank=True)
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    findings = models.JSONField(default=list, blank=True, help_text="What the linter said when it was published.")
    digest = models.CharField(max_length=64)
    copy_of = models.PositiveIntegerField(null=True, blank=True, help_text="The version that a roll-back brought back.")

    class Meta:
        ordering = ["-number"]
        default_permissions = ()  # whoever may see the document sees its versions
        constraints = [models.UniqueConstraint(fields=["document", "number"], name="one_version_of_a_number")]

    def __str__(self) -> str:
        return f"{self.document} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk:
            raise TypeError("A version is not changed.")
        super().save(*args, **kwargs)


class TexmlCase(models.Model):
    """Keeps a try of a document in words, which each publication goes through again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document = models.ForeignKey(TexmlDocument, on_delete=models.CASCADE, related_name="cases")
    name = models.CharField(max_length=100)
    caller = models.JSONField(default=dict, blank=True, help_text="Values of this caller, over the invented ones.")
    steps = models.JSONField(help_text='What is done and what is said to it, as [{"do": "call", "lines": ["…"]}].')
    author = models.CharField(max_length=200)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        default_permissions = ()  # whoever may see the document sees its test cases
        constraints = [
            models.UniqueConstraint(
                fields=["document", "name"],
                name="one_case_of_a_name",
                violation_error_message="The document has another test case of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class TexmlFetch(models.Model):
    """Records one fetch of a document. Rows are written by a thread, and forgotten after a while of their own."""

    class Verdict(models.TextChoices):
        SERVED = "served"
        APOLOGY = "apology", "the apology: it could not be filled"
        FALLBACK = "fallback", "the fallback document"
        SUSPENDED = "suspended", "the apology: it would call somebody, and that is suspended"

    class Proof(models.TextChoices):
        VERIFIED = "verified", "signed by Telnyx"
        UNSIGNED = "unsigned", "not signed"
        GET = "get", "by GET: its parameters cannot be verified"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document = models.ForeignKey(TexmlDocument, on_delete=models.CASCADE, related_name="fetches", db_index=False)
    version = models.PositiveIntegerField(null=True)
    at = models.DateTimeField()
    call_control_id = models.CharField(max_length=512, blank=True)
    event_id = models.UUIDField(null=True, help_text="Our id of the event that the same request was stored as.")
    proof = models.CharField(max_length=10, choices=Proof)
    verdict = models.CharField(max_length=10, choices=Verdict)
    problem = models.CharField(max_length=200, blank=True)
    parameters = models.JSONField(default=dict)
    body = models.TextField()
    milliseconds = models.FloatField()

    class Meta:
        ordering = ["-at", "-id"]
        default_permissions = ("view",)
        verbose_name = "TeXML fetch"
        verbose_name_plural = "TeXML fetches"
        indexes = [
            models.Index(fields=["document", "-at"], name="fetch_by_document"),
            models.Index(
                fields=["call_control_id", "at"], name="fetch_by_call", condition=~models.Q(call_control_id="")
            ),
            models.Index(fields=["-at", "-id"], name="fetch_by_time"),
            models.Index(fields=["verdict", "-at"], name="fetch_by_verdict", condition=~models.Q(verdict="served")),
            models.Index(fields=["proof", "-at"], name="fetch_by_proof", condition=~models.Q(proof="verified")),
        ]

    def __str__(self) -> str:
        return f"{self.document} v{self.version}" if self.version else str(self.document)
