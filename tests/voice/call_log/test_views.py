"""Named searches: those that are shipped, one's own, and those that are shared."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client

from portal.models import TelnyxAccount
from portal.saved_filters import SavedFilter
from portal.view_times import TimePreference
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


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("until:2026-06-02 since:2026-06-01T10:00", "until:2026-06-02 since:2026-06-01T10:00:00+02:00"),
        (
            "since:2026-10-25T02:00 until:2026-10-25T02:00",
            "since:2026-10-25T02:00:00+02:00 until:2026-10-25T02:00:00+01:00",
        ),
        (
            "-since:2026-06-01T10:00 since:soon day:2026-06-01 ada",
            "ada -since:2026-06-01T10:00:00+02:00 since:soon day:2026-06-01",
        ),
    ],
)
def test_times_are_kept_with_their_offset_and_days_as_they_are(
    browser: Client, operator: User, account: TelnyxAccount, typed: str, kept: str
) -> None:
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin")
    browser.post(f"{LOG}filters/", {"name": "x", "query": urlencode({"q": typed})})
    assert QueryDict(SavedFilter.objects.get().query)["q"] == kept


def test_a_shared_search_finds_the_same_calls_for_a_colleague_in_another_zone(
    client: Client, account: TelnyxAccount, user_with: Any
) -> None:
    make_call(account, started_at=datetime(2026, 6, 1, 8, 30, tzinfo=UTC))
    ada, bob = (user_with("voice.view_call", username=name) for name in ("ada", "bob"))
    for user, zone in ((ada, "Europe/Berlin"), (bob, "Asia/Tokyo")):
        TimePreference.objects.create(user=user, time_zone=zone)
    client.force_login(ada)
    query = urlencode({"q": "since:2026-06-01T10:00 until:2026-06-01T11:00"})
    client.post(f"{LOG}filters/", {"name": "x", "query": query, "shared": "on"})
    for user in (ada, bob):
        client.force_login(user)
        assert len(client.get(f"{LOG}?{SavedFilter.objects.get().query}").context["rows"]) == 1, user
