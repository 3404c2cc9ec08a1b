"""Nobody is woken in fact."""

import pytest

from portal.runtime import wakeups


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Wake-ups are kept and not published."""
    kept: list[tuple[str, str]] = []
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: kept.append((task, identifier)))
    return kept
