"""Finds a call by whatever the customer on the phone can tell: a number, its last digits, any id."""

import re
import uuid
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from rest_framework.exceptions import APIException, Throttled, ValidationError

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import Actor
from portal.masking import may_see_whole
from portal.models import AuditEvent
from portal.phone_numbers import mask
from voice.models import Call

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DIGITS = re.compile(r"\+?[\d\s().\-]{3,40}")
_MOST_LEGS = 1000
_LONGEST_NUMBER, _SHORTEST_NUMBER, _LAST = 15, 7, 4
_ACTION = "call.search"
PER_MINUTE = 20  # searches for numbers by one person who may not see whole ones


def by_text(calls: QuerySet[Call], text: str, actor: Actor) -> QuerySet[Call]:
    """Filter to calls with that number (or ending in those digits), or that id of leg, session, call or application.

    ``SearchRefused`` as for ``number``.
    """
    text = text.strip()
    if _UUID.fullmatch(text):
        identifier = text.lower()
        return calls.filter(Q(call_session_id=identifier) | Q(call_leg_id=identifier) | Q(call_control_id=text))
    if _DIGITS.fullmatch(text):
        digits = re.sub(r"\D", "", text)
        if len(digits) > _LONGEST_NUMBER:
            return calls.filter(connection_id=digits)
        return calls.filter(number(text, actor))
    if text.lower().startswith(("sip:", "sips:")):
        return calls.filter(number(text, actor))
    return calls.filter(call_control_id=text)


def session(calls: QuerySet[Call], legs: Iterable[Call]) -> list[Call]:
    """List all legs, of these ``calls``, of the session that ``legs`` are of, in the order they started.

    They share a ``call_session_id``. That of a TeXML leg is told with its end only, if at all, so the legs that a
    document dialled, which name their parent, are of its session too.
    """
    found: dict[uuid.UUID, Call] = {}
    new, sessions = list(legs), {""}
    while new and len(found) < _MOST_LEGS:
        texml = [leg for leg in new if leg.is_texml]
        told = {leg.call_session_id for leg in new} - sessions
        if found and not texml and not told:
            break
        sessions |= told
        related = Q(call_session_id__in=told) | Q(call_control_id__in={leg.parent_control_id for leg in texml} - {""})
        related |= Q(parent_control_id__in={leg.call_control_id for leg in texml}) | Q(pk__in={leg.pk for leg in new})
        rows = calls.filter(related).exclude(pk__in=found).order_by("started_at", "id")[:_MOST_LEGS]
        known = {leg.pk for leg in new}
        found |= {leg.pk: leg for leg in rows}
        new = [leg for leg in rows if leg.pk not in known]
    return sorted(found.values(), key=lambda leg: (leg.started_at, str(leg.pk)))


class SearchRefused(Exception):
    """Says in words why a number is not searched for. ``wait``: in how many seconds it may be, if it may be at all."""

    def __init__(self, words: str, wait: int = 0) -> None:
        super().__init__(words)
        self.words, self.wait = words, wait

    def problem(self, name: str) -> APIException:
        """Return what REST answers with: 429 while there are too many, else 400 at the parameter ``name``."""
        return Throttled(self.wait, self.words) if self.wait else ValidationError({name: [self.words]})


def number(text: str, actor: Actor, sides: tuple[str, ...] = ("from", "to")) -> Q:
    """Match from or to that number: a whole one with ``+`` exactly, digits by their end, SIP by its beginning.

    Who may not see whole numbers could piece one together from such ends: ``SearchRefused`` for them, unless it is a
    whole number or exactly four last digits, and not more than ``PER_MINUTE`` of these. Each is in the audit trail.
    """
    text = text.strip()
    is_free = may_see_whole(actor.user)
    if not is_free:
        admit(text, actor)
    found = Q()
    for side in sides:
        found |= _one_side(text, side) if is_free else _whole_or_four(text, side)
    return found


def admit(text: str, actor: Actor) -> None:
    """Note that somebody who may not see whole numbers searches for ``text``; ``SearchRefused`` as for ``number``."""
    is_sip, digits = text.lower().startswith(("sip:", "sips:")), re.sub(r"\D", "", text)
    if not is_sip and not (len(digits) == _LAST and digits == text) and len(digits) < _SHORTEST_NUMBER:
        raise SearchRefused("Search for a whole number, or for exactly four last digits.")
    AuditEvent.note(actor, _ACTION, searched=mask(text))
    begin = timezone.now() - timedelta(minutes=1)
    if AuditEvent.objects.filter(action=_ACTION, user=actor.user, at__gt=begin).count() > PER_MINUTE:
        raise SearchRefused(f"At most {PER_MINUTE} numbers are searched for in a minute. Wait a moment.", wait=60)


def _whole_or_four(text: str, side: str) -> Q:
    digits = re.sub(r"\D", "", text)
    if text.lower().startswith(("sip:", "sips:")):
        return Q(**{f"{side}_number": text})
    if len(digits) == _LAST:
        return Q(**{f"{side}_reversed__startswith": digits[::-1]})
    return Q(**{f"{side}_number__in": [f"+{digits}", digits]})


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
