"""Conferences asked of Telnyx: lists, participants, outages, and what an accepted create makes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.conferences import PERSON, ROOM, TOLD, make_room, room_event, story, telnyx
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_call, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rows import Call, CallCommand, CallEvent, Conference
from voice.conferences import service

pytestmark = pytest.mark.django_db


def told_by_telnyx(account: TelnyxAccount, **told: Any) -> Conference:
    """Telnyx is asked for the conference, and tells this of it."""
    with telnyx(**{ROOM.replace("-", "_"): TOLD | told}) as server:
        account.base_url = f"{server.url}/v2"
        room = service.retrieve(account, ROOM)
    assert room
    return room


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
    assert "2026-01-02 03:04:05 UTC" in page
    assert b"filter%5Bstatus%5D=in_progress" in server.requests[0]
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


LATER = "2026-01-02T03:09:05Z"  # than TOLD


@pytest.mark.parametrize("odd", ["", None, 7, True, ["all_left"], {"reason": "all_left"}])
def test_a_reason_that_is_none_takes_the_place_of_no_other(account: TelnyxAccount, odd: Any) -> None:
    told_by_telnyx(account, status="completed", end_reason="all_left")
    room = told_by_telnyx(account, status="completed", end_reason=odd, updated_at=LATER)
    assert (room.state, room.end_reason) == ("completed", "all_left")
    assert told_by_telnyx(account, status="completed", end_reason="host_left", updated_at=LATER).end_reason == (
        "host_left"
    )


def test_an_end_that_telnyx_tells_is_of_when_it_was_written_there_and_absorbs_what_comes(
    account: TelnyxAccount,
) -> None:
    room = told_by_telnyx(account, status="completed")
    assert (room.state, room.ended_at) == ("completed", datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC))
    tell(account, room_event("conference.participant.joined", -5))
    assert Conference.objects.get().state == "completed"


def test_the_event_knows_the_exact_time_of_the_end_whoever_tells_first(account: TelnyxAccount) -> None:
    ended, told = room_event("conference.ended", -10, reason="all_left"), {"status": "completed", "end_reason": "other"}
    now = {"updated_at": timezone.now().isoformat(), "name": "", "connection_id": 7}
    for first in ("event", "telnyx"):
        CallEvent.objects.all().delete()
        Conference.objects.all().delete()
        if first == "event":
            tell(account, ended)
        told_by_telnyx(account, **told, **now)
        if first == "telnyx":
            tell(account, ended)
        room = Conference.objects.get()
        at = datetime.fromisoformat(ended["data"]["payload"]["occurred_at"])
        assert (room.ended_at, room.end_reason, room.name, room.connection_id) == (at, "all_left", "", CONNECTION)


def test_inside_are_those_who_have_not_left_with_their_calls_of_this_account(
    browser: Client, signed_in: Callable[..., Client]
) -> None:
    here = [PERSON, PERSON | {"call_control_id": "v3:b-leg", "muted": False}]
    with telnyx(participants=[*here, PERSON | {"call_control_id": "v3:gone", "status": "left"}]) as server:
        room = make_room(make_account("wired", f"{server.url}/v2"))
        call, _ = make_call(room.account), make_call(make_account("branch"), "b")
        url = f"/admin/voice/conference/{room.pk}/inside/"
        page, looks = browser.get(url), signed_in("voice.view_conference").get(url)
    assert [(row["call_control_id"], known) for row, known in page.context["rows"]] == [
        ("v3:a-leg", call),
        ("v3:b-leg", None),
    ]
    assert f"/admin/voice/call/{call.pk}/change/" in page.content.decode()
    assert "Unmute" in page.content.decode()
    # who may see no calls sees neither its numbers nor the way to it, and who may control none has no buttons
    shown = looks.content.decode()
    assert "v3:a-leg" in shown
    for hidden in ("•••", "/admin/voice/call/", "Unmute"):
        assert hidden not in shown, hidden


def test_a_conference_is_found_at_telnyx_and_one_that_is_not_there_is_404(browser: Client) -> None:
    with telnyx(**{ROOM.replace("-", "_"): TOLD}) as server:
        wired = make_account("wired", f"{server.url}/v2")
        found = browser.get(f"/admin/voice/conference/telnyx/{wired.pk}/{ROOM}/")
        assert browser.get(f"/admin/voice/conference/telnyx/{wired.pk}/unknown/").status_code == 404
    assert found["Location"] == f"/admin/voice/conference/{Conference.objects.get().pk}/change/"
    assert browser.get(found["Location"]).context["conference"].name == "standup"


@pytest.mark.parametrize("odd", [None, "", "soon", 7])
def test_what_telnyx_tells_without_a_time_is_of_now(account: TelnyxAccount, odd: Any) -> None:
    before = timezone.now()
    room = told_by_telnyx(account, status="completed", created_at=odd, updated_at=odd)
    assert room.ended_at
    assert before - timedelta(seconds=5) <= room.started_at <= room.ended_at <= timezone.now() + timedelta(seconds=5)


@pytest.mark.parametrize(("pages", "is_whole"), [(1, True), (99, False)])
def test_a_list_that_was_not_read_whole_says_so(browser: Client, pages: int, is_whole: bool) -> None:
    queue = {"current_size": 1, "max_size": 5, "average_wait_time_secs": 9}
    rows = [TOLD | PERSON | queue]  # as a conference, as somebody in one, and as a queue
    with serving(answer("200 OK", json.dumps({"data": rows, "meta": {"total_pages": pages}}).encode())) as server:
        room = make_room(make_account("wired", f"{server.url}/v2"))
        for path in (f"{room.pk}/inside/", "telnyx/", "queues/"):
            text = browser.get(f"/admin/voice/conference/{path}").content.decode()
            assert "standup" in text or "v3:a-leg" in text, path
            assert ("There are more: only the first are shown." in text) is not is_whole, path


@pytest.mark.parametrize(("seconds", "first"), [(-90, "telnyx"), (-30, "event")])
def test_of_the_begin_that_an_event_and_telnyx_tell_the_earlier_one_counts(
    account: TelnyxAccount, seconds: float, first: str
) -> None:
    created = timezone.now() + timedelta(seconds=seconds)
    event = room_event("conference.created", -60)
    begun = {"telnyx": created, "event": datetime.fromisoformat(event["data"]["payload"]["occurred_at"])}
    for is_turned in (False, True):
        CallEvent.objects.all().delete()
        Conference.objects.all().delete()
        if is_turned:
            told_by_telnyx(account, created_at=created.isoformat())
        tell(account, event)
        if not is_turned:
            told_by_telnyx(account, created_at=created.isoformat())
        assert Conference.objects.get().started_at == begun[first]
