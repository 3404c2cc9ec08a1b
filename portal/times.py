"""Reads times that come from outside, and the clock that runs on whatever happens."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime


def uptime() -> float:
    """Return seconds of a clock that nobody sets: for deadlines within a process.

    It goes on while the machine sleeps, as a virtual one may at any statement. ``time.monotonic`` does not, on Linux.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def read_time(text: object) -> datetime | None:
    """Read an ISO 8601 time of Telnyx in UTC, or None for anything that is none. Without a zone it is taken for UTC."""
    try:
        at = parse_datetime(text) if isinstance(text, str) else None
        if at is None:
            return None
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_mail_time(text: str) -> datetime | None:
    """Read a time as in a mail (RFC 2822), which TeXML uses, in UTC; None for anything else.

    Without a zone it is UTC.
    """
    try:
        at = parsedate_to_datetime(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def of_wall_clock(shown: datetime, *, is_end: bool = False) -> datetime:
    """Return when the clock on the wall of who looks shows this; what has an offset says so itself.

    Where clocks are put back it shows it twice: something begins with the first, and ends with the last. Where they are
    put forward it never does, and counting goes on from the hour before: a day without a midnight begins as it begins.
    """
    if timezone.is_aware(shown):
        return shown
    first, again = (timezone.make_aware(shown.replace(fold=fold)).astimezone(UTC) for fold in (0, 1))
    return max(first, again) if is_end else first


def within_reach(at: datetime, received_at: datetime) -> bool:
    """Return whether something received then can have happened at ``at``: one far off the clock is no time."""
    return received_at - timedelta(days=30) < at < received_at + timedelta(minutes=10)
