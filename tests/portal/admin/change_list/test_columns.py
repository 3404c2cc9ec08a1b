"""Which columns a list has, everybody chooses for themselves and for each list."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.models import CallControlApplication, TexmlApplication
from portal.list_columns import ListColumns
from portal.models import TelnyxAccount
from portal.view_times import TimePreference
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL, TEXML

CHANGELIST = page_url("changelist")
LISTS = sorted(
    f"{model._meta.app_label}_{model._meta.model_name}"
    for model, one in admin.site._registry.items()
    if len(one.list_display) > 1
)


def _row(account: TelnyxAccount, **columns: Any) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id="1", application_name="router", **columns)


def _heads(client: Client, url: str = CHANGELIST, **query: str) -> list[str]:
    page = client.get(url, query).content.decode()
    return re.findall(r'<th[^>]*class="[^"]*column-(\w+)', page)


def test_a_person_chooses_columns_and_nobody_else_has_them(
    client: Client, user_with: Any, account: TelnyxAccount
) -> None:
    _row(account)
    TexmlApplication.objects.create(account=account, telnyx_id="2", friendly_name="menu")
    ada, bob = (
        user_with(CALL_CONTROL.permission("view"), TEXML.permission("view"), username=name) for name in ("ada", "bob")
    )
    client.force_login(ada)
    usual = _heads(client)
    assert usual[0] == "name_shown"
    chosen = ["updated_at", "tags_shown", "no_such_column", "__str__"]
    answer = client.post(page_url("columns"), {"column": chosen, "query": "active__exact=1&o=3&p=x&q="})
    assert answer["Location"] == f"{CHANGELIST}?active__exact=1"
    # in the order of the list, the way to the row among them
    assert _heads(client) == ["name_shown", "updated_at", "tags_shown"]
    assert len(_heads(client, page_url("changelist", kind=TEXML))) == len(usual) - 1
    client.force_login(bob)
    assert _heads(client) == usual
    client.post(page_url("columns"), {"column": ["active"]})
    client.force_login(ada)
    assert _heads(client) == ["name_shown", "updated_at", "tags_shown"]
    client.post(page_url("columns"), {"usual": "1", "column": ["active"]})
    assert _heads(client) == usual
    assert list(ListColumns.objects.values_list("user", flat=True)) == [bob.pk]


def test_without_a_column_the_way_to_the_row_is_left(browser: Client, account: TelnyxAccount) -> None:
    _row(account)
    browser.post(page_url("columns"), {})
    assert _heads(browser) == ["name_shown"]


@pytest.mark.parametrize("kept", [["gone"], [], "name_shown", [7, None], {"a": 1}])
def test_columns_that_are_there_no_more_are_the_usual_ones(
    browser: Client, operator: User, account: TelnyxAccount, kept: Any
) -> None:
    _row(account)
    usual = _heads(browser)
    ListColumns.objects.create(user=operator, listing="applications.callcontrolapplication", names=kept)
    assert _heads(browser) == usual


def test_who_may_not_see_the_list_chooses_nothing_of_it(client: Client, user_with: Any, db: None) -> None:
    client.force_login(user_with(TEXML.permission("view")))
    assert client.post(page_url("columns"), {"column": ["active"]}).status_code == 403
    assert client.get(page_url("columns", kind=TEXML)).status_code == 403
    assert not ListColumns.objects.exists()


@pytest.mark.parametrize("name", LISTS)
def test_every_list_shows_every_column_that_it_offers(browser: Client, account: TelnyxAccount, name: str) -> None:
    url = reverse(f"admin:{name}_changelist")
    offered = [one.name for one in browser.get(url).context["cl"].columns]
    assert len(offered) > 1
    browser.post(reverse(f"admin:{name}_columns"), {"column": offered})
    page = browser.get(url)
    assert page.status_code == 200
    assert [
        getattr(one, "__name__", one) for one in page.context["cl"].list_display if one != "action_checkbox"
    ] == offered


def test_a_choice_costs_one_statement_whatever_is_chosen(browser: Client, account: TelnyxAccount) -> None:
    _row(account)
    counts = []
    for column in ("active", "updated_at"):
        browser.post(page_url("columns"), {"column": [column, "host_shown"]})
        with CaptureQueriesContext(connection) as asked:
            browser.get(CHANGELIST)
        counts.append(len(asked))
        assert sum("portal_listcolumns" in one["sql"] for one in asked) == 1
    assert counts[0] == counts[1]


def test_times_of_lists_are_in_the_zone_of_who_looks(browser: Client, operator: User, account: TelnyxAccount) -> None:
    _row(account, updated_at=datetime(2026, 7, 1, 21, 30, tzinfo=UTC))
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin", order="dots")
    page = browser.get(CHANGELIST, {"o": "-7"}).content.decode()
    assert "01.07.2026 23:30:00" in page
    assert 'title="2026-07-01 21:30:00 UTC"' in page
