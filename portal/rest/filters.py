"""Filters that refuse what they do not know: a mistyped filter must not answer with everything."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework.backends import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

_PAGING = {"cursor", "page_size"}


class StrictFilters(DjangoFilterBackend):
    """django-filter with a 400 for an unknown or repeated query parameter."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filters = self.get_filterset_class(view, queryset)  # type: ignore[no-untyped-call]
        known = set(filters.base_filters) if filters else set()
        errors = {
            name: ["There is no such filter." if name not in known | _PAGING else "Give it once."]
            for name, values in request.query_params.lists()
            if name not in known | _PAGING or len(values) > 1
        }
        if errors:
            raise ValidationError(errors)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)  # type: ignore[no-untyped-call]
        return filtered
