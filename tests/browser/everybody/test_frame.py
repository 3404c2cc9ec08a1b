"""What stands around every page: landmarks, the navigation and the way past it, names, what an empty list says."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.browser.everybody.pages import each_page
from tests.browser.overflow import sticks_out
from tests.support.factories import make_call

pytestmark = [pytest.mark.browser, pytest.mark.looks, pytest.mark.django_db(transaction=True)]
READ_ALOUD = """() => [...document.querySelectorAll('.material-symbols-outlined')]
  .filter(one => !one.closest('[aria-hidden=true], [role=img], [aria-label]')).map(one => one.outerHTML)"""


@pytest.mark.long
def test_every_page_has_its_landmarks_and_a_title_and_fits(
    opened: Callable[..., Any], pages: list[str], operator: Any
) -> None:
    wrong: list[str] = []
    titles: dict[str, str] = {}
    with opened() as window:
        window.enter(operator)
        for page in each_page(window, pages):
            for width in (390, 1024, 1440):
                window.page.set_viewport_size({"width": width, "height": 900})
                wrong.append(sticks_out(window))
            titles[page] = window.page.title().strip()
            for part in ("main", "header", "nav[aria-label=Main]", "h1"):
                if window.page.locator(part).count() != 1:
                    wrong.append(f"{page} has no {part}, or several")
            wrong += [f"{page} reads aloud {icon}" for icon in window.page.evaluate(READ_ALOUD)]
    assert not any(wrong), "\n".join(filter(None, wrong))
    assert [page for page, title in titles.items() if not title.split(" | ")[0] or "Select " in title] == []


@pytest.mark.parametrize("width", [390, 720, 1024])
def test_the_navigation_opens_and_closes_by_keyboard(opened: Callable[..., Any], operator: Any, width: int) -> None:
    with opened(viewport={"width": width, "height": 900}) as window:
        window.enter(operator)
        window.open("/admin/")
        page, link = window.page, window.page.get_by_role("link", name="Call log")
        expect(link).to_be_hidden()
        for _ in range(2):
            page.keyboard.press("Tab")
        button = page.get_by_role("button", name="Navigation")
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
        expect(link).to_be_visible()
        expect(page.get_by_role("button", name="Close the navigation")).to_be_focused()
        page.keyboard.press("Escape")
        expect(link).to_be_hidden()
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
        for _ in range(40):
            page.keyboard.press("Tab")
            if link.evaluate("one => one === document.activeElement"):
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/admin/voice/call/")
    assert window.wrongs == []


def test_one_press_leads_past_the_navigation(opened: Callable[..., Any], operator: Any) -> None:
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        window.open("/admin/voice/call/")
        page = window.page
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        assert skip.bounding_box()["y"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("!!document.activeElement.closest('#portal-main')")


def test_a_page_without_scripts_has_its_navigation(opened: Callable[..., Any], operator: Any) -> None:
    with opened(viewport={"width": 390, "height": 900}, java_script_enabled=False) as window:
        window.enter(operator)
        window.open("/admin/")
        window.page.get_by_role("link", name="Call log").click()
        window.page.wait_for_url("**/admin/voice/call/")


def test_what_is_drawn_anew_keeps_the_focus(opened: Callable[..., Any], account: TelnyxAccount, operator: Any) -> None:
    call = make_call(account)
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        window.open(reverse("admin:voice_call_change", args=[call.pk]))
        page, link = window.page, window.page.locator(".portal-head").get_by_role("link", name="Hangup")
        link.focus()
        page.evaluate("() => { window.before = document.activeElement }")
        page.wait_for_function("() => !window.before.isConnected && document.activeElement !== document.body")
        expect(link).to_be_focused()


def test_names_are_shown_as_they_are(opened: Callable[..., Any], account: TelnyxAccount, operator: Any) -> None:
    application = CallControlApplication.objects.create(account=account, telnyx_id="1", application_name="x")
    with opened(viewport={"width": 390, "height": 900}) as window:
        window.enter(operator)
        window.open(reverse("admin:applications_callcontrolapplication_change", args=[application.pk]))
        assert window.page.locator("h1").inner_text().strip() == "x"
        window.page.set_viewport_size({"width": 1440, "height": 900})
        steps = window.page.locator("h1 .portal-crumb").all_inner_texts()
        assert steps == ["Applications", "Call Control", "x"]
        assert window.page.title().strip().startswith("x | ")


def test_an_empty_list_says_what_to_do(opened: Callable[..., Any], operator: Any) -> None:
    with opened(viewport={"width": 390, "height": 900}) as window:
        window.enter(operator)
        window.open("/admin/voice/call/")
        assert window.page.title().strip().startswith("Calls | ")
        expect(window.page.get_by_role("heading", name="No calls yet")).to_be_visible()
        expect(window.page.get_by_text("A call appears with its first webhook")).to_be_visible()
        window.open("/admin/voice/call/?q=nobody")
        expect(window.page.get_by_role("heading", name="No call", exact=True)).to_be_visible()
        window.page.get_by_role("link", name="Show all calls").click()
        expect(window.page.get_by_role("heading", name="No calls yet")).to_be_visible()
