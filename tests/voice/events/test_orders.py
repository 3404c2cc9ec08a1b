"""Events that come in another order than they happened: the rules meet the same call, and nothing goes back in time."""

import itertools
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import receive, status_of
from tests.support.factories import CONNECTION, make_event, make_flow, run_owed
from tests.support.rows import Call, CallCommand, CallEvent
from voice.events import processing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
MENU: dict[str, Any] = {"event_type": "call.initiated", "when": [], "do": [{"action": "answer"}], "step": "menu"}


def gathered(digits: str, step: str) -> dict[str, Any]:
    when = [{"field": "event.payload.digits", "op": "eq", "value": digits}]
    return {"event_type": "call.gather.ended", "when": when, "do": [], "step": step}


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_events_the_later_ones_step_stands(account: TelnyxAccount, turned: bool) -> None:
    make_flow(account, gathered("1", "first"), gathered("2", "second"))
    receive(account, make_event(seconds=-9))
    run_owed()
    events = [make_event("call.gather.ended", -5, digits="1"), make_event("call.gather.ended", -1, digits="2")]
    for event in reversed(events) if turned else events:
        receive(account, event)
        run_owed()
    assert Call.objects.get().step == "second"


def test_a_webhook_of_an_hour_ago_does_not_send_the_caller_back_to_the_menu(account: TelnyxAccount) -> None:
    make_flow(account, MENU, gathered("1", "put through"))
    receive(account, make_event("call.gather.ended", -1, digits="1", direction="incoming"))
    run_owed()
    receive(account, make_event(seconds=-3600))
    run_owed()
    assert Call.objects.get().step == "put through"


def without(event: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        del event["data"]["payload"][name]
    return event


def test_rules_wait_for_an_application_that_only_call_initiated_tells(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.answered", "when": [], "do": [{"action": "hangup"}]})
    (answered,) = receive(account, without(make_event("call.answered"), "connection_id"))
    processing.process(answered.pk)
    assert status_of(answered) == "received"
    receive(account, make_event(seconds=-1))
    run_owed()
    assert [command.action for command in CallCommand.objects.all()] == ["hangup"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_an_event_that_names_only_its_leg_finds_its_call_in_any_order(
    account: TelnyxAccount, order: tuple[int, ...]
) -> None:
    saved = without(make_event("call.recording.saved", 5), "call_control_id")
    events = [make_event(), make_event("call.hangup", 4), saved]
    for at in order:
        receive(account, events[at])
        run_owed()
    call = Call.objects.get()
    assert (call.state, call.has_recording, call.events.count()) == ("ended", True, 3)
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}


@pytest.mark.parametrize("turned", [False, True])
def test_an_event_of_another_accounts_application_is_kept_out_of_a_call_that_is_there(
    account: TelnyxAccount, turned: bool
) -> None:
    now, other = timezone.now(), make_account("other")
    for owner, telnyx_id in ((account, CONNECTION), (other, "77")):
        CallControlApplication.objects.create(account=owner, telnyx_id=telnyx_id, application_name="x", pulled_at=now)
    ours, foreign = make_event("call.answered"), make_event("call.hangup", 3, connection_id="77")
    for event in (foreign, ours) if turned else (ours, foreign):
        receive(account, event)
        run_owed()
    call = Call.objects.get()
    assert (call.state, call.connection_id) == ("answered", CONNECTION)
    kept_out = CallEvent.objects.get(event_type="call.hangup")
    assert (kept_out.status, kept_out.call) == ("quarantined", None)


@pytest.mark.parametrize("minutes", [4, -4])
def test_where_the_clocks_differ_nothing_waits_for_the_direction(account: TelnyxAccount, minutes: int) -> None:
    make_flow(account, {"event_type": "call.answered", "direction": "any", "when": [], "do": [{"action": "hangup"}]})
    (answered,) = receive(account, make_event("call.answered"))
    CallEvent.objects.update(received_at=timezone.now() + timedelta(minutes=minutes))  # by the web server's clock
    processing.process(answered.pk)
    assert status_of(answered) == "processed"


def test_an_event_that_failed_once_ends_as_what_it_is_without_the_old_error(account: TelnyxAccount) -> None:
    receive(account, make_event())
    run_owed()
    (answered,) = receive(account, make_event("call.answered", 1))
    with mock.patch("voice.events.processing.commands_for", side_effect=RuntimeError):
        processing.process(answered.pk)
    answered.refresh_from_db()
    assert (answered.status, answered.call, answered.call.state) == ("received", Call.objects.get(), "answered")
    assert answered.error == "RuntimeError while it was processed"
    CallEvent.objects.filter(pk=answered.pk).update(lease_until=None)
    processing.process(answered.pk)
    answered.refresh_from_db()
    assert (answered.status, answered.error, answered.attempts) == ("processed", "", 2)


def test_what_is_live_goes_before_what_was_recovered(account: TelnyxAccount) -> None:
    receive(account, *(make_event(leg=name) for name in ("recovered", "live")))
    old = CallEvent.objects.get(call_control_id="v3:recovered-leg")
    CallEvent.objects.filter(pk=old.pk).update(source="backfill", received_at=timezone.now() - timedelta(minutes=9))
    assert processing.due(1) != [old.pk]
    assert processing.due(9)[1] == old.pk
