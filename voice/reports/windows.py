"""Reads which stretch of time a report is about, in the zone of who looks, and divides it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from portal.times import of_wall_clock
from voice.metrics import quarters

MOST_DAYS = 92
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
PRESETS = {
    "1h": "Last hour",
    "24h": "Last 24 hours",
    "today": "Today",
    "yesterday": "Yesterday",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}
DEFAULT = "24h"


_YEARS = (1970, 2200)


class BadWindow(ValueError):
    """Says in a sentence what is wrong with a window that somebody asked for."""


@dataclass(frozen=True)
class Window:
    """Is the time from ``begin`` up to ``end``, both at a quarter of an hour; ``name`` is that of a preset."""

    begin: datetime
    end: datetime
    name: str = ""

    @property
    def before(self) -> "Window":
        """Return the window of the same length that ended where this one begins."""
        return Window(self.begin - (self.end - self.begin), self.begin)

    @property
    def by_day(self) -> bool:
        """Tell whether it is divided into days: else into hours."""
        return self.end - self.begin > timedelta(hours=49)

    def parts(self) -> Iterator["Window"]:
        """Divide it into hours, or days, as the clock on the wall of who looks shows them."""
        begin = self.begin
        while begin < self.end:
            end = min(_next_day(begin) if self.by_day else _next_hour(begin), self.end)
            yield Window(begin, end)
            begin = end

    def words(self) -> str:
        begin, end = timezone.localtime(self.begin), timezone.localtime(self.end)
        return f"{begin:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M}"


def read(asked: Mapping[str, str], now: datetime) -> Window:
    """Read ``window`` (a preset), or ``from`` and ``to`` (local times or days). Raises ``BadWindow``."""
    if asked.get("from") or asked.get("to"):
        return _between(asked, now)
    name = asked.get("window") or DEFAULT
    if name not in PRESETS:
        raise BadWindow(f"window: there is none of this name; there are {', '.join(PRESETS)}.")
    return preset(name, now)


def preset(name: str, now: datetime) -> Window:
    end = _quarter_after(now)
    today = _midnight(timezone.localtime(now).date())
    begins = {
        "1h": end - _HOUR,
        "24h": end - _DAY,
        "today": today,
        "7d": _midnight(timezone.localtime(now).date() - 6 * _DAY),
        "30d": _midnight(timezone.localtime(now).date() - 29 * _DAY),
    }
    if name == "yesterday":
        return Window(_midnight(timezone.localtime(now).date() - _DAY), today, name)
    return Window(begins[name], end, name)


def _between(asked: Mapping[str, str], now: datetime) -> Window:
    end = _time("to", asked["to"], is_end=True) if asked.get("to") else _quarter_after(now)
    begin = _time("from", asked["from"]) if asked.get("from") else end - _DAY
    if begin >= end:
        raise BadWindow("from: the window has to begin before it ends.")
    # by the clock on the wall: in autumn so many days have an hour more
    if _on_the_wall(end) - _on_the_wall(begin) > MOST_DAYS * _DAY:
        raise BadWindow(f"from: a window has at most {MOST_DAYS} days. Choose a shorter one.")
    return Window(begin, end)


def _time(name: str, text: str, *, is_end: bool = False) -> datetime:
    """Read a time, or a day, which as an end takes in all of it. Rounded outwards to a quarter of an hour."""
    try:
        if day := parse_date(text):
            _demand_a_year_of_ours(day.year)
            return _midnight(day + _DAY if is_end else day)
        at = parse_datetime(text)
        if at is None:
            raise ValueError
        at = of_wall_clock(at, is_end=is_end).astimezone(UTC)
        _demand_a_year_of_ours(at.year)
        return _quarter_after(at) if is_end and at != quarters.of_time(at) else quarters.of_time(at)
    except (ValueError, OverflowError):
        raise BadWindow(f"{name}: give a day as 2026-11-28, or a time as 2026-11-28T14:30.") from None


def _demand_a_year_of_ours(year: int) -> None:
    if not _YEARS[0] <= year <= _YEARS[1]:  # the window before, and the next day, have to be in the calendar as well
        raise ValueError


def _quarter_after(at: datetime) -> datetime:
    return quarters.of_time(at) + quarters.QUARTER


def _on_the_wall(at: datetime) -> datetime:
    return timezone.localtime(at).replace(tzinfo=None)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time())).astimezone(UTC)


def _next_hour(at: datetime) -> datetime:
    local = timezone.localtime(at)
    return at + _HOUR - timedelta(minutes=local.minute)


def _next_day(at: datetime) -> datetime:
    return _midnight(timezone.localtime(at).date() + _DAY)
