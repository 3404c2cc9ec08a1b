"""Which events are meant, and how many that are."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.models import TelnyxAccount
from tests.support.events import receive
from tests.support.factories import make_event
from tests.support.replay_pages import NEW, look, text
from tests.support.rows import Call, CallEvent, Replay
from voice.replay import runs
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db


@pytest.mark.alone("it counts the events of every account")
def test_on_a_large_table_a_count_reads_the_newest_and_says_so(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    first, last = CallEvent.objects.order_by("received_at")
    with CaptureQueriesContext(connection) as told:
        shown = text(browser.post(NEW, {"event_types": first.event_type}))
    assert "0 are like that; older ones are not counted here" in shown
    read = [one["sql"] for one in told if '"event_type" =' in one["sql"]]
    assert read
    assert all('"received_at" >' in sql for sql in read)
    assert "1 is like that; older ones are not counted here" in text(
        browser.post(NEW, {"event_types": last.event_type})
    )
    for exact in ({"ids": str(first.pk)}, {"event_types": first.event_type, "received_until": str(first.received_at)}):
        assert "1 event is like that." in text(browser.post(NEW, exact))
    assert "2 events are like that." in text(browser.post(NEW, {"statuses": "processed"}))


def test_telnyx_s_id_of_an_event_is_found_by_the_account_s_index(account: TelnyxAccount) -> None:
    """That index begins with the account: by the id alone the whole of it would be read."""
    (event,) = receive(account, make_event())
    found = Selection(ids=(str(event.event_id),)).rows()
    assert list(found) == [event]
    plan = found.explain()
    assert any("account_id" in line and "dedupe_key" in line for line in plan.splitlines()), plan


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("call.answered", {"call.answered"}),
        ("call.*", {"call.answered", "call.hangup", "call.speak.ended"}),
        ("*.ended", {"call.speak.ended", "conference.ended"}),
        ("*speak*", {"call.speak.ended"}),
        ("answered", set()),
    ],
)
def test_a_star_stands_for_what_comes_before_or_after(account: TelnyxAccount, pattern: str, found: set[str]) -> None:
    types = ("call.answered", "call.hangup", "call.speak.ended", "conference.ended")
    receive(account, *(make_event(event_type) for event_type in types))
    rows = CallEvent.objects.filter(pk__in=Selection(event_types=(pattern,)).rows())
    assert set(rows.values_list("event_type", flat=True)) == found


def test_what_takes_long_to_find_is_looked_for_by_a_worker_and_not_by_the_page(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    page = look(browser, event_types="call.hangup")
    row = Replay.objects.get()
    assert (row.state, row.total, runs.is_due(row.pk)) == ("looking", None, True)
    runs.work(row.pk, 5)
    assert "Calls 1 would change" in text(browser.get(page))
