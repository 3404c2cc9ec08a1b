"""A machine whose clock is wrong; the database's is right."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

NEAR = timedelta(seconds=10)


def set_wrong(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """This process believes that it is so many seconds later (or earlier, when negative)."""
    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))


def is_near(at: datetime | None, seconds: float = 0) -> bool:
    """Whether ``at`` is so many seconds from now, by a clock that is right."""
    return at is not None and abs(at - datetime.now(UTC) - timedelta(seconds=seconds)) < NEAR
