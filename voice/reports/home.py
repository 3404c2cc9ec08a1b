"""Gives the home page its figures: of the last 24 hours, for people who answer phones."""

from typing import Any

from django.utils import timezone

from voice.reports import freshness, links, report, windows
from voice.reports.figures import Scope

_FIGURES = (
    *("incoming", "incoming_answered", "put_through", "abandoned", "incoming_wait"),
    *("attempts", "asr", "acd", "our_side", "lost"),
)
_ENDINGS = 7


def of(user: Any) -> dict[str, Any]:
    """Return what the home page shows of the calls: one statement, and one for the names of the accounts."""
    window = windows.preset(windows.DEFAULT, timezone.now())
    found = report.read(window, Scope(), links.to_call_log(user))
    endings, rest = found.endings(_ENDINGS)
    return {
        "figures": found.figures(_FIGURES),
        "chart": found.chart(),
        "endings": endings,
        "other_endings": {"kinds": len(rest), "count": sum(one["count"] for one in rest)},
        "window": window,
        "freshness": freshness.now(),
    }
