"""Saves filters of a list under a name: a person's own, or shared with everybody who may see the list."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.http import QueryDict

from portal.masking import masked_text, may_see_whole

# Django's own: page number, error sign; and the order, which counts columns, of which everybody has their own
_OF_THE_PAGE = ("p", "e", "o", "all", "_popup", "_to_field")
LONGEST = 2000


class SavedFilter(models.Model):
    """Stores a ``query`` of the list of ``listing`` (a model's label).

    Only its owner, or who may delete any, removes it.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    listing = models.CharField(max_length=100)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=LONGEST)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "portal"
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "listing", "name"], name="one_filter_per_name")]

    def __str__(self) -> str:
        """Tell no number of its name: pages that delete what hangs on a row list it to whoever may delete that."""
        return masked_text(self.name)


def filters_of(user: Any, listing: str) -> list[SavedFilter]:
    """Return the filters that ``user`` sees above the list: the own ones and the shared ones."""
    seen = SavedFilter.objects.filter(Q(owner=user) | Q(shared=True), listing=listing)
    found = list(seen.select_related("owner"))
    # one that searches for a number tells it to whoever sees the filter
    return [row for row in found if row.owner_id == user.pk or may_see_whole(user) or not _tells_a_number(row)]


def _tells_a_number(row: SavedFilter) -> bool:
    texts = [row.name, *(text for _, texts in QueryDict(row.query).lists() for text in texts)]
    return any(masked_text(text) != text for text in texts)


def clean_list_query(query: str) -> str:
    """Strip a list's query of what belongs to one page of it; raise nothing, whatever was typed."""
    cleaned = QueryDict(query[: LONGEST * 2], mutable=True)
    for name in _OF_THE_PAGE:
        cleaned.pop(name, None)
    for name in [name for name in cleaned if not any(cleaned.getlist(name))]:
        del cleaned[name]
    return cleaned.urlencode()
