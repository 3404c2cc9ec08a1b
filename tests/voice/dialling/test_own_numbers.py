"""The account's own numbers, offered where somebody dials."""

from typing import Any
from urllib.parse import unquote

import pytest
from django.core.cache import cache
from django.test import Client

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.http_servers import answer, serving

pytestmark = pytest.mark.django_db
PAGE = "/admin/voice/call/dial/"


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    return CallControlApplication.objects.create(account=account, telnyx_id="1293", application_name="line")


def test_the_account_s_own_numbers_are_offered(browser: Client, sandbox_account: TelnyxAccount) -> None:
    cache.clear()
    CallControlApplication.objects.create(account=sandbox_account, telnyx_id="7", application_name="line")
    options = browser.get("/admin/voice/dialbatch/own-numbers/", {"connection_id": "7"}).content.decode()
    assert '<option value="+1' in options
    assert browser.get("/admin/voice/dialbatch/own-numbers/", {"connection_id": "8"}).content == b""


def test_of_an_id_that_two_accounts_know_the_numbers_are_those_of_the_chosen_one(
    browser: Client, sandbox_account: TelnyxAccount
) -> None:
    cache.clear()
    others = make_account("others")  # nobody answers there
    for one in (sandbox_account, others):
        CallControlApplication.objects.create(account=one, telnyx_id="7", application_name="line")
    choices = [{"connection_id": f"7@{one}"} for one in (sandbox_account, others)]
    told = [browser.get("/admin/voice/dialbatch/own-numbers/", choice).content.decode() for choice in choices]
    assert ['<option value="+1' in one for one in told] == [True, False]


def test_telnyx_away_offers_none_and_the_page_is_there(browser: Client, application: Any) -> None:
    cache.clear()
    assert browser.get("/admin/voice/dialbatch/own-numbers/", {"connection_id": "1293"}).content == b""
    assert b"portal-own-numbers" in browser.get(PAGE).content


@pytest.mark.parametrize(
    "said",
    [answer("200 OK", b'{"data": [{"phone_number": "+13125550100"}, {"phone_number": null}]}'), answer("500 Oops")],
    ids=["told", "not told"],
)
def test_telnyx_is_not_asked_for_each_who_looks(
    browser: Client, application: Any, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    really, kept = cache.set, list[int]()

    def keep(key: str, value: Any, timeout: int) -> None:
        kept.append(timeout)
        really(key, value, timeout)

    monkeypatch.setattr(cache, "set", keep)
    with serving(said) as listener:
        TelnyxAccount.objects.filter(pk=application.account_id).update(base_url=f"{listener.url}/v2")
        offered = [
            browser.get("/admin/voice/dialbatch/own-numbers/", {"connection_id": "1293"}).content.decode()
            for _ in range(3)
        ]
        assert len(listener.requests) == 1
        assert "page[size]=250" in unquote(listener.requests[0].decode())
    is_told = b"+1312" in said
    assert set(offered) == {'<option value="+13125550100"></option>' if is_told else ""}
    assert kept == [60 if is_told else 10]  # seconds
