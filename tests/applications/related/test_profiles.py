"""Profiles are read from Telnyx once a minute."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.application_pages import page_url
from tests.support.sandbox_ledger import requests


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def test_telnyx_is_asked_once_a_minute_and_account(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    other = make_account("other", sandbox.base_url, sandbox.public_key)

    def asked() -> int:
        return sum("outbound_voice_profiles" in line["path"] for line in requests(sandbox))

    for account in (row.account, row.account, other):
        browser.get(page_url("profiles"), {"account": account.pk})
    assert asked() == 2
    row.account.api_key = "of another account"
    row.account.save()
    browser.get(page_url("profiles"), {"account": row.account.pk})
    assert asked() == 3
