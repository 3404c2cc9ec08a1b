"""A live call's page is drawn anew by itself, and takes nothing away from whoever reads it."""

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from tests.browser.conftest import chromium, opened  # noqa: F401  fixtures
from tests.browser.everybody import axe
from tests.browser.overflow import sticks_out
from tests.support.call_pages import page
from tests.support.events import tell
from tests.support.factories import make_event, run_owed
from tests.support.rows import Call
from tests.support.webhooks import post_webhook

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_what_is_opened_stays_open_and_the_end_is_told(opened: Any, account: TelnyxAccount, operator: Any) -> None:  # noqa: F811
    tell(account, make_event(), make_event("call.answered", 1))
    call = Call.objects.get()
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        window.open(page(call))
        story = window.page.locator("#call-timeline")
        story.locator("summary").nth(1).click()  # of the answer, which is not the first of that name
        expect(story.locator("details[open] pre")).to_contain_text("v3:a-leg")
        window.page.get_by_role("radio", name="Events").check()
        expect(window.page.locator("#call-verdict h2")).to_contain_text("On the line")
        post_webhook(Client(), account, make_event("call.hangup", 9))
        run_owed()
        expect(window.page.locator("#call-verdict h2")).to_contain_text("The caller hung up")
        expect(story.locator(".portal-event").nth(1).locator("details[open] pre")).to_contain_text("v3:a-leg")
        expect(story.locator("details[open]")).to_have_count(1)
        expect(window.page.get_by_role("radio", name="Events")).to_be_checked()
        expect(window.page.locator("#call-poll[hx-get]")).to_have_count(0)  # nothing is asked for any more
        assert window.wrongs == []


def test_its_pages_are_for_everybody(opened: Any, account: TelnyxAccount, operator: Any) -> None:  # noqa: F811
    tell(account, make_event(), make_event("call.answered", 1), make_event(seconds=2, leg="b", direction="outgoing"))
    with opened() as window:
        axe.bring(window)
        window.enter(operator)
        window.open(page(Call.objects.get(call_control_id="v3:a-leg")))
        assert axe.faults(window) == []  # light and dark; the last width it looks at is a phone's
        assert not sticks_out(window)
        assert window.wrongs == []
