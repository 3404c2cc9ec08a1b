"""The frame of every page, by keyboard: search, keys, and the badge of what is shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.browser.overflow import sticks_out
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.polling import eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_anything_is_one_press_away(opened: Callable[..., Any], account: TelnyxAccount, operator: Any) -> None:
    call = make_call(account, "a", from_number="+13125550001")
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        window.open("/admin/")
        page, box = window.page, window.page.get_by_role("searchbox", name="Search everything")
        page.keyboard.press("Control+k")
        expect(box).to_be_focused()
        page.keyboard.type("312 555 0001")
        found = page.locator("#portal-search-found a")
        expect(found.first).to_contain_text("+1 312-555-0001")
        page.keyboard.press("ArrowDown")
        expect(found.first).to_be_focused()
        page.keyboard.press("Escape")
        expect(found.first).to_be_hidden()
        expect(box).to_be_focused()
        page.keyboard.press("End")
        page.keyboard.type(" ")
        expect(found.first).to_be_visible()
        page.keyboard.press("Escape")  # it closes what was found, and not yet empties the box
        expect(found.first).to_be_hidden()
        expect(box).to_have_value("312 555 0001 ")
        box.fill(call.call_control_id)
        page.keyboard.press("Enter")  # the one press
        page.wait_for_url(f"**/admin/voice/call/{call.pk}/change/")
    assert window.wrongs == []


def test_keys_lead_somewhere_but_not_while_somebody_types(opened: Callable[..., Any], operator: Any) -> None:
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        window.open("/admin/")
        page, sheet = window.page, window.page.get_by_role("dialog", name="Keys")
        page.get_by_role("searchbox", name="Search everything").click()
        page.keyboard.type("g?c")
        expect(sheet).to_be_hidden()
        page.locator("h1").click()
        page.keyboard.press("?")
        expect(sheet).to_be_visible()
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        page.keyboard.press("g")
        page.keyboard.press("c")
        page.wait_for_url("**/admin/voice/call/")
    assert window.wrongs == []


def test_it_works_without_scripts_and_on_a_phone(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    call = make_call(account, "a")
    with opened(viewport={"width": 390, "height": 900}, java_script_enabled=False) as window:
        window.enter(operator)
        window.open("/admin/")
        window.page.get_by_role("link", name="Search everything").click()
        window.page.locator("main [name=q]").fill(str(call.pk))
        window.page.locator("main").get_by_role("button", name="Search").click()
        window.page.wait_for_url(f"**/admin/voice/call/{call.pk}/change/")


@pytest.mark.parametrize("width", [390, 1440])
def test_the_badge_is_of_what_is_shown(opened: Callable[..., Any], operator: Any, width: int) -> None:
    sandbox, live = make_account("play"), make_account("real", "https://api.telnyx.com/v2")
    pages = {
        reverse("admin:applications_callcontrolapplication_change", args=[row.pk]): row.account
        for row in (
            CallControlApplication.objects.create(account=one, telnyx_id=one.name, application_name="x" * 60)
            for one in (sandbox, live)
        )
    }
    pages[reverse("admin:voice_call_change", args=[make_call(sandbox, "a").pk])] = sandbox
    pages[reverse("admin:portal_telnyxaccount_change", args=[live.pk])] = live
    found: list[str] = []
    with opened(viewport={"width": width, "height": 900}) as window:
        window.enter(operator)
        for path, account in pages.items():
            window.open(path)
            expect(window.page.locator(".portal-where b")).to_have_text("LIVE" if account.is_live else "SANDBOX")
            expect(window.page.locator("h1")).to_be_in_viewport()
            found.append(sticks_out(window))
        window.open("/admin/")
        expect(window.page.locator(".portal-where b")).to_have_text("LIVE")
    assert [line for line in found if line] + window.wrongs == []


def test_what_is_gone_through_among_what_was_found_stays_when_an_answer_comes_late(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    make_call(account, "a", from_number="+13125550001")
    held = list[Any]()
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        window.open("/admin/")
        page, found = window.page, window.page.locator("#portal-search-found a")
        page.keyboard.press("Control+k")
        page.keyboard.type("312 555 0001")
        expect(found.first).to_contain_text("+1 312-555-0001")
        page.route(
            lambda address: "0001%20" in address or "0001+" in address, lambda route, _: held.append(route), times=1
        )
        page.keyboard.type(" 1")
        eventually(lambda: page.wait_for_timeout(20) or held, "the question for the longer text")
        page.keyboard.press("ArrowDown")
        with page.expect_event("requestfinished"):
            held[0].continue_()
        page.evaluate("async () => (await fetch(location.href)).text()")  # what came before is read by then
        expect(found.first).to_be_focused()
    assert window.wrongs == []
