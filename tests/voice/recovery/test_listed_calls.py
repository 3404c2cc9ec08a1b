"""Telnyx's lists of live calls: which are asked for, what a missing one says, and what of an unknown call is read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_call, make_event
from tests.support.recoveries import NONE_ALIVE, entry, listing, looked
from tests.support.rows import Call, CallEvent, Recovery
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.recovery import backfill

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]

GONE = "404 Not Found"
OLD = {"started_at": ago(3600), "answered_at": ago(3500)}


def test_a_call_of_no_known_application_is_asked_for_alone(account: TelnyxAccount) -> None:
    make_call(account, connection_id="", **OLD)
    asked: list[str] = []

    def said(path: str) -> dict[str, Any]:
        asked.append(path)
        return NONE_ALIVE

    record = looked(account, calls=GONE, active_calls=said)
    assert (record.calls_lost, record.problem, asked) == (1, "", [])


@pytest.mark.parametrize(
    "said", [GONE, ("422 Unprocessable Entity", {"errors": [{"code": "10015", "title": "Bad request"}]})]
)
def test_an_application_that_telnyx_does_not_know_has_no_live_call(account: TelnyxAccount, said: Any) -> None:
    make_call(account, **OLD)
    record = looked(account, calls=GONE, active_calls=said)
    assert (record.calls_lost, record.problem) == (1, "")


def lives(account: TelnyxAccount, **told: Any) -> dict[str, Any]:
    """Telnyx's list of the live calls of our application: one, which began ten minutes ago."""
    ours = {"telnyx_id": CONNECTION, "webhook_event_url": account.webhook_url}
    CallControlApplication.objects.create(account=account, **ours)
    meta = {"cursors": {"after": None}, "next": None, "total_items": 1}
    return {"data": [{"call_duration": 600} | told], "meta": meta}


def test_of_a_live_call_that_nobody_told_of_the_record_is_read(account: TelnyxAccount) -> None:
    alive = lives(account, call_control_id="v3:x-leg", call_leg_id="of-x")
    found = listing(entry(make_event("call.answered", -550, "x"), 550))
    record = looked(account, active_calls=alive, call_events=lambda path: found if "of-x" in path else listing())
    assert (record.calls_found, record.events_recovered, record.problem) == (1, 1, "")


@pytest.mark.parametrize(("length", "kept"), [(64, 64), (65, 0)])
def test_an_id_that_is_too_long_is_left_out_and_its_call_is_kept(
    account: TelnyxAccount, length: int, kept: int
) -> None:
    alive = lives(account, call_control_id="v3:x-leg", call_session_id="x" * length)
    assert looked(account, active_calls=alive).calls_found == 1
    assert Call.objects.get().call_session_id == "x" * kept


def test_a_live_call_of_an_id_that_another_account_has_too_gets_a_row(
    account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    record = looked(account, active_calls=lives(account, call_control_id="v3:a-leg"))
    assert (record.calls_found, Call.objects.get().account) == (1, account)


def test_what_was_told_of_a_leg_alone_is_due_once_its_call_is_found(account: TelnyxAccount) -> None:
    saved = make_event("call.recording.saved", -300, "x")
    leg = saved["data"]["payload"]["call_leg_id"]
    del saved["data"]["payload"]["call_control_id"]
    tell(account, saved)
    assert CallEvent.objects.get().status == "ignored"
    alive = lives(account, call_control_id="v3:x-leg", call_leg_id=leg)
    assert looked(account, active_calls=alive).calls_found == 1
    assert CallEvent.objects.get().status == "received"


def test_what_another_account_has_not_processed_yet_keeps_no_call_from_being_lost(
    account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    call = make_call(account, **OLD)
    theirs = CallEvent._default_manager.filter(account=neighbour, call_control_id=call.call_control_id)
    assert theirs.update(status="received")
    assert looked(account, calls=GONE).calls_lost == 1


def test_of_a_days_texml_calls_forty_pages_are_read(account: TelnyxAccount) -> None:
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid="org-1")
    account.account_sid = "org-1"
    ours = {"friendly_name": "menu", "voice_url": "https://documents.example/", "status_callback": account.texml_url}
    TexmlApplication.objects.create(account=account, telnyx_id="77", remote={}, **ours)
    now, paths = datetime(2026, 6, 3, 12, 10, tzinfo=UTC), list[str]()
    read = {"account": account, "state": "done", "started_at": now, "seen_alive_at": now}
    Recovery.objects.create(until=now - timedelta(hours=1), **read)

    def said(path: str) -> dict[str, Any]:
        paths.append(path)
        return {"calls": [{"sid": "v3:x", "status": "dozing"}], "next_page_uri": f"/Calls.json?Page={len(paths)}"}

    with telnyx_says(account, webhook_deliveries=listing(), **{"/Calls": said}):
        record = backfill.recover(account, PORTAL, now=now)
    assert (len(paths), "could not be read whole" in record.problem) == (40, True)
