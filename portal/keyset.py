"""Pages rows by where the last page ended: any depth costs the same, nothing is counted.

A place names the row that was seen last by all that the list is ordered by. So each row that was there all the time
comes once, in both directions, while others come and go.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import F, Field, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.timezone import is_aware

_BASE64 = re.compile(r"[A-Za-z0-9_\-]{1,4000}={0,2}", re.ASCII)
Value = str | None
Ordering = Sequence[Any]  # as ``order_by`` takes it: names, and F expressions of names


class NoPlace(ValueError):
    """Says that a text names no place in this list."""


@dataclass(frozen=True)
class Place:
    """Is where a page begins: behind the row with these ``values``, or before it; at an end of the list without any."""

    is_back: bool = False
    values: tuple[Value, ...] = ()

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.is_back, *self.values]).encode()).decode()


@dataclass(frozen=True)
class Page:
    """Holds the rows of a page, and where the pages beside it begin; None where there are none."""

    rows: list[Any]
    next: Place | None
    previous: Place | None


def read(text: str) -> Place:
    """Read a place of ours. Raises ``NoPlace``."""
    said: Any = None
    try:
        said = json.loads(base64.urlsafe_b64decode(text)) if _BASE64.fullmatch(text) else None
    except (ValueError, RecursionError):
        pass
    if not isinstance(said, list) or not said or not isinstance(said[0], bool):
        raise NoPlace
    # PostgreSQL fails on a NUL
    if not all(one is None or (isinstance(one, str) and "\x00" not in one) for one in said[1:]):
        raise NoPlace
    return Place(said[0], tuple(said[1:]))


def page(queryset: QuerySet[Any], ordering: Ordering, place: Place, size: int) -> Page:
    """Select the page of ``size`` rows at the place. ``ordering`` ends in a unique key. Raises ``NoPlace``."""
    columns = [found for one in ordering for found in _columns(queryset, one)]
    if place.values and len(place.values) != len(columns):
        raise NoPlace
    try:
        rows = list(_beyond(queryset, columns, place)[: size + 1])
    except (ValueError, OverflowError, ValidationError):
        if not place.values:
            raise
        raise NoPlace from None  # its values are nothing this list is ordered by
    more, rows = len(rows) > size, rows[:size]
    if place.is_back:
        rows.reverse()
    first, last = (_values(rows[at], columns) if rows else () for at in (0, -1))
    return Page(
        rows,
        # an empty page leads to the end of the list that it lies beyond
        next=Place(False, last) if more or place.is_back else None,
        previous=Place(True, first) if (more if place.is_back else place.values) else None,
    )


def page_of_any(querysets: Sequence[QuerySet[Any]], ordering: Ordering, place: Place, size: int) -> Page:
    """Select the page of the rows that any of these has: each is read by itself, from its own index, a page at most.

    Asked for one OR the other, PostgreSQL reads all rows of both. ``ordering`` goes one way, through no nulls.
    """
    if not querysets[1:]:
        return page(querysets[0], ordering, place, size)
    pages = [page(one, ordering, place, size) for one in querysets]
    columns = [found for one in ordering for found in _columns(querysets[0], one)]
    rows = sorted(
        {row.pk: row for one in pages for row in one.rows}.values(),
        key=lambda row: [getattr(row, column.name) for column in columns],
        reverse=columns[0].descending,
    )
    more = len(rows) > size or any(one.previous if place.is_back else one.next for one in pages)
    rows = rows[-size:] if place.is_back else rows[:size]
    first, last = (_values(rows[at], columns) if rows else () for at in (0, -1))
    return Page(
        rows,
        next=Place(False, last) if more or place.is_back else None,
        previous=Place(True, first) if (more if place.is_back else place.values) else None,
    )


@dataclass(frozen=True)
class _Column:
    """Is one of what a list is ordered by. ``nulls_first``: as the rows come, not turned."""

    name: str
    field: "Field[Any, Any]"
    descending: bool
    nulls_first: bool
    nullable: bool

    def turned(self) -> "_Column":
        return _Column(self.name, self.field, not self.descending, not self.nulls_first, self.nullable)

    def order(self) -> OrderBy:
        named: dict[str, Any] = {"nulls_first" if self.nulls_first else "nulls_last": True} if self.nullable else {}
        return OrderBy(F(self.name), descending=self.descending, **named)

    def beyond(self, value: Any) -> Q:
        if value is None:
            return Q(**{f"{self.name}__isnull": False}) if self.nulls_first else Q(pk__in=())
        further = Q(**{f"{self.name}__{'lt' if self.descending else 'gt'}": value})
        return further | Q(**{f"{self.name}__isnull": True}) if self.nullable and not self.nulls_first else further

    def here(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def value(self, text: Value) -> Any:
        if text is None:
            if self.nullable:
                return None
            raise ValueError
        value = self.field.to_python(text)
        if value is None or (isinstance(value, datetime) and not is_aware(value)):
            raise ValueError
        return value.astimezone(UTC) if isinstance(value, datetime) else value  # the year 1 with an offset is none's


def _columns(queryset: QuerySet[Any], one: Any) -> list[_Column]:
    """Return what a member of an ordering stands for: of a relation, all that its own rows are ordered by."""
    if isinstance(one, str):
        one = OrderBy(F(one.removeprefix("-")), descending=one.startswith("-"))
    by: Any = one if isinstance(one, OrderBy) else OrderBy(one)
    name: str = by.expression.name
    annotation = queryset.query.annotations.get(name)
    path = [] if annotation else _path(queryset.model, name)
    field: Any = annotation.output_field if annotation else path[-1]
    if field.is_relation and not name.endswith(("pk", field.attname)):  # a key that is a relation is a value
        members = field.related_model._meta.ordering or ["pk"]
        return [found for member in members for found in _columns(queryset, _within(name, member, by.descending))]
    largest = connections[queryset.db].features.nulls_order_largest
    nulls_first = by.descending is largest if by.nulls_first is by.nulls_last is None else bool(by.nulls_first)
    nullable = annotation is not None or any(step.null for step in path)
    return [_Column(name, field, bool(by.descending), nulls_first, nullable)]


def _path(model: Any, name: str) -> list[Any]:
    steps: list[Any] = []
    for part in name.split("__"):
        steps.append(model._meta.pk if part == "pk" else model._meta.get_field(part))
        model = steps[-1].related_model
    return steps


def _within(name: str, member: str, descending: bool) -> str:
    """Return a relation's member, turned when the relation is."""
    is_back = member.startswith("-") is not descending
    return f"{'-' if is_back else ''}{name}__{member.removeprefix('-')}"


def _beyond(queryset: QuerySet[Any], columns: list[_Column], place: Place) -> QuerySet[Any]:
    """Select what lies beyond the place, nearest first."""
    along = [column.turned() for column in columns] if place.is_back else columns
    rows = queryset.order_by(*(column.order() for column in along))
    if not place.values:
        return rows
    beyond = Q(pk__in=())
    for column, value in reversed([(one, one.value(text)) for one, text in zip(along, place.values, strict=True)]):
        beyond = column.beyond(value) | (column.here(value) & beyond)
        first, its = column, value
    if first.nullable:
        return rows.filter(beyond)
    bound = Q(**{f"{first.name}__{'lte' if first.descending else 'gte'}": its})
    return rows.filter(bound & beyond)  # the first column again, for its index


def _values(row: Model, columns: list[_Column]) -> tuple[Value, ...]:
    return tuple(_text(row, column.name.split("__")) for column in columns)


def _text(value: Any, path: list[str]) -> Value:
    for name in path:
        value = None if value is None else getattr(value, name)
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)
