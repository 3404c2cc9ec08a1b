"""How many numbers each application has is read with every pull, and kept with its time; no number is."""

from typing import Any

import pytest
from django.test import Client

from applications.models import CallControlApplication, NumbersReading
from applications.pulls import number_counts
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx
from tests.support.telnyx_numbers import assigned
from tests.support.texml_resources import telnyx_texml, wired
from tests.support.times import ago

KINDS = pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)


@KINDS
def test_a_pull_counts_the_numbers_of_each_and_writes_no_version_for_it(mirrored: Any, kind: Any) -> None:
    served, bare = mirrored(kind, name="served"), mirrored(kind, name="bare")
    for last in (0, 1):
        assigned(served.account, served, last)
    before, was = {row.pk: row.history.count() for row in (served, bare)}, number_counts.as_of()
    assert was is not None
    assert pull(kind, served.account, PORTAL).state == "done"
    for row, count in ((served, 2), (bare, 0)):
        at = row.numbers_read_at
        row.refresh_from_db()
        number_counts.tell_times([row])
        assert (row.numbers_count, row.numbers_as_of > was, row.history.count()) == (count, True, before[row.pk])
        assert (row.numbers_read_at == at) is (row == bare)  # a count that is as it was is not written


def test_a_change_of_the_application_leaves_the_count(mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row = mirrored()
    assigned(row.account, row)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    change_at_telnyx(sandbox_account, row.remote, application_name="renamed")
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    row.refresh_from_db()
    assert (row.application_name, row.numbers_count) == ("renamed", 1)


@pytest.mark.parametrize("status", [403, 429, 500])
def test_where_telnyx_does_not_list_them_the_pull_is_done_and_the_old_count_stays(
    mirrored: Any, sandbox: Sandbox, status: int
) -> None:
    row = mirrored()
    assigned(row.account, row)
    pull(CALL_CONTROL, row.account, PORTAL)
    row.refresh_from_db()
    told = row.numbers_count, number_counts.as_of()
    sandbox.faults.add({"fault": "status", "method": "GET", "path": "/phone_numbers", "value": status})
    at_telnyx(row.account, name="another")
    record = pull(CALL_CONTROL, row.account, PORTAL)
    row.refresh_from_db()
    assert (record.state, record.created, row.numbers_count, number_counts.as_of()) == ("done", 1, *told)


@pytest.mark.parametrize(
    ("meta", "asked", "count"),
    [
        ({"total_pages": 1, "total_results": 2}, 1, 2),
        ({"total_pages": 2, "total_results": 400}, 2, None),  # fewer came than there are
        ({"total_pages": 41, "total_results": 10_001}, 1, None),
        ({}, 1, 2),
    ],
)
def test_what_is_not_told_whole_is_not_counted(db: None, meta: dict[str, Any], asked: int, count: int | None) -> None:
    numbers = [{"id": "1", "connection_id": "7"}, {"id": "2", "connection_id": "7"}, {"connection_id": None}, "?"]
    with telnyx_texml(lambda method, path: {"data": numbers, "meta": meta}) as server:
        account = wired(server.url)
        row = CallControlApplication.objects.create(account=account, telnyx_id="7")
        number_counts.count(account)
        assert len(server.requests) == asked
    row.refresh_from_db()
    assert (row.numbers_count, number_counts.as_of() is not None) == (count, count is not None)


@KINDS
def test_the_page_that_asks_telnyx_keeps_what_it_is_told(browser: Client, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind)
    assigned(row.account, row)
    url = page_url("numbers", row.pk, kind=kind)
    for query in ({"q": "999"}, {"of": "account"}):  # not all of its own
        browser.get(url, query)
        row.refresh_from_db()
        assert row.numbers_count == 0
    browser.get(url)
    row.refresh_from_db()
    assert row.numbers_count == 1


def test_what_was_read_later_is_not_overwritten(account: TelnyxAccount) -> None:
    row = CallControlApplication.objects.create(account=account, telnyx_id="7")
    for count, at in ((3, ago(10)), (9, ago(20)), (4, ago(5))):
        number_counts.keep(row, count, at)
    row.refresh_from_db()
    assert row.numbers_count == 4


def test_what_telnyx_does_not_know_any_more_was_not_counted_since(account: TelnyxAccount) -> None:
    row = CallControlApplication.objects.create(account=account, telnyx_id="7")
    number_counts.keep(row, 3, at := ago(600))
    NumbersReading.objects.create(account=account, at=ago(5))
    row.refresh_from_db()
    number_counts.tell_times([row])
    assert row.numbers_as_of > at
    row.missing_since = ago(300)
    number_counts.tell_times([row])
    assert row.numbers_as_of == at
