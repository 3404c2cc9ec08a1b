"""A page of a proxy is no word of Telnyx: where a 404 means that something is gone, only Telnyx's own is believed."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from portal.models import TelnyxAccount
from portal.telnyx.account_sids import account_sid
from portal.telnyx.errors import TelnyxRefused
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_call
from tests.support.http_servers import answer, serving
from voice.calls import status
from voice.conferences import queues, service
from voice.live_board import listings
from voice.recovery import open_calls
from voice.texml import requests

pytestmark = pytest.mark.django_db
PAGE = answer("404 Not Found", b"<html><body>no such route</body></html>")
TELNYX = answer("404 Not Found", b'{"errors":[{"code":"10007","title":"Resource not found"}]}')
READERS: dict[str, Callable[[TelnyxAccount], Any]] = {
    "status of a call": lambda account: status.status(make_call(account, uuid.uuid4().hex)),
    "status of a TeXML call": lambda account: status.status(make_call(account, uuid.uuid4().hex, is_texml=True)),
    "conference": lambda account: service.retrieve(account, "a-room"),
    "queue": lambda account: queues.retrieve(account, "sales"),
    "resource of TeXML": lambda account: requests.fetch(account, "texml.calls.retrieve", "a-sid"),
    "live calls": lambda account: open_calls._alive(account, CONNECTION).rows or None,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_only_telnyxs_own_404_says_that_there_is_nothing(reader: Callable[[TelnyxAccount], Any]) -> None:
    with serving(PAGE) as server:
        account = make_account("proxied", f"{server.url}/v2")
        TelnyxAccount.objects.filter(pk=account.pk).update(account_sid="sid")
        account.refresh_from_db()
        with pytest.raises(TelnyxRefused, match="HTTP 404"):
            reader(account)
    with serving(TELNYX) as server:
        account.base_url = f"{server.url}/v2"
        account.save()
        assert reader(TelnyxAccount.objects.get(pk=account.pk)) is None


def test_the_live_board_says_that_it_could_not_be_read() -> None:
    with serving(PAGE) as server:
        account = make_account("proxied", f"{server.url}/v2")
        make_call(account)
        told = listings._calls(account, time.monotonic() + 60)
    assert "HTTP 404" in told["error"]


def test_an_account_sid_is_not_ruled_out_by_a_page_of_a_proxy() -> None:
    with serving(PAGE) as server, pytest.raises(TelnyxRefused, match="HTTP 404"):
        account_sid(make_account("proxied", f"{server.url}/v2"))
