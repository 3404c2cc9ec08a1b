"""A range of days is filtered whole, and what is no day is told."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.models import AuditEvent, TelnyxAccount
from portal.view_times import TimePreference
from tests.support.accounts import make_account
from tests.support.factories import make_flow
from voice.models import CallCommand, CallEvent, Conference

AUDIT = "/admin/portal/auditevent/"
COLUMNS = {
    "/admin/voice/callevent/": "received_at",
    "/admin/voice/callcommand/": "created_at",
    "/admin/voice/conference/": "started_at",
}
LISTS = list(COLUMNS)


def test_the_audit_trail_is_filtered_by_action_and_date(browser):
    AuditEvent.objects.create(actor="a", action="call.dial", object_label="the wanted")
    AuditEvent.objects.create(actor="a", action="token.make", object_label="the other")
    page = browser.get(AUDIT, {"action": "call.dial"}).content.decode()
    assert "the wanted" in page
    assert "the other" not in page
    today, before = timezone.now().date(), {"at_from": "2001-01-01", "at_to": "2001-01-02"}
    assert (
        "the wanted" in browser.get(AUDIT, {"at_from": today.isoformat(), "at_to": today.isoformat()}).content.decode()
    )
    assert "the wanted" not in browser.get(AUDIT, before).content.decode()


@pytest.mark.parametrize("day", ["nonsense", "2024-02-31", "9999-12-31", "0001-01-01"])
def test_a_day_that_is_none_is_told_and_lists_nothing(browser, day):
    AuditEvent.objects.create(actor="a", action="call.dial", object_label="the wanted")
    page = browser.get(AUDIT, {"at_from": day})
    assert list(page.context["cl"].result_list) == []
    assert "Enter a " in page.content.decode()
    assert "the wanted" in browser.get(AUDIT, {"at_from": "", "at_to": ""}).content.decode()


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize(
    ("given", "legs"),
    [
        ({"from_0": "2026-05-22"}, "bc"),
        ({"from_0": "2026-05-22", "to_0": "2026-05-22"}, "b"),
        ({"to_0": "2026-05-22"}, "ab"),
        ({"from_0": "2026-05-22", "from_1": "23:59:59", "to_0": "2026-05-23"}, "bc"),
        ({"from_0": "2026-05-23", "from_1": "00:00"}, "c"),
        ({}, "abc"),
        ({"from_0": "", "from_1": ""}, "abc"),
    ],
)
def test_a_day_without_a_time_is_all_of_it(browser, account, url, given, legs):
    rows = make_rows(account, url)
    page = browser.get(url, {f"{COLUMNS[url]}_{name}": value for name, value in given.items()})
    assert {row.pk for row in page.context["cl"].result_list} == {rows[leg].pk for leg in legs}


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"from_0": "soon"}, "Enter a valid date."),
        ({"to_0": "2026-05-22", "to_1": "25:00"}, "Enter a valid time."),
        ({"to_0": "2026-05-22", "to_1": "10:00+99:00"}, "Enter a valid time."),
        ({"to_0": "2026-05-22", "to_1": "10+02:00"}, "Enter a valid time."),
        ({"from_1": "10:00"}, "Enter the day, too."),
        ({"from_0": "0001-01-01"}, "Enter a day between"),
        ({"to_0": "9999-12-31"}, "Enter a day between"),
    ],
)
def test_what_is_no_time_is_told_and_lists_nothing(browser, account, url, given, words):
    make_rows(account, url)
    page = browser.get(url, {f"{COLUMNS[url]}_{name}": value for name, value in given.items()})
    assert list(page.context["cl"].result_list) == []
    assert words in page.content.decode()


# --- in the zone of who looks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [*LISTS, AUDIT])
@pytest.mark.parametrize(
    ("zone", "day", "begin", "end"),
    [
        ("Europe/Berlin", "2026-06-01", "2026-05-31T22:00Z", "2026-06-01T22:00Z"),
        ("Asia/Tokyo", "2026-06-01", "2026-05-31T15:00Z", "2026-06-01T15:00Z"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00Z", "2026-09-07T03:00Z"),  # has no midnight
        ("America/Santiago", "2026-09-05", "2026-09-05T04:00Z", "2026-09-06T04:00Z"),
        ("America/Santiago", "2026-04-04", "2026-04-04T03:00Z", "2026-04-05T04:00Z"),  # its last hour comes twice
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00Z", "2026-04-24T21:00Z"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00Z", "2026-03-29T21:00Z"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),  # its first hour comes twice
        ("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00Z", "2026-10-26T01:00Z"),
    ],
)
def test_a_day_is_all_of_the_viewers_day(browser, operator, account, url, zone, day, begin, end):
    TimePreference.objects.create(user=operator, time_zone=zone)
    first, beyond = (datetime.fromisoformat(text) for text in (begin, end))
    instant = timedelta(microseconds=1)
    rows = [make_row(account, url, str(at), at) for at in (first - instant, first, beyond - instant, beyond)]
    name = COLUMNS.get(url, "at")
    ends = ("from", "to") if url == AUDIT else ("from_0", "to_0")
    page = browser.get(url, {f"{name}_{one}": day for one in ends})
    shown = {row.pk for row in page.context["cl"].result_list}
    assert [row.pk in shown for row in rows] == [False, True, True, False]


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (("2026-10-25", "02:00:00+02:00"), ("2026-10-25", "02:59:59+02:00"), "a"),
        (("2026-10-25", "02:00:00+01:00"), ("2026-10-25", "02:59:59+0100"), "b"),
        (("2026-10-25", "00:30Z"), ("2026-10-25", "01:30:00 Z"), "ab"),
        (("2026-10-25", "02:00"), ("2026-10-25", "02:59"), "ab"),  # as written it is either: the most is shown
        (("2026-03-29", "02:00"), ("2026-03-29", "02:30"), "c"),  # which no clock shows: counted on from 01:59
    ],
)
def test_an_hour_that_comes_twice_is_told_by_its_offset(browser, operator, account, first, last, shown):
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin")
    times = {"a": "2026-10-25T00:30Z", "b": "2026-10-25T01:30Z", "c": "2026-03-29T01:15Z"}
    rows = {leg: make_row(account, LISTS[0], leg, datetime.fromisoformat(at)) for leg, at in times.items()}
    asked = {"from_0": first[0], "from_1": first[1], "to_0": last[0], "to_1": last[1]}
    page = browser.get(LISTS[0], {f"received_at_{name}": value for name, value in asked.items()})
    assert {row.pk for row in page.context["cl"].result_list} == {rows[leg].pk for leg in shown}


# --- counts beside choices --------------------------------------------------------------------------------------------


def offered(browser, url, **asked):
    """The choices of a list's filters that are counted, as they are drawn, by their word."""
    text = browser.get(url, asked).content.decode()
    return {word.lower(): count for word, count in re.findall(r">\s*([^<>()]+?) \((\d+|[\d,]+\+)\)\s*<", text)}


