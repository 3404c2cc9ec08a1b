"""The reports and the home page in a real browser: nothing sticks out, axe finds nothing, each figure is explained."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from tests.browser.everybody import axe
from tests.browser.overflow import sticks_out
from tests.support.counted_beside import make_beside, make_dials
from tests.support.counted_calls import count_all, make_calls

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
REPORTS = "/admin/voice/reports/"
_DAY = f"{REPORTS}?from=2026-03-02&to=2026-03-02"


def fill(account: TelnyxAccount) -> None:
    make_beside(account, make_calls(account, 60))
    make_dials(account, 60)
    make_calls(account, 30, seed=1, hours=40, begin=timezone.now() - timedelta(hours=42))
    count_all()


@pytest.mark.looks
def test_they_are_for_everybody(opened: Any, account: TelnyxAccount, operator: Any) -> None:
    fill(account)
    found: dict[str, Any] = {}
    with opened() as window:
        axe.bring(window)
        window.enter(operator)
        for address in ("/admin/", _DAY):
            window.open(address)
            window.page.evaluate(
                "folded => document.querySelectorAll(folded).forEach(one => one.open = true)",
                ".portal-tile details, .portal-more-endings",
            )
            found[address] = axe.faults(window)  # the last width it looks at is a phone's
            found[address] += [wide] if (wide := sticks_out(window)) else []
        assert window.wrongs == []
    assert not any(found.values()), found


def test_a_figure_is_explained_and_leads_to_its_calls(opened: Any, account: TelnyxAccount, operator: Any) -> None:
    fill(account)
    with opened() as window:
        window.enter(operator)
        window.open(_DAY)
        for title in ("Good sound", "Human answers", "Cost of a minute, EUR", "Most at once", "Refused dials"):
            tile = window.page.locator(".portal-tile").filter(has=window.page.get_by_text(title, exact=True))
            expect(tile.locator("summary")).to_have_attribute("title", re.compile(r"\w.*\."))
            tile.locator("summary").press("Enter")
            expect(tile.locator("p")).to_be_visible()
        tile = window.page.locator(".portal-tile").filter(has=window.page.get_by_text("Bad sound", exact=True))
        tile.locator(".portal-tile-value > a").click()
        expect(window.page.locator("#portal-main [name=q]").first).to_have_value(re.compile("metric:mos:bad"))
        assert window.wrongs == []
