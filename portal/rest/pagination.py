"""Pages lists by cursor: any depth costs the same, and nothing is counted.

A cursor names the last row that was seen by all that the list is ordered by. The library's own knows the first column
alone and counts on from there, so that rows of one moment are lost or come twice.
"""

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.db.models import Model, Q, QuerySet
from django.utils.timezone import is_aware
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

PAGE_SIZE, MAX_PAGE_SIZE = 50, 250
_SIZE = re.compile(r"[0-9]{1,9}", re.ASCII)  # Python refuses to read a number of 5000 digits
_BASE64 = re.compile(r"[A-Za-z0-9_\-]{1,2000}={0,2}", re.ASCII)
_NO_CURSOR = {"cursor": ["This is no cursor of ours. Follow next and previous as they are."]}


def page_size_of(request: Request) -> int:
    """Return how many rows a page is to have."""
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not _SIZE.fullmatch(text) or not 1 <= int(text) <= MAX_PAGE_SIZE:
        raise ValidationError({"page_size": [f"Must be a whole number from 1 to {MAX_PAGE_SIZE}."]})
    return int(text)


@dataclass(frozen=True)
class _Place:
    """Is where a page begins: behind the row with these ``values``, or before it; at an end of the list without any."""

    is_back: bool
    values: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.is_back, *self.values]).encode()).decode()


class Cursor(CursorPagination):
    """``{"next": url|null, "previous": url|null, "results": […]}``; a view names its ``ordering``, ending in a key."""

    page_size = PAGE_SIZE
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"
    _next: _Place | None = None
    _previous: _Place | None = None

    def get_page_size(self, request: Request) -> int:
        return page_size_of(request)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        size, names = page_size_of(request), self.get_ordering(request, queryset, view)
        self._url = request.build_absolute_uri()
        place = _read(request.query_params.get("cursor"), len(names))
        try:
            found = _rows(queryset, names, place)[: size + 1]
            page = list(found)
        except (ValueError, OverflowError, ModelError):
            if not place.values:
                raise
            raise ValidationError(_NO_CURSOR) from None  # its position is nothing this list is ordered by
        more, page = len(page) > size, page[:size]
        if place.is_back:
            page.reverse()
        ends = [_values(row, names) for row in (page[:1] + page[-1:])] or [(), ()]
        # an empty page leads to the end of the list that it lies beyond
        self._next = _Place(False, ends[-1] if page else ()) if (more or place.is_back) else None
        self._previous = _Place(True, ends[0]) if (more if place.is_back else place.values) else None
        return page

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        ordering: tuple[str, ...] = view.ordering
        return ordering

    def get_next_link(self) -> str | None:
        return self._link(self._next)

    def get_previous_link(self) -> str | None:
        return self._link(self._previous)

    def _link(self, place: _Place | None) -> str | None:
        if place is None:
            return None
        return str(replace_query_param(self._url, "cursor", place.text))


def _read(text: str | None, length: int) -> _Place:
    """Read a cursor of a list that is ordered by ``length`` columns; without one it begins at the first row."""
    if text is None:
        return _Place(False)
    said: Any = None
    try:
        said = json.loads(base64.urlsafe_b64decode(text)) if _BASE64.fullmatch(text) else None
    except (ValueError, RecursionError):
        pass
    if not isinstance(said, list) or len(said) not in (1, 1 + length) or not isinstance(said[0], bool):
        raise ValidationError(_NO_CURSOR)
    if not all(isinstance(one, str) and "\x00" not in one for one in said[1:]):  # PostgreSQL fails on a NUL
        raise ValidationError(_NO_CURSOR)
    return _Place(said[0], tuple(said[1:]))


def _rows(queryset: QuerySet[Any], names: tuple[str, ...], place: _Place) -> QuerySet[Any]:
    """Select what lies beyond the place, nearest first."""
    order = [_turned(name) for name in names] if place.is_back else names
    rows = queryset.order_by(*order)
    if not place.values:
        return rows
    values = [_value(queryset, name.lstrip("-"), text) for name, text in zip(names, place.values, strict=True)]
    beyond = Q(pk__in=())
    for name, value in reversed(list(zip(order, values, strict=True))):
        column, sign = name.lstrip("-"), "lt" if name.startswith("-") else "gt"
        beyond = Q(**{f"{column}__{sign}": value}) | (Q(**{column: value}) & beyond)
    return rows.filter(Q(**{f"{column}__{sign}e": value}) & beyond)  # the first column again, for its index


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _values(row: Model, names: tuple[str, ...]) -> tuple[str, ...]:
    values = [getattr(row, name.lstrip("-")) for name in names]
    return tuple(value.isoformat() if isinstance(value, datetime) else str(value) for value in values)


def _value(queryset: QuerySet[Any], column: str, text: str) -> Any:
    meta, annotation = queryset.model._meta, queryset.query.annotations.get(column)
    field: Any = annotation.output_field if annotation else meta.pk if column == "pk" else meta.get_field(column)
    value = field.to_python(text)
    if value is None or (isinstance(value, datetime) and not is_aware(value)):
        raise ValueError
    return value.astimezone(UTC) if isinstance(value, datetime) else value  # the year 1 with an offset: no database's
