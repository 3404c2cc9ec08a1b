"""The account's own numbers, offered where somebody dials."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from applications.models import CallControlApplication
from portal.models import TelnyxAccount

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


def test_telnyx_away_offers_none_and_the_page_is_there(browser: Client, application: Any) -> None:
    cache.clear()
    assert browser.get("/admin/voice/dialbatch/own-numbers/", {"connection_id": "1293"}).content == b""
    assert b"portal-own-numbers" in browser.get(PAGE).content
