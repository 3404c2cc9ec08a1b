"""Conferences derived from events, in any order."""

import itertools
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.conferences import ROOM, make_room, room_event, story
from tests.support.connected_threads import others, wait_for
from tests.support.databases import TWO_WRITERS
from tests.support.events import receive, tell
from tests.support.factories import CONNECTION, make_call, make_event
from tests.support.rows import Call, CallCommand, CallEvent, Conference, ConferenceParticipant
from voice.events import processing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def shape() -> dict[str, Any]:
    room = Conference.objects.get()
    people = {row.call_control_id: (row.joined_at, row.left_at) for row in room.participants.all()}
    columns = ("state", "started_at", "ended_at", "end_reason", "connection_id", "facts")
    return {name: getattr(room, name) for name in columns} | {"people": people}


def test_the_events_make_the_conference(account: TelnyxAccount) -> None:
    tell(account, *story())
    room = Conference.objects.get()
    assert (room.conference_id, room.state, room.end_reason, room.connection_id) == (
        ROOM,
        "completed",
        "all_left",
        CONNECTION,
    )
    assert room.ended_at
    assert 49 < (room.ended_at - room.started_at).total_seconds() < 51
    assert {row.call_control_id for row in room.participants.all()} == {"v3:a-leg", "v3:b-leg"}
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert CallEvent.objects.filter(conference=room).count() == 8
    assert CallEvent.objects.get(event_type="conference.playback.started").call is None


@pytest.mark.django_db(transaction=True)
def test_any_order_and_any_repetition_come_to_the_same(account: TelnyxAccount) -> None:
    told = story()
    seen = []
    orders = [
        told,
        told[::-1],
        told[4:] + told[:4] + told,
        *itertools.islice(itertools.permutations(told), 7, 4000, 997),
    ]
    for order in orders:
        for model in (CallEvent, ConferenceParticipant, Conference, Call):
            model.objects.all().delete()
        tell(account, *order)
        seen.append(shape())
    assert all(one == seen[0] for one in seen)


def test_who_comes_back_is_inside_until_the_end(account: TelnyxAccount) -> None:
    told = story()
    tell(account, *told[:6])
    assert {str(row): row.is_present for row in ConferenceParticipant.objects.all()} == {
        "…v3:a-leg": True,
        "…v3:b-leg": True,
    }
    tell(account, told[6])
    assert [row.is_present for row in ConferenceParticipant.objects.order_by("call_control_id")] == [False, True]
    tell(account, told[7])
    assert [row.is_present for row in ConferenceParticipant.objects.order_by("call_control_id")] == [False, False]


def test_an_event_of_the_room_alone_is_enough_to_know_it(account: TelnyxAccount) -> None:
    tell(account, room_event("conference.recording.saved", -1, "", recording_id="r"))
    room = Conference.objects.get()
    assert (room.state, CallEvent.objects.get().conference) == ("in_progress", room)
    assert not Call.objects.exists()


@pytest.mark.parametrize("conference_id", [None, 7, "", "x" * 65, "../..", {"a": 1}])
def test_a_name_that_is_none_makes_no_conference(account: TelnyxAccount, conference_id: Any) -> None:
    event = room_event("conference.speak.started", 0, "")
    event["data"]["payload"]["conference_id"] = conference_id
    tell(account, event)
    assert (Conference.objects.count(), CallEvent.objects.get().status) == (0, "ignored")


def test_a_reason_that_is_too_long_for_its_column_is_cut(account: TelnyxAccount) -> None:
    tell(account, room_event("conference.ended", 0, reason="because " * 9))
    assert (Conference.objects.get().end_reason, CallEvent.objects.get().status) == (("because " * 9)[:50], "processed")


def test_a_conference_is_its_accounts_own(account: TelnyxAccount) -> None:
    other = make_account("other")
    tell(account, room_event("conference.created", -1))
    tell(other, room_event("conference.ended", 0))
    assert [room.state for room in Conference.objects.order_by("account__name")] == ["in_progress", "completed"]


