"""A list says what it is narrowed by, and each of these is taken off by itself."""

import re
from html import unescape
from typing import Any

from django.test import Client

from tests.support.accounts import make_account
from tests.support.factories import make_call

_CHIP = re.compile(r'<li class="portal-chip"><span>(.*?)</span><a class="portal-icon" href="([^"]*)"', re.DOTALL)


def chips(browser: Client, query: str, path: str = "voice/callcommand") -> dict[str, str]:
    page = browser.get(f"/admin/{path}/?{query}").content.decode()
    found = _CHIP.findall(page)
    return {re.sub(r"<[^>]+>", "", unescape(words)): unescape(href) for words, href in found}


def test_each_filter_is_a_chip_in_words(browser: Client, account: Any) -> None:
    make_call(account, "a")
    assert chips(browser, "") == {}
    found = chips(browser, "status__exact=ok&action=hangup&q=v3:x")
    assert found == {
        "Status: Ok": "?action=hangup&q=v3%3Ax",
        "Action: hangup": "?q=v3%3Ax&status__exact=ok",
        "Search: v3:x": "?action=hangup&status__exact=ok",
    }
    make_account("another")  # of one there is no choice
    assert chips(browser, f"account__id__exact={account.pk}") == {f"Account: {account}": "?"}


def test_values_are_told_in_words(browser: Client, account: Any) -> None:
    path = "applications/callcontrolapplication"
    assert chips(browser, "active__exact=1", path) == {"Active: yes": "?"}
    assert chips(browser, "missing=true", path) == {"Presence at Telnyx: Missing": "?"}


def test_what_somebody_typed_is_no_html(browser: Client) -> None:
    page = browser.get("/admin/voice/callcommand/?action=<b>x").content.decode()
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page


def test_one_filter_is_taken_off_alone(browser: Client, account: Any) -> None:
    found = chips(browser, "verdict__exact=served&proof__exact=get", "voice/texmlfetch")  # one begins as ``p`` does
    assert sorted(found.values()) == ["?proof__exact=get", "?verdict__exact=served"]
