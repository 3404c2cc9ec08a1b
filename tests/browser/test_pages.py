"""Every page of the sidebar, and those behind it, at two widths, light and dark: nothing breaks, nothing sticks out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from tests.browser.overflow import sticks_out
from tests.support.call_pages import page
from tests.support.events import tell
from tests.support.factories import make_call, make_event
from tests.support.inbox import make_application
from tests.support.rows import Call

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.long]


@pytest.mark.looks
@pytest.mark.parametrize("width", [390, 1360])
def test_every_page_opens_whole_light_and_dark(
    opened: Callable[..., Any], lived_in: list[str], operator: Any, width: int
) -> None:
    found: list[str] = []
    with opened(viewport={"width": width, "height": 900}, color_scheme="light") as window:
        window.enter(operator)
        window.open("/admin/")
        links = window.page.locator("nav a, #nav-sidebar a").evaluate_all("all => all.map(one => one.pathname)")
        listed = sorted({link for link in links if link.startswith("/admin/")})
        assert len(listed) >= 12, listed
        for path in [*listed, *lived_in]:
            window.open(path)
            for scheme in ("light", "dark"):
                window.page.emulate_media(color_scheme=scheme)
                look(window, scheme)
                found.append(sticks_out(window))
        for scheme in ("light", "dark"):
            window.page.emulate_media(color_scheme=scheme)
            window.open("/admin/")
            assert is_dark(window) == (scheme == "dark")
    assert [line for line in found if line] + window.wrongs == []


def look(window: Any, scheme: str) -> None:
    """Wait until the page looks so."""
    window.page.locator(f"html{'.dark' if scheme == 'dark' else ':not(.dark)'}").wait_for(state="attached")


def is_dark(window: Any) -> bool:
    dark: bool = window.page.evaluate("document.documentElement.classList.contains('dark')")
    return dark


def test_swagger_opens(opened: Callable[..., Any], lived_in: list[str]) -> None:
    with opened() as window:
        window.open("/api/docs/try/")
        window.page.get_by_text("/api/v1/accounts/", exact=True).first.wait_for()
    assert window.wrongs == []


def test_raw_json_is_fetched_when_it_is_opened(opened: Callable[..., Any], lived_in: list[str], operator: Any) -> None:
    with opened() as window:
        window.enter(operator)
        window.open(lived_in[0])
        box = window.page.locator("details[data-raw]").first
        assert box.locator("pre").count() == 0
        box.locator("summary").click()
        box.locator("pre").wait_for()
        assert "call_control_id" in (box.locator("pre").text_content() or "")
    assert window.wrongs == []


def test_raw_json_that_could_not_be_loaded_is_fetched_when_it_is_opened_again(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    tell(account, make_event(), make_event("call.hangup", 1))
    with opened() as window:
        window.enter(operator)
        window.open(page(Call.objects.get()))
        window.page.route("**/raw/**", lambda route: route.abort(), times=1)
        box = window.page.locator("details[data-raw]").first
        box.locator("summary").click()
        expect(box).to_contain_text("This could not be loaded")
        for _ in range(2):  # closes it, and opens it
            box.locator("summary").click()
        expect(box.locator("pre")).to_contain_text("call_control_id")
    assert [wrong for wrong in window.wrongs if "net::ERR_FAILED" not in wrong] == []


def test_raw_json_tells_who_is_signed_out_so_and_leaves_what_is_typed(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    tell(account, make_event(), make_event("call.hangup", 1))
    with opened() as window:
        window.enter(operator)
        window.open(page(Call.objects.get()))
        note = window.page.get_by_label("Note", exact=True)
        note.fill("Call back on Monday")
        Session.objects.all().delete()
        box = window.page.locator("details[data-raw]").first
        box.locator("summary").click()
        expect(box).to_contain_text("You are signed out")
        expect(box.get_by_role("link", name="Sign in")).to_have_attribute("target", "_blank")
        expect(note).to_have_value("Call back on Monday")
        window.enter(operator)
        for _ in range(2):
            box.locator("summary").click()
        expect(box.locator("pre")).to_contain_text("call_control_id")
    assert window.wrongs == []


def test_a_page_that_draws_itself_anew_tells_who_is_signed_out_so_and_leaves_what_is_typed(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    with opened() as window:
        window.enter(operator)
        window.open(page(make_call(account)))  # alive: it asks every two seconds
        note = window.page.get_by_label("Note", exact=True)
        note.fill("Call back on Monday")
        Session.objects.all().delete()
        told = window.page.get_by_role("alert").filter(has_text="You were signed out")
        expect(told.get_by_role("link", name="Sign in")).to_have_attribute("target", "_blank")
        with window.page.expect_response("**/change/"):
            pass
        expect(told).to_have_count(1)
        expect(note).to_have_value("Call back on Monday")
        window.page.get_by_role("button", name="Ask Telnyx for its record").click()  # nobody presses unawares
        window.page.wait_for_url("**/admin/login/**")
    assert window.wrongs == []


def test_who_is_signed_out_and_chooses_something_keeps_what_was_pasted(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    make_application(account, application_name="line")
    with opened() as window:
        window.enter(operator)
        window.open("/admin/voice/dialbatch/new/")
        pasted = window.page.locator("[name=numbers]")
        pasted.fill("+13125550001")
        Session.objects.all().delete()
        window.page.locator("[name=connection_id]").select_option(index=1)
        expect(window.page.get_by_role("alert").filter(has_text="You were signed out")).to_have_count(1)
        expect(pasted).to_have_value("+13125550001")
    assert window.wrongs == []
