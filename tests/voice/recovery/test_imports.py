"""A session that somebody asks for comes in from Telnyx's record, once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from applications.models import CallControlApplication
from portal import sql
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.factories import make_event, run_owed
from tests.support.recoveries import entry, listing
from tests.support.rows import Call, CallEvent
from tests.support.telnyx_answers import telnyx_says
from voice.recovery import imports, runs

pytestmark = pytest.mark.django_db
LEG = {"leg_id": "11111111-2222-3333-4444-555555555555"}


def test_what_is_new_is_recorded_once_and_no_run_of_the_recovery_is_counted(account: TelnyxAccount) -> None:
    ended = entry(make_event("call.hangup", -880), 880)
    command = {"type": "command", "name": "answer", "event_timestamp": ended["event_timestamp"], "metadata": {}}
    with telnyx_says(account, call_events=listing(entry(make_event("call.initiated", -900), 900), command, ended)):
        brought = imports.bring(account, LEG, PORTAL)
        again = imports.bring(account, LEG, PORTAL)
    assert [event.event_type for event in brought.events] == ["call.initiated", "call.hangup"]
    assert (again.events, again.young, again.elsewhere, again.is_whole) == ([], 0, 0, True)
    run_owed()
    assert Call.objects.get().state == "ended"
    assert runs.watermark(account) is None


def test_what_came_by_its_webhook_meanwhile_is_not_there_twice(account: TelnyxAccount) -> None:
    told = entry(make_event("call.initiated", -900), 900)
    with telnyx_says(account, call_events=listing(told, told)):
        assert len(imports.bring(account, LEG, PORTAL).events) == 1
    assert CallEvent.objects.count() == 1


def test_a_record_that_is_longer_than_what_is_read_says_so(account: TelnyxAccount) -> None:
    long = listing(*[entry(make_event("call.answered", -900), 900)] * 250)
    long["meta"]["total_pages"] = 9
    with telnyx_says(account, call_events=long):
        assert not imports.bring(account, LEG, PORTAL).is_whole


def test_what_is_young_and_what_goes_to_others_is_counted_and_left_alone(account: TelnyxAccount) -> None:
    theirs = {"telnyx_id": "88", "webhook_event_url": "https://other.example/hook"}
    CallControlApplication.objects.create(account=account, application_name="other team", **theirs)
    told = (
        entry(make_event("call.initiated", -130), 130),
        entry(make_event("call.answered", -130, connection_id="88"), 130),
        entry(make_event("call.bridged", -110), 110),
    )
    with telnyx_says(account, call_events=listing(*told)):
        brought = imports.bring(account, LEG, PORTAL)
    types = [event.event_type for event in brought.events]
    assert (types, brought.young, brought.elsewhere) == (["call.initiated"], 1, 1)
    note = AuditEvent.objects.get(action="events.import")
    assert note.details == {"account": "main", "events": 1} | LEG


def test_an_entry_that_tells_no_time_is_left_to_its_webhook(account: TelnyxAccount) -> None:
    told = entry(make_event("call.initiated", -900), 900)
    del told["event_timestamp"]
    with telnyx_says(account, call_events=listing(told)):
        brought = imports.bring(account, LEG, PORTAL)
    assert (brought.events, brought.young) == ([], 1)


def test_an_entry_of_two_minutes_ago_to_the_moment_is_brought(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(sql, "clock", lambda: now)
    told = entry(make_event("call.initiated", -900), 900)
    told["event_timestamp"] = (now - timedelta(minutes=2)).isoformat()
    with telnyx_says(account, call_events=listing(told)):
        brought = imports.bring(account, LEG, PORTAL)
    assert (len(brought.events), brought.young) == (1, 0)


@pytest.mark.parametrize("odd", [None, 7, "none"])
def test_an_entry_whose_payload_names_no_application_is_of_nobody_else(account: TelnyxAccount, odd: object) -> None:
    event = make_event("call.initiated", -900)
    if odd == "none":
        event["data"]["payload"] = odd
    else:
        event["data"]["payload"]["connection_id"] = odd
    with telnyx_says(account, call_events=listing(entry(event, 900))):
        brought = imports.bring(account, LEG, PORTAL)
    assert (len(brought.events), brought.elsewhere) == (1, 0)
