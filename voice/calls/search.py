"""Finds a call by whatever the customer on the phone can tell: a number, its last digits, any id."""

import re

from django.db.models import Q, QuerySet

from applications.models import CallControlApplication, TexmlApplication
from voice.models import Call

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DIGITS = re.compile(r"\+?[\d\s().\-]{3,40}")
_LONGEST_NUMBER = 15


def by_text(calls: QuerySet[Call], text: str) -> QuerySet[Call]:
    """Filter to calls with that number (or ending in those digits), or that id of leg, session, call or application."""
    text = text.strip()
    if _UUID.fullmatch(text):
        identifier = text.lower()
        return calls.filter(Q(call_session_id=identifier) | Q(call_leg_id=identifier) | Q(call_control_id=text))
    if _DIGITS.fullmatch(text):
        digits = re.sub(r"\D", "", text)
        return calls.filter(connection_id=digits) if len(digits) > _LONGEST_NUMBER else calls.filter(number(text))
    if text.lower().startswith(("sip:", "sips:")):
        return calls.filter(number(text))
    return calls.filter(call_control_id=text)


def number(text: str, sides: tuple[str, ...] = ("from", "to")) -> Q:
    """Match from or to that number: a whole one with ``+`` exactly, digits by their end, SIP by its beginning."""
    found = Q()
    for side in sides:
        found |= _one_side(text.strip(), side)
    return found


def _one_side(text: str, side: str) -> Q:
    if text.lower().startswith(("sip:", "sips:")):
        return Q(**{f"{side}_number__startswith": text})
    digits = re.sub(r"\D", "", text)
    if text.startswith("+"):
        return Q(**{f"{side}_number": f"+{digits}"})
    return Q(**{f"{side}_reversed__startswith": digits[::-1]})


def application_names(connection_ids: set[tuple[object, str]]) -> dict[tuple[object, str], str]:
    """Map ``(account id, connection_id)`` to the application's name, for a page of calls: two statements in all."""
    ids = {connection_id for _, connection_id in connection_ids}
    found: dict[tuple[object, str], str] = {}
    for row in (
        *CallControlApplication.objects.filter(telnyx_id__in=ids).only("account_id", "telnyx_id", "application_name"),
        *TexmlApplication.objects.filter(telnyx_id__in=ids).only("account_id", "telnyx_id", "friendly_name"),
    ):
        found[row.account_id, row.telnyx_id] = row.name
    return found


def connection_ids_of(name: str) -> list[str]:
    """List the ids of the applications of that name, of both kinds."""
    first = CallControlApplication.objects.filter(application_name=name).values_list("telnyx_id", flat=True)
    second = TexmlApplication.objects.filter(friendly_name=name).values_list("telnyx_id", flat=True)
    return [*first, *second]
