"""Conferences: derived from events in any order, shown on the pages of their calls, asked of Telnyx, kept in order."""

import itertools
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support import samples
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_call, make_event, run_owed
from tests.support.http_servers import Listener, answer, serving
from tests.support.webhooks import post_webhook
from voice import conferences, dispatch, reconciliation, timeline
from voice.models import Call, CallCommand, CallEvent, Conference, ConferenceParticipant

pytestmark = pytest.mark.django_db
ROOM = "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"
SAID = {"creator_call_session_id": "428c31b6-7af4-4bcb-b7f5-5013ef9657c1"}


def room_event(event_type: str, seconds: float, leg: str = "a", **payload: Any) -> dict[str, Any]:
    """As Telnyx sends it: only joined and left tell their time in the envelope; without a leg no call is named."""
    event = make_event(event_type, seconds, leg or "a", conference_id=ROOM, **payload)
    if not event_type.startswith("conference.participant."):
        event["data"]["payload"]["occurred_at"] = event["data"].pop("occurred_at")
    if not leg:
        for name in ("call_control_id", "call_leg_id", "call_session_id", "from", "to", "client_state"):
            del event["data"]["payload"][name]
    return event


def story() -> list[dict[str, Any]]:
    return [
        room_event("conference.created", -60),
        room_event("conference.participant.joined", -59),
        room_event("conference.participant.joined", -50, "b"),
        room_event("conference.playback.started", -40, "", **SAID),
        room_event("conference.participant.left", -30, "b"),
        room_event("conference.participant.joined", -20, "b"),
        room_event("conference.participant.left", -11),
        room_event("conference.ended", -10, reason="all_left"),
    ]


def tell(account: TelnyxAccount, *events: dict[str, Any]) -> None:
    for event in events:
        assert post_webhook(Client(), account, event).status_code == 200
    run_owed()


def shape() -> dict[str, Any]:
    room = Conference.objects.get()
    people = {row.call_control_id: (row.joined_at, row.left_at) for row in room.participants.all()}
    columns = ("state", "started_at", "ended_at", "end_reason", "connection_id", "facts")
    return {name: getattr(room, name) for name in columns} | {"people": people}


@contextmanager
def telnyx(**answers: Any) -> Iterator[Listener]:
    """Somebody who answers by the last word of the path; a list is a page of rows, a number an error's status."""

    def behave(connection: socket.socket) -> None:
        path = listener.requests[-1].split(b" ")[1].decode().split("?")[0]
        told = answers.get(re.sub(r"\W", "_", path.rpartition("/")[2]), answers.get("other", 404))
        if isinstance(told, int):
            body = {"errors": [{"code": "10005", "title": "Resource not found"}]}
            connection.sendall(answer(f"{told} No", json.dumps(body).encode()))
        else:
            pages = {"meta": {"total_pages": 1}} if isinstance(told, list) else {}
            connection.sendall(answer("200 OK", json.dumps({"data": told} | pages).encode()))

    with serving(behave) as listener:
        yield listener


def make_room(account: TelnyxAccount, **columns: Any) -> Conference:
    told = {"conference_id": ROOM, "name": "standup", "started_at": timezone.now() - timedelta(minutes=1)}
    return Conference.objects.create(account=account, **(told | columns))


# --- Derived from events ---------------------------------------------------------------------------------------------


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


def test_a_conference_is_its_accounts_own(account: TelnyxAccount) -> None:
    other = make_account("other")
    tell(account, room_event("conference.created", -1))
    tell(other, room_event("conference.ended", 0))
    assert [room.state for room in Conference.objects.order_by("account__name")] == ["in_progress", "completed"]


# --- The story of a call, and the page --------------------------------------------------------------------------------


def test_the_calls_page_tells_what_happened_in_its_conference(account: TelnyxAccount, browser: Client) -> None:
    tell(account, *story())
    call = Call.objects.get(call_control_id="v3:a-leg")
    page = browser.get(f"/admin/voice/call/{call.pk}/change/")
    shown = {entry.title: entry for entry in page.context["entries"]}
    assert shown["Conference playback started"].source == "conference"
    assert shown["Left a conference"].leg == "A"
    room = Conference.objects.get()
    assert f"/admin/voice/conference/{room.pk}/change/" in page.content.decode()
    event = CallEvent.objects.get(event_type="conference.playback.started")
    assert browser.get(f"/admin/voice/call/{call.pk}/raw/{event.pk}/").status_code == 200


