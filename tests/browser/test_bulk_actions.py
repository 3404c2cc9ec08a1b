"""What is done for many calls and takes longer, in a real browser: how far it is comes by itself, it is cancelled."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from tests.browser.everybody import axe
from tests.browser.overflow import sticks_out
from tests.support.call_pages import LOG
from tests.support.rows import Call
from voice.call_log.bulk import admin, carrying_out
from voice.models import BulkAction, CallTag

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def slow(monkeypatch: pytest.MonkeyPatch, account: TelnyxAccount) -> None:
    """One piece of three is done while the browser waits."""
    monkeypatch.setattr(admin, "AT_ONCE_SECONDS", 0)
    now = timezone.now() - timedelta(hours=1)
    Call.objects.bulk_create(Call(account=account, call_control_id=f"v3:{at}", started_at=now) for at in range(250))


def begin(window: Any, user: Any, name: str) -> None:
    window.enter(user)
    window.open(f"{LOG}?q=since:1d")
    window.page.get_by_role("button", name="Do with all that the search finds").click()
    window.page.get_by_label("Tag", exact=True).fill(name)
    window.page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_how_far_it_is_comes_by_itself(opened: Callable[..., Any], user_with: Any, scheme: str) -> None:
    with opened(color_scheme=scheme) as window:
        axe.bring(window)
        begin(window, user_with("Support"), "vip")
        page = window.page
        expect(page.get_by_role("progressbar", name="Tagging")).to_have_attribute("aria-valuenow", "40")
        expect(page.get_by_text("100 of 250")).to_be_visible()
        assert axe.faults(window) == []
        assert not sticks_out(window)
        carrying_out.work(BulkAction.objects.get().pk, 60)
        expect(page.get_by_text("Tagged 250 calls; 0 had the tag before.")).to_be_visible()
        expect(page.get_by_role("button", name="Cancel the rest")).to_have_count(0)
        assert axe.faults(window) == []
        assert window.wrongs == []


def test_the_rest_is_cancelled(opened: Callable[..., Any], user_with: Any) -> None:
    with opened(viewport={"width": 390, "height": 844}) as window:
        begin(window, user_with("Support"), "vip")
        window.page.get_by_role("button", name="Cancel the rest").click()
        expect(window.page.get_by_text("Cancelled after 100 of 250. What is done stays.")).to_be_visible()
        assert not sticks_out(window)
        assert window.wrongs == []
    assert CallTag.objects.count() == 100
