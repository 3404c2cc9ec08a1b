"""TeXML's callbacks as forms, posted and stored."""

from urllib.parse import urlencode

from django.test import Client

from portal.models import TelnyxAccount
from tests.support.rows import CallEvent
from tests.support.webhooks import post_texml

SID = "v3:one-leg"


def form(**fields: str) -> bytes:
    return urlencode({"CallSid": SID, "From": "+13125550143", "To": "+13125550100"} | fields).encode()


def stored(client: Client, account: TelnyxAccount, body: bytes) -> CallEvent:
    assert post_texml(client, account, body).status_code == 200
    return CallEvent.objects.get()
