"""Refuses filters that it does not know: a mistyped filter must not answer with everything."""

from collections.abc import Iterable
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
from portal.rest.pagination import PAGING
from portal.texts import one_of

_UNKNOWN, _TWICE, _EMPTY = "There is no such filter.", "Give it once.", "Give a value, or leave it out."


class StrictFilters(DjangoFilterBackend):
    """django-filter with a 400 for an unknown or repeated query parameter.

    ``address_parameters`` of a view are those that say what its address is of.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filters = self.get_filterset_class(view, queryset)  # type: ignore[no-untyped-call]
        also = getattr(view, "address_parameters", ())
        refuse_unknown_parameters(request, *(filters.base_filters if filters else ()), *PAGING, *also)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)  # type: ignore[no-untyped-call]
        return filtered


def refuse_empty_or_repeated(request: Request, *names: str) -> None:
    """Answer 400 to one of these query parameters that is given twice, or empty."""
    _refuse(
        {
            name: [_TWICE if len(values) > 1 else _EMPTY]
            for name, values in request.query_params.lists()
            if name in names and (values[1:] or not values[0].strip())
        }
    )


def refuse_unknown_parameters(request: Request, *known: str) -> None:
    """Answer 400 to a query parameter that is not ``known``, given twice, or empty: that would filter nothing."""
    _refuse(
        {
            name: [_UNKNOWN if name not in known else _TWICE if len(values) > 1 else _EMPTY]
            for name, values in request.query_params.lists()
            if name not in known or values[1:] or not values[0].strip()
        }
    )


def _refuse(errors: dict[str, list[str]]) -> None:
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


class Choice(ChoiceFilter):
    """One of a few values; anything else is refused, and they are named."""

    def __init__(self, *args: Any, choices: Iterable[tuple[str, Any]], **kwargs: Any) -> None:
        there = list(choices)
        words = {"invalid_choice": one_of(value for value, _ in there)}
        super().__init__(*args, choices=there, error_messages=words, **kwargs)  # type: ignore[no-untyped-call]


@extend_schema_field(OpenApiTypes.BOOL)
class YesNo(Choice):
    """Exactly ``true`` or ``false``; anything else is refused."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=[("true", "true"), ("false", "false")], **kwargs)
