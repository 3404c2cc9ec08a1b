"""A person's way through the portal in a real browser: from signing in to hanging up."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.factories import make_flow
from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from tests.support.worker import working
from voice.models import Call, CallCommand

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    """Callers who have all the time a person needs."""
    yield Http(sandbox.port)
    sandbox.reset()


def test_from_signing_in_to_hanging_up(
    opened: Callable[..., Any],
    http: Http,
    sandbox_account: TelnyxAccount,
    operator: Any,
    settings: Any,
    live_server: Any,
) -> None:
    settings.PORTAL_PUBLIC_URL = live_server.url
    with working(), opened(viewport={"width": 1360, "height": 900}) as window:
        page = window.page
        window.sign_in()

        page.get_by_role("link", name="Call Control").first.click()
        page.locator("a[href$='/callcontrolapplication/add/']").first.click()
        page.fill("[name=application_name]", "front desk")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("front desk").first).to_be_visible()
        application = CallControlApplication.objects.get()
        assert application.webhook_event_url == sandbox_account.webhook_url
        answer = {"event_type": "call.initiated", "do": [{"action": "answer"}]}
        make_flow(sandbox_account, answer, connection_id=application.telnyx_id)

        control_id = http.ring("answered", connection_id=application.telnyx_id)
        eventually(lambda: Call.objects.filter(state="answered").exists(), "the answer")
        page.get_by_role("link", name="Call log").first.click()
        row = page.locator(".log-row")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("front desk")
        row.locator("a").first.click()
        call = Call.objects.get()
        page.wait_for_url(f"**/voice/call/{call.pk}/change/")
        expect(page.locator(".portal-timeline")).to_contain_text("Call initiated")
        expect(page.locator(".portal-head .portal-badge").first).to_have_text("answered")

        page.locator(".portal-head").get_by_role("link", name="Hangup").click()
        assert not CallCommand.objects.filter(action="hangup").exists()  # asked first
        page.get_by_role("button", name="Hangup").click()
        page.wait_for_url(f"**/voice/call/{call.pk}/change/")
        expect(page.locator("#call-verdict")).to_contain_text("hung up")  # without a reload
        expect(page.locator(".portal-timeline")).to_contain_text("Hung up")
        expect(page.locator(".portal-head").get_by_role("link", name="Hangup")).to_have_count(0)
        assert window.wrongs == []
    call.refresh_from_db()
    assert (call.call_control_id, call.state, call.hangup_source) == (control_id, "ended", "callee")
    assert list(CallCommand.objects.values_list("action", "status").order_by("created_at")) == [
        ("answer", "ok"),
        ("hangup", "ok"),
    ]
    assert re.match("user: operator", CallCommand.objects.get(action="hangup").requested_by)
