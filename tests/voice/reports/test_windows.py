"""A window is what the clock on the viewer's wall says, at quarters of an hour, and falls apart without a gap."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from voice.reports import windows

NOW = datetime(2026, 3, 29, 13, 37, 12, tzinfo=UTC)  # the day on which Berlin loses an hour


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"])
@pytest.mark.parametrize("name", windows.PRESETS)
def test_its_parts_cover_it_without_a_gap(zone: str, name: str) -> None:
    with timezone.override(ZoneInfo(zone)):
        window = windows.preset(name, NOW)
        parts = list(window.parts())
    assert (parts[0].begin, parts[-1].end) == (window.begin, window.end)
    assert all(one.end == following.begin for one, following in pairwise(parts))
    for one in parts:
        assert one.begin.minute % 15 == one.begin.second == one.begin.microsecond == 0
        assert one.end > one.begin
    assert window.before.end == window.begin


def test_a_day_is_the_viewers() -> None:
    with timezone.override(ZoneInfo("Asia/Kathmandu")):
        window = windows.read({"from": "2026-03-28", "to": "2026-03-28"}, NOW)
    assert window.begin == datetime(2026, 3, 27, 18, 15, tzinfo=UTC)
    assert window.end - window.begin == timedelta(days=1)


def test_a_day_that_loses_an_hour_has_23_parts() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        window = windows.read({"from": "2026-03-29", "to": "2026-03-29"}, NOW)
        assert len(list(window.parts())) == 23


@pytest.mark.parametrize(
    "asked",
    [
        {"to": "0001-01-01T00:00"},
        {"from": "0001-01-01", "to": "0001-01-02"},
        {"from": "9999-12-28", "to": "9999-12-31T12:00"},
    ],
)
def test_an_end_of_the_calendar_is_told(asked: dict[str, str]) -> None:
    with pytest.raises(windows.BadWindow, match="give a day as"):
        windows.read(asked, NOW)
