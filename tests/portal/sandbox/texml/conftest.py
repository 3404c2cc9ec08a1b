"""A TeXML application, and the account in whose name its calls are asked for."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import Account, make_texml_application, wait_form
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def texml_application(sdk: telnyx.Telnyx, receiver: Receiver) -> Any:
    return make_texml_application(sdk, receiver)


@pytest.fixture
def account(http: Http, texml_application: Any) -> Account:
    return Account(http, texml_application)


@pytest.fixture
def talking(account: Account, receiver: Receiver) -> str:
    """A call that was answered; its sid."""
    sid = account.dial()
    wait_form(receiver, CallSid=sid, CallStatus="in-progress")
    return sid
