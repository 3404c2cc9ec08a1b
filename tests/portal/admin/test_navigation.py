"""The badge above every page says whether phones ring; what can be done from anywhere is for who may do it."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.admin import navigation
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_call


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


def test_every_action_leads_to_its_page(browser: Client, operator: Any) -> None:
    assert [name for name, address in navigation.actions(operator) if browser.get(address).status_code != 200] == []


@pytest.mark.parametrize(("url", "needs"), [(url, needs) for _, url, needs in navigation._ACTIONS])
def test_an_action_leads_whoever_is_offered_it_to_its_page(
    client: Client, user_with: Any, url: str, needs: str | None
) -> None:
    person = user_with(*(needs or "").split())
    client.force_login(person)
    assert reverse(url) in [address for _, address in navigation.actions(person)]
    assert client.get(reverse(url)).status_code == 200


def heading(page: str) -> list[tuple[str, str]]:
    """The parts of a page's heading, each with where it leads."""
    head = page.partition("<h1")[2].partition("</h1>")[0]
    parts = re.findall(r'<(?:a href="([^"]*)"|span) class="portal-crumb">([^<]*)<', head)
    return [(words, address) for address, words in parts]


@pytest.mark.parametrize(
    ("section", "name", "url"),
    [
        (section, name, url)
        for section, items in navigation._SECTIONS
        for name, _, url, _ in items
        if url[:5] == "admin"
    ],
)
def test_a_page_of_the_sidebar_is_headed_by_its_name_there(browser: Client, section: str, name: str, url: str) -> None:
    page = browser.get(reverse(url)).content.decode()
    found = [words for words, _ in heading(page)]
    assert found == ([name] if section == name else [section, name])


def test_the_page_of_a_thing_leads_to_its_list_by_the_name_of_the_sidebar(
    browser: Client, account: TelnyxAccount
) -> None:
    call = make_call(account, leg="one")
    page = browser.get(f"/admin/voice/call/{call.pk}/change/").content.decode()
    assert heading(page)[:2] == [("Calls", ""), ("Call log", "/admin/voice/call/")]
    page = browser.get(f"/admin/portal/telnyxaccount/{account.pk}/change/").content.decode()
    assert heading(page)[:2] == [("Accounts", ""), ("Telnyx accounts", "/admin/portal/telnyxaccount/")]
    title = browser.get("/admin/voice/callevent/").content.decode().partition("<title>")[2].partition("</title>")[0]
    assert " ".join(title.split()) == "Events | Voice portal"
