"""The call log while it is watched: what Live draws anew is whole, and takes nothing away from whoever works in it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from tests.support.call_pages import LOG
from tests.support.factories import make_call
from tests.support.polling import eventually
from tests.support.rows import Call
from voice.call_log.listing import SIZE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.long]
WIDE = {"width": 1440, "height": 900}


def begun(account: TelnyxAccount, name: str, at: datetime) -> Call:
    """A call that is over, and alone in its session."""
    return make_call(account, name, call_session_id="", state="ended", started_at=at)


def test_next_begins_with_the_call_behind_the_last_row_that_live_has_drawn(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any
) -> None:
    now = timezone.now()
    old = [begun(account, f"old{at}", now - timedelta(minutes=1 + at)) for at in range(SIZE + 2)]
    with opened(viewport=WIDE) as window:
        window.enter(user_with("Support"))
        window.open(LOG)
        page, rows = window.page, window.page.locator(".log-row")
        expect(rows).to_have_count(SIZE)
        page.locator(".log-watch").click()
        for at in range(3):
            begun(account, f"new{at}", timezone.now())
        expect(rows.last).to_have_attribute("data-leg", old[SIZE - 4].call_leg_id)  # three were pushed off the page
        page.get_by_role("link", name="Next", exact=True).click()
        expect(rows.first).to_have_attribute("data-leg", old[SIZE - 3].call_leg_id)
        expect(rows).to_have_count(5)
        assert window.wrongs == []


def test_a_list_that_was_empty_is_picked_from_once_live_has_filled_it(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any
) -> None:
    with opened(viewport=WIDE) as window:
        window.enter(user_with("Support"))
        window.open(LOG)
        page = window.page
        expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
        page.locator(".log-watch").click()
        begun(account, "a", timezone.now())
        expect(page.locator(".log-row")).to_have_count(1)
        for key in "jx":
            page.keyboard.press(key)
        page.get_by_role("button", name="Do with 1 picked").click()
        expect(page.get_by_role("heading", name="1 call", exact=True).first).to_be_visible()
        assert window.wrongs == []


def test_what_is_picked_while_live_fetches_the_list_stays_picked(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any
) -> None:
    begun(account, "a", timezone.now() - timedelta(minutes=1))
    held = list[Any]()
    with opened(viewport=WIDE) as window:
        window.enter(user_with("Support"))
        window.open(LOG)
        page, picked = window.page, window.page.locator("td.log-pick input:checked")
        page.route(f"**{LOG}", lambda route, _: held.append(route))
        page.locator(".log-watch").click()
        begun(account, "b", timezone.now())
        eventually(lambda: page.wait_for_timeout(20) or held, "a look at the whole list")
        for key in "jx":
            page.keyboard.press(key)
        expect(picked).to_have_count(1)
        for route in held:
            route.continue_()
        expect(page.locator("#log-said")).to_have_text("1 new")  # the next look tells it, and waits
        expect(picked).to_have_count(1)
        expect(page.get_by_role("button", name="Do with 1 picked")).to_be_visible()
        assert window.wrongs == []


def test_what_is_typed_outlasts_a_look_of_live_that_finds_its_person_signed_out(
    opened: Callable[..., Any], account: TelnyxAccount, user_with: Any
) -> None:
    with opened(viewport=WIDE) as window:
        window.enter(user_with("Support"))
        window.open(LOG)
        page = window.page
        page.locator(".log-watch").click()
        box = page.get_by_role("combobox", name="Search calls")
        box.fill("ending:bu")
        Session.objects.all().delete()
        expect(page.locator("#log-said")).to_have_text("You are signed out")
        expect(box).to_have_value("ending:bu")
        box.fill("")  # nothing is lost any more
        page.wait_for_url("**/admin/login/**")
        assert window.wrongs == []
