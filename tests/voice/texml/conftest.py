"""A Telnyx that agrees to every TeXML operation."""

from collections.abc import Iterator
from typing import Any

import pytest

from applications.editing.service import create_application
from applications.kinds import KINDS
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.http_servers import Listener
from tests.support.texml_resources import SID, telnyx_texml


@pytest.fixture
def wire() -> Iterator[Listener]:
    with telnyx_texml() as listener:
        yield listener


@pytest.fixture
def account(account: TelnyxAccount) -> TelnyxAccount:
    """Its SID is known."""
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid=SID)
    account.account_sid = SID
    return account


@pytest.fixture
def application(live_server: Any, settings: Any, sandbox_account: TelnyxAccount, sandbox: Sandbox) -> str:
    """The id of an application whose progress is told to the portal."""
    settings.PORTAL_PUBLIC_URL = live_server.url
    values = {
        "friendly_name": "front desk",
        "voice_url": "http://127.0.0.1:9/voice",
        "status_callback": sandbox_account.texml_url,
    }
    row, refused = create_application(KINDS[1], sandbox_account, values, PORTAL)
    assert not refused
    return row.telnyx_id
