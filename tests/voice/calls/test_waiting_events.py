"""Events that wait for what their call tells: whoever makes it known, and however close together they come."""

import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from applications.models import CallControlApplication
from portal import sql
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.commands import dial, seen
from tests.support.conferences import make_room, room_event
from tests.support.connected_threads import others, wait_for
from tests.support.databases import TWO_WRITERS, somebody_waits_for_a_lock
from tests.support.events import receive, status_of
from tests.support.factories import CONNECTION, make_event, make_flow, run_owed
from tests.support.polling import eventually
from tests.support.recoveries import looked
from tests.support.replays import again
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.telnyx_answers import telnyx_says
from voice.calls import waiting_events
from voice.dispatch import sender
from voice.events import intake, processing
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db


def of_a_leg(leg: str = "a", seconds: float = 1) -> dict[str, Any]:
    """An event that names its leg and no call."""
    event = make_event("call.recording.saved", seconds, leg)
    del event["data"]["payload"]["call_control_id"]
    return event


def outgoing() -> dict[str, Any]:
    return make_event(direction="outgoing", state="bridging")


def dialled(account: TelnyxAccount, begun: dict[str, Any]) -> CallCommand:
    """A dial that Telnyx answers with the ids of the call which ``begun`` tells of."""
    ids = {name: begun["data"]["payload"][name] for name in ("call_control_id", "call_leg_id", "call_session_id")}
    command = dial(account, CONNECTION)
    with telnyx_says(account, calls={"data": ids}):
        sender.send(command.pk)
    assert seen(command).status == "ok"
    return command


# --- Whoever makes it known ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_answer_of_a_dial_and_the_events_of_its_call_give_the_same_call_in_any_order(
    account: TelnyxAccount, order: tuple[int, ...]
) -> None:
    begun, answered, saved = outgoing(), make_event("call.answered", 1), of_a_leg(seconds=2)
    steps: list[Callable[[], Any]] = [
        lambda: dialled(account, begun),
        *(lambda event=event: receive(account, event) for event in (begun, answered, saved)),
    ]
    for at in order:
        steps[at]()
        run_owed()
    call = Call.objects.get()
    assert (call.state, call.direction, call.has_recording) == ("answered", "outgoing", True)
    assert set(CallEvent.objects.values_list("status", "call")) == {("processed", call.pk)}
    assert CallCommand.objects.get().call == call


