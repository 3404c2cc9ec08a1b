"""The pages of TeXML's resources: what Telnyx tells, what hangs on it, and the buttons that make sense."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import AuditEvent
from tests.support.factories import make_call
from tests.support.http_servers import answer
from tests.support.rows import Call
from tests.support.texml_pages import PAGES, page_of, press
from tests.support.texml_resources import CALL, ROOM, telnyx_texml, wired
from tests.voice.texml.admin.conftest import CALL_ROW, RECORDING, RECORDING_ROW, SAID

pytestmark = pytest.mark.django_db
SEES = {
    **dict.fromkeys(("call", "recording", "transcription"), "voice.view_call"),
    **{"conference": "voice.view_conference", "participant": "voice.view_conference", "queue": "voice.view_queue"},
}
DETAILS = {at: name for name, (at, ids, query) in PAGES.items() if ids and not query and at in SEES}
LISTEN = "voice.listen_recording"


def labels(page: str) -> set[str]:
    """What stands on its buttons, and behind More."""
    return set(re.findall(r'<a (?:class="portal-button[^"]*" )?href="/admin/texml/do/[^"]+">([^<]+)</a>', page))


@pytest.mark.parametrize("at", sorted(SEES))
def test_each_has_a_permission(signed_in: Callable[..., Client], at_telnyx: Any, at: str) -> None:
    with at_telnyx() as (account, wire):
        url = page_of(account, DETAILS[at])
        others = sorted({*SEES.values(), "voice.dial", "voice.control_call", LISTEN} - {SEES[at]})
        assert signed_in(*others).get(url).status_code == 403
        assert wire.requests == []
        page = signed_in(SEES[at], username="may").get(url)
    assert page.status_code == 200
    assert labels(page.content.decode()) == set()


def test_a_call_leads_to_its_page_in_the_log_and_has_its_buttons(browser: Client, at_telnyx: Any) -> None:
    with at_telnyx() as (account, _):
        url = page_of(account, "texml.calls.retrieve")
        assert "In the call log" not in browser.get(url).content.decode()
        call = make_call(account, call_control_id=CALL)
        page = browser.get(url).content.decode()
    assert f"/admin/voice/call/{call.pk}/change/" in page
    live = {"Hang up", "Other instructions", "Record", "Stream", "SIPREC", "Stop streaming", "Stop SIPREC"}
    assert labels(page) == live | {"Pause", "Stop"}  # the last two of its recording
    assert "advises against Call Control" in page
    assert "+1 312-555-0143 → +44 20 7183 8750" in page
    assert "do/start_recording" not in page


@pytest.mark.parametrize("status", ["completed", "busy", "failed", "no-answer", "canceled"])
def test_a_call_that_is_over_has_no_buttons(browser: Client, status: str) -> None:
    with telnyx_texml(lambda method, path: CALL_ROW | {"status": status, "recordings": []}) as server:
        page = browser.get(page_of(wired(server.url), "texml.calls.retrieve")).content.decode()
    assert labels(page) == set()


def test_a_conference_has_its_participants_by_number_and_both_lists_of_recordings(
    browser: Client, at_telnyx: Any
) -> None:
    with at_telnyx() as (account, wire):
        make_call(account, call_control_id=CALL, from_number="+13125550177", to_number="+13125550178")
        url = page_of(account, "texml.conferences.retrieve")
        page = browser.get(url).content.decode()
        assert "+1 312-555-0177 → +1 312-555-0178" in page
        assert {"Unmute", "Hold", "Announce", "Remove", "Dial somebody in", "End conference"} <= labels(page)
        assert reverse("admin:voice_texml_participant", args=[account.pk, ROOM, CALL]) in page
        other = html.unescape(re.findall(r'href="(\?listing=json)"', page)[0])
        before = len(wire.requests)
        browser.get(url + other)
        assert [b"/Recordings.json?" in raw for raw in wire.requests[before:]].count(True) == 1


def test_a_conference_that_is_over_has_no_buttons(browser: Client) -> None:
    told = {"sid": ROOM, "friendly_name": "standup", "status": "completed", "participants": [], "recordings": []}
    with telnyx_texml(lambda method, path: told) as server:
        page = browser.get(page_of(wired(server.url), "texml.conferences.retrieve")).content.decode()
    assert labels(page) == set()


@pytest.mark.parametrize("at", sorted(SEES))
def test_what_telnyx_has_not_any_more_is_told(browser: Client, at: str) -> None:
    gone = answer("404 No", b'{"errors":[{"detail":"Resource not found"}]}')
    with telnyx_texml(lambda method, path: gone) as server:
        page = browser.get(page_of(wired(server.url), DETAILS[at]))
    assert page.status_code == 200
    assert "nothing of this id at Telnyx" in page.content.decode()
    assert labels(page.content.decode()) == set()


def test_a_recording_is_played_from_where_telnyx_keeps_it(browser: Client, at_telnyx: Any) -> None:
    with at_telnyx() as (account, _):
        answered = browser.get(page_of(account, "texml.recordings.retrieve"))
        page, media = (
            answered.content.decode(),
            reverse("admin:voice_texml_recording_media", args=[account.pk, "rec-1"]),
        )
        assert f'src="{media}"' in page
        assert "X-Sig" not in page  # only by the player, which is noted
        assert not AuditEvent.objects.filter(action="recording.listen").exists()
        assert "media-src 'self' https://media.example" in answered.headers["Content-Security-Policy"]
        led = browser.get(media)
    assert (led.status_code, led.url) == (302, RECORDING_ROW["media_url"])
    assert AuditEvent.objects.filter(action="recording.listen", object_label="rec-1").count() == 1
    assert "media-src" not in led.headers["Content-Security-Policy"]


def test_a_recording_is_played_to_who_may_listen(signed_in: Callable[..., Client], at_telnyx: Any) -> None:
    deaf, hears = signed_in("voice.view_call"), signed_in("voice.view_call", LISTEN, username="hears")
    with at_telnyx() as (account, wire):
        url = page_of(account, "texml.recordings.retrieve")
        media = reverse("admin:voice_texml_recording_media", args=[account.pk, "rec-1"])
        page = deaf.get(url).content.decode()
        assert ("<audio" in page, "media.example" in page, "takes the permission" in page) == (False, False, True)
        before = len(wire.requests)
        assert deaf.get(media).status_code == 403
        assert len(wire.requests) == before
        assert "<audio" in hears.get(url).content.decode()
        assert hears.get(media).status_code == 302
        transcription = page_of(account, "texml.transcriptions.retrieve")
        assert "takes the permission to listen" in deaf.get(transcription).content.decode()
        assert "takes the permission to see whole numbers" in hears.get(transcription).content.decode()
        both = signed_in("voice.view_call", LISTEN, "voice.view_full_number", username="both")
        assert SAID in both.get(transcription).content.decode()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//media.example/a.mp3", "http://[", "https://a b/", 7, None])
def test_what_is_no_address_is_not_followed(browser: Client, url: Any) -> None:
    with telnyx_texml(lambda method, path: RECORDING_ROW | {"media_url": url}) as server:
        account = wired(server.url)
        page = browser.get(page_of(account, "texml.recordings.retrieve"))
        led = browser.get(reverse("admin:voice_texml_recording_media", args=[account.pk, "rec-1"]), follow=True)
    assert "<audio" not in page.content.decode()
    assert "Telnyx tells no file" in led.content.decode()
    assert not AuditEvent.objects.filter(action="recording.listen").exists()


def test_a_file_that_is_named_by_a_number_is_for_who_may_see_it(
    signed_in: Callable[..., Client], browser: Client
) -> None:
    told = RECORDING_ROW | {"media_url": "https://media.example/+13125550143.mp3"}
    masked = signed_in("voice.view_call", LISTEN)
    with telnyx_texml(lambda method, path: told) as server:
        account = wired(server.url)
        media = reverse("admin:voice_texml_recording_media", args=[account.pk, "rec-1"])
        assert browser.get(media).url == told["media_url"]
        led = masked.get(media)
        page = masked.get(page_of(account, "texml.recordings.retrieve"))
    assert "5550143" not in f"{led.headers} {page.content.decode()} {page.headers}"


def test_a_page_refreshes_while_something_is_on_its_way(browser: Client, at_telnyx: Any) -> None:
    with at_telnyx() as (account, _):
        url = page_of(account, "texml.queues.retrieve")
        assert "every 3s" not in browser.get(url).content.decode()
        press(browser, account, "texml.queues.update", {"MaxSize": 7}, queue_sid="support")
        page = browser.get(url).content.decode()
    assert "every 3s" in page
    assert "queued" in page


def test_a_participants_page_tells_and_awaits_what_was_asked_of_them_alone(browser: Client, at_telnyx: Any) -> None:
    update = "texml.participants.update"
    with at_telnyx() as (account, _):
        url = page_of(account, "texml.participants.retrieve")
        press(browser, account, update, {"Hold": True}, conference_sid=ROOM, call_sid_or_participant_label="v3:other")
        page = browser.get(url)
        assert (page.context["commands"], "every 3s" in page.content.decode()) == ([], False)
        press(browser, account, update, {"Hold": True}, conference_sid=ROOM, call_sid_or_participant_label=CALL)
        page = browser.get(url)
    assert [command.path for command, _ in page.context["commands"]] == [[ROOM, CALL]]
    assert "every 3s" in page.content.decode()


def test_a_queue_with_a_slash_in_its_name_has_a_page(browser: Client, at_telnyx: Any) -> None:
    with at_telnyx() as (account, wire):
        page = browser.get(reverse("admin:voice_texml_queue", args=[account.pk, "sales/north"]))
        assert b"/Queues/sales%2Fnorth " in wire.requests[0]
    assert page.status_code == 200


def test_a_conference_with_a_slash_in_its_name_has_a_page_and_so_has_who_is_in_it(
    browser: Client, at_telnyx: Any
) -> None:
    person = {"call_sid": CALL, "status": "connected"}
    with at_telnyx(lambda method, path: person | {"participants": [person], "recordings": []}) as (account, wire):
        page = browser.get(reverse("admin:voice_texml_conference", args=[account.pk, "sales/north"]))
        theirs = reverse("admin:voice_texml_participant", args=[account.pk, "sales/north", CALL])
        assert theirs in page.content.decode()
        assert browser.get(theirs).status_code == 200
        assert b"/Conferences/sales%2Fnorth/Participants/" in wire.requests[-1]


def test_an_id_that_cannot_be_asked_for_is_told(browser: Client, at_telnyx: Any) -> None:
    with at_telnyx() as (account, wire):
        page = browser.get(f"/admin/texml/queues/{account.pk}/../")
        assert browser.get(f"/admin/texml/queues/{account.pk}/%2e%2e/").status_code in {200, 404}
    assert page.status_code in {200, 404}
    assert wire.requests == []


def test_a_number_in_a_conferences_name_is_masked_in_the_title(signed_in: Callable[..., Client]) -> None:
    told = {"sid": ROOM, "friendly_name": "room +13125550143", "participants": [], "recordings": []}
    with telnyx_texml(lambda method, path: told) as server:
        page = signed_in("voice.view_conference").get(page_of(wired(server.url), "texml.conferences.retrieve"))
    assert "5550143" not in page.content.decode()
    assert "0143 | " in page.content.decode()


def test_the_call_of_a_recording_is_another_accounts_no_more(browser: Client, at_telnyx: Any, account: Any) -> None:
    make_call(account, call_control_id=CALL)
    with at_telnyx() as (mine, _):
        page = browser.get(reverse("admin:voice_texml_recording", args=[mine.pk, RECORDING])).content.decode()
    assert Call.objects.count() == 1
    assert "In the call log" not in page


@pytest.mark.parametrize(
    ("at", "told", "drawn"),
    [
        ("call", {"price": "0.0042", "price_unit": "USD"}, ["0.0042", "USD"]),
        ("conference", {"reason_conference_ended": "last-participant-left"}, ["last-participant-left"]),
        ("conference", {"call_sid_ending_conference": CALL}, [CALL]),
        ("participant", {"coaching_call_sid": CALL}, ["Coaches"]),
        ("queue", {"average_wait_time": 4000}, ["1:06:40"]),
    ],
)
def test_what_is_nobodys_number_is_shown_to_everybody(
    signed_in: Callable[..., Client], at_telnyx: Any, at: str, told: dict[str, Any], drawn: list[str]
) -> None:
    lists = {"participants": [], "recordings": []}
    with at_telnyx(lambda method, path: {"sid": "sid-1", "status": "completed"} | told | lists) as (account, _):
        page = signed_in(SEES[at]).get(page_of(account, DETAILS[at])).content.decode()
    facts = page.partition("portal-facts")[2].partition("</dl>")[0]
    assert [one for one in drawn if one not in facts] == [], facts
    assert "•••" not in facts
