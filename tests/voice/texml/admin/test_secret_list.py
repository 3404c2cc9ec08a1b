"""The page of secrets: their names, who saved them and when."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.http_servers import Listener
from tests.support.texml_pages import press
from tests.support.texml_resources import wired
from voice.texml.admin import secret_list

pytestmark = [pytest.mark.django_db, pytest.mark.alone("its page offers every account")]
URL = reverse("admin:voice_texml_secrets")
SAVE = "texml.secrets.save"


def test_it_lists_what_was_saved_in_an_account_newest_first(browser: Client, wire: Listener) -> None:
    account, other = wired(wire.url), wired(wire.url, "another")
    for name in ("crm", "billing"):
        press(browser, account, SAVE, {"name": name, "value": "hush"})
    press(browser, other, SAVE, {"name": "elsewhere", "value": "hush"})
    page = browser.get(URL, {"account": account.pk}).content.decode()
    assert 0 < page.index(">billing<") < page.index(">crm<")
    assert ("user: operator" in page, "elsewhere" in page, "hush" in page) == (True, False, False)
    assert "elsewhere" in browser.get(URL, {"account": other.pk}).content.decode()


def test_of_more_than_are_listed_it_says_so(browser: Client, wire: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_list, "_MOST", 2)
    account = wired(wire.url)
    for name, is_cut in ("crm", False), ("billing", False), ("shop", True):
        press(browser, account, SAVE, {"name": name, "value": "hush"})
        page = browser.get(URL, {"account": account.pk}).content.decode()
        assert ("Only the newest 2 are shown" in page) == is_cut, name
    assert (">shop<" in page, ">crm<" in page) == (True, False)


def test_it_takes_the_permission_to_save_one(signed_in: Callable[..., Client], wire: Listener) -> None:
    wired(wire.url)
    assert signed_in("voice.control_call", "voice.dial", "voice.view_call").get(URL).status_code == 403
    saves = signed_in("applications.change_texmlapplication", username="saves").get(URL).content.decode()
    assert "Save a secret" in saves
    assert "None was saved from here." in saves


def test_a_number_in_a_name_is_masked(browser: Client, signed_in: Callable[..., Client], wire: Listener) -> None:
    press(browser, wired(wire.url), SAVE, {"name": "of +13125550143", "value": "hush"})
    page = signed_in("applications.change_texmlapplication").get(URL).content.decode()
    assert ("5550143" in page, "0143" in page) == (False, True)


def test_without_an_account_that_is_said(browser: Client) -> None:
    assert "no Telnyx account yet" in browser.get(URL).content.decode()
