"""Lists and the parts of a page, as somebody works with them: columns by the keyboard, a history in place."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from applications.models import CallControlApplication
from applications.pulls.pulls import begin, pull
from portal.actors import PORTAL
from portal.list_columns import ListColumns
from portal.models import TelnyxAccount
from tests.support.application_pages import drawn, page_url, row_url
from tests.support.applications import CALL_CONTROL, at_telnyx

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def test_columns_are_chosen_by_the_keyboard(opened: Callable[..., Any], operator: Any, account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id="1", application_name="desk")
    with opened(viewport=WIDE) as window:
        window.enter(operator)
        window.open(f"{page_url('changelist')}?active__exact=1&q=")
        page = window.page
        page.locator(".portal-columns summary").focus()
        page.keyboard.press("Enter")
        first = page.locator(".portal-columns input[name=column]:not([disabled])").first
        expect(first).to_be_visible()
        page.keyboard.press("Tab")
        expect(first).to_be_focused()
        page.keyboard.press("Space")
        with page.expect_navigation():
            page.keyboard.press("Enter")  # sends the form from any of its boxes
        assert "active__exact=1" in page.url
        names = ListColumns.objects.get().names
        assert "name_shown" in names
        assert "telnyx_id" not in names
        page.locator(".portal-columns summary").click()
        with page.expect_navigation():
            page.get_by_role("button", name="The usual ones").click()
        assert not ListColumns.objects.exists()
    assert window.wrongs == []


def test_the_history_is_read_and_restored_without_leaving_the_page(
    opened: Callable[..., Any], browser: Any, sandbox_account: TelnyxAccount, operator: Any
) -> None:
    remote = at_telnyx(sandbox_account, CALL_CONTROL)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    row = CallControlApplication.objects.get(telnyx_id=remote["id"])
    url = row_url("change", row)
    for new in ("one", "two"):
        browser.post(url, drawn(browser, url) | {"application_name": new})
    with opened(viewport=WIDE) as window:
        window.enter(operator)
        window.open(f"{url}?tab=history")
        page = window.page
        head, panel = page.locator(".portal-app-title"), page.locator("#portal-history")
        expect(panel.locator(".portal-version")).to_have_count(3)
        expect(page.locator("#submit-row")).to_be_hidden()
        panel.get_by_role("link", name="Compare, restore").last.click()
        expect(panel.locator("h2")).to_be_focused()
        expect(head).to_have_text("two")
        panel.get_by_role("button", name="Compare").click()
        expect(panel.locator("h2")).to_be_focused()  # drawn: what is asked for before that is given up
        expect(panel.get_by_role("button", name="Restore this version")).to_be_visible()
        panel.get_by_role("link", name="All versions").click()
        expect(panel.locator(".portal-version")).to_have_count(3)
        assert page.url.endswith("?tab=history")
        panel.get_by_role("link", name="Compare, restore").last.click()
        panel.get_by_role("button", name="Restore this version").click()
        expect(head).to_have_text("router")
        expect(page.locator(".portal-toast")).to_be_visible()
    assert window.wrongs == []


def test_what_is_typed_goes_along_into_the_file_the_columns_and_the_filters(
    opened: Callable[..., Any], operator: Any, account: TelnyxAccount
) -> None:
    for name in ("desk", "door"):
        CallControlApplication.objects.create(account=account, telnyx_id=name, application_name=name)
    with opened(viewport=WIDE) as window:
        window.enter(operator)
        window.open(f"{page_url('changelist')}?q=door")
        page = window.page
        page.locator("#searchbar").fill("desk")
        expect(page.locator("#result_list")).to_contain_text("desk")
        expect(page.locator("#portal-active-filters")).to_contain_text("desk")
        assert "q=desk" in str(page.locator("a[href*='/export/csv/']").get_attribute("href"))
        assert page.locator(".portal-columns input[name=query]").get_attribute("value") == "q=desk"
        page.locator("#portal-filters-open").click()
        with page.expect_navigation():
            page.get_by_role("button", name="Apply Filters").click()
        assert "q=desk" in page.url
    assert window.wrongs == []


def test_a_list_that_asks_by_itself_tells_who_is_signed_out_so_and_leads_through_the_sign_in_back_to_itself(
    opened: Callable[..., Any], operator: Any, account: TelnyxAccount
) -> None:
    begin(CALL_CONTROL, account, PORTAL)  # the line above the list asks how far it is
    with opened(viewport=WIDE) as window:
        window.enter(operator)
        window.open(f"{page_url('changelist')}?q=desk")
        Session.objects.all().delete()
        told = window.page.get_by_role("alert").filter(has_text="You were signed out")
        with window.page.context.expect_page() as other:
            told.get_by_role("link", name="Sign in").click()
        expect(other.value.locator("[name=username]")).to_have_count(1)
        assert parse_qs(urlsplit(other.value.url).query)["next"] == [f"{page_url('changelist')}?q=desk"]
        expect(window.page.locator("#searchbar")).to_have_value("desk")
    assert window.wrongs == []
