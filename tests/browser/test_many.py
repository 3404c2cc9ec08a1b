"""A change for many applications and the question why nothing arrives, walked from the home page and counted."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from applications.models import CallControlApplication
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.browser.test_jobs import begin, press, presses
from tests.support.application_pages import row_url
from tests.support.applications import CALL_CONTROL, at_telnyx
from voice.stops import service

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MANY = 20
ELSEWHERE = "https://hooks.example.com/voice"


def test_twenty_applications_get_a_webhook_url_in_six(
    opened: Callable[..., Any], sandbox_account: TelnyxAccount, operator: Any
) -> None:
    for at in range(MANY):
        at_telnyx(sandbox_account, CALL_CONTROL, application_name=f"line {at:02}")
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    with opened(viewport={"width": 1440, "height": 900}) as window:
        page = begin(window, operator)
        press(page, page.get_by_role("link", name="Call Control", exact=True))
        press(page, page.locator("#action-toggle"))
        press(page, page.get_by_role("button", name="Change fields …"))
        page.wait_for_url("**/bulk/**")
        press(page, page.get_by_label("Webhook event URL", exact=True))
        page.keyboard.type(ELSEWHERE)
        press(page, page.get_by_role("button", name="Preview"))
        press(page, page.get_by_role("button", name=f"Change {MANY} at Telnyx"))
        expect(page.get_by_text(f"{MANY} of {MANY} done")).to_be_visible()
        assert presses(page) <= 6
    assert window.wrongs == []
    assert set(CallControlApplication.objects.values_list("webhook_event_url", flat=True)) == {ELSEWHERE}


def test_why_no_webhooks_arrive_is_answered_in_one(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    url = f"/webhooks/{account.webhook_token}/call-control/"
    Client().post(url, b"{}", content_type="application/json")  # a proxy strips the signature
    row = CallControlApplication.objects.create(account=account, telnyx_id="7", application_name="x")
    service.suspend(account, "", "", PORTAL)
    with opened(viewport={"width": 1440, "height": 900}) as window:
        page = begin(window, operator)
        press(page, page.get_by_role("link", name="Do webhooks arrive?"))
        page.wait_for_url("**/inbox/")
        for words in (
            "Requests arrive but are refused: no signature headers",
            "is a proxy stripping them?",
            "It is suspended here: webhooks are kept",
            "Last webhook",
            "Public key",
            "Refused in 24 hours",
        ):
            expect(page.get_by_text(words).first).to_be_in_viewport()
        expect(page.get_by_text("Telnyx has no address for its webhooks: they go nowhere.")).to_be_visible()
        expect(page.get_by_role("button", name="Webhook reachable?")).to_be_in_viewport()
        assert presses(page) == 1
        window.open(row_url("change", row))  # and from where somebody misses them
        page.locator(".portal-tabs").get_by_role("link", name="Calls").click()
        page.locator("main").get_by_role("link", name="Inbox", exact=True).click()
        page.wait_for_url("**/inbox/")
    assert window.wrongs == []
