"""TeXML's calls, and conferences and queues of both products, on the live board."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from applications.editing.service import create_application
from applications.kinds import KINDS
from applications.models import TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, make_call
from tests.support.live_board import ASK, PAGE, listed, text
from tests.support.rows import Call, LiveListing
from tests.support.sandbox_http import Http
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.texml import requests

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
LEG = "v3:a-leg"
NOTHING: dict[str, Any] = {
    "active_calls": {"data": [], "meta": {"total_items": 0}},
    "/Calls": {"calls": []},
    "/Conferences": {"conferences": []},
    "/Queues": {"queues": []},
    "/conferences": {"data": [], "meta": {"total_pages": 1, "total_results": 0}},
    "/queues": {"data": [], "meta": {"total_pages": 1, "total_results": 0}},
}


@pytest.fixture
def account(account: TelnyxAccount) -> TelnyxAccount:
    """With a TeXML application, and its SID known."""
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid="org-1")
    TexmlApplication.objects.create(account=account, telnyx_id=CONNECTION, friendly_name="ivr", pulled_at=ago(1))
    return account


def row(sid: str = LEG, status: str = "in-progress", **more: Any) -> dict[str, Any]:
    told = {"sid": sid, "status": status, "from": "+13125550143", "to": "+13125550100"}
    return told | {"start_time": "Thu, 15 Oct 2026 10:30:00 +0000"} | more


def ask(account: TelnyxAccount, browser: Client, **says: Any) -> list[str]:
    """Telnyx is asked, and says this; the addresses it was asked at."""
    LiveListing.objects.update(claimed_at=ago(16))
    with telnyx_says(account, **says, **{word: told for word, told in NOTHING.items() if word not in says}) as telnyx:
        assert browser.get(ASK).status_code == 204
    return [request.split(b" ")[1].decode() for request in telnyx.requests]


def of_texml(*rows: dict[str, Any], seconds: float = 1, complete: bool = True) -> dict[str, Any]:
    """What the listing of a board has of TeXML's calls."""
    others = [{"source": "texml_calls", "rows": list(rows), "complete": complete, "error": ""}]
    return {"seconds": seconds, "others": others}


def test_a_texml_leg_has_texml_s_buttons_and_no_others(account: TelnyxAccount, browser: Client) -> None:
    call = make_call(account)
    page = text(browser)
    assert reverse("admin:voice_texml_do", args=[account.pk, "texml.calls.hang_up"]) in page
    assert f"/{call.pk}/do/" not in page
    assert '<span class="portal-badge portal-plain">TeXML</span>' in page


def test_a_leg_that_texml_s_list_names_is_not_marked(account: TelnyxAccount, browser: Client) -> None:
    make_call(account, started_at=ago(600))
    ask(account, browser, **{"/Calls": {"calls": [row()]}})
    page = text(browser)
    assert "does not name" not in page
    assert "any more" not in page


def test_one_that_it_does_not_name_is_marked_with_its_lag(account: TelnyxAccount, browser: Client) -> None:
    make_call(account, started_at=ago(600))
    asked = ask(account, browser)
    assert any(address.startswith("/v2/texml/Accounts/org-1/Calls?") for address in asked)
    page = text(browser)
    assert "does not name this call. It lags behind." in page
    assert "any more" not in page  # the other list is no proof: it may have no such calls


@pytest.mark.parametrize("told", [of_texml(complete=False), {"others": None}, of_texml(seconds=590), {"others": []}])
def test_what_texml_s_list_cannot_know_is_not_marked(
    account: TelnyxAccount, browser: Client, told: dict[str, Any]
) -> None:
    make_call(account, started_at=ago(600))
    listed(account, **told)
    page = text(browser)
    assert "does not name" not in page
    assert "any more" not in page


