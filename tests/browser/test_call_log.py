"""The call log in a real browser, as the people who answer phones use it."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.browser.everybody import axe
from tests.browser.overflow import sticks_out
from tests.support.call_pages import LOG
from tests.support.factories import FROM, make_event, run_owed
from tests.support.recoveries import undelivered
from tests.support.rows import Call

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Clicks:
    """Counts what is clicked after a search was typed."""

    def __init__(self) -> None:
        self.count = 0

    def on(self, part: Any) -> None:
        self.count += 1
        part.click()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_support_finds_out_in_two_clicks_that_telnyx_knows_a_call(
    opened: Callable[..., Any],
    sandbox: Sandbox,
    sandbox_account: TelnyxAccount,
    user_with: Any,
    width: int,
    scheme: str,
) -> None:
    for name, minutes in (("call.initiated", 9), ("call.hangup", 8)):
        undelivered(sandbox, make_event(name, -60 * minutes), minutes=minutes)
    clicks = Clicks()
    with opened(viewport={"width": width, "height": 900}, color_scheme=scheme) as window:
        axe.bring(window)
        window.enter(user_with("Support"))
        window.open(LOG)
        page = window.page
        page.get_by_role("searchbox", name="Search calls").fill(FROM)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="No call")).to_be_visible()
        clicks.on(page.get_by_role("button", name="Ask Telnyx"))
        asked = page.locator("#log-asked")
        expect(asked).to_contain_text("+1312•••0101")
        expect(asked).to_contain_text("Ended normally")
        expect(asked).to_contain_text("who may recover events imports it")
        assert FROM[1:] not in asked.inner_text()
        assert axe.faults(window) == []
        assert not sticks_out(window)
        assert window.wrongs == []
    assert clicks.count <= 2


def test_what_telnyx_knows_is_brought_in_by_two_clicks(
    opened: Callable[..., Any], sandbox: Sandbox, sandbox_account: TelnyxAccount, operator: Any
) -> None:
    for name, minutes in (("call.initiated", 9), ("call.hangup", 8)):
        undelivered(sandbox, make_event(name, -60 * minutes), minutes=minutes)
    clicks = Clicks()
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        window.open(f"{LOG}?q={FROM.replace('+', '%2B')}")
        page = window.page
        clicks.on(page.get_by_role("button", name="Ask Telnyx"))
        clicks.on(page.get_by_role("button", name="Import"))
        expect(page.get_by_text("2 events came in")).to_be_visible()
        run_owed()
        page.reload()
        expect(page.locator(".log-row")).to_have_count(1)
        assert window.wrongs == []
    assert (clicks.count, Call.objects.get().state) == (2, "ended")