def test_who_else_came_is_told_by_number(account: TelnyxAccount, browser: Client) -> None:
    mine = room_event("conference.participant.joined", -9)
    theirs = room_event("conference.participant.joined", -8, "b", call_session_id="other", **{"from": "+13125550177"})
    tell(account, mine, theirs)
    call = Call.objects.get(call_control_id="v3:a-leg")
    first, second = browser.get(f"/admin/voice/call/{call.pk}/change/").context["entries"]
    assert (first.leg, first.detail, second.leg, second.source) == ("A", "", "", "conference")
    assert "555-0177" in second.detail


def test_a_call_that_was_in_no_conference_tells_of_none(account: TelnyxAccount, browser: Client) -> None:
    tell(account, *story())
    stranger = make_call(account, "c", call_session_id="stranger")
    assert browser.get(f"/admin/voice/call/{stranger.pk}/change/").context["entries"] == []
    event = CallEvent.objects.get(event_type="conference.playback.started")
    assert browser.get(f"/admin/voice/call/{stranger.pk}/raw/{event.pk}/").status_code == 404


def test_the_page_shows_who_was_in_it_with_their_calls(account: TelnyxAccount, browser: Client) -> None:
    tell(account, *story()[:6])
    room = Conference.objects.get()
    page = browser.get(f"/admin/voice/conference/{room.pk}/change/")
    text = page.content.decode()
    for call in Call.objects.all():
        assert f"/admin/voice/call/{call.pk}/change/" in text
    assert [entry.title for entry in page.context["entries"]][:2] == ["Conference created", "Joined a conference"]
    event = CallEvent.objects.get(event_type="conference.playback.started")
    assert browser.get(f"/admin/voice/conference/{room.pk}/raw/{event.pk}/").status_code == 200
    assert browser.get("/admin/voice/conference/").status_code == 200


def test_an_ended_conference_has_no_buttons(account: TelnyxAccount, browser: Client) -> None:
    tell(account, *story())
    page = browser.get(f"/admin/voice/conference/{Conference.objects.get().pk}/change/")
    assert (page.context["buttons"], page.context["more"]) == ([], [])


def test_nobody_sees_conferences_without_the_permission(
    account: TelnyxAccount, signed_in: Callable[..., Client]
) -> None:
    tell(account, *story())
    room, stranger = Conference.objects.get(), signed_in("voice.view_call")
    for path in ("", "telnyx/", f"{room.pk}/change/", f"{room.pk}/inside/", f"telnyx/{account.pk}/{ROOM}/", "queues/"):
        assert stranger.get(f"/admin/voice/conference/{path}").status_code == 403, path
    assert "conference/" not in stranger.get("/admin/voice/call/").content.decode()


def test_raw_events_of_a_conference_need_the_permission(
    account: TelnyxAccount, signed_in: Callable[..., Client]
) -> None:
    tell(account, *story())
    room, event = Conference.objects.get(), CallEvent.objects.first()
    assert event
    person = signed_in("voice.view_conference", "voice.view_callevent")
    assert person.get(f"/admin/voice/conference/{room.pk}/raw/{event.pk}/").status_code == 403


# --- Asked of Telnyx --------------------------------------------------------------------------------------------------

TOLD = {
    "id": ROOM,
    "name": "standup",
    "status": "in_progress",
    "connection_id": CONNECTION,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:05:05Z",
}
PERSON = {"call_control_id": "v3:a-leg", "muted": True, "on_hold": False, "status": "joined"}


def test_rest_lists_what_telnyx_lists(api: APIClient) -> None:
    with telnyx(conferences=[TOLD]) as server:
        make_account("wired", f"{server.url}/v2")
        told = api.get("/api/v1/conferences/?status=in_progress").json()
        assert (told["results"], told["complete"]) == ([TOLD], True)
        assert b"filter%5Bstatus%5D=in_progress" in server.requests[0]
        assert api.get("/api/v1/conferences/?state=x").status_code == 400


def test_a_conference_nobody_told_us_of_is_asked_for_and_kept(api: APIClient) -> None:
    with telnyx(**{ROOM.replace("-", "_"): TOLD}) as server:
        make_account("wired", f"{server.url}/v2")
        told = [api.get(f"/api/v1/conferences/{ROOM}/").json() for _ in range(2)]
        assert api.get("/api/v1/conferences/unknown/").status_code == 404
        assert len(server.requests) == 2
    assert told[0] == told[1]
    assert (told[0]["id"], told[0]["name"], told[0]["status"]) == (ROOM, "standup", "in_progress")


