"""What Telnyx lists of its deliveries and of a call, and one run of the recovery over it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.core import records
from portal.sandbox.server.server import Sandbox
from tests.support.factories import run_owed
from tests.support.rows import Recovery
from tests.support.telnyx_answers import telnyx_says
from voice.recovery import backfill


def undelivered(
    sandbox: Sandbox,
    event: dict[str, Any],
    minutes: float = 5,
    status: int | None = 503,
    url: str = "https://portal.example/hook",
) -> None:
    """An event whose delivery ended so long ago, as Telnyx would list it."""
    at = timezone.now().timestamp() - minutes * 60
    webhook = event.get("data", event)
    records.keep(sandbox.store, webhook, [records.attempt(url, status, at, at)])


def recover(account: TelnyxAccount, **how: Any) -> Recovery:
    record = backfill.recover(account, PORTAL, **how)
    run_owed()
    return record


def listed(found: list[tuple[dict[str, Any], float]]) -> dict[str, Any]:
    """Telnyx's list of deliveries that ended so many minutes ago, whatever was asked."""
    rows = []
    for event, minutes in found:
        at = (timezone.now() - timedelta(minutes=minutes)).isoformat()
        rows.append({"id": event["data"]["id"], "webhook": event["data"], "finished_at": at, "status": "failed"})
    return {"data": rows, "meta": {"total_pages": 1, "total_results": len(rows)}}


def entry(event: dict[str, Any], seconds_ago: float) -> dict[str, Any]:
    told = {"attempt": 1, "status": "delivered", "event": event["data"]}
    stamp = (timezone.now() - timedelta(seconds=seconds_ago)).isoformat()
    kind = event["data"]["event_type"]
    return {"type": "webhook", "name": kind, "event_timestamp": stamp, "metadata": told}


NONE_ALIVE = {"data": [], "meta": {"cursors": {"after": None, "before": None}, "next": None, "total_items": 0}}


def looked(account: TelnyxAccount, **answers: Any) -> Recovery:
    """One run against a Telnyx that lists no live call and says this of the others."""
    nothing = listed([])
    said = {"webhook_deliveries": nothing, "active_calls": NONE_ALIVE, "call_events": nothing} | answers
    with telnyx_says(account, **said):
        return backfill.recover(account, PORTAL)


def listing(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"data": list(entries), "meta": {"total_pages": 1}}