@TWO_WRITERS
@pytest.mark.django_db(transaction=True)
def test_a_command_of_a_conference_waits_for_no_event_of_it(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order in which PostgreSQL checks what a command refers to is nobody's: a wait there could be a deadlock."""
    call, room, now = make_call(account), make_room(account), timezone.now()
    (event,) = receive(account, room_event("conference.participant.joined", -1))
    has_its_locks, asked_for = threading.Event(), threading.Event()
    close = processing._close

    def stay_and_close(*values: Any) -> Any:
        has_its_locks.set()
        wait_for(asked_for, "the command")
        return close(*values)

    def ask_for() -> None:
        try:
            wait_for(has_its_locks, "the event")
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                told = {"account": account, "call": call, "conference": room, "event": event}
                times = {"created_at": now, "expires_at": now + timedelta(minutes=1)}
                CallCommand.objects.create(**told, **times, action="conferences.hold", requested_by="somebody")
        finally:
            asked_for.set()

    monkeypatch.setattr(processing, "_close", stay_and_close)
    with others() as elsewhere:
        asking = elsewhere(ask_for)
        processing.process(event.pk)
        asking.result()
    assert CallCommand.objects.get().conference == room
    assert CallEvent.objects.get().status == "processed"


def test_an_event_of_a_call_makes_no_conference_whatever_it_names(account: TelnyxAccount) -> None:
    tell(account, make_event("call.speak.started", conference_id=ROOM))
    assert (Conference.objects.count(), CallEvent.objects.get().status) == (0, "processed")


def test_somebody_who_came_without_a_leg_takes_no_seat(account: TelnyxAccount) -> None:
    tell(account, room_event("conference.participant.joined", -1, ""))
    room = Conference.objects.get()
    assert (room.participants.count(), CallEvent.objects.get().status, room.state) == (0, "processed", "in_progress")


@pytest.mark.parametrize("order", [1, -1])
def test_a_conference_began_when_its_creation_says_so(account: TelnyxAccount, order: int) -> None:
    joined, created = room_event("conference.participant.joined", -61), room_event("conference.created", -60)
    tell(account, *[joined, created, room_event("conference.participant.joined", -59, "b")][::order])
    assert Conference.objects.get().started_at == datetime.fromisoformat(created["data"]["payload"]["occurred_at"])


@pytest.mark.parametrize("odd", ["", None, 7, True, ["all_left"]])
def test_an_end_without_a_reason_that_can_be_read_is_an_end(account: TelnyxAccount, odd: Any) -> None:
    tell(account, room_event("conference.ended", -10, reason=odd))
    room = Conference.objects.get()
    assert (room.state, room.end_reason, "end_reason" in room.facts) == ("completed", "", False)
    assert CallEvent.objects.get().status == "processed"


def test_calls_are_counted_anew_from_the_earliest_time_at_which_a_seat_was_told_of(account: TelnyxAccount) -> None:
    """Until they are counted: whoever was there beside somebody was not alone."""
    seats = ConferenceParticipant.objects.filter(call_control_id="v3:b-leg")
    came = [room_event("conference.participant.joined", at, "b") for at in (-50, -20)]
    went = [room_event("conference.participant.left", at, "b") for at in (-30, -11)]
    first, left = (datetime.fromisoformat(event["data"]["occurred_at"]) for event in (came[0], went[0]))

    def told(event: dict[str, Any]) -> datetime | None:
        tell(account, event)
        at: datetime | None = seats.get().recount_after
        return at

    assert told(came[0]) == first
    seats.update(recount_after=None)
    assert told(went[0]) == left
    assert told(came[1]) == first  # it was there from then on until now
    assert told(went[1]) == first
    seats.update(recount_after=None)
    tell(account, room_event("conference.participant.joined", -40, "b"))  # an older coming is no news
    assert seats.get().recount_after is None
