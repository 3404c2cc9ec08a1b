"""The live board: its addresses, its text, and what Telnyx listed for it."""

from typing import Any

from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION
from tests.support.rows import LiveListing
from tests.support.times import ago

PAGE, TABLE, ASK = "/admin/voice/call/live/", "/admin/voice/call/live/table/", "/admin/voice/call/live/telnyx/"


def listed(account: TelnyxAccount, *control_ids: str, seconds: float = 0, **told: Any) -> LiveListing:
    calls = [{"call_control_id": one, "connection_id": CONNECTION, "call_duration": 7} for one in control_ids]
    values = {"claimed_at": ago(seconds), "asked_at": ago(seconds), "asked": [CONNECTION], "calls": calls}
    return LiveListing.objects.create(account=account, **(values | told))


def text(client: Client, url: str = PAGE) -> str:
    return client.get(url).content.decode()
