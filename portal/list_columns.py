"""Keeps which columns of a list a person has chosen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models


class ListColumns(models.Model):
    """Stores the ``names`` of columns that ``user`` has in the list of ``listing`` (a model's label).

    Who has no row there has the usual ones.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    listing = models.CharField(max_length=100)
    names = models.JSONField(default=list)

    class Meta:
        app_label = "portal"
        default_permissions = ()  # everybody has their own, and nobody another's
        constraints = [models.UniqueConstraint(fields=["user", "listing"], name="one_choice_per_list")]

    def __str__(self) -> str:
        return f"columns of {self.listing}"


@dataclass(frozen=True)
class Offer:
    """Is a column that a list can show. ``is_fixed``: always shown, as the way to the row."""

    name: str
    label: str
    is_shown: bool
    is_fixed: bool


def chosen_by(user: Any, listing: str) -> list[str] | None:
    """Return the names that this person has chosen; None: the usual ones."""
    row = ListColumns.objects.filter(user=user.pk, listing=listing).first()
    return [name for name in row.names if isinstance(name, str)] if row and isinstance(row.names, list) else None


def choose(user: Any, listing: str, names: Iterable[str]) -> None:
    """Keep what this person wants in that list."""
    ListColumns.objects.update_or_create(user=user, listing=listing, defaults={"names": list(names)})


def forget(user: Any, listing: str) -> None:
    """Give this person the usual columns again."""
    ListColumns.objects.filter(user=user.pk, listing=listing).delete()
