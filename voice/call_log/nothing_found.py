"""Looks for a number where no call is: among the newest dials that never became one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from portal.masking import may_see_whole
from portal.phone_numbers import is_nobody
from voice.call_log.language.conditions import is_digits
from voice.call_log.query import Query
from voice.calls import search
from voice.catalogue import actions
from voice.events import refusal_reasons
from voice.models import CallCommand, RejectionCount

_LOOKED_THROUGH, _SHOWN, _LAST = 200, 5, 4
_WITH_TRUNK = 7  # digits: so many, and the 0 before them is that of the trunk
_SIDES = {"": ("from", "to"), "number": ("from", "to"), "from": ("from",), "to": ("to",)}
_NEVER_PLACED = (CallCommand.Status.REFUSED, CallCommand.Status.EXPIRED, CallCommand.Status.UNCERTAIN)


@dataclass(frozen=True)
class Dials:
    """Are the dials that never became a call, newest first, each with whom it called; how many there are besides."""

    shown: list[tuple[CallCommand, str]]
    more: int


@dataclass(frozen=True)
class Count:
    """Is a count of what may have been the call, with its list if there is one."""

    label: str
    number: int
    url: str = ""


def dials(asked: Query, user: Any) -> Dials | None:
    """Find them among the newest commands that came to nothing; None where no number was asked for, or may be shown."""
    wanted: dict[str, list[str]] = {}  # two of one kind mean either, as in the search
    for token in asked.tokens:
        number = token.value.removeprefix(search.AS_WRITTEN)
        if token.key in _SIDES and not token.is_negated and is_digits(number):
            wanted.setdefault(token.key, []).append(number)
    if asked.refused or not asked.has_numbers or not wanted or not user.has_perm("voice.view_callcommand"):
        return None
    found = list[CallCommand]()
    for status in _NEVER_PLACED:
        newest = CallCommand.objects.filter(status=status).order_by("-created_at").defer("answer", "attempts")
        found += [
            one
            for one in newest[:_LOOKED_THROUGH]
            if one.action in actions.NEW_CALLS
            and one.call_id is None
            and all(
                any(_is_of(one.parameters, value, _SIDES[key], user) for value in values)
                for key, values in wanted.items()
            )
        ]
    found.sort(key=lambda one: one.created_at, reverse=True)
    return Dials([(one, _called(one.parameters)) for one in found[:_SHOWN]], len(found[_SHOWN:]))


def counts(found: Dials | None, user: Any) -> list[Count]:
    """Count what may have been the call: refused dials of its number, requests that our door refused within a day."""
    told = [Count("Dials of it that came to nothing", len(found.shown) + found.more)] if found else []
    if user.has_perm("voice.view_rejectedrequest"):
        since = timezone.now() - timedelta(hours=24)
        refused = RejectionCount.objects.filter(hour__gt=since).exclude(code=refusal_reasons.PROBE.code)
        number = refused.aggregate(number=Sum("count"))["number"] or 0  # as the inbox counts them
        url = reverse("admin:voice_rejectedrequest_changelist") if number else ""
        told.append(Count("Requests refused at our door in 24 hours", number, url))
    return told


def _called(parameters: Any) -> str:
    called = _told(parameters, "to")
    return str(called[0] if isinstance(called, list) and called else called or "")


def _told(parameters: Any, side: str) -> Any:
    return parameters.get(side) or parameters.get(side.capitalize())  # of TeXML


def _is_of(parameters: Any, value: str, sides: tuple[str, ...], user: Any) -> bool:
    digits = search.digits_of(value)
    if not digits or is_nobody(value) or not isinstance(parameters, dict):
        return False
    told = [_told(parameters, side) for side in sides]
    numbers = [search.digits_of(one) for each in told for one in (each if isinstance(each, list) else [each]) if one]
    # an end of it tells who may not see a number no more than the search of calls does: four digits, or all of them
    by_end = may_see_whole(user) or len(digits) == _LAST
    end = digits.removeprefix("0") if len(digits) >= _WITH_TRUNK else digits
    return any(one.endswith(end) if by_end else one == digits for one in numbers)