def test_one_that_is_over_there_is_marked_and_asked_for(account: TelnyxAccount, browser: Client) -> None:
    call = make_call(account)
    listed(account, **of_texml(row(status="completed")))
    assert "Telnyx lists this TeXML call as ended" in text(browser)
    assert (url := f"{PAGE}refresh/{call.pk}/") in text(browser)
    unknown = ("404 Not Found", {"errors": [{"detail": "Resource not found"}]})
    with telnyx_says(account, **{"/Calls/": unknown}):
        assert "does not know this call (yet)" in browser.post(url, follow=True).content.decode()
    with telnyx_says(account, **{"/Calls/": row()}):
        assert "the call is answered" in browser.post(url, follow=True).content.decode()
    ended = ago(3).strftime("%a, %d %b %Y %H:%M:%S +0000")
    with telnyx_says(account, **{"/Calls/": row(status="completed", end_time=ended)}):
        assert "the call is ended" in browser.post(url, follow=True).content.decode()
    assert Call.objects.get().state == "ended"


def test_of_what_is_over_only_live_legs_are_kept(account: TelnyxAccount, browser: Client) -> None:
    make_call(account)
    rows = [row(status="completed"), row("v3:old", "completed"), row("v3:there"), {"sid": None}, {"sid": ["x"]}]
    ask(account, browser, **{"/Calls": {"calls": rows}})
    (calls, *_) = LiveListing.objects.get().others
    assert [kept["sid"] for kept in calls["rows"]] == [LEG, "v3:there"]


def test_a_texml_call_that_only_telnyx_knows_is_shown_with_its_numbers(
    account: TelnyxAccount, browser: Client, signed_in: Any
) -> None:
    ask(account, browser, **{"/Calls": {"calls": [row("v3:stranger", "ringing")]}})
    page = text(browser)
    assert "the portal has heard nothing of it" in page
    assert "312-555-0143" in page
    assert reverse("admin:voice_texml_call", args=[account.pk, "v3:stranger"]) in page
    page = text(signed_in("voice.view_call"))
    assert "0143" in page
    for whole in ("555-0143", "5550143"):
        assert whole not in page


@pytest.mark.alone("it lists what there is, of every account")
def test_one_that_ended_here_of_late_is_no_contradiction(account: TelnyxAccount, browser: Client) -> None:
    make_call(account, state="ended", ended_at=ago(60))
    listed(account, **of_texml(row()))
    assert "Nobody is on the line." in text(browser)
    Call.objects.update(ended_at=ago(600))
    assert "has heard that it ended" in text(browser)


def test_conferences_and_queues_of_both_products_are_shown_once(account: TelnyxAccount, browser: Client) -> None:
    of_both = {"data": [{"id": "room-1", "name": "standup"}], "meta": {"total_pages": 1, "total_results": 1}}
    queues = {"data": [{"name": "support", "current_size": 2}], "meta": {"total_pages": 1, "total_results": 1}}
    says = {
        "/conferences": of_both,
        "/queues": queues,
        "/Conferences": {"conferences": [{"sid": "room-1", "friendly_name": "standup"}, {"sid": "room-2"}]},
        "/Queues": {"queues": [{"sid": "support", "current_size": 2}, {"sid": "sales/eu"}, {"sid": 7}]},
    }
    ask(account, browser, **says)
    drawn = browser.get(PAGE)
    page = drawn.content.decode()
    assert page.count("standup</span>") == 1
    for name, places in (
        ("voice_conference_find", ["room-1"]),
        ("voice_texml_conference", ["room-1", "room-2"]),
        ("voice_queue_page", ["support"]),
        ("voice_texml_queue", ["support", "sales/eu"]),
    ):
        for place in ("room-1", "room-2") if "conference" in name else ("support", "sales/eu"):
            part = place.replace("/", "_2F") if name == "voice_queue_page" else place
            assert (reverse(f"admin:{name}", args=[account.pk, part]) in page) == (place in places), (name, place)


