"""A TeXML application whose documents the receiver has to give: ``/voice`` is the first one."""

from typing import Any

import pytest
import telnyx

from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import Account, make_texml_application
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def texml_application(sdk: telnyx.Telnyx, receiver: Receiver) -> Any:
    return make_texml_application(sdk, receiver)


@pytest.fixture
def account(http: Http, texml_application: Any) -> Account:
    return Account(http, texml_application)
