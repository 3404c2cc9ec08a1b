"""A filter that is not known is refused, and one that is known takes what it says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django_filters import FilterSet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from applications.models import CallControlApplication
from portal.models import AuditEvent
from portal.rest.filters import (
    AccountFilter,
    MomentFilter,
    StrictFilters,
    YesNo,
    refuse_empty_or_repeated,
    refuse_unknown_parameters,
)
from tests.support.accounts import make_account
from tests.support.rest import problem


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


_FIXED = {
    "calls": ("direction", "state", "ending_category", "ended_by", "has_recording"),
    "call-events": ("status", "source"),
    "commands": ("status",),
    "recordings": ("status",),
    "alerts": ("kind", "open"),
    "flows": ("active",),
    "follow-ups": ("open",),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in _FIXED.items() for name in names])
def test_of_a_value_that_is_none_of_a_few_these_are_named(api: APIClient, path: str, name: str) -> None:
    (words,) = problem(api.get(f"/api/v1/{path}/?{name}=nonsense"), 400)["errors"][name]
    first, *others = words.removeprefix("Must be one of ").removesuffix(".").split(", ")
    assert others
    assert api.get(f"/api/v1/{path}/?{name}={first}").status_code == 200


TWICE, EMPTY = "Give it once.", "Give a value, or leave it out."


def test_what_is_empty_is_told_apart_from_what_is_given_twice() -> None:
    with pytest.raises(ValidationError) as caught:
        refuse_unknown_parameters(asked("state=&account=%20&size=1&size=&page=1"), "state", "account", "size", "page")
    assert caught.value.detail == {"state": [EMPTY], "account": [EMPTY], "size": [TWICE]}


def test_of_what_is_judged_elsewhere_nothing_is_said() -> None:
    query = "account=main&other=&other=&more=%20"
    refuse_empty_or_repeated(asked(query), "account", "size")
    with pytest.raises(ValidationError) as caught:
        refuse_empty_or_repeated(asked(f"{query}&account=main&size="), "account", "size")
    assert caught.value.detail == {"account": [TWICE], "size": [EMPTY]}


@pytest.mark.django_db
def test_what_says_of_which_thing_a_list_is_is_no_filter_and_is_known() -> None:
    class Bare:
        """Has no filters."""

    class Below(View):
        address_parameters = ("call",)

    AuditEvent.objects.create(actor="a", action="call.dial")
    for view, good, bad in (
        (Bare(), "page_size=5&cursor=x", "action=call.dial"),
        (View(), "action=call.dial", "call=1"),
        (Below(), "action=call.dial&call=1", "leg=1"),
    ):
        rows = StrictFilters().filter_queryset(asked(good), AuditEvent.objects.all(), view)
        assert [row.action for row in rows] == ["call.dial"]
        with pytest.raises(ValidationError) as caught:
            StrictFilters().filter_queryset(asked(bad), AuditEvent.objects.all(), view)
        assert list(caught.value.detail) == [bad.partition("=")[0]]


@pytest.mark.django_db
def test_an_account_is_found_by_all_of_its_name_and_one_that_nobody_has_leaves_nothing() -> None:
    main, other = make_account("main"), make_account("main office")
    rows, by_account = CallControlApplication.objects.all(), AccountFilter()
    for one in (main, other):
        rows.create(account=one, telnyx_id=str(one.pk), application_name="ivr")
    assert [row.account for row in by_account.filter(rows, "main")] == [main]
    assert list(by_account.filter(rows, "nobody")) == []
    assert by_account.filter(rows, "").count() == 2
