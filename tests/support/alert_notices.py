"""An alert that begins and ends, and the notices that a webhook was sent of it."""

import json
from typing import Any

from portal.models import TelnyxAccount
from tests.support.alerts import look
from tests.support.factories import FROM
from tests.support.http_servers import Listener, answer
from tests.support.rows import AccountBreaker, Alert, AlertNotice
from tests.support.times import ago
from voice.alerts import notices

SECRET = b"a secret of thirty-two bytes, ok"
OK = answer("200 OK")


def begin(account: TelnyxAccount) -> Alert:
    """Commands of the account are held back from now on."""
    row = {"state": "open", "since": ago(9), "why": f"It is away, and said so to {FROM}."}
    AccountBreaker.objects.update_or_create(account=account, defaults=row)
    look()
    return Alert.objects.get(closed_at=None)


def begin_unheard(account: TelnyxAccount, hook: Listener) -> None:
    """Have it begin while the webhook's receiver is away: whoever else there is was told."""
    hook.says.append(answer("503 Service Unavailable"))  # type: ignore[attr-defined]
    begin(account)
    notices.deliver_due()


def end() -> None:
    AccountBreaker.objects.update(state="closed")
    look(1)
    look(4)


def heads(raw: bytes) -> dict[str, str]:
    lines = raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def body(raw: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(raw.partition(b"\r\n\r\n")[2])
    return told


def types(hook: Listener) -> list[str]:
    return [body(raw)["type"] for raw in hook.requests]


def again() -> int:
    """The pauses after a failure are over."""
    AlertNotice.objects.filter(finished_at=None).update(lease_until=ago(1))
    return notices.deliver_due()
