"""A window is what the clock on the viewer's wall says, at quarters of an hour, and falls apart without a gap."""

from datetime import UTC, date, datetime, timedelta
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
    ("begin", "end", "hours"),
    [
        ("2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", (0, 1)),
        ("2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00", (1, 2)),
        ("2026-10-25T02:00", "2026-10-25T02:00", (0, 1)),  # as the form writes the first of both hours
        ("2026-10-25T02:00", "2026-10-25T03:00", (0, 2)),
    ],
)
def test_an_hour_that_comes_twice_is_told_by_its_offset(begin: str, end: str, hours: tuple[int, int]) -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        window = windows.read({"from": begin, "to": end}, NOW)
    first = datetime(2026, 10, 25, tzinfo=UTC)
    assert (window.begin, window.end) == tuple(first + timedelta(hours=hour) for hour in hours)


@pytest.mark.parametrize(
    "days", [("2026-08-01", "2026-10-31"), ("2026-01-15", "2026-04-16"), ("2026-05-01", "2026-07-31")]
)
def test_92_days_are_those_of_the_calendar_whatever_hours_they_have(days: tuple[str, str]) -> None:
    asked = dict(zip(("from", "to"), days, strict=True))
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert len(list(windows.read(asked, NOW).parts())) == 92
        for more in ({"from": f"{days[0]}T00:00", "to": f"{date.fromisoformat(days[1]) + timedelta(days=1)}T00:15"},):
            with pytest.raises(windows.BadWindow, match="at most 92 days"):
                windows.read(more, NOW)


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
