"""Filters by tags, on every database."""

from typing import Any

from django.db import connections
from django.db.models import BooleanField, Func, QuerySet, Value
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

_MOST = 500


class _IsAmong(Func):
    """Tells on SQLite whether a list of texts has one among its members; given the list and the text."""

    template = "EXISTS (SELECT 1 FROM JSON_EACH(%(expressions)s))"
    arg_joiner = ") AS member WHERE member.value = ("


def tagged(rows: QuerySet[Any], tag: str) -> QuerySet[Any]:
    """Keep the rows that have this very tag."""
    if connections[rows.db].features.supports_json_field_contains:
        return rows.filter(tags__contains=[tag])
    return rows.filter(_IsAmong("tags", Value(tag), output_field=BooleanField()))


def tags_of(rows: QuerySet[Any]) -> list[str]:
    """Return every tag in use, in order; of the first few hundred different lists."""
    lists = rows.exclude(tags=[]).order_by().values_list("tags", flat=True).distinct()[:_MOST]
    return sorted({tag for tags in lists for tag in tags if isinstance(tag, str)}, key=str.casefold)


class Tagged(DropdownFilter):
    """Filters a list by one tag."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tag, tag) for tag in tags_of(model_admin.get_queryset(request))]

    def has_output(self) -> bool:
        """Tell whether it has a say: without a tag to offer, too, for whoever asks for one by the address."""
        return bool(self.value()) or bool(super().has_output())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        tag = self.value()
        return tagged(queryset, tag) if tag else queryset
