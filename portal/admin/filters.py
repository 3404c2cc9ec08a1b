"""Filters lists in ways that Unfold's own filters do not."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.utils import from_current_timezone
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AllValuesCheckboxFilter, FieldTextFilter, RangeDateFilter, RangeDateTimeFilter
from unfold.contrib.filters.forms import RangeDateForm, RangeDateTimeForm

from portal import sql

_FIRST_YEAR, _LAST_YEAR = 1901, 9998


def _check_year(day: date | None) -> None:
    if day is not None and not _FIRST_YEAR <= day.year <= _LAST_YEAR:  # where no database's calendar ends
        raise ValidationError(f"Enter a day between {_FIRST_YEAR} and {_LAST_YEAR}.")


class _MomentField(forms.SplitDateTimeField):
    """Takes a day with a time or without: it is the whole day then, up to its end if the range ends there."""

    def __init__(self, widget: Any, *, is_end: bool) -> None:
        super().__init__(label="", required=False, require_all_fields=False, widget=widget)
        self.is_end = is_end
        for field in self.fields:
            field.required = False

    def compress(self, data_list: Any) -> datetime | None:
        day, at = data_list or (None, None)
        if day is None and at is not None:
            raise ValidationError("Enter the day, too.")
        _check_year(day)
        whole = time.max if self.is_end else time.min
        moment: datetime | None = day and from_current_timezone(datetime.combine(day, whole if at is None else at))
        return moment


class _MomentRangeForm(RangeDateTimeForm):
    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(name, *args, **kwargs)
        for end in ("from", "to"):
            name_of_end = f"{name}_{end}"
            self.fields[name_of_end] = _MomentField(self.fields[name_of_end].widget, is_end=end == "to")


class MomentRangeFilter(RangeDateTimeFilter):
    """Filters by times, both included; a day without a time is all of it. What is no time is told, and finds nothing.

    Unfold's own leaves out a day without a time, and what it cannot read, and lists everything.
    """

    form_class = _MomentRangeForm

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name: Any = self.parameter_name
        form = self.form_class(name=name, data=self.used_parameters)
        if not form.is_valid():
            return queryset.none()
        first, last = form.cleaned_data[f"{name}_from"], form.cleaned_data[f"{name}_to"]
        queryset = queryset.filter(**{f"{name}__gte": first}) if first else queryset
        return queryset.filter(**{f"{name}__lte": last}) if last else queryset


class _DayRangeForm(RangeDateForm):
    def clean(self) -> dict[str, Any]:
        days: dict[str, Any] = super().clean() or self.cleaned_data
        for name, day in list(days.items()):
            try:
                _check_year(day)
            except ValidationError as error:
                self.add_error(name, error)
        return self.cleaned_data


class DayRangeFilter(RangeDateFilter):
    """Filters by whole days of who looks, both included. What is no day is told, and finds nothing.

    Unfold's own compares with naive midnights and leaves out the last day.
    """

    form_class = _DayRangeForm

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name: Any = self.parameter_name
        form = self.form_class(name=name, data=self.used_parameters)
        if not form.is_valid():
            return queryset.none()
        first, last = form.cleaned_data[f"{name}_from"], form.cleaned_data[f"{name}_to"]
        if first:
            queryset = queryset.filter(**{f"{name}__gte": timezone.make_aware(datetime.combine(first, time()))})
        if last:
            queryset = queryset.filter(
                **{f"{name}__lt": timezone.make_aware(datetime.combine(last + timedelta(days=1), time()))}
            )
        return queryset


class WholeTextFilter(FieldTextFilter):
    """Filters by a whole value, an id mostly: as its index has it, and as links give it."""

    def __init__(self, field: Any, request: HttpRequest, params: Any, model: Any, admin: Any, field_path: str) -> None:
        self.lookup_kwarg, self.lookup_val = field_path, params.get(field_path)
        # past the parent, whose own look-up is ``icontains``
        super(FieldTextFilter, self).__init__(field, request, params, model, admin, field_path)


class KnownValuesFilter(AllValuesCheckboxFilter):
    """Filters by the values that a column has, found by leaps through its index: SELECT DISTINCT reads every row."""

    def __init__(self, field: Any, request: HttpRequest, params: Any, model: Any, admin: Any, field_path: str) -> None:
        super().__init__(field, request, params, model, admin, field_path)
        choices: Any = sql.distinct_values(model, field.name)
        self.lookup_choices = choices
