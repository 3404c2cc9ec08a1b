"""The call log in a real browser, as the people who answer phones use it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.view_times import TimePreference
from tests.browser.everybody import axe
from tests.browser.overflow import sticks_out
from tests.support.call_pages import LOG
from tests.support.ending_rows import BY_ID, store
from tests.support.factories import FROM, make_call, make_event, run_owed
from tests.support.polling import eventually
from tests.support.recoveries import undelivered
from tests.support.rows import Call
from voice.models import CallTag

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
        page.get_by_role("combobox", name="Search calls").fill(FROM)
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


def test_a_call_is_looked_at_beside_the_list_by_keyboard(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any
) -> None:
    make_call(account, "a", call_session_id="", started_at=timezone.now() - timedelta(days=400))
    store(account, BY_ID["p05-transferred-target-left-first"])
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(user_with("Support"))
        window.open(LOG)
        page, drawer = window.page, window.page.get_by_role("dialog")
        first, last = page.locator(".log-open:visible").first, page.locator(".log-open:visible").last
        page.keyboard.press("j")
        page.keyboard.press("Space")
        expect(drawer).to_contain_text("hung up after talking")
        expect(drawer.locator("svg.sp")).to_be_visible()
        expect(drawer.get_by_role("heading", name="Recordings")).to_be_visible()
        assert drawer.bounding_box() == {"x": 960, "y": 0, "width": 480, "height": 900}
        for _ in range(30):  # the keyboard stays within; of the browser's own bar a page knows nothing
            page.keyboard.press("Tab")
            assert page.evaluate(
                "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
            )
        assert first.get_attribute("href") in drawer.get_by_role("link", name="Open the page").get_attribute("href")
        assert "/change/#entry-" in drawer.locator("a[href*='#entry-']").first.get_attribute("href")
        page.keyboard.press("]")
        expect(drawer).to_contain_text("On the line")
        page.keyboard.press("]")  # there is no next one
        page.keyboard.press("Escape")
        expect(drawer).to_be_hidden()
        expect(last).to_be_focused()
        page.keyboard.press("o")
        expect(drawer).to_contain_text("On the line")
        page.keyboard.press("[")
        expect(drawer).to_contain_text("hung up after talking")
        page.keyboard.press("o")
        expect(first).to_be_focused()
        assert window.wrongs == []


@pytest.mark.looks
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_stands_beside_the_list_is_for_everybody(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any, width: int, scheme: str
) -> None:
    store(account, BY_ID["p05-transferred-target-left-first"])
    with opened(viewport={"width": width, "height": 844}, color_scheme=scheme) as window:
        axe.bring(window)
        window.enter(operator)
        window.open(LOG)
        page, drawer = window.page, window.page.get_by_role("dialog")
        page.locator(".log-row").first.hover()
        page.get_by_role("button", name="Look at it beside the list").first.click()
        expect(drawer.locator("svg.sp")).to_be_visible()
        box = drawer.bounding_box()
        assert (box["width"], box["x"]) == ((480, 960) if width == 1440 else (390, 0))
        assert axe.faults(window) == []
        assert not sticks_out(window)
        drawer.get_by_role("button", name="Close").click()
        expect(page.locator(".log-open").first).to_be_focused()
        assert window.wrongs == []


def test_many_are_picked_by_keyboard_and_tagged(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any
) -> None:
    for at, letter in enumerate("abc"):
        make_call(account, letter, call_session_id="", started_at=timezone.now() - timedelta(minutes=at))
    with opened(viewport={"width": 1440, "height": 900}) as window:
        axe.bring(window)
        window.enter(user_with("Support"))
        window.open(LOG)
        page = window.page
        for key in "jxjx":
            page.keyboard.press(key)
        expect(page.locator(".log-row").first).to_be_visible()
        assert axe.faults(window) == []
        page.set_viewport_size({"width": 1440, "height": 900})
        page.get_by_role("button", name="Do with 2 picked").click()
        expect(page.get_by_role("heading", name="2 calls").first).to_be_visible()
        assert axe.faults(window) == []
        page.set_viewport_size({"width": 390, "height": 844})
        assert not sticks_out(window)
        page.get_by_label("Tag", exact=True).fill("vip")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Tagged 2 calls")).to_be_visible()
        assert window.wrongs == []
    assert sorted(tag.call.call_control_id for tag in CallTag.objects.all()) == ["v3:a-leg", "v3:b-leg"]


def test_keys_lead_to_the_note_the_tag_and_the_export_of_a_row(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any
) -> None:
    call = make_call(account, "a")
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(user_with("Support"))
        page = window.page
        for key, field in (("n", "note-text"), ("t", "tag-name")):
            window.open(LOG)
            page.keyboard.press("j")
            page.keyboard.press(key)
            page.wait_for_url(f"**/{call.pk}/change/#{field}")
            expect(page.locator(f"#{field}")).to_be_focused()
        window.open(LOG)
        page.keyboard.press("j")
        page.keyboard.press("g")
        page.keyboard.press("h")
        page.wait_for_url("**/admin/")
        window.open(f"{LOG}?q=is:running")
        page.keyboard.press("e")
        page.wait_for_url("**/call/export/?q=is%3Arunning")
        assert window.wrongs == []


def test_what_is_chosen_among_suggestions_stays_chosen_when_others_come_late(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any
) -> None:
    held = list[Any]()
    with opened() as window:
        window.enter(user_with("Support"))
        window.open(LOG)
        page, offered = window.page, window.page.get_by_role("option")
        box = page.get_by_role("combobox", name="Search calls")
        box.press_sequentially("endin")
        expect(offered).to_contain_text("how it ended")
        page.route("**/completions/**", lambda route, _: held.append(route), times=1)
        box.press("g")
        eventually(lambda: page.wait_for_timeout(20) or held, "the question for the longer word")
        box.press("ArrowDown")
        with page.expect_response("**/completions/**"):
            held[0].continue_()
        page.evaluate("async () => (await fetch(location.href)).text()")  # what came before is read by then
        expect(offered).to_have_attribute("aria-selected", "true")
        box.press("Enter")
        expect(box).to_have_value("ending:")
    assert window.wrongs == []


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_search_is_completed_by_keyboard(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any, width: int, scheme: str
) -> None:
    make_call(account, "a", state="ended", ending="busy", ending_category="busy", queue="front desk")
    with opened(viewport={"width": width, "height": 844}, color_scheme=scheme) as window:
        axe.bring(window)
        window.enter(user_with("Support"))
        window.open(LOG)
        page = window.page
        box = page.get_by_role("combobox", name="Search calls")
        offered, said = page.get_by_role("option"), page.locator("#log-completed")
        expect(box).to_have_attribute("aria-expanded", "false")
        box.press_sequentially("end")
        expect(offered).to_have_count(1)
        expect(offered).to_contain_text("how it ended")
        expect(said).to_have_text("1 suggestion")
        box.press("ArrowDown")
        expect(offered).to_have_attribute("aria-selected", "true")
        assert box.get_attribute("aria-activedescendant") == offered.get_attribute("id")
        box.press("Enter")  # takes the word, and offers its values
        expect(box).to_have_value("ending:")
        expect(offered.filter(has_text="ending:our_side")).to_be_visible()
        assert axe.faults(window) == []
        assert not sticks_out(window)
        box.press("Escape")  # closes it, and leaves what was typed
        expect(offered).to_have_count(0)
        expect(box).to_have_value("ending:")
        expect(box).to_be_focused()
        box.press_sequentially("b")
        offered.filter(has_text="ending:busy").first.click()
        expect(box).to_have_value("ending:busy ")
        box.press_sequentially('queue:"front')
        expect(offered).to_have_count(1)
        box.press("ArrowUp")  # from the box to the last one, and on to the box again
        expect(offered).to_have_attribute("aria-selected", "true")
        box.press("ArrowUp")
        expect(offered).to_have_attribute("aria-selected", "false")
        box.press("ArrowDown")
        box.press("Enter")
        expect(box).to_have_value('ending:busy queue:"front desk" ')
        box.press("Enter")
        page.wait_for_url("**q=ending%3Abusy**")
        expect(page.locator(".log-row")).to_have_count(1)
        assert window.wrongs == []


def test_a_number_that_is_typed_is_not_completed(opened: Callable[..., Any], user_with: Any) -> None:
    with opened(viewport={"width": 1440, "height": 900}) as window:
        window.enter(user_with("Support"))
        window.open(LOG)
        page, asked = window.page, list[str]()
        page.on("request", lambda request: asked.append(request.url))
        box = page.get_by_role("combobox", name="Search calls")
        box.press_sequentially(f"{FROM} sip:ada@example.com ")
        box.press_sequentially("is:r")
        expect(page.get_by_role("option")).to_have_count(2)
        assert [url.partition("?")[2] for url in asked if "completions" in url] == ["word=is%3Ar"]
        box.press("Enter")  # nothing is chosen: it is searched as it stands
        page.wait_for_url("**is%3Ar")
        expect(page.locator("#log-wrong")).to_contain_text("is:r")
        assert window.wrongs == []


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_how_many_legs_a_call_has_stands_whole_beside_the_longest_time(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any, width: int
) -> None:
    store(account, BY_ID["p05-transferred-target-left-first"])
    person = user_with("Support")
    TimePreference.objects.create(user=person, order=TimePreference.Order.AMERICAN)
    with opened(viewport={"width": width, "height": 900}) as window:
        window.enter(person)
        window.open(LOG)
        legs = window.page.locator(".log-legs")
        expect(legs).to_be_visible()
        cell, pill = window.page.locator("td.log-time").first.bounding_box(), legs.bounding_box()
        assert pill["x"] + pill["width"] <= cell["x"] + cell["width"]
        assert pill["y"] + pill["height"] <= cell["y"] + cell["height"]
