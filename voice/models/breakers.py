"""Defines AccountBreaker: whether commands go to an account's Telnyx, or wait until it works again."""

from django.db import models

from portal.models import TelnyxAccount


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
