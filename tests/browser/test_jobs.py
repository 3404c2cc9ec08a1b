"""What people do most, walked from the home page and counted: each press of a mouse, and nothing is scrolled for."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from applications.models import CallControlApplication
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import drawn, row_url
from tests.support.applications import CALL_CONTROL, at_telnyx
from tests.support.polling import eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

COUNT = """
addEventListener("click", (event) => {
  if (event.isTrusted && event.detail && !(event.target.matches("select, option")))
    sessionStorage.presses = Number(sessionStorage.presses || 0) + 1;
}, true);
addEventListener("change", (event) => {  // to open a list of choices is a press, to choose is one
  if (event.target.matches("select")) sessionStorage.presses = Number(sessionStorage.presses || 0) + 2;
}, true);
"""


def begin(window: Any, operator: Any) -> Any:
    window.enter(operator)
    window.page.add_init_script(COUNT)
    window.open("/admin/")
    return window.page


@pytest.fixture
def mirrored(sandbox_account: TelnyxAccount) -> Callable[..., Any]:
    """Makes an application at Telnyx and pulls it; returns the row."""

    def make(**values: Any) -> Any:
        remote = at_telnyx(sandbox_account, CALL_CONTROL, **values)
        pull(CALL_CONTROL, sandbox_account, PORTAL)
        return CallControlApplication.objects.get(telnyx_id=remote["id"])

    return make


def press(page: Any, what: Any) -> None:
    """Press what is seen without scrolling, where it is seen."""
    expect(what).to_be_in_viewport(ratio=0.9)
    assert page.evaluate("scrollY") == 0
    box = what.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def presses(page: Any) -> int:
    return int(page.evaluate("Number(sessionStorage.presses || 0)"))


def test_an_application_is_made_and_gets_a_number_in_five(
    opened: Callable[..., Any], sandbox: Sandbox, sandbox_account: TelnyxAccount, operator: Any
) -> None:
    with opened(viewport={"width": 1440, "height": 900}) as window:
        page = begin(window, operator)
        press(page, page.get_by_role("link", name="Call Control", exact=True))
        press(page, page.locator("header a[href$='/callcontrolapplication/add/']"))
        page.get_by_label("Application name").press_sequentially("front desk")
        press(page, page.get_by_role("button", name="Save", exact=True))
        press(page, page.get_by_role("link", name="Assign a number"))
        press(page, page.get_by_role("button", name="Assign", exact=True).first)
        expect(page.locator("#portal-numbers [role=status]")).to_be_visible()
        expect(page.locator(".portal-app-title")).to_have_text("front desk")
        assert presses(page) <= 5
    assert window.wrongs == []
    assert CallControlApplication.objects.get().application_name == "front desk"


def test_a_save_stays_counts_what_changed_and_is_undone_in_one(
    opened: Callable[..., Any], client: Any, mirrored: Any, operator: Any
) -> None:
    row = mirrored(active=True)
    with opened(viewport={"width": 1440, "height": 900}) as window:
        page = begin(window, operator)
        window.open(row_url("change", row))
        page.fill("[name=application_name]", "renamed")
        page.get_by_role("switch", name="Active").uncheck()
        page.get_by_role("button", name="Save 2 changes").click()
        expect(page.locator(".portal-toast")).to_contain_text("renamed")
        row.refresh_from_db()
        assert (row.application_name, row.active) == ("renamed", False)
        before = presses(page)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".portal-app-title")).not_to_have_text("renamed")
        assert presses(page) - before == 1
    row.refresh_from_db()
    assert row.active is True
    assert window.wrongs == []


def test_an_application_is_rolled_back_in_four(
    opened: Callable[..., Any], browser: Any, mirrored: Any, operator: Any
) -> None:
    row = mirrored()
    name, url = row.name, row_url("change", row)
    for new in ("one", "two"):
        browser.post(url, drawn(browser, url) | {"application_name": new})
    with opened(viewport={"width": 1440, "height": 900}) as window:
        page = begin(window, operator)
        window.open(url)
        page.locator(".portal-tabs").get_by_role("link", name="History").click()
        page.get_by_role("link", name="Compare, restore").last.click()
        page.get_by_role("button", name="Restore").click()
        expect(page.locator(".portal-app-title")).to_have_text(name)
        assert presses(page) <= 4
    assert window.wrongs == []


def test_a_colleague_who_only_reads_is_invited_in_three(opened: Callable[..., Any], operator: Any) -> None:
    with opened(viewport={"width": 1440, "height": 900}) as window:
        page = begin(window, operator)
        page.keyboard.press("Control+k")
        page.keyboard.type("invite")
        page.locator("#portal-search-found a").first.wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/auth/user/add/")
        page.fill("[name=username]", "grace")
        page.select_option("[name=role]", label="Support")
        page.fill("[name=password1]", "correct horse battery")
        page.fill("[name=password2]", "correct horse battery")
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_url(lambda address: not address.endswith("/add/"))
        assert presses(page) <= 3
    assert list(User.objects.get(username="grace").groups.values_list("name", flat=True)) == ["Support"]
    assert window.wrongs == []


def test_the_tabs_work_by_keyboard_and_keep_their_address(
    opened: Callable[..., Any], mirrored: Any, operator: Any
) -> None:
    row = mirrored()
    with opened(viewport={"width": 390, "height": 900}) as window:
        window.enter(operator)
        window.open(row_url("change", row))
        page, tabs = window.page, window.page.locator(".portal-tabs")
        expect(page.locator("[name=application_name]")).to_be_visible()
        expect(page.locator("#portal-numbers")).to_be_hidden()
        tabs.get_by_role("link", name="Numbers").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#portal-numbers")).to_be_visible()
        expect(page.locator("[name=application_name]")).to_be_hidden()
        expect(tabs.locator("[aria-current]")).to_have_text("Numbers")
        page.reload()
        expect(page.locator("#portal-numbers")).to_be_visible()
        tabs.get_by_role("link", name="Settings").click()
        expect(page.locator("[name=application_name]")).to_be_visible()
    assert window.wrongs == []


def test_without_scripts_all_of_the_page_is_there(opened: Callable[..., Any], mirrored: Any, operator: Any) -> None:
    with opened(viewport={"width": 1440, "height": 900}, java_script_enabled=False) as window:
        window.enter(operator)
        window.open(row_url("change", mirrored()))
        for part in ("[name=application_name]", "#portal-numbers", "#tab-calls"):
            expect(window.page.locator(part)).to_be_visible()


def test_a_profile_that_is_typed_while_telnyx_is_slow_stays(
    opened: Callable[..., Any], mirrored: Any, operator: Any
) -> None:
    row, held = mirrored(), list[Any]()
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(operator)
        page, field = window.page, window.page.locator("[name='outbound.outbound_voice_profile_id']")
        window.open(row_url("change", row))
        expect(page.locator("select").and_(field)).to_be_visible()  # Telnyx has told the choice
        page.route("**/profiles/**", lambda route, _: held.append(route), times=1)
        window.open(row_url("change", row))
        field.fill("77")
        eventually(lambda: page.wait_for_timeout(20) or held, "the question for the choice")
        with page.expect_response("**/profiles/**"):
            held[0].continue_()
        page.evaluate("async () => (await fetch(location.href)).text()")  # what came before is drawn by then
        expect(page.locator("input").and_(field)).to_have_value("77")
    assert window.wrongs == []
