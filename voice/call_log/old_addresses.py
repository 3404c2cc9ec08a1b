"""Turns addresses of the list as they were, one parameter a filter, into the search that asks for the same."""

from collections.abc import Iterable
from datetime import MAXYEAR, MINYEAR, datetime, timedelta

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_time

from portal.models import TelnyxAccount
from portal.times import of_wall_clock
from voice.call_log.language import tokens
from voice.call_log.language.tokens import Token

_KEYS = {
    "state": "state",
    "state__exact": "state",
    "direction": "dir",
    "ending_category": "ending",
    "ending_category__exact": "ending",
    "ended_by": "who",
    "ended_by__exact": "who",
    "connection_id": "app",
    "hangup_cause": "cause",
}
_ACCOUNT, _ENDS = "account__id__exact", {"since": "started_at_from", "until": "started_at_to"}


def search_of(parameters: QueryDict) -> str | None:
    """Return the search that these parameters ask for; None where there are none of the old ones."""
    found = list(_tokens(parameters))
    return tokens.write([*tokens.read(parameters.get("q", "")), *found]) if found else None


def _tokens(parameters: QueryDict) -> Iterable[Token]:
    for name, key in _KEYS.items():
        yield from (Token(key, value.strip()) for value in parameters.getlist(name) if value.strip())
    for identifier in parameters.getlist(_ACCOUNT):
        yield Token("account", _account(identifier))
    for key, name in _ENDS.items():
        if at := _moment(parameters.get(f"{name}_0", ""), parameters.get(f"{name}_1", ""), is_end=key == "until"):
            yield Token(key, at)


def _account(identifier: str) -> str:
    try:
        found = TelnyxAccount.objects.filter(pk=identifier).first()
    except ValidationError:
        return identifier  # of no account: the list says so
    return found.name if found else identifier


def _moment(day: str, hour: str, *, is_end: bool) -> str:
    """Write where the range began or ended. Its end was included, and a day without a time was all of it."""
    try:
        date, at = parse_date(day), parse_time(hour) if hour else None
    except ValueError:
        return day
    if date is None:
        return day
    if not MINYEAR < date.year < MAXYEAR - 1:  # beyond every calendar: the list says so
        return day
    if at is None:
        return (date + timedelta(days=1) if is_end else date).isoformat()
    moment = of_wall_clock(datetime.combine(date, at), is_end=is_end)
    return timezone.localtime(moment + timedelta(seconds=1) if is_end else moment).isoformat()
