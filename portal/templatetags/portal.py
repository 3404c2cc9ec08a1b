"""Provides template filters: numbers for this person, durations, statuses."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.db.models import BooleanField, DateTimeField, Model
from django.utils.html import format_html
from django.utils.text import capfirst

from portal import masking, phone_numbers
from portal.models import TelnyxAccount
from portal.texts import visible
from portal.times import read_time
from portal.view_times import current, moment_text

register = template.Library()

_TONES = {
    "answered": "good",
    "bridged": "good",
    "active": "good",
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
    "interrupted": "bad",
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
def moment(at: datetime | None, part: str = "") -> str:
    """Draw a time as this person reads times, with UTC when the pointer rests on it; no time is a dash.

    ``part`` as for ``moment_text``.
    """
    if not isinstance(at, datetime):
        return "—"
    utc = at.astimezone(UTC)
    return format_html(
        '<time class="portal-time" datetime="{}Z" title="{} UTC">{}</time>',
        f"{utc:%Y-%m-%dT%H:%M:%S}",
        f"{utc:%Y-%m-%d %H:%M:%S}",
        moment_text(at, part),
    )


@register.filter
def moment_words(at: datetime | None, part: str = "") -> str:
    """Write a time as ``moment`` draws it, for where no element can stand: a title, an option, what is read aloud."""
    return moment_text(at, part) if isinstance(at, datetime) else "—"


@register.filter
def as_time(text: object) -> datetime | None:
    """Read a time that is kept as text within JSON, for ``moment``."""
    return read_time(text)


@register.filter
def time_of(field: Any) -> str:
    """Draw the time that a form only shows; empty where it shows something else, or no time."""
    told = getattr(field, "resolved_field", None)
    if not isinstance(told, tuple) or not isinstance(told[0], DateTimeField) or told[2] is None:
        return ""
    return moment(told[2])


@register.simple_tag
def zone() -> str:
    """Name the zone in which times on this page are written."""
    return current().name


@register.filter
def status_badge(status: str) -> str:
    """Draw a status as a coloured word."""
    return format_html('<span class="portal-badge portal-{}">{}</span>', _TONES.get(status, "plain"), status)


@register.filter
def live_badge(account: Any) -> str:
    """Draw whether real phones ring there."""
    word, tone = ("LIVE", "bad") if account.is_live else ("SANDBOX", "good")
    return format_html('<span class="portal-badge portal-{}">{}</span>', tone, word)


@register.simple_tag(takes_context=True)
def where_badge(context: Any) -> str:
    """Draw whether real phones ring where the thing is that the page shows; of no thing: whether any do.

    It is the thing's own account, whatever other accounts there are.
    """
    account = _account_of_page(context)
    if account is not None:
        tone = "portal-where-live" if account.is_live else "portal-where-sandbox"
        what = "calls here ring real phones" if account.is_live else "no real phone rings here"
        sign = '<span class="portal-where {}" title="Account {}: {}"><b>{}</b><small>{}</small></span>'
        return format_html(sign, tone, account, what, "LIVE" if account.is_live else "SANDBOX", account)
    live = any(one.is_live for one in TelnyxAccount.objects.only("base_url"))
    tone, word = ("portal-where-live", "LIVE") if live else ("portal-where-sandbox", "SANDBOX")
    title = "An account here rings real phones" if live else "All accounts are of the sandbox: no real phone rings"
    return format_html('<span class="portal-where {}" title="{}"><b>{}</b></span>', tone, title, word)


def _account_of_page(context: Any) -> TelnyxAccount | None:
    things = (context.get(name) for name in ("page_row", "original", "object", "application", "document", "account"))
    for thing in things:
        account = thing if isinstance(thing, TelnyxAccount) else getattr(thing, "account", None)
        if isinstance(account, TelnyxAccount):
            return account
    return None


@register.inclusion_tag("portal/admin/active_filters.html")
def active_filters(changelist: Any) -> dict[str, Any]:
    """Draw what a list is narrowed by, each with a way to take it off."""
    chips = [
        {
            "title": spec.title,
            "value": _chosen(spec),
            "off": _without(changelist, *spec.expected_parameters()),
        }
        for spec in changelist.filter_specs
        if narrows(spec)
    ]
    if changelist.query:
        chips.append({"title": "search", "value": changelist.query, "off": _without(changelist, "q")})
    return {"chips": chips, "all_off": "?"}


def narrows(spec: Any) -> bool:
    """Tell whether a filter of a list is set."""
    return any(value not in ("", None, [""]) for value in spec.used_parameters.values())


def _without(changelist: Any, *names: str) -> str:
    """Return the address without these parameters; Django's ``remove`` takes off whatever begins so."""
    address: str = changelist.get_query_string(dict.fromkeys((*names, "p")))
    return address


def _chosen(spec: Any) -> str:
    """Return what a filter is set to, in the words of its choices where it has any."""
    field = getattr(spec, "field", None)
    words = {str(key): str(word) for key, word in getattr(field, "flatchoices", None) or ()}
    if isinstance(field, BooleanField):
        words = {"1": "yes", "0": "no"}
    choices = getattr(spec, "lookup_choices", None) or ()
    words |= {str(one[0]): str(one[1]) for one in choices if isinstance(one, tuple) and len(one) == 2}
    used = [
        str(part)
        for value in spec.used_parameters.values()
        for part in (value if isinstance(value, list) else [value])
        if part not in ("", None)
    ]
    return ", ".join(words.get(part, part) for part in used)


@register.filter
def crumb(title: Any) -> str:
    """Write a step of the way to a page: what we call a kind of thing with a capital, the name of a thing as it is."""
    return visible(str(title)) if isinstance(title, Model) else str(capfirst(title))
