"""A range of days is filtered whole, and what is no day is told."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from portal.models import AuditEvent
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


def make_rows(account, url):
    """One row of the list at the end of a day, one at the end of the day before, one at the start of the next."""
    last = datetime(2026, 5, 22, 23, 59, 59, 500_000, tzinfo=UTC)
    times = {"a": last - timedelta(days=1), "b": last, "c": datetime(2026, 5, 23, tzinfo=UTC)}
    return {leg: make_row(account, url, leg, at) for leg, at in times.items()}


def make_row(account, url, leg, at):
    if "callevent" in url:
        return CallEvent.objects.create(account=account, dedupe_key=leg, received_at=at, body=b"{}", source="webhook")
    if "callcommand" in url:
        return CallCommand.objects.create(account=account, action="speak", intent_key=leg, created_at=at, expires_at=at)
    return Conference.objects.create(account=account, conference_id=leg, started_at=at)
