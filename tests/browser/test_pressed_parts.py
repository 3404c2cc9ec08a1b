"""What somebody presses or ticks on a page that draws itself, or has more than one choice, is what is done."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from tests.support.factories import make_call
from tests.support.live_board import listed
from tests.support.times import ago

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_call_of_the_live_board_is_refreshed_while_a_detail_is_open(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    make_call(account, started_at=ago(600))
    listed(account)  # Telnyx does not list it
    with opened() as window:
        window.enter(operator)
        window.open("/admin/voice/call/live/")
        window.page.locator("#portal-live summary").first.click()
        expect(window.page.locator("#portal-live details[open]")).to_have_count(1)
        with window.page.expect_request("**/refresh/**") as asked:
            window.page.locator("#portal-live").get_by_role("button", name="Refresh").click()
        assert asked.value.method == "POST"  # its answer leads to the page anew


def test_a_detail_that_is_opened_while_an_answer_is_on_its_way_stays_open(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    make_call(account, started_at=ago(600))
    listed(account)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    with opened() as window:
        window.enter(operator)
        page = window.page
        page.route("**/live/table/**", hold)
        with page.expect_request("**/live/table/**"):
            window.open("/admin/voice/call/live/")
        page.locator("#portal-live summary").first.click()
        make_call(account, "b")  # the answer has something new
        page.evaluate("document.addEventListener('htmx:afterRequest', () => { window.hasCome = true; })")
        held[0].continue_()
        page.wait_for_function("window.hasCome")
        expect(page.locator("#portal-live details[open]")).to_have_count(1)
        page.unroute("**/live/table/**")
    assert window.wrongs == []


def test_whoever_ticks_a_column_of_an_export_takes_those_that_are_ticked(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    make_call(account)
    with opened() as window:
        window.enter(operator)
        window.open("/admin/voice/call/export/")
        window.page.get_by_label("All 27").check()
        window.page.get_by_label("call_leg_id", exact=True).check()
        expect(window.page.get_by_label("Only these:")).to_be_checked()
    assert window.wrongs == []
