"""Telnyx accounts as rows."""

import base64

from portal.models import TelnyxAccount
from tests.support.signing import TELNYX_KEY


def make_account(name: str = "main", base_url: str = "http://127.0.0.1:9/v2", public_key: str = "") -> TelnyxAccount:
    key = public_key or base64.b64encode(bytes(TELNYX_KEY.verify_key)).decode()
    account = TelnyxAccount(name=name, base_url=base_url, public_key=key)
    account.api_key = "KEY-of-the-tests"
    account.save()
    return account
