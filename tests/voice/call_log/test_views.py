"""Named searches: those that are shipped, one's own, and those that are shared."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.call_pages import LOG
from tests.support.factories import make_call
from voice.call_log import query, views

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it counts what there is, of every account")]


def test_each_shipped_view_is_understood(operator: Any) -> None:
    for view in views.shipped(operator):
        asked = query.read(view.text, operator)
        assert (asked.wrong, asked.notes, asked.text) == ((), (), view.text), view


def test_views_are_counted_when_they_are_opened(browser: Client, account: TelnyxAccount) -> None:
    for at in range(views.MOST + 1):
        make_call(account, str(at), state="ended", ending="lost", ended_by="us" if at < 3 else "caller")
    counts = {view.name: view.count for view in browser.get(f"{LOG}views/").context["views"]}
    assert (counts["Ended by us"], counts["Answered by a machine"]) == ("3", "0")
    assert counts["Short answered calls"] == "0"
    assert {view.count for view in browser.get(LOG).context["views"]} == {""}


def test_who_may_not_see_calls_counts_none(signed_in: Any) -> None:
    assert signed_in("voice.dial").get(f"{LOG}views/").status_code == 403


def test_a_search_is_kept_under_a_name_and_shared(browser: Client, signed_in: Any, account: TelnyxAccount) -> None:
    kept = {"name": "Busy today", "query": "q=day%3Atoday+ending%3Abusy", "shared": "on"}
    assert browser.post(f"{LOG}filters/", kept).status_code == 302
    browser.post(f"{LOG}filters/", {"name": "Hers", "query": "q=%2B13125550101", "shared": "on"})
    colleague = signed_in("voice.view_call").get(LOG).content.decode()
    assert "Busy today" in colleague
    assert "Hers" not in colleague  # it would tell a number
    assert "Hers" in browser.get(LOG).content.decode()