def test_participants_are_told_by_rest_and_on_the_page(api: APIClient, browser: Client) -> None:
    with telnyx(participants=[PERSON]) as server:
        room = make_room(make_account("wired", f"{server.url}/v2"))
        make_call(room.account)
        assert api.get(f"/api/v1/conferences/{ROOM}/participants/").json()["results"] == [PERSON]
        page = browser.get(f"/admin/voice/conference/{room.pk}/inside/").content.decode()
    assert "muted" in page
    assert "conferences.unmute/?call_control_ids=v3%3Aa-leg" in page


def test_the_lists_above_the_conferences_come_from_every_account(browser: Client, account: TelnyxAccount) -> None:
    with telnyx(conferences=[TOLD]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        page = browser.get("/admin/voice/conference/telnyx/").content.decode()
    assert f"/admin/voice/conference/telnyx/{wired.pk}/{ROOM}/" in page
    assert "main:" in page  # nobody answers at the other account: told in words


def test_an_outage_is_told_in_words(browser: Client, api: APIClient, account: TelnyxAccount) -> None:
    room = make_room(account)
    assert "portal-note" in browser.get(f"/admin/voice/conference/{room.pk}/inside/").content.decode()
    assert api.get("/api/v1/conferences/").status_code == 503
    assert browser.get(f"/admin/voice/conference/telnyx/{account.pk}/unknown/").status_code == 302


@pytest.mark.parametrize("body", [b'{"data": [{"id": "x"}], "meta": {"total_pages": 99}}', b'{"data": [{"id": "x"}]}'])
def test_no_list_is_read_for_ever(account: TelnyxAccount, body: bytes) -> None:
    with serving(answer("200 OK", body)) as server:
        account.base_url = f"{server.url}/v2"
        found = conferences.at_telnyx(account)
        assert len(server.requests) == (4 if b"meta" in body else 1)
    assert found.complete is (b"meta" not in body)


def test_an_accepted_create_makes_the_conference(api: APIClient) -> None:
    with telnyx(conferences=TOLD) as server:
        make_call(make_account("wired", f"{server.url}/v2"))
        api.post("/api/v1/conferences/", {"call_control_id": "v3:a-leg", "name": "standup"}, format="json")
        run_owed()
    room, command = Conference.objects.get(), CallCommand.objects.get()
    assert (command.status, command.conference, command.call) == ("ok", room, Call.objects.get())
    assert (room.name, room.started_at) == ("standup", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def test_what_telnyx_told_later_does_not_undo_an_end(account: TelnyxAccount) -> None:
    tell(account, *story())
    ended = Conference.objects.get().ended_at
    told = {"status": "in_progress", "updated_at": timezone.now().isoformat()}
    with telnyx(**{ROOM.replace("-", "_"): TOLD | told}) as server:
        account.base_url = f"{server.url}/v2"
        room = conferences.retrieve(account, ROOM)
    assert room
    assert (room.state, room.ended_at, room.name) == ("completed", ended, "standup")


# --- Sent in order, never twice ---------------------------------------------------------------------------------------


def command_of(room: Conference, action: str, **parameters: Any) -> CallCommand:
    now = timezone.now()
    return CallCommand.objects.create(
        account=room.account,
        action=f"conferences.{action}",
        parameters=parameters,
        conference=room,
        path=[room.conference_id],
        intent_key=f"test:{CallCommand.objects.count()}",
        requested_by="test",
        created_at=now,
        expires_at=now + timedelta(seconds=30),
    )


def test_one_command_of_a_conference_is_on_the_wire_at_a_time(account: TelnyxAccount) -> None:
    room = make_room(account)
    first, second = command_of(room, "mute"), command_of(room, "hold")
    other = command_of(make_room(account, conference_id="another"), "mute")
    CallCommand.objects.filter(pk=first.pk).update(status="sending", lease_until=timezone.now() + timedelta(seconds=30))
    assert dispatch.owed(9) == [other.pk]
    assert dispatch.send(second.pk) == []
    second.refresh_from_db()
    assert (second.status, second.attempts) == ("queued", [])


def test_the_next_one_follows(account: TelnyxAccount) -> None:
    room = make_room(account)
    first, second = command_of(room, "mute"), command_of(room, "hold")
    with telnyx(other={"result": "ok"}) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        assert dispatch.send(first.pk) == [second.pk]


@pytest.mark.parametrize(
    ("action", "row", "sends"),
    [
        ("mute", PERSON, 0),
        ("mute", PERSON | {"muted": False}, 1),
        ("unmute", PERSON, 1),
        ("hold", PERSON, 1),
        ("unhold", PERSON, 0),
        ("mute", PERSON | {"status": "left"}, 1),
        ("stop", PERSON, 1),
    ],
)
def test_a_state_is_read_before_it_is_set_again(
    account: TelnyxAccount, action: str, row: dict[str, Any], sends: int
) -> None:
    command = command_of(make_room(account), action, call_control_ids=["v3:a-leg"])
    begun = timezone.now() - timedelta(seconds=2)
    CallCommand.objects.update(
        status="sending", first_sent_at=begun, attempts=[{"at": begun.isoformat(), "outcome": "uncertain"}]
    )
    with telnyx(participants=[row], other={"result": "ok"}) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        dispatch.send(command.pk)
        assert sum(raw.startswith(b"POST") for raw in server.requests) == sends
    command.refresh_from_db()
    assert (command.status, bool(command.settlement)) == ("ok", sends == 0)


@pytest.mark.parametrize("action", ["play", "send_dtmf", "gather_dtmf_audio"])
def test_what_may_not_be_repeated_is_sent_once(account: TelnyxAccount, action: str) -> None:
    command = command_of(make_room(account), action, **samples.required(f"conferences.actions.{action}"))
    with serving(answer("500 Oops", b"{}")) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        for _ in range(3):
            CallCommand.objects.update(lease_until=None)
            dispatch.send(command.pk)
        assert len(server.requests) == 1
    assert CallCommand.objects.get().status == "uncertain"


def uncertain(room: Conference, action: str, **parameters: Any) -> CallCommand:
    command = command_of(room, action, **parameters)
    now = timezone.now()
    CallCommand.objects.filter(pk=command.pk).update(
        status="uncertain",
        first_sent_at=now - timedelta(seconds=3),
        finished_at=now,
        lease_until=now - timedelta(seconds=1),
        attempts=[{"at": now.isoformat(), "outcome": "uncertain"}],
    )
    return CallCommand.objects.get(pk=command.pk)


def test_a_webhook_settles_what_was_uncertain(account: TelnyxAccount) -> None:
    command = uncertain(make_room(account), "play", audio_url="https://example.com/a.mp3")
    tell(account, room_event("conference.playback.started", 0, "", **SAID))
    reconciliation.heard(CallEvent.objects.get().pk)
    command.refresh_from_db()
    assert (command.status, "conference.playback.started" in command.settlement) == ("ok", True)


def test_the_webhook_of_another_conference_settles_nothing(account: TelnyxAccount) -> None:
    command = uncertain(make_room(account, conference_id="another"), "join", call_control_id="v3:a-leg")
    CallCommand.objects.update(call=make_call(account), call_control_id="v3:a-leg")
    tell(account, room_event("conference.participant.joined", 0))
    reconciliation.heard(CallEvent.objects.get().pk)
    command.refresh_from_db()
    assert command.status == "uncertain"


def test_the_state_at_telnyx_settles_what_no_webhook_tells(account: TelnyxAccount) -> None:
    command = uncertain(make_room(account), "mute")
    with telnyx(participants=[PERSON]) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        reconciliation.reconcile(command.pk)
    command.refresh_from_db()
    assert (command.status, command.settlement) == ("ok", "Settled from the state at Telnyx.")


def test_a_person_sends_it_again_to_the_same_conference(account: TelnyxAccount, api: APIClient) -> None:
    room = make_room(account)
    command = uncertain(room, "play", audio_url="https://example.com/a.mp3")
    told = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    assert told.status_code == 202, told.json()
    again = CallCommand.objects.exclude(pk=command.pk).get()
    assert (again.action, again.conference, again.path, again.repeats) == (command.action, room, [ROOM], command)
    assert again.parameters == command.parameters


def test_the_event_that_answers_a_command_stands_beside_it(account: TelnyxAccount, browser: Client) -> None:
    room = make_room(account)
    command = command_of(room, "speak", payload="hello", voice="female")
    sent = timezone.now() - timedelta(seconds=5)
    CallCommand.objects.filter(pk=command.pk).update(status="ok", first_sent_at=sent, finished_at=sent)
    tell(account, room_event("conference.speak.started", -4, "", **SAID))
    (entry,) = [
        one
        for one in browser.get(f"/admin/voice/conference/{room.pk}/change/").context["entries"]
        if one.kind == "command"
    ]
    assert entry.answered
    assert entry.answered.title == "Conference speaking started"
    assert (entry.title, entry.detail) == ("Conference: speak", "by test · “hello”")


def test_each_participant_has_a_letter(account: TelnyxAccount) -> None:
    tell(account, *story())
    room = Conference.objects.get()
    assert [letter for letter, _ in timeline.participants(room)] == ["A", "B"]
