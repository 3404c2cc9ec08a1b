"""No list is narrowed by a look-up that it does not declare: hidden columns would be read letter by letter."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import QueryDict
from django.test import Client, RequestFactory

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.saved_filters import SavedFilter
from tests.badinput.rows import one_of_each
from tests.support.accounts import make_account
from tests.support.documents import make_document

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)
CALLS = "/admin/voice/call/"
EVENTS = "/admin/voice/callevent/"


def lookups(model: Any) -> Iterator[str]:
    """Each column of ``model`` and of what it refers to, with each look-up that its class knows."""
    for field in model._meta.get_fields():
        own = [(field.name, field)]
        if field.is_relation and field.related_model:
            own += [(f"{field.name}__{one.name}", one) for one in field.related_model._meta.concrete_fields]
        for path, column in own:
            yield path
            target = getattr(column, "target_field", column) if column.is_relation else column
            for name in getattr(target, "get_lookups", dict)():
                yield f"{path}__{name}"
            if target.get_internal_type() == "JSONField":
                yield f"{path}__digits__startswith"


def of_list(model: Any, user: User, query: str = "") -> Any:
    request = RequestFactory().get("/", QUERY_STRING=query)
    request.user = user
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    return request, admin.site._registry[model].get_changelist_instance(request)


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label_lower)
def test_a_look_up_that_no_filter_declares_is_refused(model: Any, account: TelnyxAccount, operator: User) -> None:
    make_account("another")  # or the filter by account would not be drawn, nor that by document
    for name in ("Menu", "Sales"):
        make_document(account, name=name)
    request, shown = of_list(model, operator)
    declared = {name for spec in shown.filter_specs for name in spec.expected_parameters()}
    assert not {name for name in declared if name and name.endswith("regex")}
    taken, tried = [], 0
    for name in lookups(model):
        if name not in declared and name != "o":
            shown.filter_params, tried = dict(QueryDict(f"{name}=1").lists()), tried + 1
            try:
                shown.get_filters(request)
                taken.append(name)
            except IncorrectLookupParameters:
                pass
    assert tried > 20
    assert taken == []


@pytest.mark.parametrize(
    "address",
    [
        f"{CALLS}?call_control_id__regex=^v3:([A-Za-z0-9_-]|[A-Za-z0-9_-]){{36}}!",
        f"{CALLS}?from_number__startswith=%2B1312",
        f"{CALLS}?account__api_key_sealed__startswith=n",
        f"{CALLS}?facts__from_number__startswith=x",
        f"{EVENTS}?payload__digits__startswith=4",
        f"{EVENTS}?call__from_number__startswith=%2B",
        f"{EVENTS}?headers__regex=.*",
    ],
)
def test_support_reads_no_hidden_column_letter_by_letter(
    client: Client, user_with: Any, account: TelnyxAccount, address: str
) -> None:
    client.force_login(user_with("Support"))
    answer = client.get(address, follow=True)
    assert answer.redirect_chain == [(f"{address.partition('?')[0]}?e=1", 302)]
    text = answer.content.decode()
    assert f"This list cannot be filtered by {address.partition('?')[2].partition('=')[0]}. " in text


def test_every_column_of_every_list_is_shut_at_the_front_door(
    browser: Client, operator: User, account: TelnyxAccount
) -> None:
    one_of_each(account, operator)
    opened = []
    for model in REGISTERED:
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for column in model._meta.concrete_fields:
            answer = browser.get(f"{address}?{column.attname}__startswith=1")
            if (answer.status_code, answer.get("Location")) != (302, f"{address}?e=1"):
                opened.append(f"{address} {column.attname}: {answer.status_code}")
    assert opened == []


def test_links_of_the_pages_themselves_still_narrow(browser: Client, account: TelnyxAccount) -> None:
    for address in (
        f"{CALLS}?connection_id=1293",
        f"{EVENTS}?source__exact=backfill&connection_id=1293",
        f"{EVENTS}?status__exact=dead&account__id__exact={account.pk}",
        "/admin/voice/callcommand/?status__exact=uncertain",
        "/admin/voice/callcommand/?open=undecided",
        f"/admin/voice/recovery/?account__id__exact={account.pk}",
        "/admin/voice/alert/?state=open",
    ):
        answer = browser.get(address, follow=True)  # of calls the search says the same
        assert (answer.status_code, b"cannot be filtered" in answer.content) == (200, False), address


@pytest.mark.parametrize("text", ["9" * 601, "a " * 11])
def test_a_search_is_bounded(browser: Client, account: TelnyxAccount, text: str) -> None:
    page = browser.get("/admin/voice/flow/", {"q": text})
    assert page.status_code == 200
    assert "Search for at most 10 words and 600 characters" in page.content.decode()


def test_a_search_that_is_refused_while_it_is_typed_says_so_with_the_rows(
    browser: Client, account: TelnyxAccount
) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id="77", application_name="router")
    said = []
    for headers in ({}, {"HX-Request": "true"}):
        answer = browser.get("/admin/applications/callcontrolapplication/", {"q": "a " * 11}, headers=headers)
        top, rows = answer.content.decode().split('id="portal-results"')
        said.append(["Search for at most 10 words" in part for part in (top, rows)])
        assert "router" in rows
    assert said == [[True, False], [True, True]]


def test_a_filter_that_the_list_does_not_take_is_not_kept(browser: Client, account: TelnyxAccount) -> None:
    address = "/admin/applications/callcontrolapplication/filters/"
    answer = browser.post(address, {"name": "x", "query": "remote__regex=a", "shared": "on"}, follow=True)
    assert "cannot be filtered by remote__regex" in answer.content.decode()
    assert not SavedFilter.objects.exists()


def test_no_row_is_picked_by_a_hidden_column_or_found_while_typing(browser: Client, account: TelnyxAccount) -> None:
    assert browser.get("/admin/portal/telnyxaccount/?_to_field=api_key_sealed&_popup=1").status_code == 400
    asked = {"app_label": "voice", "model_name": "callcommand", "field_name": "call", "term": "+1312"}
    assert browser.get("/admin/autocomplete/", asked).status_code == 404


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label_lower)
def test_no_list_is_edited_in_place_or_sorted_by_what_it_masks(model: Any) -> None:
    shown = admin.site._registry[model]
    assert not shown.list_editable
    masked = {"from_number", "to_number", "parameters", "payload", "error", "summary", "answer", "settlement"}
    sorted_by = {
        getattr(getattr(shown, name, None), "admin_order_field", name if hasattr(model, name) else None)
        for name in shown.list_display
    }
    assert not masked & sorted_by
