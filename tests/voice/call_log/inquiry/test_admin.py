"""Where no call is found Telnyx is asked, and what it knows comes into the log."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

import pytest
from django.test import Client
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from portal.runtime import wakeups
from portal.sandbox.server.server import Sandbox
from portal.telnyx import paging
from tests.support.accounts import make_account
from tests.support.call_pages import LOG
from tests.support.factories import CONNECTION, FROM, TO, make_call, make_event, run_owed
from tests.support.recoveries import entry, listing, undelivered
from tests.support.rows import Call, CallEvent
from tests.support.telnyx_answers import telnyx_says
from voice.call_log.inquiry import inquiry
from voice.dialling import limits
from voice.models import Limits, RejectionCount

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it asks every account there is")]
ASK, IMPORT = f"{LOG}ask-telnyx/", f"{LOG}import/"
MAY = ("voice.view_call", "voice.view_callevent", "voice.view_full_number")
NOTHING = listing()
HOUR = "filter[type]=webhook&filter[occurred_at][gte]="


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    kept: list[tuple[str, str]] = []
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: kept.append((task, identifier)))
    return kept


def told(name: str = "call.initiated", seconds: float = 900, leg: str = "a", **payload: Any) -> dict[str, Any]:
    """An entry of Telnyx's record of that leg."""
    event = make_event(name, -seconds, leg=leg, **payload)
    ids = {member: event["data"]["payload"][member] for member in ("call_leg_id", "call_session_id")}
    return entry(event, seconds) | ids


def asked(client: Client, text: str, **how: Any) -> Any:
    return client.post(ASK, {"q": text}, headers={"HX-Request": "true"}, **how)


@pytest.fixture
def telnyx(account: TelnyxAccount) -> Iterator[Any]:
    with telnyx_says(account, call_events=listing(told(), told("call.hangup", 880))) as listener:
        yield listener


def questions(listener: Any) -> list[str]:
    return [unquote_plus(request.split(b" ")[1].decode()) for request in listener.requests]


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        (FROM, [f"filter[from]={FROM}", f"filter[to]={FROM}"]),
        ("(312) 555-0101", ["filter[from]=+13125550101", "filter[to]=+13125550101"]),
        (f"from:{FROM} to:{TO}", [f"filter[from]={FROM}&filter[to]={TO}"]),
        (f"from:{FROM} since:1h ending:busy", [f"filter[from]={FROM}"]),
        (f"from:{FROM} from:{TO}", [f"filter[from]={FROM}", f"filter[from]={TO}"]),
        (
            f"from:{FROM} to:{TO} to:+13125550177",
            [f"filter[from]={FROM}&filter[to]={TO}", f"filter[from]={FROM}&filter[to]=+13125550177"],
        ),
        (
            f"number:{FROM} number:{TO}",
            [f"filter[{side}]={number}" for number in (FROM, TO) for side in ("from", "to")],
        ),
        (f"to:{FROM} to:ada@example.com", [f"filter[to]={FROM}", "filter[to]=sip:ada@example.com", HOUR]),
        (
            "11111111-2222-3333-4444-555555555555",
            [
                "filter[leg_id]=11111111-2222-3333-4444-555555555555",
                "filter[application_session_id]=11111111-2222-3333-4444-555555555555",
            ],
        ),
        ("13125550101", ["filter[from]=+13125550101", "filter[to]=+13125550101"]),
        ("sip:ada@example.com", ["filter[from]=sip:ada@example.com", "filter[to]=sip:ada@example.com", HOUR]),
        ("from:ada@example.com", ["filter[from]=sip:ada@example.com", HOUR]),
        (f"from:sips:ada@example.com to:{TO}", [f"filter[from]=sips:ada@example.com&filter[to]={TO}", HOUR]),
        ("sip:ada", []),
        ("0101", []),
        ("99 999 999", []),
        ("-from:+13125550101", []),
        ("ending:busy", []),
        ("", []),
    ],
)
def test_telnyx_is_asked_for_what_the_search_names(
    browser: Client, account: TelnyxAccount, telnyx: Any, text: str, filters: list[str]
) -> None:
    limits.of_account(account)
    Limits.objects.filter(account=account).update(allowed_countries=["US"])
    page = asked(browser, text)
    assert page.status_code == 200
    made = questions(telnyx)
    assert len(made) == len(filters)
    for question, wanted in zip(made, filters, strict=True):
        for one in wanted.split("&"):
            assert one in question
    assert ("names none" in page.content.decode()) == (not filters)


def test_what_telnyx_is_not_asked_for_is_told(browser: Client, telnyx: Any) -> None:
    five, seven = (" ".join(f"from:+1312555010{at}" for at in range(count)) for count in (5, 7))
    page = asked(browser, five).content.decode()
    assert (len(questions(telnyx)), "was not asked" in page) == (5, False)
    telnyx.requests.clear()
    page = asked(browser, seven).content.decode()
    assert (len(questions(telnyx)), "The search names 2 more" in page) == (5, True)


