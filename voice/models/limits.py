"""Defines Limits (where an account, or one API token, may call, how often, how much at once), Suspension and Stop."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal import hosts
from portal.masking import masked_text
from portal.models import ApiToken, TelnyxAccount


def satellites() -> list[str]:
    """List Inmarsat, Iridium and Globalstar, the networks +882 and +883, and +878 (ITU-T E.164, Annex)."""
    return ["+870", "+878", "+881", "+882", "+883"]


def any_host() -> list[str]:
    """List the name that stands for every host."""
    return [hosts.ANY]


class Limits(models.Model):
    """Limits one account or one token. A token's row narrows its account's further. An empty count limits nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.OneToOneField(TelnyxAccount, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    token = models.OneToOneField(
        ApiToken, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name="API token"
    )
    allowed_countries = models.JSONField(
        default=list, blank=True, help_text="ISO codes, as US, CA, DE. Empty, with no allowed prefixes: see below."
    )
    allowed_prefixes = models.JSONField(
        default=list,
        blank=True,
        help_text="Allowed beside the countries, as +4930. What is blocked below stays blocked.",
    )
    any_country = models.BooleanField(
        "every country",
        default=True,
        db_default=True,
        help_text="While no country and no prefix is named above, every country may be called; else none.",
    )
    # made for an account whose calls ring real phones: those made for a sandbox do not hold once it is live
    for_live = models.BooleanField(default=True, db_default=True, editable=False)
    # it begins with the countries of the account's own numbers, as soon as Telnyx has told them
    own_countries_wanted = models.BooleanField(default=False, db_default=False, editable=False)
    blocked_prefixes = models.JSONField(
        default=satellites, blank=True, help_text="Never called. At first: satellite and international networks."
    )
    allow_premium = models.BooleanField(
        "premium numbers", default=False, help_text="Premium-rate and shared-cost numbers may be called."
    )
    allow_sip = models.BooleanField("SIP addresses", default=True, help_text="sip: addresses may be called.")
    allowed_sip_hosts = models.JSONField(
        "hosts of SIP addresses",
        default=any_host,
        db_default=[hosts.ANY],
        blank=True,
        help_text="Beside Telnyx's own, as pbx.example.com, *.example.com; * is every host.",
    )
    egress_hosts = models.JSONField(
        "hosts for media and events",
        default=list,
        db_default=[],
        blank=True,
        help_text="Where calls may be streamed, their events sent and audio fetched from, beside this portal's own "
        "host: media.example.com, *.example.com. Empty: only whoever has the permission to send anywhere may.",
    )
    dials_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="Dials, transfers and refers within 60 seconds."
    )
    dials_per_day = models.PositiveIntegerField(null=True, blank=True, help_text="Within 24 hours.")
    concurrent_calls = models.PositiveIntegerField(
        null=True, blank=True, help_text="Outgoing calls that are alive at the same time."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["account__name", "token__name"]
        verbose_name = verbose_name_plural = "limits"
        constraints = [
            models.CheckConstraint(
                condition=Q(account__isnull=False, token=None) | Q(account=None, token__isnull=False),
                name="limits_of_one",
                violation_error_message="Limits belong to an account or to a token, not to both.",
            )
        ]

    def __str__(self) -> str:
        return masked_text(self.whose)

    @property
    def whose(self) -> str:
        """Return whose they are, whole: whoever named a token may have written a number into its name."""
        return f"account {self.account}" if self.account else f"token {self.token}"


class Suspension(models.Model):
    """Stops rules, dials and batches of one account, or of one application of it, while the row is there."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    connection_id = models.CharField(max_length=64, blank=True, help_text="Empty: the whole account.")
    since = models.DateTimeField()
    why = models.CharField(max_length=200, blank=True)
    requested_by = models.CharField(max_length=300)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-since", "-id"]
        default_permissions = ("view",)
        permissions = [("suspend", "Can suspend accounts and applications, and lift that")]
        constraints = [models.UniqueConstraint(fields=["account", "connection_id"], name="one_suspension_each")]

    def __str__(self) -> str:
        return f"application {self.connection_id} of {self.account}" if self.connection_id else str(self.account)


class Stop(models.Model):
    """Records one hang-up of many calls: of all outgoing ones, or of those that a person picked."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(TelnyxAccount, null=True, on_delete=models.CASCADE, related_name="+")
    is_of_picked = models.BooleanField(default=False, db_default=False, help_text="Of calls that a person picked.")
    at = models.DateTimeField(help_text="When its hang-ups were asked for: each has this time.")
    requested_by = models.CharField(max_length=300)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    done_at = models.DateTimeField(null=True, help_text="Null: it was interrupted, and asked for again it goes on.")
    calls = models.PositiveIntegerField(default=0, help_text="How many hang-ups were asked for.")
    dials = models.PositiveIntegerField(default=0, help_text="How many dials were not sent any more.")
    batches = models.PositiveIntegerField(default=0, help_text="How many batches were paused.")

    class Meta:
        ordering = ["-at", "-id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"stop at {self.at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def words(self) -> str:
        """Return what a dial or a transfer says that was not sent, or not sent again, because of it."""
        return f"All outgoing calls were stopped by {self.requested_by}."
