"""A Telnyx that agrees to every TeXML operation."""

from collections.abc import Iterator

import pytest

from portal.models import TelnyxAccount
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