def test_that_telnyx_has_more_is_told_with_how_much_was_read(browser: Client, account: TelnyxAccount) -> None:
    with telnyx_says(account, call_events=listing(told()) | {"meta": {"total_pages": 9}}):
        for text, read in ((FROM, "on a side, or id."), ("sip:ada@example.com", "or id, and 1,000 of the last hour.")):
            page = asked(browser, text).content.decode()
            assert ("has more than was read: 250 entries" in page, read in page) == (True, True), text


def test_accounts_that_are_not_asked_are_named(browser: Client, account: TelnyxAccount, telnyx: Any) -> None:
    TelnyxAccount.objects.filter(pk=account.pk).update(name="a")
    for name in "bcdef":
        make_account(name, f"{telnyx.url}/v2")
    page = asked(browser, f"from:{FROM}").content.decode()
    assert (len(questions(telnyx)), "Not asked of f." in page) == (5, True)
    assert "Not asked of" not in asked(browser, f"from:{FROM} -account:b").content.decode()


def test_an_account_that_the_search_leaves_out_is_not_asked(browser: Client, telnyx: Any) -> None:
    make_account("other", f"{telnyx.url}/v2")
    assert "<h3>other</h3>" in asked(browser, FROM).content.decode()
    telnyx.requests.clear()
    assert "<h3>other</h3>" not in asked(browser, f"{FROM} -account:OTHER").content.decode()
    assert len(questions(telnyx)) == 2


def test_a_leg_that_telnyx_knows_is_listed_with_how_it_stands(
    signed_in: Any, account: TelnyxAccount, telnyx: Any
) -> None:
    CallControlApplication.objects.create(
        account=account, telnyx_id=CONNECTION, application_name="front desk", webhook_event_url=account.webhook_url
    )
    seer = asked(signed_in(*MAY), FROM).content.decode()
    for text in ("+1 312-555-0101", "Ended normally", "front desk", "2 webhooks, 0 commands", "imports it"):
        assert text in seer
    assert "<button" not in seer
    masked = asked(signed_in("voice.view_call", "voice.view_callevent", username="less"), FROM).content.decode()
    assert "+1312•••0101" in masked
    assert "555-0101" not in masked
    assert "3125550101" not in masked.replace(f'value="{FROM}"', "")


def test_a_sip_address_is_found_in_the_record_of_the_last_hour(signed_in: Any, account: TelnyxAccount) -> None:
    """Whatever Telnyx's filters make of an address: here they find nothing."""
    here = told(**{"from": "sip:ada@Example.com;transport=tls", "to": TO})
    record = listing(
        here, told("call.initiated", leg="b", **{"from": "sip:adam@example.com"}), {"metadata": 7}, told(leg="c")
    )
    client = signed_in(*MAY)
    with telnyx_says(account, call_events=lambda path: record if "webhook" in path else NOTHING):
        page = asked(client, "sip:ada@example.com").content.decode()
        assert "sip:ada@Example.com" in page
        assert page.count("log-leg-told") == 1
        assert "record of the last hour was read through" in page
        page = asked(client, f"from:ada@example.com to:{FROM}").content.decode()
        assert "Telnyx has no call of it" in page


def test_a_filter_that_takes_no_sip_address_leaves_the_record_of_the_last_hour(
    browser: Client, account: TelnyxAccount
) -> None:
    record = listing(told(**{"from": "sip:ada@example.com", "to": TO}))
    with telnyx_says(account, call_events=lambda path: record if "webhook" in path else "422 Unprocessable Entity"):
        page = asked(browser, "sip:ada@example.com").content.decode()
    assert page.count("log-leg-told") == 1
    with telnyx_says(account, call_events="422 Unprocessable Entity"):
        page = asked(browser, "sip:ada@example.com").content.decode()
    assert "portal-note-bad" in page


def test_what_telnyx_says_wrong_is_told_in_words(browser: Client, account: TelnyxAccount) -> None:
    with telnyx_says(account, call_events="401 Unauthorized"):
        assert "portal-note-bad" in asked(browser, FROM).content.decode()
    with telnyx_says(account, call_events={"data": [{"type": 3, "metadata": "x"}, {"call_leg_id": [1]}], "meta": 7}):
        assert "Telnyx has no call of it" in asked(browser, FROM).content.decode()


def test_a_call_of_another_receiver_is_left_there(browser: Client, account: TelnyxAccount, telnyx: Any) -> None:
    CallControlApplication.objects.create(
        account=account, telnyx_id=CONNECTION, webhook_event_url="https://elsewhere.example/hook"
    )
    assert "webhooks go elsewhere" in asked(browser, FROM).content.decode()
    leg = told()["call_leg_id"]
    page = browser.post(IMPORT, {"account": str(account.pk), "leg": leg, "q": FROM}, follow=True).content.decode()
    assert "webhooks go elsewhere" in page
    assert not CallEvent.objects.exists()


def test_a_leg_that_is_here_leads_to_its_page(browser: Client, account: TelnyxAccount, telnyx: Any) -> None:
    call = make_call(account, "a", call_leg_id=told()["call_leg_id"])
    page = asked(browser, FROM).content.decode()
    assert f"/admin/voice/call/{call.pk}/change/" in page
    assert IMPORT not in page


