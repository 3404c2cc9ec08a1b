"""Conferences on their own pages and on the pages of their calls."""

from collections.abc import Callable

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.conferences import ROOM, room_event, story
from tests.support.events import tell
from tests.support.factories import make_call
from tests.support.rows import Call, CallEvent, Conference
from voice.calls import timeline

pytestmark = pytest.mark.django_db


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
    seer = signed_in("voice.view_conference", "voice.view_callevent", "voice.view_raw_event", username="seer")
    assert seer.get(url).status_code == 200


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
