"""Reads when a call began: stretches of time, in the zone of whoever looks."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from portal.times import of_wall_clock
from voice.call_log.language.conditions import Malformed

_AGO = re.compile(r"(\d{1,4})(m|h|d|w)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_YEARS = (1970, 9998)
_TAKES = "takes 15m, 2h, 7d, a day as 2026-11-20, or a moment as 2026-11-20T14:05Z"


@dataclass(frozen=True)
class Window:
    """Is a stretch of time, half open: ``begin`` belongs to it, ``end`` does not."""

    begin: datetime | None = None
    end: datetime | None = None

    def asked(self, column: str = "started_at") -> Q:
        """Match what happened within, by that column."""
        found = Q(**{f"{column}__gte": self.begin}) if self.begin else Q()
        return found & Q(**{f"{column}__lt": self.end}) if self.end else found

    def and_also(self, other: "Window") -> "Window":
        """Return what both have."""
        begins = [one for one in (self.begin, other.begin) if one]
        ends = [one for one in (self.end, other.end) if one]
        return Window(max(begins, default=None), min(ends, default=None))


def since(value: str, now: datetime) -> tuple[str, Window]:
    """Read where a window begins; return how that is written for good, too."""
    told, at = _moment(value, now)
    return told, Window(begin=at)


def until(value: str, now: datetime) -> tuple[str, Window]:
    """Read where a window ends, which does not belong to it."""
    told, at = _moment(value, now, is_end=True)
    return told, Window(end=at)


def day(value: str, now: datetime) -> tuple[str, Window]:
    """Read a day, in the zone of who asks: ``today``, ``yesterday``, or its date."""
    today = timezone.localtime(now).date()
    named: dict[str, Any] = {"today": today, "yesterday": today - timedelta(days=1)}
    word = value.lower()
    found = named.get(word) or _date(value)
    if found is None:
        raise Malformed("takes today, yesterday or a day as 2026-11-20")
    return word if word in named else found.isoformat(), Window(_midnight(found), _midnight(found + timedelta(days=1)))


def _moment(value: str, now: datetime, *, is_end: bool = False) -> tuple[str, datetime]:
    if match := _AGO.fullmatch(value.lower()):
        return value.lower(), now - timedelta(**{_UNITS[match[2]]: int(match[1])})
    if found := _date(value):
        return found.isoformat(), _midnight(found)
    try:
        at = parse_datetime(value.replace("t", "T").replace("z", "Z"))
        at = timezone.localtime(of_wall_clock(at, is_end=is_end)) if at and timezone.is_naive(at) else at
        if at is not None and _YEARS[0] <= at.year <= _YEARS[1]:
            return at.isoformat().replace("+00:00", "Z"), at
    except (ValueError, OverflowError):
        pass
    raise Malformed(_TAKES)


def _date(value: str) -> date | None:
    try:
        found = parse_date(value)
    except ValueError:
        return None
    return found if found and _YEARS[0] <= found.year <= _YEARS[1] else None


def _midnight(of: date) -> datetime:
    return timezone.make_aware(datetime.combine(of, time()))
