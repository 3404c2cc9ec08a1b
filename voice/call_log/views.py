"""Names searches that support staff make every day, and counts what they find, as far as a hundred."""

from dataclasses import dataclass
from typing import Any

from voice.call_log import listing, query
from voice.call_log.query import Query

MOST = 100  # are counted; more are “99+”
_SHIPPED = (
    ("On the line for over an hour", "is:running until:1h"),
    (
        "Failed in the last hour",
        "since:1h ending:rejected ending:unreachable ending:configuration ending:carrier ending:our_side",
    ),
    ("Our side failed", "since:24h ending:our_side"),
    ("Ended by us", "since:24h who:us"),
    ("Nobody answered", "since:24h ending:not_answered"),
    ("Short answered calls", "since:24h is:answered talk:<10"),
    ("Answered by a machine", "since:24h by:machine"),
    ("Poor sound", "since:24h is:poor"),
    ("Webhook trouble", "since:24h ending:webhook_late ending:webhook_down ending:answered_late"),
    ("End not reported", "since:7d is:lost"),
    ("Recorded today", "day:today rec:yes"),
)


@dataclass(frozen=True)
class View:
    """Is a named search; ``count`` is told when it was asked for."""

    name: str
    text: str
    url: str
    count: str = ""


def shipped(user: Any, *, counted: bool = False) -> list[View]:
    """List the searches that come with the portal, each with how many legs it finds if that is asked for."""
    return [
        View(name, text, query.address(text), _count(query.read(text, user)) if counted else "")
        for name, text in _SHIPPED
    ]


def _count(asked: Query) -> str:
    """Count to a hundred: of what no index answers alone, among as many calls as a page looks through."""
    calls = asked.calls().order_by()
    if listing.needs_bound(asked) and (reached := listing.edge(asked)):
        calls = calls.filter(started_at__gte=reached)
    found = len(calls.values_list("pk", flat=True)[:MOST])
    return str(found) if found < MOST else f"{MOST - 1}+"
