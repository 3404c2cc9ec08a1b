"""Calls that limits are asked about, and limits that are changed."""

from typing import Any

from portal.actors import PORTAL, Actor
from portal.models import TelnyxAccount
from tests.support.rows import CallCommand, Limits
from voice.commands import outbox
from voice.dialling import limits

FROM = "+13125550100"


def dial(account: TelnyxAccount, to: Any = "+13125550001", actor: Actor = PORTAL, **how: Any) -> CallCommand:
    return outbox.dial(account, {"connection_id": "1", "from": FROM, "to": to}, actor, **how)


def limit(account: TelnyxAccount, **values: Any) -> Limits:
    row = limits.of_account(account)
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row