def test_asking_takes_its_permissions_a_post_and_its_token(signed_in: Any, account: TelnyxAccount, telnyx: Any) -> None:
    assert asked(signed_in("voice.view_call"), FROM).status_code == 403
    able = signed_in(*MAY, username="able")
    assert able.get(ASK).status_code == 405
    assert able.post(IMPORT, {}).status_code == 403
    may = signed_in(*MAY, "voice.recover_events", username="may")
    assert may.get(IMPORT).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = may.cookies
    assert [strict.post(at, {"q": FROM}).status_code for at in (ASK, IMPORT)] == [403, 403]
    assert telnyx.requests == []


def test_without_scripts_it_is_a_page(browser: Client, account: TelnyxAccount, telnyx: Any) -> None:
    page = browser.post(ASK, {"q": FROM}).content.decode()
    assert "What Telnyx knows" in page
    assert "Back to the search" in page


def test_what_telnyx_knows_comes_in_and_acts_on_nothing(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, woken: list[Any]
) -> None:
    for name, minutes in (("call.initiated", 9), ("call.hangup", 8)):
        undelivered(sandbox, make_event(name, -60 * minutes), minutes=minutes)
    session = make_event()["data"]["payload"]["call_session_id"]
    page = asked(browser, FROM).content.decode()
    assert f'name="session" value="{session}"' in page
    sent = {"account": str(sandbox_account.pk), "session": session, "q": FROM}
    told = browser.post(IMPORT, sent, follow=True).content.decode()
    assert "2 events came in from Telnyx&#x27;s record" in told
    assert len(woken) == 2
    run_owed()
    call = Call.objects.get()
    assert (call.state, call.from_number) == ("ended", FROM)
    assert {event.source for event in CallEvent.objects.all()} == {"backfill"}
    noted = AuditEvent.objects.get(action="events.import")
    assert (noted.details["application_session_id"], noted.details["events"]) == (session, 2)
    assert "here already" in browser.post(IMPORT, sent, follow=True).content.decode()


def test_what_may_be_on_its_way_is_left_to_its_webhook(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    undelivered(sandbox, make_event("call.initiated", -5), minutes=0)
    session = make_event()["data"]["payload"]["call_session_id"]
    page = browser.post(IMPORT, {"account": str(sandbox_account.pk), "session": session, "q": FROM}, follow=True)
    assert "younger than two minutes" in page.content.decode()
    assert not CallEvent.objects.exists()


def test_an_import_stops_at_a_slow_telnyx_and_says_that_it_is_not_whole(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page takes five seconds by the portal's clock, and there are nine."""
    long = listing(told()) | {"meta": {"total_pages": 9}}
    sent = {"account": str(account.pk), "leg": told()["call_leg_id"], "q": FROM}
    with telnyx_says(account, call_events=long) as listener:
        monkeypatch.setattr(paging, "uptime", lambda: 5.0 * len(listener.requests))
        page = browser.post(IMPORT, sent, follow=True).content.decode()
        assert ("1 event came in" in page, "Not all was read" in page, len(listener.requests)) == (True, True, 2)
        listener.requests.clear()
        again = browser.post(IMPORT, sent, follow=True).content.decode()
        assert ("here already" in again, "Not all was read" in again) == (False, True)


@pytest.mark.parametrize(
    "sent", [{}, {"account": "x", "session": "y"}, {"account": "7" * 32, "leg": "11111111-2222-3333-4444-555555555555"}]
)
def test_an_import_of_nothing_that_there_is_says_so(browser: Client, sent: dict[str, str]) -> None:
    assert "Ask Telnyx anew" in browser.post(IMPORT, sent, follow=True).content.decode()


def test_the_empty_list_counts_what_may_have_been_the_call(browser: Client, account: TelnyxAccount) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    RejectionCount.objects.create(account=account, hour=hour, code="signature", count=7)
    RejectionCount.objects.create(account=account, hour=hour, code="probe", count=2)  # of “Webhook reachable?”
    page = browser.get(LOG, {"q": FROM}).content.decode()
    assert "Dials of it that came to nothing 0" in page
    assert "Requests refused at our door in 24 hours 7" in page
    assert ASK in page


def test_a_slow_telnyx_is_not_asked_any_more_once_a_requests_time_is_over(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer takes five seconds by the portal's clock."""
    TelnyxAccount.objects.filter(pk=account.pk).update(name="a")
    with telnyx_says(account, call_events=listing(told())) as listener:
        for name in ("b", "c", "d"):
            make_account(name, f"{listener.url}/v2")
        monkeypatch.setattr(inquiry, "uptime", lambda: 5.0 * len(listener.requests))
        page = asked(browser, FROM).content.decode()
        assert len(listener.requests) == 2  # both questions to the first account
        assert page.count("log-leg-told") == 1
        assert page.count("not asked any more") == 3
        listener.requests.clear()
        monkeypatch.setattr(inquiry, "uptime", lambda: 9.0 * len(listener.requests))
        page = asked(browser, f"{FROM} account:a").content.decode()
        assert len(listener.requests) == 1
        assert (page.count("log-leg-told"), page.count("not asked any more")) == (1, 1)
