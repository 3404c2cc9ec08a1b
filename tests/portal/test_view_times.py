"""A time is written in the order that its reader chose."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from portal.templatetags.portal import moment
from portal.view_times import TimePreference, View, look_with, moment_text

AT = datetime(2026, 1, 5, 21, 7, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    look_with(View())


@pytest.mark.parametrize(
    ("order", "written"),
    [
        ("iso", "2026-01-05 21:07:09"),
        ("dots", "05.01.2026 21:07:09"),
        ("slashes", "05/01/2026 21:07:09"),
        ("american", "01/05/2026 9:07:09 PM"),
    ],
)
def test_each_order_is_written_as_it_is_offered(order: str, written: str) -> None:
    look_with(View(order=order))
    assert moment_text(AT) == written
    offered = datetime(2026, 11, 28, 21, 5, 9, tzinfo=UTC)
    assert moment_text(offered) == TimePreference.Order(order).label


def test_parts_of_it() -> None:
    look_with(View(ZoneInfo("America/New_York"), "America/New_York"))
    assert [moment_text(AT, part) for part in ("time", "date", "minute")] == [
        "16:07:09",
        "2026-01-05",
        "2026-01-05 16:07",
    ]


def test_no_time_is_a_dash() -> None:
    assert [moment(None), moment("")] == ["—", "—"]


@pytest.mark.parametrize(
    ("at", "zone", "written"),
    [
        (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), "Asia/Tokyo", "9999-12-31 23:59:59"),
        (datetime(1, 1, 1, tzinfo=UTC), "America/New_York", "0001-01-01 00:00:00"),
    ],
)
def test_where_a_calendar_ends_a_time_is_written_in_utc(at: datetime, zone: str, written: str) -> None:
    look_with(View(ZoneInfo(zone), zone))
    assert moment_text(at) == written
