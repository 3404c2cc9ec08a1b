"""Filters lists in ways that Unfold's own filters do not."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateFilter


class DayRangeFilter(RangeDateFilter):
    """Filters by whole days in UTC, both included.

    Unfold's own compares with naive midnights and leaves out the last day.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if first := self._day("from"):
            queryset = queryset.filter(**{f"{self.parameter_name}__gte": first})
        if last := self._day("to"):
            queryset = queryset.filter(**{f"{self.parameter_name}__lt": last + timedelta(days=1)})
        return queryset

    def _day(self, end: str) -> datetime | None:
        """Return the day's beginning. None for what is no day, or lies where no calendar goes on."""
        try:
            day = parse_date(str(self.used_parameters.get(f"{self.parameter_name}_{end}", "")))
        except ValueError:
            return None
        return datetime.combine(day, time(), UTC) if day and 1900 < day.year < 9999 else None


class WholeTextFilter(FieldTextFilter):
    """Filters by a whole value, an id mostly: as its index has it, and as links give it."""

    def __init__(self, field: Any, request: HttpRequest, params: Any, model: Any, admin: Any, field_path: str) -> None:
        self.lookup_kwarg, self.lookup_val = field_path, params.get(field_path)
        # past the parent, whose own look-up is ``icontains``
        super(FieldTextFilter, self).__init__(field, request, params, model, admin, field_path)
