"""Marks the quarters of an hour whose calls are to be counted anew, and says in which one a call is counted."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from portal import sql
from voice.models import StaleQuarter

QUARTER = timedelta(minutes=15)


def of_time(at: datetime) -> datetime:
    """Return the beginning of the quarter of an hour that ``at`` lies in."""
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def mark(quarters: Iterable[datetime | None]) -> None:
    """Have these counted anew. Call it before the change that they are marked for, in its transaction.

    A mark that stands keeps its time, and is locked: who counts the quarter takes it away first, and so waits for the
    change to be committed.
    """
    rows = [
        StaleQuarter(quarter=one, marked_at=sql.Now(), changed_at=sql.Now())
        for one in sorted({one for one in quarters if one})
    ]
    if rows:
        StaleQuarter.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["quarter"], update_fields=["changed_at"]
        )
