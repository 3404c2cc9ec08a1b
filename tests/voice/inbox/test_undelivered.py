"""An application's page tells its last day: calls, how they ended, and the webhooks that failed."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from applications.kinds import KINDS
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.core import records
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.rows import CallEvent
from tests.support.telnyx_answers import telnyx_says
from voice.inbox.undelivered import MOST, undelivered


@pytest.fixture
def application(sandbox_account: TelnyxAccount, connection_id: str) -> Any:
    pull(KINDS[0], sandbox_account, PORTAL)
    return KINDS[0].rows(sandbox_account).get(telnyx_id=connection_id)


def page(client: Client, application: Any) -> str:
    return client.get(
        reverse("admin:applications_callcontrolapplication_change", args=[application.pk])
    ).content.decode()


def make_event(account: TelnyxAccount, status: str, key: str, connection_id: str, hours: float = 0) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours)
    told = {"status": status, "connection_id": connection_id, "received_at": at, "source": "webhook", "body": b"{}"}
    CallEvent.objects.create(account=account, dedupe_key=key, **told)


def fail_at_telnyx(sandbox: Sandbox, connection_id: str, status: int | None, hours: float = 0) -> None:
    at = datetime.now(UTC).timestamp() - hours * 3600
    event = {"id": str(uuid.uuid4()), "event_type": "call.answered", "payload": {"connection_id": connection_id}}
    records.keep(sandbox.store, event, [records.attempt("https://portal.example/hook", status, at, at)])


def test_the_page_counts_the_calls_of_a_day_and_their_endings(browser: Client, application: Any) -> None:
    ended = {"state": "ended", "hangup_cause": "normal_clearing", "hangup_source": "caller"}
    here = {"connection_id": application.telnyx_id}
    for leg in ("a", "b"):
        make_call(application.account, leg, **here, **ended)
    make_call(application.account, "c", **here)
    make_call(application.account, "old", **here, started_at=datetime.now(UTC) - timedelta(hours=25))
    make_call(application.account, "elsewhere", connection_id="1")
    shown = " ".join(page(browser, application).split())
    assert "3 calls in the last 24 hours" in shown
    assert "2 × ended normally, on the caller&#x27;s side" in shown.lower()


def test_the_page_counts_what_could_not_be_used(browser: Client, application: Any) -> None:
    account, here = application.account, application.telnyx_id
    make_event(account, "quarantined", "a", here)
    make_event(account, "dead", "b", here)
    make_event(account, "dead", "old", here, hours=25)
    make_event(account, "dead", "elsewhere", "1")
    make_event(account, "processed", "fine", here)
    shown = page(browser, application)
    assert "2 webhooks of it could not be used" in shown
    assert "1 quarantined" in shown
    assert "1 dead" in shown
    for status, key in (("quarantined", "a"), ("dead", "b")):
        (events,) = re.findall(rf'href="([^"]+status__exact={status}[^"]*)"', shown)
        assert [one.dedupe_key for one in browser.get(unescape(events)).context["cl"].result_list] == [key]


def test_telnyxs_failed_deliveries_are_asked_on_a_click(browser: Client, application: Any, sandbox: Sandbox) -> None:
    here = application.telnyx_id
    fail_at_telnyx(sandbox, here, 404)
    fail_at_telnyx(sandbox, here, None)
    fail_at_telnyx(sandbox, here, 200)
    fail_at_telnyx(sandbox, here, 500, hours=25)
    fail_at_telnyx(sandbox, "1", 503)
    found = undelivered(application.account, here)
    assert [one.why for one in found] == ["no answer (Telnyx code 75000)", "HTTP 404 (Telnyx code 75404)"]
    address = f"{reverse('admin:voice_callevent_undelivered')}?account={application.account_id}&connection_id={here}"
    assert address.replace("&", "&amp;") in page(browser, application)
    shown = browser.get(address).content.decode()
    assert "HTTP 404" in shown
    assert "https://portal.example/hook</span> (elsewhere)" in shown
    assert "Answered" in shown
    sandbox.faults.add({"fault": "cut", "path": "/webhook_deliveries"})
    assert "portal-note-bad" in browser.get(address).content.decode()
    assert browser.get(reverse("admin:voice_callevent_undelivered"), {"account": "x"}).status_code == 404


@pytest.mark.parametrize("searched", ["+4930123", "4", "call.answered", " "])
def test_webhooks_are_searched_for_applications_of_the_account_alone(
    signed_in: Any, application: Any, sandbox: Sandbox, searched: str
) -> None:
    """Whether Telnyx finds something tells a number digit by digit, and what a caller said word by word."""
    fail_at_telnyx(sandbox, application.telnyx_id, 503)
    support = signed_in("voice.view_callevent")
    url, account = reverse("admin:voice_callevent_undelivered"), str(application.account_id)
    assert support.get(url, {"account": account, "connection_id": searched}).status_code == 404
    other = make_account("other")
    KINDS[1].model.objects.create(account=other, telnyx_id="88", friendly_name="theirs")
    assert support.get(url, {"account": account, "connection_id": "88"}).status_code == 404
    KINDS[1].model.objects.create(account=application.account, telnyx_id="88", friendly_name="ours")
    assert support.get(url, {"account": account, "connection_id": "88"}).status_code == 200
    assert "HTTP 503" in support.get(url, {"account": account}).content.decode()


def test_whole_addresses_are_shown_to_those_who_may_see_the_account_only(
    signed_in: Any, application: Any, sandbox: Sandbox
) -> None:
    account, secret = application.account, "https://ada:hunter2@hooks.example:8443/their-secret"
    event = {
        "id": str(uuid.uuid4()),
        "event_type": "call.answered",
        "payload": {"connection_id": application.telnyx_id},
    }
    at = datetime.now(UTC).timestamp()
    for url in (account.webhook_url, secret, "https://[broken/their-secret"):
        records.keep(sandbox.store, event, [records.attempt(url, 503, at, at)])
    address = f"{reverse('admin:voice_callevent_undelivered')}?account={account.pk}"
    shown = signed_in("voice.view_callevent", username="a").get(address).content.decode()
    assert shown.count("HTTP 503") == 3
    assert account.webhook_token not in shown
    assert "their-secret" not in shown
    assert "hunter2" not in shown
    assert "127.0.0.1</span> (this portal)" in shown
    assert "hooks.example</span> (elsewhere)" in shown
    may = signed_in("voice.view_callevent", "portal.view_telnyxaccount", username="b")
    whole = may.get(address).content.decode()
    assert account.webhook_url in whole
    assert secret in whole


@pytest.mark.parametrize("rights", [(), ("voice.view_full_number",)])
def test_numbers_in_what_telnyx_tells_are_masked_for_who_may_not_see_them(
    signed_in: Any, account: TelnyxAccount, rights: tuple[str, ...]
) -> None:
    http = {"request": {"url": "https://13125550145.example/in?to=%2B13125550146"}, "response": {"status": 404}}
    attempts = [{"errors": ["no line of +13125550144 is free"], "http": http}]
    failed = {"webhook": {"event_type": "call.of.13125550143"}, "attempts": attempts}
    client, url = signed_in("voice.view_callevent", "portal.view_telnyxaccount", *rights), "voice_callevent_undelivered"
    with telnyx_says(account, webhook_deliveries={"data": [failed]}):
        shown = client.get(reverse(f"admin:{url}"), {"account": account.pk}).content.decode()
    assert "HTTP 404" in shown
    assert [f"555{last}" in shown for last in ("0143", "0144", "0145", "0146")] == [bool(rights)] * 4


@pytest.mark.parametrize("more", [0, 1])
def test_of_more_webhooks_than_are_listed_that_is_said(browser: Client, account: TelnyxAccount, more: int) -> None:
    failed = {"webhook": {"event_type": "call.answered"}, "attempts": [{"http": {"response": {"status": 404}}}]}
    with telnyx_says(account, webhook_deliveries={"data": [failed] * (MOST + more)}) as telnyx:
        shown = browser.get(reverse("admin:voice_callevent_undelivered"), {"account": account.pk}).content.decode()
    assert shown.count("HTTP 404") == MOST
    assert (f"Telnyx names more: only {MOST} are listed." in shown) == bool(more)
    assert f"page%5Bsize%5D={MOST + 1}" in telnyx.requests[-1].decode().replace("[", "%5B").replace("]", "%5D")


def test_who_may_not_see_events_is_told_of_none(
    client: Client, user_with: Callable[..., User], application: Any
) -> None:
    client.force_login(user_with("applications.view_callcontrolapplication", "voice.view_call"))
    shown = page(client, application)
    assert "0 calls in the last 24 hours" in shown
    assert "could not be used" not in shown
    undelivered = reverse("admin:voice_callevent_undelivered")
    assert client.get(undelivered).status_code == 403
    seeing = ("applications.view_callcontrolapplication", "voice.view_call", "voice.view_callevent")
    client.force_login(user_with(*seeing, username="seer"))
    assert "could not be used" in page(client, application)
    assert client.get(undelivered, {"account": application.account_id}).status_code == 200
