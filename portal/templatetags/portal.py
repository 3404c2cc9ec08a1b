"""Provides template filters: numbers for this person, durations, statuses."""

from datetime import datetime
from typing import Any

from django import template
from django.db.models import Model
from django.utils.html import format_html
from django.utils.text import capfirst

from portal import masking, phone_numbers
from portal.texts import visible

register = template.Library()

_TONES = {
    "answered": "good",
    "bridged": "good",
    "ok": "good",
    "processed": "good",
    "done": "good",
    "changed": "good",
    "suspended": "bad",
    "ringing": "busy",
    "initiated": "busy",
    "connected": "good",
    "connecting": "busy",
    "in-progress": "busy",
    "parked": "busy",
    "queued": "busy",
    "passed": "good",
    "sending": "busy",
    "received": "busy",
    "running": "busy",
    "looking": "busy",
    "refused": "bad",
    "dead": "bad",
    "failed": "bad",
    "stopped": "bad",
    "unavailable": "bad",
    "conflict": "warn",
    "lost": "warn",
    "uncertain": "warn",
    "quarantined": "warn",
    "expired": "warn",
    "paused": "warn",
    "open": "bad",
    "half-open": "warn",
    "closed": "good",
    "unknown here": "warn",
    "sent": "good",
    "waiting": "busy",
}


@register.filter
def phone(text: str, user: Any) -> str:
    """Write a number as this person may see it, spaced for reading."""
    shown = masking.display_number(text, user)
    return visible(phone_numbers.pretty(shown)) or "—"


@register.filter
def words(text: str, user: Any) -> str:
    """Write a sentence, a name or a value as this person may see it: its numbers masked for most."""
    return visible(str(masking.masked_for(user, str(text))))


@register.filter
def seconds(value: float | None) -> str:
    """Write a length of time: ``75.2`` → ``1:15``; below ten seconds ``3.4 s``; nothing known is a dash."""
    if not isinstance(value, int | float):  # Telnyx leaves members out, and a template makes "" of what is not there
        return "—"
    if abs(value) < 10:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def offset(value: float) -> str:
    """Write a distance in time: ``3.2`` → ``+3.2 s``; a minute and more ``+1:15``."""
    sign = "−" if value < 0 else "+"
    return f"{sign}{abs(value):.1f} s" if abs(value) < 60 else f"{sign}{seconds(abs(value))}"


@register.filter
def since(begin: datetime, end: datetime | None) -> float | None:
    """Return the seconds from one time to another."""
    return (end - begin).total_seconds() if end else None


@register.filter
def status_badge(status: str) -> str:
    """Draw a status as a coloured word."""
    return format_html('<span class="portal-badge portal-{}">{}</span>', _TONES.get(status, "plain"), status)


@register.filter
def live_badge(account: Any) -> str:
    """Draw whether real phones ring there."""
    word, tone = ("LIVE", "bad") if account.is_live else ("SANDBOX", "good")
    return format_html('<span class="portal-badge portal-{}">{}</span>', tone, word)


@register.filter
def crumb(title: Any) -> str:
    """Write a step of the way to a page: what we call a kind of thing with a capital, the name of a thing as it is."""
    return visible(str(title)) if isinstance(title, Model) else str(capfirst(title))
