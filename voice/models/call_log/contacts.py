"""Defines Contact: the name of whom a number belongs to."""

import uuid

from django.db import models

from portal.masking import masked_text
from portal.phone_numbers import mask


class Contact(models.Model):
    """Stores a name for a number, whichever account it calls."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=255, unique=True, help_text="As events have it: +13125550001, or sip:…")
    name = models.CharField(max_length=100)
    company = models.CharField(max_length=100, blank=True)
    # for searches that do not mind capitals, by the beginning of a word
    name_folded = models.CharField(max_length=100, editable=False)
    company_folded = models.CharField(max_length=100, blank=True, editable=False)
    changed_by = models.CharField(max_length=200, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name_folded", "id"]
        indexes = [
            models.Index(fields=["name_folded", "id"], name="contact_by_name"),
            models.Index(fields=["-changed_at", "-id"], name="contact_by_change"),
            models.Index(fields=["name_folded"], name="contact_name_begins", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["company_folded"], name="contact_company_begins", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{masked_text(self.name)} ({mask(self.number)})"

    def save(self, *args: object, **kwargs: object) -> None:
        self.name_folded, self.company_folded = self.name.casefold()[:100], self.company.casefold()[:100]
        super().save(*args, **kwargs)  # type: ignore[arg-type]
