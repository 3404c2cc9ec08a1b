"""Times from outside are read in UTC, or not at all."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.times import read_mail_time, read_time, within_reach

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05"])
def test_a_time_of_telnyx_is_read_in_utc(text: str) -> None:
    read = read_time(text)
    assert (read, read and read.utcoffset()) == (AT, timedelta())


@pytest.mark.parametrize("text", [None, 5, "", "soon", "2026-02-31T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize("text", ["Fri, 02 Jan 2026 03:04:05 +0000", "Fri, 02 Jan 2026 05:04:05 +0200"])
def test_a_time_of_a_mail_is_read_in_utc(text: str) -> None:
    assert read_mail_time(text) == AT


@pytest.mark.parametrize("text", ["", "soon", "2026-01-02T03:04:05Z", "Fri, 99 Jan 2026 03:04:05 +0000"])
def test_what_is_no_time_of_a_mail_is_none(text: str) -> None:
    assert read_mail_time(text) is None


@pytest.mark.parametrize(
    ("ago", "possible"),
    [
        (timedelta(days=30) - timedelta(seconds=1), True),
        (timedelta(days=30), False),
        (timedelta(minutes=-10) + timedelta(seconds=1), True),
        (timedelta(minutes=-10), False),
    ],
)
def test_what_is_far_off_the_clock_cannot_have_happened(ago: timedelta, possible: bool) -> None:
    assert within_reach(AT - ago, AT) is possible
