"""What is done for many calls goes on piece by piece, is followed and cancelled, and outlives whoever does it."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from portal.models import AuditEvent, TelnyxAccount
from portal.runtime import wakeups
from tests.support.call_pages import LOG
from tests.support.rows import Call
from voice import tasks
from voice.call_log.bulk import admin, carrying_out
from voice.models import BulkAction, CallCommand, CallTag, Recording

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it takes what a search finds, of every account")]
MANY = f"{LOG}many/"
COUNT = 250  # three pieces


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    kept: list[tuple[str, str]] = []
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: kept.append((task, identifier)))
    return kept


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """One piece is all that there is time for."""
    monkeypatch.setattr(admin, "AT_ONCE_SECONDS", 0)
    monkeypatch.setattr(tasks, "PIECE_SECONDS", 0)


@pytest.fixture
def calls(account: TelnyxAccount) -> list[Call]:
    now = timezone.now() - timedelta(hours=1)
    rows = [Call(account=account, call_control_id=f"v3:{at}", started_at=now) for at in range(COUNT)]
    made: list[Call] = Call.objects.bulk_create(rows)
    return made


def asked(client: Client, do: str, **sent: Any) -> str:
    """Has it done for every call, and returns the address of the page that tells how far it is."""
    page = client.post(MANY, {"scope": "all"})
    form = {"scope": "all", "until": page.context["until"], "count": len(page.context["chosen"].ids)}
    answer = client.post(MANY, form | {"do": do} | sent)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def words(client: Client, address: str) -> str:
    return re.sub(r"\s+", " ", client.get(address).content.decode())


def test_what_takes_longer_is_followed_to_its_end(
    browser: Client, calls: list[Call], woken: list[tuple[str, str]]
) -> None:
    address = asked(browser, "tag", name="vip")
    row = BulkAction.objects.get()
    assert address == f"{MANY}{row.pk}/"
    assert woken == [("voice.work_bulk_action", str(row.pk))]
    page = words(browser, address)
    assert "100 of 250" in page
    assert "Cancel the rest" in page
    assert 'hx-trigger="every 2s' in page
    for _ in range(2):
        tasks.work_bulk_action(str(row.pk))
    page = words(browser, address)
    assert "Tagged 250 calls; 0 had the tag before." in page
    assert "hx-trigger" not in page.partition('id="log-progress"')[2].partition("</section>")[0]
    assert CallTag.objects.filter(name="vip").count() == COUNT
    assert len(woken) == 2  # once by the page, once by the first piece of the worker's
    tasks.work_bulk_action(str(row.pk))  # a message that comes late finds nothing to do
    noted = AuditEvent.objects.get(action="call.tag_many")
    assert noted.details == {"query": "every call", "count": COUNT, "tag": "vip", "tagged": COUNT}


def test_two_who_tag_the_same_calls_at_once_take_them_in_one_order(browser: Client, calls: list[Call]) -> None:
    """Each waits for what the other has not committed yet: in two orders for ever, until the database ends one."""
    asked(browser, "tag", name="vip")
    tagged = list(CallTag.objects.filter(name="vip").order_by("pk").values_list("call", flat=True))
    assert (len(tagged), tagged) == (100, sorted(tagged))


def test_the_rest_is_cancelled_and_what_is_done_stays(browser: Client, calls: list[Call]) -> None:
    address = asked(browser, "follow-up")
    row = BulkAction.objects.get()
    assert "Cancelled after 100 of 250" in words(browser, browser.post(f"{address}cancel/")["Location"])
    tasks.work_bulk_action(str(row.pk))
    row.refresh_from_db()
    assert (row.state, row.done) == ("cancelled", 100)
    assert "It is over already" in browser.post(f"{address}cancel/", follow=True).content.decode()
    noted = AuditEvent.objects.get(action="call.follow_up_many").details
    assert noted == {
        "query": "every call",
        "count": COUNT,
        "assignee": "",
        "asked": 100,
        "state": "cancelled",
        "done": 100,
    }


def test_it_is_followed_and_cancelled_by_who_asked_for_it(browser: Client, signed_in: Any, calls: list[Call]) -> None:
    address = asked(browser, "tag", name="vip")
    other, nobody = signed_in("voice.view_call"), signed_in("voice.dial", username="other")
    assert [client.get(address).status_code for client in (other, nobody)] == [404, 403]
    assert [client.post(f"{address}cancel/").status_code for client in (other, nobody)] == [404, 403]
    assert browser.get(f"{address}cancel/").status_code == 405
    assert browser.get(f"{MANY}{uuid.uuid4()}/").status_code == 404
    assert BulkAction.objects.get().is_open


def test_one_worker_at_a_time_does_it_and_the_next_goes_on_where_one_was_lost(
    browser: Client, calls: list[Call]
) -> None:
    asked(browser, "tag", name="vip")
    row = BulkAction.objects.get()
    hour = timedelta(hours=1)
    BulkAction.objects.update(lease_until=timezone.now() + hour, holder=uuid.uuid4())
    assert not carrying_out.is_due(row.pk)
    tasks.work_bulk_action(str(row.pk))
    assert BulkAction.objects.get().done == 100
    BulkAction.objects.update(lease_until=timezone.now() - hour)
    tasks.work_bulk_action(str(row.pk))
    assert BulkAction.objects.get().done == 200
    BulkAction.objects.update(lease_until=None, claims=carrying_out.MOST_CLAIMS)
    tasks.work_bulk_action(str(row.pk))
    row.refresh_from_db()
    assert (row.state, row.problem) == ("failed", "5 workers were lost after 200. What is done stays.")
    assert AuditEvent.objects.get(action="call.tag_many").details["state"] == "failed"


def test_what_was_cancelled_meanwhile_is_undone_to_the_last_piece(
    browser: Client, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(browser, "tag", name="vip")
    tag_many = carrying_out.tags.tag_many

    def cancelled(*given: Any) -> Any:
        BulkAction.objects.update(state="cancelled")
        return tag_many(*given)

    monkeypatch.setattr(carrying_out.tags, "tag_many", cancelled)
    tasks.work_bulk_action(str(BulkAction.objects.get().pk))
    assert CallTag.objects.count() == 100


def test_what_is_cancelled_as_a_piece_of_it_is_refused_stays_cancelled(
    browser: Client, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(browser, "tag", name="vip")

    def refused(*given: Any) -> Any:
        BulkAction.objects.update(state="cancelled")
        raise ValidationError("no")

    monkeypatch.setattr(carrying_out, "_do_piece", refused)
    tasks.work_bulk_action(str(BulkAction.objects.get().pk))
    assert BulkAction.objects.get().state == "cancelled"


@pytest.fixture
def recorded(calls: list[Call]) -> list[Recording]:
    saved = {"status": Recording.Status.SAVED}
    rows = [
        Recording(
            account=call.account, call=call, key=call.pk, recording_id=str(call.pk), started_at=call.started_at, **saved
        )
        for call in calls[:25]
    ]
    made: list[Recording] = Recording.objects.bulk_create(rows)
    return made


def deletions() -> Any:
    return CallCommand.objects.filter(action="recordings.delete")


def test_deletions_wait_for_those_that_are_on_their_way(
    browser: Client, recorded: list[Recording], monkeypatch: pytest.MonkeyPatch, woken: list[tuple[str, str]]
) -> None:
    monkeypatch.setattr(carrying_out, "MOST_OPEN", 10)
    address = asked(browser, "delete", recordings="25", sure="yes")
    row = BulkAction.objects.get()
    assert [task for task, _ in woken].count("voice.send_command") == 10
    for _ in range(carrying_out.MOST_CLAIMS + 2):  # to wait is no worker's loss
        BulkAction.objects.update(lease_until=None)
        tasks.work_bulk_action(str(row.pk))
    assert (deletions().count(), BulkAction.objects.get().done) == (10, 10)
    assert not carrying_out.is_due(row.pk)  # in a moment
    deletions().update(status="ok")
    for _ in range(2):
        BulkAction.objects.update(lease_until=None)
        tasks.work_bulk_action(str(row.pk))
        deletions().update(status="ok")
    assert "25 recordings are deleted at Telnyx." in words(browser, address)
    assert AuditEvent.objects.get(action="recording.delete_many").details["recordings"] == 25


def test_deletions_that_nobody_knows_of_hold_no_others_up_and_what_became_of_them_is_told(
    browser: Client, recorded: list[Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying_out, "MOST_OPEN", 10)
    address = asked(browser, "delete", recordings="25", sure="yes")
    for status in ("uncertain", "expired"):
        deletions().filter(status="queued").update(status=status)
        BulkAction.objects.update(lease_until=None)
        tasks.work_bulk_action(str(BulkAction.objects.get().pk))
    said = words(browser, address)
    assert "Telnyx is being asked to delete 25 recordings." in said
    assert "Not deleted, and still at Telnyx: 10. Search again" in said
    assert "Nobody knows whether they are deleted: 10." in said
    deletions().filter(status="queued").update(status="ok")
    assert "to delete 25 recordings; 5 are deleted." in words(browser, address)


def test_a_recording_that_somebody_else_deletes_meanwhile_is_left_to_them(
    browser: Client, recorded: list[Recording], operator: Any
) -> None:
    address = asked(browser, "delete", recordings="25", sure="yes")
    last = BulkAction.objects.get().items[-1]
    browser.post(f"/admin/voice/recording/{last}/delete/")
    Recording.objects.filter(pk=last).update(status=Recording.Status.FAILED)
    for _ in range(2):
        tasks.work_bulk_action(str(BulkAction.objects.get().pk))
    assert "delete 24 recordings" in words(browser, address)


def test_what_is_refused_on_the_way_ends_it_and_is_said(browser: Client, operator: Any, calls: list[Call]) -> None:
    address = asked(browser, "follow-up", assignee=operator.username)
    type(operator).objects.filter(pk=operator.pk).update(username="gone")
    tasks.work_bulk_action(str(BulkAction.objects.get().pk))
    page = words(browser, address)
    assert "After 100: Nobody of that name signs in here" in page
    assert "100 calls to follow up, for one person." in page


@pytest.mark.django_db(transaction=True)
def test_the_sweep_finds_what_no_message_told_of(browser: Client, calls: list[Call]) -> None:
    address = asked(browser, "tag", name="vip")
    call_command("sweep", "--once")
    assert "Tagged 250 calls" in words(browser, address)


def test_what_was_asked_for_a_month_ago_is_forgotten(browser: Client, calls: list[Call]) -> None:
    for name in ("old", "open", "vip"):
        asked(browser, "tag", name=name)
        BulkAction.objects.filter(told=name).update(
            begun_at=timezone.now() - timedelta(days=31 if name != "vip" else 0),
            state="running" if name == "open" else "done",
        )
    asked(browser, "tag", name="new")
    assert sorted(BulkAction.objects.values_list("told", flat=True)) == ["new", "open", "vip"]
