"""Writes a time as the person who looks at the page wants it: in their zone, in their order; the default is UTC."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.utils.dateformat import format as formatted

# by what is kept: the date, the time of day without seconds, the seconds that follow the minute
_FORMATS = {
    "iso": ("Y-m-d", "H:i", ":s", ""),
    "dots": ("d.m.Y", "H:i", ":s", ""),
    "slashes": ("d/m/Y", "H:i", ":s", ""),
    "american": ("m/d/Y", "g:i", ":s", " A"),
}


class TimePreference(models.Model):
    """Stores in which zone and order a person reads times."""

    class Order(models.TextChoices):
        ISO = "iso", "2026-11-28 21:05:09"
        DOTS = "dots", "28.11.2026 21:05:09"
        SLASHES = "slashes", "28/11/2026 21:05:09"
        AMERICAN = "american", "11/28/2026 9:05:09 PM"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="time_preference"
    )
    time_zone = models.CharField(max_length=64, default="UTC")
    order = models.CharField(max_length=10, choices=Order, default=Order.ISO)

    class Meta:
        default_permissions = ()  # everybody has their own, and nobody another's

    def __str__(self) -> str:
        return f"{self.time_zone}, {self.order}"

    def view(self) -> "View":
        """Return how times are to be written; UTC where this machine does not know the zone any more."""
        try:
            return View(ZoneInfo(self.time_zone), self.time_zone, self.order)
        except (KeyError, ValueError, OSError):
            return View(order=self.order)


@dataclass(frozen=True)
class View:
    """Says how times are written."""

    zone: tzinfo = UTC
    name: str = "UTC"
    order: str = "iso"


_view: ContextVar[View] = ContextVar("view_of_times", default=View())  # noqa: B039  frozen


def look_with(view: View) -> None:
    """Have times of this request written so."""
    _view.set(view)


def current() -> View:
    return _view.get()


def moment_text(at: datetime, part: str = "") -> str:
    """Write a time to the second; ``part``: its ``time`` of the day alone, its ``date``, or all to the ``minute``."""
    view = _view.get()
    date, clock, seconds, half = _FORMATS.get(view.order, _FORMATS["iso"])
    wanted = {"date": date, "time": clock + seconds + half, "minute": f"{date} {clock}{half}"}
    try:
        at = at.astimezone(view.zone)
    except OverflowError:  # where the calendar ends, there is no such time in that zone
        at = at.astimezone(UTC)
    return formatted(at, wanted.get(part, f"{date} {clock}{seconds}{half}"))