def test_an_event_need_not_wait_longer_once_the_answer_of_a_dial_tells_the_direction(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.answered", "direction": "outgoing", "do": [{"action": "hangup"}]})
    (answered,) = receive(account, make_event("call.answered", 1))
    processing.process(answered.pk)
    assert status_of(answered) == "received"
    assert not processing.due(9)
    dialled(account, outgoing())
    assert processing.due(9) == [answered.pk]
    processing.process(answered.pk)
    assert CallCommand.objects.filter(action="hangup").exists()


def test_a_call_that_only_telnyx_tells_of_takes_what_came_of_its_leg_before(account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(
        account=account, telnyx_id=CONNECTION, webhook_event_failover_url=account.webhook_url
    )
    (lonely,) = receive(account, of_a_leg())
    run_owed()
    assert status_of(lonely) == "ignored"
    alive = make_event()["data"]["payload"] | {"call_duration": 300}
    assert looked(account, active_calls={"data": [alive], "meta": {}}).calls_found == 1
    run_owed()
    call = Call.objects.get()
    assert (call.has_recording, status_of(lonely)) == (True, "processed")


def test_a_replay_that_makes_a_call_opens_nothing_again_that_was_not_chosen(account: TelnyxAccount) -> None:
    (begun,) = receive(account, make_event())
    run_owed()
    Call.objects.all().delete()
    (lonely,) = receive(account, of_a_leg())
    run_owed()
    again(Selection(ids=(str(begun.pk),)))
    run_owed()
    assert (Call.objects.get().has_recording, status_of(lonely)) == (False, "ignored")
    again()
    assert (Call.objects.get().has_recording, status_of(lonely)) == (True, "processed")


def test_what_waits_for_another_leg_or_in_another_account_goes_on_waiting(account: TelnyxAccount) -> None:
    (other_leg,) = receive(account, of_a_leg("b"))
    run_owed()
    receive(account, make_event())
    run_owed()
    assert status_of(other_leg) == "ignored"
    call = Call.objects.get()
    assert waiting_events.make_due(call, {"state", "step"}) == []


def test_what_waits_for_a_leg_of_that_id_in_another_account_is_not_looked_at_again(account: TelnyxAccount) -> None:
    (lonely,) = receive(make_account("branch"), of_a_leg())
    processing.process(lonely.pk)
    (begun,) = receive(account, make_event())
    processing.process(begun.pk)
    assert (status_of(lonely), processing.due(9)) == ("ignored", [])
    assert (status_of(begun), Call.objects.get().account) == ("processed", account)


def test_who_closes_an_event_of_a_leg_and_who_makes_its_call_hold_the_same_leg(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the one waits for the other. A leg of the same id in another account is another one."""
    held: list[str] = []
    monkeypatch.setattr(sql, "hold", held.append)

    def held_for(owner: TelnyxAccount, event: dict[str, Any]) -> set[str]:
        held.clear()
        (row,) = receive(owner, event)
        processing.process(row.pk)
        return {*held}

    closing, making = held_for(account, of_a_leg()), held_for(account, make_event())
    elsewhere = held_for(make_account("branch"), of_a_leg())
    assert closing == making
    assert (len(closing), len(elsewhere), closing & elsewhere) == (1, 1, set())


# --- At the same moment ----------------------------------------------------------------------------------------------


def store(account: TelnyxAccount, event: dict[str, Any]) -> Any:
    return intake.record(account, "webhook", {}, json.dumps(event).encode(), timezone.now())[0].pk


def closed_with_its_call(account: TelnyxAccount, lonely: Any) -> bool:
    run_owed()
    event = CallEvent.objects.get(pk=lonely)
    return (event.status, event.call) == ("processed", Call.objects.get(account=account))


@TWO_WRITERS
@pytest.mark.django_db(transaction=True)
def test_an_event_that_names_only_a_leg_waits_for_who_is_just_making_its_call(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, lonely = store(account, make_event()), store(account, of_a_leg())
    made, met = threading.Event(), threading.Event()
    make_due, hold = waiting_events.make_due, sql.hold

    def make_due_and_stay(*values: Any) -> Any:
        found = make_due(*values)
        made.set()
        wait_for(met, "the other event")
        return found

    def say_and_hold(name: str) -> None:
        if made.is_set():
            met.set()
        hold(name)

    monkeypatch.setattr(waiting_events, "make_due", make_due_and_stay)
    monkeypatch.setattr(sql, "hold", say_and_hold)
    with others() as elsewhere:
        first = elsewhere(processing.process, begun)
        wait_for(made, "the call")
        processing.process(lonely)  # its call is there, and not committed yet
        met.set()
        first.result()
    assert closed_with_its_call(account, lonely)


@TWO_WRITERS
@pytest.mark.django_db(transaction=True)
def test_who_makes_a_call_waits_for_the_event_of_its_leg_that_is_just_being_closed(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, lonely = store(account, make_event()), store(account, of_a_leg())
    looked_for, met = threading.Event(), threading.Event()
    hold = sql.hold
    close = processing._close

    def say_and_hold(name: str) -> None:
        if looked_for.is_set():
            met.set()
        hold(name)

    def stay_and_close(event: CallEvent, status: str) -> Any:
        if event.pk == lonely:
            looked_for.set()
            wait_for(met, "the call")
        return close(event, status)

    monkeypatch.setattr(sql, "hold", say_and_hold)
    monkeypatch.setattr(processing, "_close", stay_and_close)
    with others() as elsewhere:
        second = elsewhere(processing.process, lonely)
        wait_for(looked_for, "the look for a call")
        processing.process(begun)
        met.set()
        second.result()
    assert closed_with_its_call(account, lonely)


@TWO_WRITERS
@pytest.mark.django_db(transaction=True)
def test_a_leg_and_its_conference_are_locked_in_one_order(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event makes the leg known and tells of the conference, another names the leg only and tells of it too."""
    make_room(account)
    told = room_event("conference.participant.speak.started", -59)
    del told["data"]["payload"]["call_control_id"]
    joined, lonely = store(account, room_event("conference.participant.joined", -60)), store(account, told)
    has_leg, really = threading.Event(), processing._apply_to_conference

    def stay(event: CallEvent, call: Call | None) -> bool:
        if event.pk == lonely:
            has_leg.set()
            eventually(somebody_waits_for_a_lock, "waiting for the leg")
        return really(event, call)

    monkeypatch.setattr(processing, "_apply_to_conference", stay)
    with others() as elsewhere:
        elsewhere(processing.process, lonely)
        wait_for(has_leg, "the leg")
        processing.process(joined)
    assert set(CallEvent.objects.values_list("status", "attempts", "error")) == {("processed", 1, "")}  # no deadlock


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_calls_none_misses_the_event_of_its_leg_that_came_with_it(account: TelnyxAccount) -> None:
    pairs = [(store(account, make_event(leg=f"n{at}")), store(account, of_a_leg(f"n{at}"))) for at in range(100)]
    at_once = threading.Barrier(2)

    def work(which: int) -> None:
        for pair in pairs:
            at_once.wait(20)
            processing.process(pair[which])

    with others(2) as elsewhere:
        elsewhere(work, 0)
        elsewhere(work, 1)
    run_owed()
    assert CallEvent.objects.filter(status="processed", call__isnull=False).count() == 200
    assert Call.objects.filter(has_recording=True).count() == 100
