"""Which calls without an end are asked for, and what keeps one of them from being lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, make_call, make_event
from tests.support.recoveries import NONE_ALIVE, entry, listing, looked
from tests.support.rows import Call, CallEvent, Recovery
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.calls import status as call_status
from voice.recovery import backfill, open_calls

pytestmark = pytest.mark.django_db

GONE = "404 Not Found"
OLD = {"started_at": ago(3600), "answered_at": ago(3500)}


def test_when_telnyx_wants_us_to_wait_no_other_call_is_asked_for(account: TelnyxAccount) -> None:
    asked: list[str] = []

    def said(path: str) -> str:
        asked.append(path)
        return "429 Slow down"

    for leg in "abc":
        make_call(account, leg, **OLD)
    record = looked(account, calls=said)
    assert (record.state, bool(record.problem), len(asked)) == ("done", True, 1)


def test_after_some_calls_that_telnyx_will_not_tell_about_the_others_are_left_to_the_next_run(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not tell of an application is none of them."""
    monkeypatch.setattr(open_calls, "_MOST_PROBLEMS", 2)
    asked: list[str] = []

    def said(path: str) -> str:
        asked.append(path)
        return "422 No"

    for leg in "abcd":
        make_call(account, leg, **OLD)
    make_call(account, "e", **OLD, connection_id="77")
    record = looked(account, active_calls=lambda path: "422 No" if "/77/" in path else NONE_ALIVE, calls=said)
    assert (record.state, bool(record.problem), len(asked)) == ("done", True, 2)


def test_after_twenty_calls_that_telnyx_will_not_tell_about_no_other_is_asked_for(account: TelnyxAccount) -> None:
    asked: list[str] = []

    def said(path: str) -> str:
        asked.append(path)
        return "422 No"

    for at in range(22):
        make_call(account, str(at), **OLD)
    assert looked(account, calls=said).problem
    assert len(asked) == 20


def test_of_very_many_calls_without_an_end_a_run_asks_for_five_hundred(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {"account": account, "connection_id": CONNECTION, "started_at": ago(3600)}
    Call.objects.bulk_create([Call(call_control_id=f"v3:{at}", **told) for at in range(501)])
    asked: list[str] = []

    def lives(call: Any) -> dict[str, Any]:
        asked.append(call.call_control_id)
        return {"is_alive": True}

    monkeypatch.setattr(call_status, "status", lives)
    assert looked(account).problem == ""
    assert (len(asked), len(set(asked))) == (500, 500)


@pytest.mark.parametrize("young", ["a command", "an event"])
def test_what_is_young_in_the_record_keeps_no_call_unless_it_is_its_hang_up(account: TelnyxAccount, young: str) -> None:
    make_call(account, **OLD)
    told = entry(make_event("call.answered", -60), 60)
    if young == "a command":
        told |= {"type": "command", "name": "hangup", "metadata": {}}
    record = looked(account, calls=GONE, call_events=listing(told))
    assert (record.calls_lost, record.events_recovered) == (1, 0)


def test_a_young_hang_up_in_the_record_keeps_its_call_that_telnyx_does_not_know_any_more(
    account: TelnyxAccount,
) -> None:
    make_call(account, **OLD)
    record = looked(account, calls=GONE, call_events=listing(entry(make_event("call.hangup", -60), 60)))
    assert (record.calls_lost, record.events_recovered, Call.objects.get().state) == (0, 0, "answered")


def test_an_event_that_is_not_processed_yet_keeps_its_own_call_and_no_other(account: TelnyxAccount) -> None:
    for leg in "ab":
        make_call(account, leg, **OLD)
    assert post_webhook(Client(), account, make_event("call.answered", -900, "b")).status_code == 200
    CallEvent.objects.update(received_at=ago(800))
    assert looked(account, calls=GONE).calls_lost == 1
    assert dict(Call.objects.values_list("call_control_id", "state")) == {"v3:a-leg": "lost", "v3:b-leg": "answered"}


def test_a_run_says_that_it_is_alive_with_each_list_and_each_call_that_it_asks_for(account: TelnyxAccount) -> None:
    said: list[int] = []
    lives = {"data": {"is_alive": True}}
    for leg, connection_id in (("a", CONNECTION), ("b", CONNECTION), ("c", "77")):
        make_call(account, leg, **OLD, connection_id=connection_id)
        alive: list[Recovery] = []
        with telnyx_says(account, webhook_deliveries=listing(), active_calls=NONE_ALIVE, calls=lives):
            assert backfill.recover(account, PORTAL, on_progress=alive.append).problem == ""
        said.append(len(alive))
    one, two, three = said
    assert (two - one, three - two) == (1, 2)


def test_a_call_of_another_account_without_an_end_is_not_asked_for(
    account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    CallEvent._default_manager.filter(account=neighbour).update(received_at=ago(3000))
    record = looked(account, calls=GONE)
    assert (record.state, record.calls_lost, record.problem) == ("done", 0, "")
    assert Call._default_manager.get(account=neighbour).state == "answered"


def test_a_texml_call_of_another_account_asks_for_no_list_of_this_one(
    account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    Call._default_manager.filter(account=neighbour).update(is_texml=True)
    record = looked(account)
    assert (record.state, record.problem) == ("done", "")


def test_many_calls_of_one_application_keep_no_list_of_another_one_from_being_asked_for(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_calls, "_MOST_APPLICATIONS", 2)
    for at in range(3):
        make_call(account, str(at), **OLD)
    make_call(account, "last", started_at=ago(9000), answered_at=ago(8900), connection_id="77")
    asked: list[str] = []

    def said(path: str) -> dict[str, Any]:
        asked.append(path)
        return NONE_ALIVE

    looked(account, active_calls=said, calls={"data": {"is_alive": True}})
    assert sorted("/77/" in path for path in asked) == [False, True]


@pytest.mark.parametrize("is_texml", [False, True])
@pytest.mark.parametrize(("more", "state"), [(0, "answered"), (1, "lost")])
def test_a_call_that_telnyx_does_not_know_is_lost_after_ten_minutes_and_not_at_the_moment_itself(
    account: TelnyxAccount, is_texml: bool, more: int, state: str
) -> None:
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid="org-1")
    account.account_sid = "org-1"
    now, call = timezone.now(), make_call(account, **OLD, is_texml=is_texml)
    told = {"account": account, "call": call, "source": "webhook", "status": "processed", "body": b"{}"}
    CallEvent.objects.create(received_at=now - timedelta(minutes=10, seconds=more), dedupe_key="heard", **told)
    missing = ("404 Not Found", {"errors": [{"detail": "Resource not found"}]})
    said = {"webhook_deliveries": listing(), "active_calls": NONE_ALIVE, "call_events": listing()}
    said |= {"/Calls/": missing, "/Calls": {"calls": []}, "calls": GONE}
    with telnyx_says(account, **said):
        backfill.recover(account, PORTAL, now=now)
    assert Call.objects.get().state == state


def test_when_the_connection_breaks_no_other_call_is_asked_for(account: TelnyxAccount) -> None:
    asked: list[str] = []

    def said(path: str) -> str:
        asked.append(path)
        return "no sense"  # no status line

    for leg in "abc":
        make_call(account, leg, **OLD)
    record = looked(account, calls=said)
    assert (record.state, bool(record.problem), record.calls_lost, len(asked)) == ("done", True, 0, 1)
