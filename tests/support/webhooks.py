"""Webhooks posted through the real URL, signed."""

import json
from typing import Any

from django.test import Client

from portal.models import TelnyxAccount
from tests.support.signing import signed


def post_webhook(client: Client, account: TelnyxAccount, event: Any, **how: Any) -> Any:
    """Post an event (a dict, or raw bytes) to the account's Call Control address, signed."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    url = f"/webhooks/{account.webhook_token}/call-control/"
    return client.post(url, body, content_type="application/json", headers=signed(body, **how))


def post_texml(client: Client, account: TelnyxAccount, form: bytes, path: str = "status", **how: Any) -> Any:
    """Post a form to an address below the account's ``texml/``, signed."""
    url = f"/webhooks/{account.webhook_token}/texml/{path}"
    return client.post(url, form, content_type="application/x-www-form-urlencoded", headers=signed(form, **how))
