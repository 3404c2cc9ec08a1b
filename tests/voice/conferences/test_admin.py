"""Conferences on their own pages and on the pages of their calls."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.conferences import ROOM, make_room, room_event, story
from tests.support.events import tell
from tests.support.factories import make_call, make_event
from tests.support.rows import Call, CallCommand, CallEvent, Conference, ConferenceParticipant
from tests.support.times import ago
from voice.calls import timeline
from voice.conferences import service

pytestmark = pytest.mark.django_db
SESSION = "1ccc7b54-4df3-4bca-a65a-3da1ecc777f1"


# --- The story of a call, and the page -------------------------------------------------------------------------------


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
    seer = signed_in("voice.view_call", "voice.view_conference", "voice.view_queue", username="seer")
    for path, status in (
        ("", 200),
        ("telnyx/", 200),
        (f"{room.pk}/change/", 200),
        (f"{room.pk}/inside/", 200),
        (f"telnyx/{account.pk}/{ROOM}/", 302),
        ("queues/", 200),
    ):
        assert stranger.get(f"/admin/voice/conference/{path}").status_code == 403, path
        assert seer.get(f"/admin/voice/conference/{path}").status_code == status, path
    assert "conference/" not in stranger.get("/admin/voice/call/").content.decode()
    assert "conference/" in seer.get("/admin/voice/call/").content.decode()


def test_raw_events_of_a_conference_need_the_permission(
    account: TelnyxAccount, signed_in: Callable[..., Client]
) -> None:
    tell(account, *story())
    room, event = Conference.objects.get(), CallEvent.objects.first()
    assert event
    person = signed_in("voice.view_conference", "voice.view_callevent")
    url = f"/admin/voice/conference/{room.pk}/raw/{event.pk}/"
    assert person.get(url).status_code == 403
    blind = signed_in("voice.view_conference", "voice.view_raw_event", username="blind")
    assert blind.get(url).status_code == 403
    seer = signed_in("voice.view_conference", "voice.view_callevent", "voice.view_raw_event", username="seer")
    assert seer.get(url).status_code == 200
    other = make_room(account, conference_id="another")
    assert seer.get(f"/admin/voice/conference/{other.pk}/raw/{event.pk}/").status_code == 404


def test_a_look_at_a_raw_event_of_a_conference_is_noted(account: TelnyxAccount, browser: Client) -> None:
    tell(account, *story()[:2])
    room, event = Conference.objects.get(), CallEvent.objects.get(event_type="conference.created")
    assert browser.get(f"/admin/voice/conference/{room.pk}/change/").status_code == 200
    notes = AuditEvent.objects.filter(action="event.view_raw").values_list("actor", "object_label")
    assert list(notes) == []
    assert browser.get(f"/admin/voice/conference/{room.pk}/raw/{event.pk}/").status_code == 200
    assert list(notes.all()) == [("user: operator", str(event.pk))]


def test_the_page_leads_to_raw_events_for_who_may_see_them_and_names_its_legs(
    account: TelnyxAccount, signed_in: Callable[..., Client]
) -> None:
    tell(account, *story())
    room, event = Conference.objects.get(), CallEvent.objects.get(event_type="conference.created")
    url, looks = f"/admin/voice/conference/{room.pk}/", ("voice.view_conference", "voice.view_callevent")
    blind = signed_in(*looks).get(f"{url}change/").content.decode()
    seer = signed_in(*looks, "voice.view_raw_event", username="seer").get(f"{url}change/").content.decode()
    assert [f"{url}raw/{event.pk}/" in page for page in (blind, seer)] == [False, True]
    assert all(f'title="Leg {letter}"' in blind for letter in "AB")


def test_of_a_long_conference_all_events_are_found_by_its_id(account: TelnyxAccount, browser: Client) -> None:
    room = make_room(account)
    told = {"source": "webhook", "status": "processed", "body": b"", "event_type": "conference.floor.changed"}
    CallEvent.objects.bulk_create(
        CallEvent(account=account, conference=room, dedupe_key=str(at), received_at=ago(600 - at), **told)
        for at in range(501)
    )
    page = browser.get(f"/admin/voice/conference/{room.pk}/change/").content.decode()
    assert "1 event between these not shown" in page
    assert f"/admin/voice/callevent/?q={ROOM}" in page


def test_the_page_of_an_action_names_what_it_is_about(account: TelnyxAccount, browser: Client) -> None:
    room, queue = make_room(account), f"queues/{account.pk}/support"
    for path, subject in (
        (f"{room.pk}/do/conferences.mute/", "standup"),
        *((f"{queue}/do/{verb}/", "support") for verb in ("update", "delete")),
        *((f"{queue}/calls/v3_3Aa-leg/{verb}/", "support, …v3:a-leg") for verb in ("keep", "remove")),
    ):
        page = browser.get(f"/admin/voice/conference/{path}").content.decode()
        (told,) = re.findall(r'<div class="portal-target"><a href="[^"]+">([^<]+)</a>', page)
        assert told == subject, path
        assert "real people hear" not in page, path
    TelnyxAccount.objects.filter(pk=account.pk).update(base_url="https://telnyx.example")
    for path in (f"{queue}/do/delete/", f"{queue}/calls/v3_3Aa-leg/remove/"):
        assert "real people hear" in browser.get(f"/admin/voice/conference/{path}").content.decode(), path


def test_the_list_has_its_columns_in_order(account: TelnyxAccount, browser: Client) -> None:
    columns = ["started_at", "name_shown", "state_shown", "present", "account", "connection_id", "ended_at"]
    make_room(account)
    shown = re.findall(r'class="field-(\w+)', browser.get("/admin/voice/conference/").content.decode())
    assert shown[: len(columns)] == columns


def test_at_a_live_account_an_action_says_that_real_people_hear_it(account: TelnyxAccount, browser: Client) -> None:
    tell(account, *story()[:3])
    at, live = f"/admin/voice/conference/{Conference.objects.get().pk}/do/conferences.speak/", "real people hear"
    assert live not in browser.get(at).content.decode()
    TelnyxAccount.objects.filter(pk=account.pk).update(base_url="https://telnyx.example")
    assert live in browser.get(at).content.decode()
    made = browser.get("/admin/voice/conference/new/").content.decode()
    assert f"{account} (LIVE)" in made
    TelnyxAccount.objects.filter(pk=account.pk).update(base_url=account.base_url)
    assert f"{account} (SANDBOX)" in browser.get("/admin/voice/conference/new/").content.decode()


# --- Sent in order, never twice --------------------------------------------------------------------------------------


def test_each_participant_has_a_letter(account: TelnyxAccount) -> None:
    tell(account, *story())
    room = Conference.objects.get()
    assert [letter for letter, _ in timeline.participants(room)] == ["A", "B"]


def test_a_conference_of_two_legs_is_named_once_to_who_may_see_it(
    account: TelnyxAccount, signed_in: Callable[..., Client]
) -> None:
    tell(account, *story())
    room = Conference.objects.get()
    make_room(account, conference_id="another")
    url = f"/admin/voice/call/{Call.objects.get(call_control_id='v3:a-leg').pk}/change/"
    seer = signed_in("voice.view_call", "voice.view_conference")
    assert seer.get(url).context["conferences"] == [room]
    assert signed_in("voice.view_call", username="stranger").get(url).context["conferences"] == []


# --- The list, and the page -------------------------------------------------------------------------------------------


def seat(room: Conference, name: str, came: float | None, went: float | None) -> None:
    """So many seconds ago, each."""
    times = {"joined_at": None if came is None else ago(came), "left_at": None if went is None else ago(went)}
    ConferenceParticipant.objects.create(conference=room, call_control_id=name, **times)


def test_the_list_says_how_many_are_inside(account: TelnyxAccount, browser: Client) -> None:
    for room in (make_room(account), make_room(account, conference_id="over", state="completed")):
        seat(room, "stays", 50, None)
        seat(room, "came back", 20, 30)
        seat(room, "left", 50, 40)
        seat(room, "only left", None, 10)
        seat(room, "never came", None, None)
    log: Any = admin.site._registry[Conference]
    rows = browser.get("/admin/voice/conference/").context["cl"].result_list
    told = {row.conference_id: log.present(row) for row in rows if row.account_id == account.pk}
    assert told == {ROOM: 2, "over": 0}


def test_the_list_is_narrowed_by_state_and_by_account(account: TelnyxAccount, browser: Client) -> None:
    branch = make_account("branch")
    make_room(account, conference_id="going")
    make_room(account, conference_id="over", state="completed")
    make_room(branch, conference_id="theirs")
    shown = browser.get("/admin/voice/conference/").context["cl"]
    declared = {name for spec in shown.filter_specs for name in spec.expected_parameters()}
    assert declared >= {"state__exact", "account__id__exact"}
    for asked, found in (
        ({"state__exact": "completed"}, ["over"]),
        ({"account__id__exact": str(branch.pk)}, ["theirs"]),
        ({"account__id__exact": str(account.pk), "state__exact": "in_progress"}, ["going"]),
    ):
        rows = browser.get("/admin/voice/conference/", asked).context["cl"].result_list
        assert [row.conference_id for row in rows] == found


@pytest.mark.parametrize(
    ("text", "whole", "masked"),
    [
        ("stand", ["room-1", "room-2"], []),
        ("standup", ["room-1"], ["room-1"]),
        ("room-2", ["room-2"], ["room-2"]),
        ("room", [], []),
        ("77", ["room-2"], ["room-2"]),
    ],
)
def test_a_conference_is_found_by_its_name_and_by_its_ids(
    account: TelnyxAccount, signed_in: Callable[..., Client], text: str, whole: list[str], masked: list[str]
) -> None:
    """By the beginning of its name, which may have a number in it, for who may see whole ones."""
    make_room(account, conference_id="room-1")
    make_room(account, conference_id="room-2", name="standin", connection_id="77")
    for permissions, found in ((("voice.view_full_number",), whole), ((), masked)):
        client = signed_in("voice.view_conference", *permissions, username=f"person-{len(permissions)}")
        rows = client.get("/admin/voice/conference/", {"q": text}).context["cl"].result_list
        assert sorted(row.conference_id for row in rows) == found


@pytest.mark.parametrize(
    ("state", "status", "asks"),
    [
        ("in_progress", "ok", True),
        *(("completed", status, True) for status in ("queued", "sending")),
        *(("completed", status, False) for status in ("ok", "refused", "uncertain", "expired")),
    ],
)
def test_its_page_asks_again_while_something_is_to_come(
    account: TelnyxAccount, browser: Client, state: str, status: str, asks: bool
) -> None:
    room = make_room(account, state=state)
    service.act(room, "conferences.mute", {}, PORTAL)
    CallCommand.objects.update(status=status)
    url = f"/admin/voice/conference/{room.pk}/change/"
    assert (f'<div id="portal-live" hx-get="{url}"' in browser.get(url).content.decode()) is asks


def test_the_page_of_an_ended_conference_asks_again_if_one_of_its_commands_waits_and_not_without_any(
    account: TelnyxAccount, browser: Client
) -> None:
    room = make_room(account, state="completed")
    url = f"/admin/voice/conference/{room.pk}/change/"
    asks = f'<div id="portal-live" hx-get="{url}"'
    assert asks not in browser.get(url).content.decode()
    waits, done = (service.act(room, "conferences.mute", {}, PORTAL) for _ in range(2))
    CallCommand.objects.filter(pk=waits.pk).update(status="queued")
    CallCommand.objects.filter(pk=done.pk).update(status="ok")
    assert asks in browser.get(url).content.decode()


@pytest.mark.parametrize(("state", "is_over"), [("completed", True), ("in_progress", False), ("init", False)])
def test_the_page_of_an_action_says_where_nothing_would_be_sent(
    account: TelnyxAccount, browser: Client, state: str, is_over: bool
) -> None:
    url = f"/admin/voice/conference/{make_room(account, state=state).pk}/do/conferences.mute/"
    assert ("This conference has ended: the command would not be sent." in browser.get(url).content.decode()) is is_over


@pytest.mark.parametrize(("permissions", "status"), [((), 403), (("voice.listen_recording",), 200)])
def test_what_records_it_is_offered_to_who_may_listen(
    account: TelnyxAccount, signed_in: Callable[..., Client], permissions: tuple[str, ...], status: int
) -> None:
    at = f"/admin/voice/conference/{make_room(account).pk}/"
    person = signed_in("voice.view_conference", "voice.control_call", *permissions)
    labels = [label for _, label in person.get(f"{at}change/").context["buttons"]]
    assert ("Record start" in labels, "Mute" in labels) == (status == 200, True)
    assert person.get(f"{at}do/conferences.record_start/").status_code == status
    assert person.get(f"{at}do/conferences.mute/").status_code == 200


def test_what_is_done_most_stands_first_and_what_ends_it_is_red(account: TelnyxAccount, browser: Client) -> None:
    page = browser.get(f"/admin/voice/conference/{make_room(account).pk}/change/")
    buttons = [label for _, label in page.context["buttons"]]
    assert buttons == ["Join", "Speak", "Mute", "Hold", "Record start", "End conference"]
    assert not {*buttons} & {label for _, label in page.context["more"]}
    red = re.findall(r'<a class="portal-button portal-button-danger" href="[^"]+">([^<]+)</a>', page.content.decode())
    assert red == ["End conference"]


def test_those_inside_are_offered_to_what_is_done_to_one(account: TelnyxAccount, browser: Client) -> None:
    tell(account, *story()[:5])  # a is in it, b has left
    room = Conference.objects.get()
    seat(room, "v3:unknown", 5, None)
    make_call(account, "c")
    form = browser.get(f"/admin/voice/conference/{room.pk}/do/conferences.leave/").context["form"]
    assert form.legs == [("v3:a-leg", "+1 312-555-0101 → +1 312-555-0199, initiated"), ("v3:unknown", "")]


def test_who_may_not_see_calls_is_offered_those_inside_by_their_ids_and_nobody_else(
    account: TelnyxAccount, signed_in: Callable[..., Client]
) -> None:
    tell(account, *story()[:5])
    make_call(account, "c")
    client, url = signed_in("voice.control_call", "voice.view_conference"), "/admin/voice/conference/"
    do = f"{url}{Conference.objects.get().pk}/do"
    assert client.get(f"{do}/conferences.leave/").context["form"].legs == [("v3:a-leg", "")]
    assert client.get(f"{do}/conferences.join/").context["form"].legs == []
    assert client.get(f"{url}new/").context["form"].legs == []
    sees = signed_in("voice.control_call", "voice.view_conference", "voice.view_call", username="sees")
    assert ("v3:c-leg", "+1312•••0101 → +1312•••0199, answered") in sees.get(f"{url}new/").context["form"].legs


@pytest.mark.parametrize(
    ("number", "letters", "between"), [(500, ["A", "IP", "IQ", "SF"], 0), (501, ["A", "IP", "IR", "SG"], 1)]
)
def test_of_very_many_participants_the_first_and_the_last_are_listed(
    account: TelnyxAccount, browser: Client, number: int, letters: list[str], between: int
) -> None:
    room = make_room(account, state="completed")
    ConferenceParticipant.objects.bulk_create(
        ConferenceParticipant(
            conference=room, call_control_id=f"v3:{at}", joined_at=room.started_at + timedelta(seconds=at)
        )
        for at in range(number)
    )
    page = browser.get(f"/admin/voice/conference/{room.pk}/change/")
    listed = [(letter, row.call_control_id) for letter, row in page.context["participants"]]
    assert (len(listed), page.context["not_listed"]) == (500, between)
    ids = ["v3:0", "v3:249", f"v3:{250 + between}", f"v3:{number - 1}"]
    assert [listed[at] for at in (0, 249, 250, 499)] == list(zip(letters, ids, strict=True))
    assert ("1 who came between are not" in page.content.decode()) is bool(between)


def test_of_very_many_conferences_of_a_call_20_are_listed_on_its_page(account: TelnyxAccount, browser: Client) -> None:
    call = make_call(account)
    for at in range(21):
        room = make_room(account, conference_id=f"room-{at}")
        ConferenceParticipant.objects.create(conference=room, call_control_id=call.call_control_id, call=call)
    assert len(browser.get(f"/admin/voice/call/{call.pk}/change/").context["conferences"]) == 20


def test_events_are_found_by_the_id_of_their_conference_or_session_in_capitals(
    account: TelnyxAccount, browser: Client
) -> None:
    tell(account, room_event("conference.created", -9), make_event("call.answered", -5, "z", call_session_id=SESSION))
    for text, found in ((ROOM, "conference.created"), (SESSION, "call.answered")):
        rows = browser.get("/admin/voice/callevent/", {"q": text.upper()}).context["cl"].result_list
        assert [row.event_type for row in rows if row.account_id == account.pk] == [found]


def test_the_page_of_an_action_is_a_page_of_its_conference(account: TelnyxAccount, browser: Client) -> None:
    room = make_room(account)
    told = browser.get(f"/admin/voice/conference/{room.pk}/do/conferences.mute/").context
    assert (told["original"], told["account"]) == (room, account)
