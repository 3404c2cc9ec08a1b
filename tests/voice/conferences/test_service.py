"""Conferences asked of Telnyx: lists, participants, outages, and what an accepted create makes."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.conferences import PERSON, ROOM, TOLD, make_room, room_event, story, telnyx
from tests.support.events import tell
from tests.support.factories import make_call, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rows import Call, CallCommand, Conference
from voice.conferences import service

pytestmark = pytest.mark.django_db


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


@pytest.mark.alone("an account need not be named while there is only one")
def test_an_outage_is_told_in_words(browser: Client, api: APIClient, account: TelnyxAccount) -> None:
    room = make_room(account)
    assert "portal-note" in browser.get(f"/admin/voice/conference/{room.pk}/inside/").content.decode()
    assert api.get("/api/v1/conferences/").status_code == 503
    assert browser.get(f"/admin/voice/conference/telnyx/{account.pk}/unknown/").status_code == 302


@pytest.mark.parametrize("body", [b'{"data": [{"id": "x"}], "meta": {"total_pages": 99}}', b'{"data": [{"id": "x"}]}'])
def test_no_list_is_read_for_ever(account: TelnyxAccount, body: bytes) -> None:
    with serving(answer("200 OK", body)) as server:
        account.base_url = f"{server.url}/v2"
        found = service.at_telnyx(account)
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
        room = service.retrieve(account, ROOM)
    assert room
    assert (room.state, room.ended_at, room.name) == ("completed", ended, "standup")


def test_a_reason_that_the_end_did_not_tell_is_told_when_telnyx_is_asked(account: TelnyxAccount) -> None:
    tell(account, room_event("conference.ended", -10, reason=""))
    with telnyx(**{ROOM.replace("-", "_"): TOLD | {"status": "completed", "end_reason": "all_left"}}) as server:
        account.base_url = f"{server.url}/v2"
        room = service.retrieve(account, ROOM)
    assert room
    assert (room.state, room.end_reason) == ("completed", "all_left")


@pytest.mark.parametrize(("told", "state"), [("init", "init"), ("paused", "in_progress")])
def test_a_state_that_telnyx_tells_is_taken_if_it_is_one(account: TelnyxAccount, told: str, state: str) -> None:
    with telnyx(**{ROOM.replace("-", "_"): TOLD | {"status": told}}) as server:
        account.base_url = f"{server.url}/v2"
        room = service.retrieve(account, ROOM)
    assert room
    assert room.state == state


def test_what_telnyx_tells_at_more_length_than_its_column_has_is_cut(account: TelnyxAccount) -> None:
    told = {"name": "n" * 300, "connection_id": "7" * 70, "status": "completed", "end_reason": "r" * 60}
    with telnyx(**{ROOM.replace("-", "_"): TOLD | told}) as server:
        account.base_url = f"{server.url}/v2"
        room = service.retrieve(account, ROOM)
    assert room
    assert (room.name, room.connection_id, room.end_reason) == ("n" * 255, "7" * 64, "r" * 50)