@pytest.mark.parametrize("url", LISTS[:2])
def test_choices_say_how_many_rows_each_shows(browser, account, url, monkeypatch):
    make_rows(account, url)
    other = make_account("other")
    model = CallEvent if "callevent" in url else CallCommand
    rows = list(model.objects.order_by("pk"))
    first, last = ("received", "dead") if model is CallEvent else ("queued", "refused")
    model.objects.filter(pk=rows[0].pk).update(account=other, status=last)
    told = offered(browser, url)
    assert (told[first], told[last], told[account.name], told["other"]) == ("2", "1", "2", "1")
    for word, wanted in ((first, 2), (last, 1)):
        assert len(browser.get(url, {"status__exact": word}).context["cl"].result_list) == wanted
    monkeypatch.setattr("portal.admin.filters._MOST", 1)
    assert offered(browser, url)[first] == "1+"


@pytest.mark.parametrize("url", LISTS[:2])
def test_nothing_is_counted_that_the_list_would_not_show(browser, account, url):
    make_rows(account, url)
    make_account("other")
    column = COLUMNS[url]
    assert offered(browser, url, **{f"{column}_from_0": "2026-05-22"}) == {}
    assert offered(browser, url, q="nobody") == {}
    word = "received" if "callevent" in url else "queued"
    narrowed = offered(browser, url, status__exact=word)
    assert (narrowed[word], account.name in narrowed) == ("3", False)


def test_choices_are_counted_in_one_statement_and_not_where_they_are_many(browser, account, monkeypatch):
    make_rows(account, LISTS[0])
    for name in "xyz":
        make_account(name)

    def counted():
        with CaptureQueriesContext(connection) as asked:
            told = offered(browser, LISTS[0])
        return told, [one for one in asked if "COUNT(*)" in one["sql"] and "callevent" in one["sql"]]

    told, statements = counted()
    assert (len(statements), set("xyz") <= told.keys()) == (1, True)
    monkeypatch.setattr("portal.admin.filters._MOST_CHOICES", 6)
    told, statements = counted()
    assert (len(statements), "received" in told, set("xyz") & told.keys()) == (1, True, set())


def test_lists_of_what_is_set_up_count_too(browser, account):
    make_account("other")
    make_flow(account, name="on")
    make_flow(account, name="off", active=False)
    assert offered(browser, "/admin/voice/flow/") == {"yes": "1", "no": "1", account.name: "2", "other": "0"}
    for url in ("/admin/voice/texmldocument/", "/admin/voice/dialbatch/"):
        assert offered(browser, url) == {account.name: "0", "other": "0"}


def test_django_s_own_counts_which_read_every_row_are_not_offered(browser, account):
    page = browser.get("/admin/applications/callcontrolapplication/", {"_facets": "True"})
    assert not page.context["cl"].add_facets


def make_rows(account, url):
    """One row of the list at the end of a day, one at the end of the day before, one at the start of the next."""
    last = datetime(2026, 5, 22, 23, 59, 59, 500_000, tzinfo=UTC)
    times = {"a": last - timedelta(days=1), "b": last, "c": datetime(2026, 5, 23, tzinfo=UTC)}
    return {leg: make_row(account, url, leg, at) for leg, at in times.items()}


def make_row(account, url, leg, at):
    if url == AUDIT:
        return AuditEvent.objects.create(actor="a", action="call.dial", at=at)
    if "callevent" in url:
        return CallEvent.objects.create(account=account, dedupe_key=leg, received_at=at, body=b"{}", source="webhook")
    if "callcommand" in url:
        return CallCommand.objects.create(account=account, action="speak", intent_key=leg, created_at=at, expires_at=at)
    return Conference.objects.create(account=account, conference_id=leg, started_at=at)


def test_a_filter_of_links_goes_along_when_those_beside_it_are_applied(browser: Client, account: TelnyxAccount) -> None:
    kept = set()
    for model, shows in admin.site._registry.items():
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        specs = browser.get(url).context["cl"].filter_specs if getattr(shows, "list_filter_submit", False) else []
        for spec in [one for one in specs if isinstance(one, SimpleListFilter) and not hasattr(one, "form_class")]:
            name, (value, _) = spec.parameter_name, spec.lookup_choices[0]
            page = browser.get(url, {name: value}).content.decode()
            form = re.search(r'<form id="filter-form".*?</form>', page, re.DOTALL)
            assert form is not None
            assert form[0].count(f'name="{name}" value="{value}"') == 1, (url, name)
            kept.add(name)
    assert kept == {"missing", "warnings", "flow", "state"}
