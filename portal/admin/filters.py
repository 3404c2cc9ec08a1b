"""Filters lists in ways that Unfold's own filters do not."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import (
    AllValuesCheckboxFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateFilter,
    RangeDateTimeFilter,
    RelatedCheckboxFilter,
    RelatedDropdownFilter,
)
from unfold.contrib.filters.forms import RangeDateForm, RangeDateTimeForm

from portal import sql
from portal.templatetags.portal import narrows
from portal.times import of_wall_clock

_FIRST_YEAR, _LAST_YEAR = 1901, 9998
_WITH_OFFSET = re.compile(r"(.+?)\s*(Z|[+-]\d\d:?\d\d)")
_MOST, _MOST_CHOICES = 1000, 20  # each is counted so far; and so many, of all filters of a list


def _check_year(day: date | None) -> None:
    if day is not None and not _FIRST_YEAR <= day.year <= _LAST_YEAR:  # where no database's calendar ends
        raise ValidationError(f"Enter a day between {_FIRST_YEAR} and {_LAST_YEAR}.")


class _ClockField(forms.TimeField):
    """Takes a time of the day, and its offset from UTC if it names one: links do, since some hours come twice."""

    def to_python(self, value: Any) -> time | None:
        match = _WITH_OFFSET.fullmatch(str(value).strip())
        at: time | None = super().to_python(match[1] if match else value)
        if match is None or at is None:
            return at
        try:
            return at.replace(tzinfo=datetime.strptime(match[2], "%z").tzinfo)
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentField(forms.SplitDateTimeField):
    """Takes a day with a time or without: it is the whole day then, up to its end if the range ends there."""

    def __init__(self, widget: Any = None, *, is_end: bool) -> None:
        super().__init__(label="", required=False, require_all_fields=False, widget=widget)
        self.is_end = is_end
        self.fields = (self.fields[0], _ClockField())
        for field in self.fields:
            field.required = False

    def compress(self, data_list: Any) -> datetime | None:
        day, at = data_list or (None, None)
        if day is None and at is not None:
            raise ValidationError("Enter the day, too.")
        _check_year(day)
        whole = time.max if self.is_end else time.min
        return day and of_wall_clock(datetime.combine(day, whole if at is None else at), is_end=self.is_end)


class _MomentRangeForm(RangeDateTimeForm):
    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(name, *args, **kwargs)
        for end in ("from", "to"):
            name_of_end = f"{name}_{end}"
            self.fields[name_of_end] = MomentField(self.fields[name_of_end].widget, is_end=end == "to")


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
            queryset = queryset.filter(**{f"{name}__gte": of_wall_clock(datetime.combine(first, time()))})
        if last:
            queryset = queryset.filter(
                **{f"{name}__lt": of_wall_clock(datetime.combine(last + timedelta(days=1), time()))}
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


class Counted:
    """Counts beside each choice of a filter, before which it stands, the rows that it shows: by an index, up to 1,000.

    Only while nothing else narrows the list, as a choice would then show fewer; and not where the choices are many.
    """

    def conditions(self) -> dict[str, Q]:
        """Return by its value what each choice asks for."""
        raise NotImplementedError

    def choices(self, changelist: Any) -> Iterator[Any]:
        counts = _counts(changelist).get(id(self), {})
        for drawn in super().choices(changelist):  # type: ignore[misc]
            for field in drawn["form"].fields.values() if counts else ():
                field.choices = [(value, _beside(words, counts.get(str(value)))) for value, words in field.choices]
            yield drawn


class _OfColumn(Counted):
    field: Any
    field_path: str

    def values(self) -> dict[str, Any]:
        return {str(value): value for value, _ in self.lookup_choices}  # type: ignore[attr-defined]

    def conditions(self) -> dict[str, Q]:
        return {text: Q(**{self.field_path: value}) for text, value in self.values().items()}


class CountedChoicesFilter(_OfColumn, ChoicesDropdownFilter):  # type: ignore[misc]  # as Unfold's own
    """Filters by one of a column's choices, with how many rows have each."""

    def values(self) -> dict[str, Any]:
        return {str(value): value for value, _ in self.field.flatchoices}


class CountedRelatedFilter(_OfColumn, RelatedDropdownFilter):  # type: ignore[misc]  # as Unfold's own
    """Filters by what rows belong to, with how many belong to each."""


class CountedRelatedCheckboxFilter(_OfColumn, RelatedCheckboxFilter):  # type: ignore[misc]  # as Unfold's own
    """Filters by several of what rows belong to, with how many belong to each."""


class CountedBooleanFilter(_OfColumn, BooleanRadioFilter):  # type: ignore[misc]  # as Unfold's own
    """Filters by yes or no, with how many rows have which."""

    def values(self) -> dict[str, Any]:
        return {"1": True, "0": False}


def _counts(changelist: Any) -> dict[int, dict[str, int]]:
    """Count once for each page what may be counted: by filter and value."""
    kept: dict[int, dict[str, int]] | None = vars(changelist).get("choice_counts")
    if kept is None:
        kept = changelist.choice_counts = _counted(changelist)
    return kept


def _counted(changelist: Any) -> dict[int, dict[str, int]]:
    asked: dict[tuple[int, str], QuerySet[Any]] = {}
    narrowing = [spec for spec in changelist.filter_specs if narrows(spec)]
    for spec in changelist.filter_specs:
        if not isinstance(spec, Counted) or changelist.query or narrowing not in ([], [spec]):
            continue
        conditions, rows = spec.conditions(), _rows_without(changelist, spec)
        if len(asked) + len(conditions) <= _MOST_CHOICES:
            asked |= {(id(spec), value): rows.filter(condition) for value, condition in conditions.items()}
    found: dict[int, dict[str, int]] = {}
    for (spec_id, value), count in zip(asked, sql.counts(list(asked.values()), _MOST + 1), strict=True):
        found.setdefault(spec_id, {})[value] = count
    return found


def _rows_without(changelist: Any, but: Any) -> QuerySet[Any]:
    """Select the rows of the list as the other filters leave them that are not set.

    From the oldest on where the newest come first: of these PostgreSQL's index alone tells that they are there.
    """
    rows: QuerySet[Any] = changelist.root_queryset
    for spec in changelist.filter_specs:
        if spec is not but:
            found = spec.queryset(changelist.request, rows)
            rows = rows if found is None else found
    first = str(next(iter(changelist.model._meta.ordering), ""))
    return rows.order_by(*[first.removeprefix("-")] if first.startswith("-") else [])


def _beside(words: Any, count: int | None) -> str:
    if count is None:
        return str(words)
    return f"{words} ({f'{_MOST:,}+' if count > _MOST else count})"