def test_they_are_for_who_may_see_them(account: TelnyxAccount, browser: Client, signed_in: Any) -> None:
    says = {
        "/Conferences": {"conferences": [{"sid": "room-2", "friendly_name": "+13125550177"}]},
        "/Queues": {"queues": [{"sid": "+13125550188"}]},
    }
    ask(account, browser, **says)
    page = text(signed_in("voice.view_call"))
    assert "room-2" not in page
    assert "•0188" not in page
    assert "5550188" not in page
    page = text(signed_in("voice.view_call", "voice.view_conference", "voice.view_queue", username="sees"))
    for end in ("0177", "0188"):
        assert f"•{end}" in page
        assert f"555{end}" not in page


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("active_calls", "500"),
        ("/Calls", "TeXML’s calls"),
        ("/Conferences", "TeXML’s conferences"),
        ("/queues", "queues"),
    ],
)
def test_an_error_of_one_list_hides_no_other(account: TelnyxAccount, browser: Client, broken: str, words: str) -> None:
    says = {
        "active_calls": {"data": [{"call_control_id": "v3:of-call-control"}], "meta": {"total_items": 1}},
        "/Calls": {"calls": [row("v3:of-texml")]},
        "/Conferences": {"conferences": [{"sid": "room-2"}]},
        "/queues": {"data": [{"name": "support"}], "meta": {"total_pages": 1, "total_results": 1}},
    }
    ask(account, browser, **says | {broken: "500 Internal Server Error"})
    page = text(browser)
    shown = {
        "active_calls": "v3:of-call-control",
        "/Calls": "v3:of-texml",
        "/Conferences": "room-2",
        "/queues": "support",
    }
    for name, one in shown.items():
        assert (one in page) == (name != broken), name
    assert "portal-note" in page
    assert words in page or broken == "active_calls"


def test_a_list_that_was_not_read_whole_says_so(account: TelnyxAccount, browser: Client) -> None:
    listed(account, **of_texml(complete=False))
    assert "TeXML’s calls: there are more, only the first were read." in text(browser)


def test_where_there_is_no_texml_application_texml_is_not_asked(account: TelnyxAccount, browser: Client) -> None:
    TexmlApplication.objects.update(missing_since=ago(1))
    assert not [address for address in ask(account, browser) if "/texml/" in address]


def test_an_account_without_a_sid_is_told_what_to_enter(account: TelnyxAccount, browser: Client) -> None:
    TelnyxAccount.objects.update(account_sid="")
    ask(account, browser)
    assert "Enter it as account SID" in text(browser)


def test_an_id_that_no_address_takes_breaks_nothing(account: TelnyxAccount, browser: Client) -> None:
    odd = {"data": [{"id": "a/b", "name": "standup"}], "meta": {"total_pages": 1, "total_results": 1}}
    says = {"/conferences": odd, "/Calls": {"calls": [row("v3:\n")]}, "/Queues": {"queues": [{"sid": "a\nb"}]}}
    ask(account, browser, **says)
    assert "standup" in text(browser)


@pytest.mark.django_db(transaction=True)
@pytest.mark.alone("it lists what there is, of every account")
def test_at_the_sandbox_every_list_is_read(browser: Client, sandbox_account: TelnyxAccount, http: Http) -> None:
    values = {"friendly_name": "ivr", "voice_url": "http://127.0.0.1:9/voice"}
    application, _ = create_application(KINDS[1], sandbox_account, values, PORTAL)
    sid = http.ring("texml_queue", connection_id=application.telnyx_id)
    requests.send(sandbox_account, "texml.queues.create", [], {"FriendlyName": "support", "MaxSize": 3})
    browser.get(ASK)
    page = text(browser)
    assert reverse("admin:voice_texml_call", args=[sandbox_account.pk, sid]) in page
    for name in ("voice_queue_page", "voice_texml_queue"):
        assert reverse(f"admin:{name}", args=[sandbox_account.pk, "support"]) in page
    assert "portal-note" not in page
