"""Times that come from outside."""

from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime


def read_time(text: object) -> datetime | None:
    """An ISO 8601 time of Telnyx in UTC, or None for anything that is none. Without a zone it is taken for UTC."""
    try:
        at = parse_datetime(text) if isinstance(text, str) else None
        if at is None:
            return None
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
