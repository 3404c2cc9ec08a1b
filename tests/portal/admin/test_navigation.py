"""The badge above every page says whether phones ring; what can be done from anywhere is for who may do it."""

from typing import Any

from django.test import Client

from portal.admin import navigation
from tests.support.accounts import make_account


def badge(browser: Client, path: str = "/admin/preferences/") -> str:
    page = browser.get(path).content.decode()
    return page.partition('class="portal-where ')[2].partition("<b>")[2].partition("</b>")[0]


def test_the_badge_says_live_as_soon_as_one_account_is(browser: Client) -> None:
    sandbox = make_account("one")
    assert badge(browser) == "SANDBOX"
    make_account("two", "https://api.telnyx.com/v2")
    assert badge(browser) == "LIVE"
    assert badge(browser, f"/admin/portal/telnyxaccount/{sandbox.pk}/change/") == "SANDBOX"  # of what is shown


def test_actions_and_places_ask_for_permissions(operator: Any, user_with: Any) -> None:
    nobody = user_with()
    assert [name for name, _ in navigation.actions(nobody)] == ["My time zone and date format", "Change my password"]
    assert [name for name, _, _ in navigation.places(nobody)] == ["REST documentation"]
    assert len(navigation.actions(operator)) == len(navigation._ACTIONS)
    assert ("Dial a number", "/admin/voice/call/dial/") in navigation.actions(user_with("voice.dial", username="dials"))
