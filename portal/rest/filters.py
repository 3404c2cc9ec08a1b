"""Refuses filters that it does not know: a mistyped filter must not answer with everything."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from django_filters.filters import CharFilter, ChoiceFilter, IsoDateTimeFilter
from django_filters.rest_framework.backends import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from portal.models import TelnyxAccount

_PAGING = ("cursor", "page_size")
_UNKNOWN = "There is no such filter."


class StrictFilters(DjangoFilterBackend):
    """django-filter with a 400 for an unknown or repeated query parameter."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filters = self.get_filterset_class(view, queryset)  # type: ignore[no-untyped-call]
        refuse_unknown_parameters(request, *(filters.base_filters if filters else ()), *_PAGING)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)  # type: ignore[no-untyped-call]
        return filtered


def refuse_unknown_parameters(request: Request, *known: str) -> None:
    """Answer 400 to a query parameter that is not ``known``, given twice, or empty: that would filter nothing."""
    errors = {
        name: [
            _UNKNOWN if name not in known else "Give it once." if len(values) > 1 else "Give a value, or leave it out."
        ]
        for name, values in request.query_params.lists()
        if name not in known or values[1:] or not values[0].strip()
    }
    if errors:
        raise ValidationError(errors)


class _Moment(IsoDateTimeField):
    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        try:
            return moment.astimezone(UTC) if moment else None
        except OverflowError:  # the year 1 with an offset: no database has it
            raise forms.ValidationError("This is no time that can be looked for.") from None


class MomentFilter(IsoDateTimeFilter):
    """An ISO 8601 time; one that cannot be told in UTC is refused."""

    field_class = _Moment

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]


class AccountFilter(CharFilter):
    """An account by its name, which is looked up first: joined by name, a list is searched from its newest row on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if not value:
            return qs
        found = TelnyxAccount.objects.filter(name=value).values_list("pk", flat=True).first()
        return qs.filter(account=found) if found else qs.none()


@extend_schema_field(OpenApiTypes.BOOL)
class YesNo(ChoiceFilter):
    """Exactly ``true`` or ``false``; anything else is refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=[("true", "true"), ("false", "false")], **kwargs)  # type: ignore[no-untyped-call]
