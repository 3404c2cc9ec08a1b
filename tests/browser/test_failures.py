"""Parts of a page that cannot be fetched: they say so, and what was pressed can be pressed again."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.application_pages import page_url
from tests.support.call_pages import LOG
from tests.support.call_pages import page as page_of
from tests.support.factories import make_call

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHEET = b"application_name,webhook_event_url,active\ndesk,https://portal.example/hook,true\n"


def test_what_a_page_asks_for_by_itself_does_not_wait_for_ever(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    with opened() as window:
        window.enter(operator)
        window.page.route("**/conference/telnyx/", lambda route: route.abort())
        window.open(reverse("admin:voice_conference_changelist"))
        told = window.page.get_by_text("The portal did not answer. Reload the page to try again.")
        expect(told).to_be_visible()
        expect(window.page.get_by_text("Asking Telnyx")).to_have_count(0)


def test_what_was_pressed_is_told_that_it_failed_once(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    call = make_call(account)
    with opened() as window:
        window.enter(operator)
        window.page.route("**/telnyx-events/", lambda route: route.fulfill(status=502, body="<p>of a proxy</p>"))
        window.open(page_of(call))
        for _ in range(2):
            with window.page.expect_response("**/telnyx-events/"):
                window.page.get_by_role("button", name="Ask Telnyx for its record").click()
            expect(window.page.get_by_text("The portal could not do this (502). Try again.")).to_have_count(1)


def test_an_answer_that_breaks_off_beside_the_list_of_calls_says_so(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    make_call(account)
    with opened() as window:
        window.enter(operator)
        window.open(LOG)
        # In braces: Playwright calls what an expression comes to, if that is a function.
        window.page.evaluate("() => { Response.prototype.text = async () => { throw new TypeError('cut off') } }")
        for key in "jo":
            window.page.keyboard.press(key)
        expect(window.page.get_by_role("dialog")).to_contain_text("This could not be loaded")
    assert window.wrongs == []


def test_an_import_that_got_no_answer_is_confirmed_again(
    opened: Callable[..., Any], sandbox_account: TelnyxAccount, operator: Any
) -> None:
    with opened() as window:
        window.enter(operator)
        window.open(page_url("import"))
        page, run = window.page, f"**{page_url('import_run')}"
        page.select_option("[name=account]", str(sandbox_account.pk))
        page.set_input_files("input[type=file]", {"name": "apps.csv", "mimeType": "text/csv", "buffer": SHEET})
        page.get_by_role("button", name="Show what it would do").click()
        button = page.get_by_role("button", name="Do this at Telnyx")
        page.route(run, lambda route: route.abort())
        button.click()
        expect(page.get_by_text("It may have been done all the same: look before you try again.")).to_be_visible()
        expect(button).to_be_enabled()
        page.unroute(run)
        button.click()
        expect(page.get_by_text("1 of 1 done")).to_be_visible()
    assert CallControlApplication.objects.get().application_name == "desk"
