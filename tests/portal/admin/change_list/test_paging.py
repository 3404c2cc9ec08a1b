"""The admin's lists page by page: each row that was there all the time once, whatever comes and goes meanwhile."""

import re
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import CharField, Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.models import AuditEvent, TelnyxAccount
from tests.badinput.rows import one_of_each
from tests.support.factories import make_call
from voice.models import Alert

pytestmark = pytest.mark.django_db
LOG = reverse("admin:voice_call_changelist")


def shown(browser: Client, url: str, query: str = "") -> Any:
    answer = browser.get(f"{url}{query}")
    assert answer.status_code == 200, answer
    return answer.context["cl"]


def walk(browser: Client, url: str, query: str = "", meanwhile: Callable[[], object] = lambda: None) -> list[list[Any]]:
    """The keys seen from the first page to the last, and from there back."""
    at = shown(browser, url, query)
    ways = []
    for way in ("next_url", "previous_url"):
        seen = [row.pk for row in at.result_list]
        while query := getattr(at, way):
            meanwhile()
            at = shown(browser, url, query)
            page = [row.pk for row in at.result_list]
            seen = page + seen if way == "previous_url" else seen + page
        ways.append(seen)
    return ways


def make_twin(row: Model) -> None:
    """A row that differs only where it must, if there can be two."""
    twin, named = copy(row), {name for one in row._meta.constraints for name in getattr(one, "fields", ())}
    for field in row._meta.concrete_fields:
        if field.primary_key:
            setattr(twin, field.attname, field.get_default() if field.has_default() else None)
        elif isinstance(field, CharField) and (field.unique or field.name in named):
            setattr(twin, field.attname, f"{getattr(row, field.attname)[:-1]}~")
    twin._state.adding = True
    with suppress(IntegrityError), transaction.atomic():
        Model.save(twin, force_insert=True)


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in admin.site._registry.values():
        monkeypatch.setattr(one, "list_per_page", 3)


@pytest.mark.usefixtures("short_pages")
def test_calls_of_one_moment_come_once_while_others_come_and_go(browser: Client, account: TelnyxAccount) -> None:
    now = timezone.now()
    rows = [make_call(account, f"v3:{at}", started_at=now - timedelta(hours=at // 5)) for at in range(20)]
    kept = [row for at, row in enumerate(rows) if at % 4]
    gone = iter([row for row in rows if row not in kept])
    made = iter(range(1000))

    def meanwhile() -> None:
        for hours in (-1, 1, 2):
            make_call(account, f"v3:new-{next(made)}", started_at=now - timedelta(hours=hours))
        if row := next(gone, None):
            row.delete()

    for seen in walk(browser, LOG, "?q=rows:legs", meanwhile=meanwhile):
        assert len(seen) == len(set(seen))
        assert {row.pk for row in kept} <= set(seen)


@pytest.mark.usefixtures("short_pages")
def test_what_has_no_value_is_paged_where_it_is_ordered(browser: Client, account: TelnyxAccount) -> None:
    now = timezone.now()
    for at in range(11):
        closed = None if at % 2 else now - timedelta(minutes=at // 4)
        times = {"opened_at": now - timedelta(hours=at // 3), "seen_at": now, "closed_at": closed}
        Alert.objects.create(kind="backlog", subject=str(at), summary="x", **times)
    expected = list(Alert.objects.values_list("pk", flat=True))
    assert walk(browser, reverse("admin:voice_alert_changelist")) == [expected, expected]


def test_every_list_is_paged_by_whatever_it_can_be_sorted_by(
    browser: Client, operator: User, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in one_of_each(account, operator).values():
        make_twin(row)
    long = set()
    for model, shows in admin.site._registry.items():
        monkeypatch.setattr(shows, "list_per_page", 1 if model._meta.app_label == "voice" else 2)
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        count = len(shown(browser, url).list_display)
        for query in ("", *(f"?o={at}" for at in range(1, count)), f"?o=-1.{count - 1}"):
            there, back = walk(browser, url, query)
            assert (there, len(set(there))) == (back, len(there)), f"{url}{query}"
            if len(there) > 1:
                long.add(url)
    assert len(long) > 0.8 * len(admin.site._registry)


@pytest.mark.parametrize("place", ["3", "W10", "WzFd", "W2ZhbHNlLCJ4Il0=", "é", "W2ZhbHNlLG51bGwsbnVsbF0=", "0" * 9000])
def test_a_page_that_is_none_of_the_list_is_told(browser: Client, account: TelnyxAccount, place: str) -> None:
    make_call(account)
    answer = browser.get(LOG, {"p": place})
    assert "is none of this list" in answer.content.decode()
    assert answer.context["cl"].result_list


@pytest.mark.usefixtures("short_pages")
def test_a_filter_chosen_on_a_later_page_is_of_the_whole_list(browser: Client) -> None:
    for _ in range(5):
        AuditEvent.objects.create(actor="user: ada", action="call.dial")
    newest = AuditEvent.objects.create(actor="user: ada", action="flow.delete")
    url = reverse("admin:portal_auditevent_changelist")
    later = browser.get(f"{url}{shown(browser, url, '?q=ada').next_url}&e=1")
    assert newest not in later.context["cl"].result_list
    form = re.search(r'<form id="filter-form".*?</form>', later.content.decode(), re.DOTALL)
    assert form is not None
    kept = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[0]))
    assert kept == {"q": "ada"}
    assert list(shown(browser, url, f"?{urlencode(kept | {'action': 'flow.delete'})}").result_list) == [newest]


@pytest.mark.usefixtures("short_pages")
@pytest.mark.parametrize("query", ["?", "?state=open&"])
def test_a_page_whose_rows_are_gone_does_not_say_that_the_list_has_none(browser: Client, query: str, db: None) -> None:
    times = {"opened_at": timezone.now(), "seen_at": timezone.now()}
    rows = [Alert.objects.create(kind="backlog", subject=str(at), summary="x", **times) for at in range(4)]
    url = reverse("admin:voice_alert_changelist")
    later = shown(browser, url, query)
    last = f"{url}{later.next_url}"
    (gone,) = set(rows) - set(later.result_list)
    gone.delete()
    answer = browser.get(last)
    page = answer.content.decode()
    assert ("alerts yet" in page, "Nothing matches" in page, "Nothing is here any more" in page) == (False, False, True)
    assert len(shown(browser, url, answer.context["cl"].previous_url).result_list) == 3
