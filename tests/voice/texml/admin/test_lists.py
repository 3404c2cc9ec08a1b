"""TeXML's lists in the browser: asked of Telnyx, filtered and paged by it, masked, and told in words when it fails."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from portal.models import AuditEvent
from portal.telnyx.account_sids import NoAccountSid
from portal.view_times import TimePreference
from tests.support.accounts import make_account
from tests.support.http_servers import Listener, answer
from tests.support.texml_pages import PAGES, page_of
from tests.support.texml_resources import ASKED, parts, telnyx_texml, wired
from tests.voice.texml.admin.conftest import CALL_ROW
from voice.calls import search
from voice.catalogue.texml_operations import READS

pytestmark = [pytest.mark.django_db, pytest.mark.alone("its pages offer every account")]
LISTS = {name: at for name, (at, ids, _) in PAGES.items() if not ids}
SEES = {"calls": "voice.view_call", "recordings": "voice.view_call", "transcriptions": "voice.view_call"}
SEES |= {"conferences": "voice.view_conference", "queues": "voice.view_queue"}
NUMBERS = ("5550143", "555-0143", "71838750", "7183 8750", "2071838750")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_reads_what_it_shows(browser: Client, wire: Listener, name: str) -> None:
    page = browser.get(page_of(wired(wire.url), name))
    assert page.status_code == 200
    assert "as Telnyx told at" in page.content.decode()
    assert ASKED[name][2:] in [parts(raw)[:2] for raw in wire.requests]
    if READS[name].rows:
        asked = next(parts(raw)[2] for raw in wire.requests if parts(raw)[:2] == ASKED[name][2:])
        assert asked == {"PageSize": "50"}


@pytest.mark.parametrize("at", sorted(SEES))
def test_each_has_a_permission(signed_in: Callable[..., Client], wire: Listener, at: str) -> None:
    wired(wire.url)
    url = reverse(f"admin:voice_texml_{at}")
    others = sorted({*SEES.values(), "voice.dial", "voice.control_call"} - {SEES[at]})
    assert signed_in(*others).get(url).status_code == 403
    assert wire.requests == []
    assert signed_in(SEES[at], username="may").get(url).status_code == 200


@pytest.mark.parametrize("at", sorted(SEES))
def test_the_rows_lead_to_their_pages(browser: Client, at_telnyx: Any, at: str) -> None:
    with at_telnyx() as (account, _):
        page = browser.get(reverse(f"admin:voice_texml_{at}")).content.decode()
        (link,) = re.findall(rf'href="(/admin/texml/{at}/{account.pk}/[^"]+)"', page)
        assert browser.get(html.unescape(link)).status_code == 200


@pytest.mark.parametrize(
    ("zone", "shown"), [("Asia/Tokyo", "2026-11-28 18:00:00"), ("America/Santiago", "2026-11-28 06:00:00")]
)
def test_times_are_those_of_who_looks_and_days_of_filters_say_that_they_are_not(
    browser: Client, operator: User, at_telnyx: Any, zone: str, shown: str
) -> None:
    TimePreference.objects.create(user=operator, time_zone=zone)
    with at_telnyx() as (account, _):
        page = browser.get(reverse("admin:voice_texml_calls")).content.decode()
        one = browser.get(page_of(account, "texml.calls.retrieve")).content.decode()
    assert "Started from (UTC)" in page
    assert f'title="2026-11-28 09:00:00 UTC">{shown}</time>' in page
    assert f'title="2026-11-28 09:00:00 UTC">{shown}</time>' in one


def test_telnyxs_filters_are_asked_of_telnyx(browser: Client, wire: Listener) -> None:
    wired(wire.url)
    query = {
        "To": "+13125550001",
        "Status": "busy",
        "StartTime>": "2026-05-22",
        "EndTime": "2026-05-23",
        "nothing": "x",
    }
    page = browser.get(reverse("admin:voice_texml_calls"), query).content.decode()
    (raw,) = wire.requests
    told = {name: value for name, value in query.items() if name != "nothing"}
    assert parts(raw)[2] == told | {"PageSize": "50"}
    assert "Nothing at Telnyx fits this filter." in page
    assert "<details open>" in page  # a filter that is set is in sight


def test_a_wrong_filter_is_told_at_its_field_and_not_asked(browser: Client, wire: Listener) -> None:
    wired(wire.url)
    page = browser.get(reverse("admin:voice_texml_calls"), {"Status": "over"}).content.decode()
    assert "Must be one of canceled" in page
    page = browser.get(reverse("admin:voice_texml_calls"), {"cursor": "made-up"}).content.decode()
    assert "no cursor of ours" in page
    assert wire.requests == []


def test_pages_follow_telnyxs_own_and_keep_the_filter(browser: Client) -> None:
    def says(method: str, path: str) -> Any:
        more = {"next_page_uri": "https://elsewhere.example/Calls.json?Page=1&PageToken=abc"}
        return {"calls": [CALL_ROW], **more}

    with telnyx_texml(says) as wire:
        account = wired(wire.url)
        page = browser.get(reverse("admin:voice_texml_calls"), {"account": account.pk, "Status": "busy"})
        link = html.unescape(re.findall(r'href="([^"]+)" rel="next"', page.content.decode())[0])
        assert browser.get(reverse("admin:voice_texml_calls") + link).status_code == 200
        assert parts(wire.requests[1])[2] == {"Page": "1", "PageToken": "abc", "Status": "busy"}


def test_the_account_is_chosen_where_there_are_several(browser: Client, wire: Listener) -> None:
    wired(wire.url)
    other = wired(wire.url, "another", account_sid="org-2")
    make_account("real", "https://telnyx.example/v2")
    url = reverse("admin:voice_texml_queues")
    page = browser.get(url, {"account": other.pk}).content.decode()
    assert "/Accounts/org-2/Queues" in parts(wire.requests[0])[1]
    assert [word for word in ("another (SANDBOX)", "real (LIVE)", "wired (SANDBOX)") if word not in page] == []
    for odd in ("x", "00000000-0000-4000-8000-000000000000"):
        assert browser.get(url, {"account": odd}).status_code == 404


@pytest.mark.parametrize("at", sorted(SEES))
def test_without_an_account_that_is_said(browser: Client, at: str) -> None:
    assert "no Telnyx account yet" in browser.get(reverse(f"admin:voice_texml_{at}")).content.decode()


@pytest.mark.parametrize("name", sorted(PAGES))
@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer("422 No", b'{"errors":[{"code":10026,"detail":"Bad day"}]}'), "Bad day"),
        (answer("200 OK", b'"text"'), "no usable answer"),
        (answer("500 Oops", b"{}"), "could not be read"),
        (answer("429 Slow", b"{}"), "Telnyx"),
        (b"", "could not be read"),
    ],
)
def test_an_error_of_telnyx_is_told_on_the_page(browser: Client, name: str, said: bytes, words: str) -> None:
    with telnyx_texml(lambda method, path: said) as server:
        page = browser.get(page_of(wired(server.url), name))
    assert page.status_code == 200
    assert words in page.content.decode()


def test_an_account_without_an_sid_says_what_to_enter(browser: Client) -> None:
    with telnyx_texml(
        lambda method, path: answer("404 No", b'{"errors": [{"code": "10005", "title": "Resource not found"}]}')
    ) as server:
        wired(server.url, account_sid="")
        page = html.unescape(browser.get(reverse("admin:voice_texml_queues")).content.decode())
    assert str(NoAccountSid()) in page


@pytest.mark.parametrize("name", sorted(PAGES))
def test_who_may_not_see_numbers_reads_none(signed_in: Callable[..., Client], at_telnyx: Any, name: str) -> None:
    client = signed_in(*set(SEES.values()), "voice.control_call", "voice.dial")
    with at_telnyx() as (account, _):
        answered = client.get(page_of(account, name))
    page = answered.content.decode()
    assert [number for number in NUMBERS if number in page or number in str(answered.headers)] == []
    assert ("0143" in page) == (name in {"texml.calls.list", "texml.calls.retrieve", "texml.calls.recordings"})


def test_a_queue_that_is_named_by_a_number_has_no_link_for_them(
    browser: Client, signed_in: Callable[..., Client]
) -> None:
    with telnyx_texml(lambda method, path: {"queues": [{"sid": "+13125550143"}]}) as server:
        wired(server.url)
        url = reverse("admin:voice_texml_queues")
        masked = signed_in("voice.view_queue").get(url).content.decode()
        assert "5550143" in browser.get(url).content.decode()
    assert ("5550143" in masked, "0143" in masked) == (False, True)


def test_who_may_not_see_numbers_searches_for_whole_ones_and_is_noted(
    signed_in: Callable[..., Client], wire: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired(wire.url)
    client, url = signed_in("voice.view_call"), reverse("admin:voice_texml_calls")
    assert "Search for a whole number" in client.get(url, {"To": "312"}).content.decode()
    assert wire.requests == []
    monkeypatch.setattr(search, "PER_MINUTE", 1)
    client.get(url, {"To": "+13125550001"})
    assert parts(wire.requests[0])[2]["To"] == "+13125550001"
    assert "13125550001" not in json.dumps(AuditEvent.objects.get(action="call.search").details)
    assert "numbers are searched for in a minute" in client.get(url, {"From": "+13125550002"}).content.decode()
    assert len(wire.requests) == 1


def test_the_buttons_are_those_that_a_person_may_press(
    browser: Client, signed_in: Callable[..., Client], wire: Listener
) -> None:
    wired(wire.url)
    words = {"calls": "Call with an AI assistant", "conferences": "Dial into a conference", "queues": "Create queue"}
    looks = signed_in(*set(SEES.values()))
    for at, label in words.items():
        url = reverse(f"admin:voice_texml_{at}")
        assert label in browser.get(url).content.decode()
        assert label not in looks.get(url).content.decode()


def test_the_sidebar_has_what_a_person_may_see(browser: Client, signed_in: Callable[..., Client]) -> None:
    pages = [reverse(f"admin:voice_texml_{at}") for at in (*SEES, "secrets")]
    everybody = browser.get("/admin/").content.decode()
    assert [page for page in pages if f'href="{page}"' not in everybody] == []
    nobody = signed_in().get("/admin/").content.decode()
    assert [page for page in pages if f'href="{page}"' in nobody] == []
