"""A filter that is not known is refused, and one that is known takes what it says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django_filters import FilterSet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from portal.models import AuditEvent
from portal.rest.filters import MomentFilter, StrictFilters, YesNo, refuse_unknown_parameters


class EventFilter(FilterSet):
    since = MomentFilter(field_name="at", lookup_expr="gte")
    named = YesNo(method="having_a_name")

    def having_a_name(self, rows: Any, name: str, value: str) -> Any:
        return rows.exclude(object_label="") if value == "true" else rows.filter(object_label="")

    class Meta:
        model = AuditEvent
        fields = ["action"]


class View:
    filterset_class = EventFilter


def asked(query: str) -> Request:
    return Request(APIRequestFactory().get(f"/?{query}"))


def actions(query: str) -> list[str]:
    rows = StrictFilters().filter_queryset(asked(query), AuditEvent.objects.order_by("action"), View())
    return [row.action for row in rows]


def test_only_what_is_known_is_taken_and_each_once() -> None:
    refuse_unknown_parameters(asked("state=ended&cursor=x"), "state", "cursor")
    with pytest.raises(ValidationError) as caught:
        refuse_unknown_parameters(asked("stat=ended&state=a&state=b"), "state")
    assert caught.value.detail == {"stat": ["There is no such filter."], "state": ["Give it once."]}


@pytest.mark.django_db
def test_each_filter_leaves_what_it_names() -> None:
    AuditEvent.objects.create(actor="a", action="call.dial", object_label="a call")
    AuditEvent.objects.create(actor="a", action="token.make")
    assert actions("page_size=5&cursor=x") == ["call.dial", "token.make"]
    assert actions("action=call.dial") == ["call.dial"]
    assert (actions("named=true"), actions("named=false")) == (["call.dial"], ["token.make"])
    now = datetime.now(UTC)
    assert actions(f"since={now.year - 1}-01-01T00:00:00Z") == ["call.dial", "token.make"]
    assert actions(f"since={now.year + 1}-01-01T00:00:00%2B02:00") == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("acton=call.dial", "acton"),
        ("action=", "action"),
        ("action=%20", "action"),
        ("action=a&action=b", "action"),
        ("named=yes", "named"),
        ("named=True", "named"),
        ("since=soon", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(query: str, name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        actions(query)
    assert list(caught.value.detail) == [name]
