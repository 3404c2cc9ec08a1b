"""LiveListing: the calls Telnyx last said were alive in an account, so that many watchers ask it once."""

from django.db import models

from portal.models import TelnyxAccount


class LiveListing(models.Model):
    """``calls`` are Telnyx's own, of the applications in ``asked``; ``claimed_at`` keeps a second one from asking."""

    account = models.OneToOneField(TelnyxAccount, on_delete=models.CASCADE, primary_key=True, related_name="+")
    claimed_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, help_text="When Telnyx was asked; what was told is as old as this.")
    asked = models.JSONField(default=list, help_text="connection_id of the applications that answered.")
    calls = models.JSONField(default=list)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"live calls of {self.account}"
