"""Defines RollUp: what the calls of a quarter of an hour come to; and StaleQuarter: which are to be counted anew."""

from django.db import models

from portal.models import TelnyxAccount


class RollUp(models.Model):
    """Stores the measures of the calls that began in one quarter of an hour, by name; those that are 0 are left out.

    A row of each own ``number`` stands beside one of all numbers, where it is empty. Rows are never added to: a quarter
    is counted anew from its calls, as a whole.
    """

    id = models.BigAutoField(primary_key=True)
    quarter = models.DateTimeField(help_text="Its beginning, UTC: time zones begin their hours at :00, :15, :30, :45.")
    account = models.ForeignKey(TelnyxAccount, on_delete=models.CASCADE, related_name="+", db_index=False)
    connection_id = models.CharField(max_length=64, blank=True)
    counted_as = models.CharField(max_length=11)
    number = models.CharField(max_length=255, blank=True)
    calls = models.IntegerField(
        default=0, db_default=0, help_text="Of ``counts``: by it the busiest numbers are found."
    )
    counts = models.JSONField(default=dict, help_text="{measure: count, µs, or millionths of the currency}")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["quarter", "account", "connection_id", "counted_as", "number"], name="one_roll_up"
            )
        ]
        indexes = [models.Index(fields=["number", "quarter"], name="roll_up_by_number")]

    def __str__(self) -> str:
        return f"{self.counted_as} calls of {self.quarter:%Y-%m-%d %H:%M} UTC"


class StaleQuarter(models.Model):
    """Marks a quarter of an hour in which a call was changed since it was counted."""

    quarter = models.DateTimeField(primary_key=True)
    marked_at = models.DateTimeField(help_text="First since then.")
    changed_at = models.DateTimeField(help_text="Last.")

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["marked_at"], name="stale_quarter_by_mark")]

    def __str__(self) -> str:
        return f"{self.quarter:%Y-%m-%d %H:%M} UTC"
