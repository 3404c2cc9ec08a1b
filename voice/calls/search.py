"""Finds a call by whatever the customer on the phone can tell: a number, its last digits, any id."""

import re
import unicodedata
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import phonenumbers
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.utils import timezone
from rest_framework.exceptions import APIException, Throttled, ValidationError

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import Actor
from portal.masking import may_see_whole
from portal.models import AuditEvent, TelnyxAccount
from portal.phone_numbers import compact, is_nobody, mask
from voice.dialling.limits import countries
from voice.models import Call, CallCommand, CallEvent, Conference

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_DIGITS = re.compile(r"\+?[\d\s().\-/]{3,40}")
_SIP = ("sip:", "sips:")
_MOST_LEGS = 1000
_LONGEST_NUMBER, _SHORTEST_NUMBER, _LAST = 15, 7, 4
_WITH_COUNTRY = 11  # digits: fewer without + may as well be a number at home
_ACTION = "call.search"
_UNREADABLE = "This cannot be read as a number: give a whole one with +, its last digits, a SIP address, or anonymous."
_FREQUENT = 1000  # calls with the same last digits
PER_MINUTE = 20  # searches for numbers by one person who may not see whole ones
AS_WRITTEN = "="  # before a number: the calls that have it so, and not in any other form


def is_connection_id(text: str) -> bool:
    """Tell whether it has more digits than a number can have."""
    return bool(_DIGITS.fullmatch(text)) and len(digits_of(text)) > _LONGEST_NUMBER


def session(calls: QuerySet[Call], legs: Iterable[Call]) -> list[Call]:
    """List all legs, of these ``calls``, of the session that ``legs`` are of, as ``session_or_part`` does."""
    return session_or_part(calls, legs)[0]


def session_or_part(calls: QuerySet[Call], legs: Iterable[Call]) -> tuple[list[Call], bool]:
    """List the legs, of these ``calls``, of the session that ``legs`` are of, in the order they started.

    They share a ``call_session_id``, and the account. That of a TeXML leg is told with its end only, if at all, so the
    legs that a document dialled, which name their parent, are of its session too. Of very many the first ones are
    listed: whether these are all is told beside them.
    """
    found: dict[uuid.UUID, Call] = {}
    new, sessions, is_whole = list(legs), {""}, True
    accounts = {leg.account_id for leg in new}
    while new:
        texml = [leg for leg in new if leg.is_texml]
        told = {leg.call_session_id for leg in new} - sessions
        if found and not texml and not told:
            break
        if len(found) >= _MOST_LEGS:
            is_whole = False  # there may be more
            break
        sessions |= told
        related = Q(call_session_id__in=told) | Q(call_control_id__in={leg.parent_control_id for leg in texml} - {""})
        related |= Q(parent_control_id__in={leg.call_control_id for leg in texml}) | Q(pk__in={leg.pk for leg in new})
        rows = list(calls.filter(related).exclude(pk__in=found).order_by("started_at", "id")[: _MOST_LEGS + 1])
        is_whole, rows = is_whole and len(rows) <= _MOST_LEGS, rows[:_MOST_LEGS]
        known = {leg.pk for leg in new}
        # not by the statement: it is answered by the ids alone, and an index of the account's calls would tempt it
        rows = [leg for leg in rows if leg.account_id in accounts]
        found |= {leg.pk: leg for leg in rows}
        new = [leg for leg in rows if leg.pk not in known]
    return sorted(found.values(), key=lambda leg: (leg.started_at, str(leg.pk))), is_whole


def of_control_id(text: str, account: str | None = None) -> Q:
    """Match the calls of that id, of each account by itself: the index of it begins with the account.

    Of one account alone, if it is named.
    """
    return Q(account__in=account_ids(account), call_control_id=text)


def of_id(text: str) -> Q:
    """Match the calls of that id: of a session, a leg, a call; of one of its events, or of a command to it."""
    if not UUID.fullmatch(text):
        return of_call(text)
    named = [*CallCommand.objects.filter(pk=uuid.UUID(text)).values_list("call", flat=True)]
    ours = CallEvent.objects.filter(Q(pk=uuid.UUID(text)) | of_event(text))
    calls = {one for one in [*named, *ours.values_list("call", flat=True)[:20]] if one}
    return of_call(text) | Q(pk__in=calls)


def of_call(text: str) -> Q:
    """Match the calls whose own id, or that of their session or leg, this is."""
    asked = of_control_id(text)
    if UUID.fullmatch(text):
        asked |= Q(call_session_id=text.lower()) | Q(call_leg_id=text.lower()) | Q(pk=uuid.UUID(text))
    return asked


def account_ids(name: str | None = None) -> list[uuid.UUID]:
    """List the accounts, or the one of that name: what Telnyx numbers is found by account and id."""
    rows = TelnyxAccount.objects.all() if name is None else TelnyxAccount.objects.filter(name=name)
    return list(rows.values_list("pk", flat=True))


def of_session(text: str) -> Q:
    """Match what is of the session, or of the conference, of that id: events, commands. Nothing, when it is none.

    Their ids are read first: with one condition over several tables every row would be read.
    """
    if not UUID.fullmatch(text):
        return Q(pk__in=[])
    legs = Call.objects.filter(call_session_id=text.lower()).values_list("pk", flat=True)[:_MOST_LEGS]
    rooms = Conference.objects.filter(conference_id=text.lower()).values_list("pk", flat=True)[:_MOST_LEGS]
    return Q(call__in=list(legs)) | Q(conference__in=list(rooms))


def of_event(text: str) -> Q:
    """Match the events of that id of Telnyx's, and other bodies that came under it.

    Of each account by itself: what makes a repeat a repeat begins with the account.
    """
    identifier = text.strip().lower()
    return Q(account__in=account_ids(), dedupe_key=identifier) | Q(event_id=identifier, reason=CallEvent.Reason.VARIANT)


class SearchRefused(Exception):
    """Says in words why a number is not searched for. ``wait``: in how many seconds it may be, if it may be at all."""

    def __init__(self, words: str, wait: int = 0) -> None:
        super().__init__(words)
        self.words, self.wait = words, wait

    @property
    def is_unreadable(self) -> bool:
        """Tell whether it was no number at all, whoever asks."""
        return self.words == _UNREADABLE

    def problem(self, name: str) -> APIException:
        """Return what REST answers with: 429 while there are too many, else 400 at the parameter ``name``."""
        return Throttled(self.wait, self.words) if self.wait else ValidationError({name: [self.words]})


def number_by_side(text: str, actor: Actor, sides: tuple[str, ...]) -> list[Q]:
    """Match that number by each side: a whole one exactly, digits by their end, SIP by its beginning, nobody by a word.

    A number that begins with 0 is looked for as it is dialled at home, and one behind ``=`` just as it is written: a
    short code is no end then. Who may not see whole numbers could piece one together from such ends: ``SearchRefused``
    for them, unless it is a whole number or exactly four last digits, and not more than ``PER_MINUTE`` of these. Each
    is in the audit trail. ``SearchRefused``, too, for what is no number.
    """
    text = text.strip()
    if text.startswith(AS_WRITTEN) and (number := text.removeprefix(AS_WRITTEN)):
        if not may_see_whole(actor.user):
            admit(number, actor)
        return [of_number(side, number) for side in sides]
    is_word = is_nobody(text)
    is_sip = "@" in text or text.lower().startswith(_SIP)
    if not (is_word or is_sip) and not digits_of(text):
        raise SearchRefused(_UNREADABLE)
    is_free = may_see_whole(actor.user)
    if not is_free and not is_word:
        admit(text, actor)
    return [_of_side(text, side, is_word=is_word, is_sip=is_sip, is_free=is_free) for side in sides]


def of_number(side: str, number: str) -> Q:
    """Match the calls that have exactly this number on that side, ``from`` or ``to``."""
    return Q(**{f"{side}_reversed": number[::-1]})


def is_last_four(side: Q) -> bool:
    """Tell whether four last digits are asked for: an index has the calls of those in the order of time."""
    return isinstance(side.children[0], Exact)


def is_frequent(side: Q) -> bool:
    """Tell whether so many calls are of that side that reading them all takes long."""
    return bool(Call.objects.filter(side).order_by()[_FREQUENT : _FREQUENT + 1].exists())


def frequent_end(side: Q) -> Q | None:
    """Match the same last digits through no index, if so many calls have them that reading them all takes long.

    The index of the ends is not in the order of time, and PostgreSQL takes it however many have one.
    """
    condition: Any = side.children[0]
    column, _, look_up = condition[0].partition("__")
    if look_up != "startswith" or not column.endswith("_reversed"):
        return None
    if not is_frequent(side):
        return None
    return Q(Exact(Left(F(column), len(condition[1])), condition[1]))


def _of_side(text: str, side: str, *, is_word: bool, is_sip: bool, is_free: bool) -> Q:
    if is_word:
        return _whole(side, [text.lower(), text.capitalize(), text.upper()])
    if is_sip:
        return _address(text, side, whole=not is_free)
    return _one_side(text, side) if is_free else _whole_or_four(text, side)


def _whole(side: str, written: Iterable[str]) -> Q:
    """Match a number that is written in one of these ways: in those that there are.

    Each is looked for in the index first. Of one way of one side PostgreSQL then reads the newest calls by that index;
    of several it guesses, and of a number that never called it might read all calls.
    """
    there = [one for one in dict.fromkeys(written) if Call.objects.filter(of_number(side, one)).exists()]
    if not there[1:]:
        return of_number(side, there[0]) if there else Q(pk__in=())
    return Q(**{f"{side}_reversed__in": [one[::-1] for one in there]})


def admit(text: str, actor: Actor) -> None:
    """Note that somebody who may not see whole numbers searches for ``text``; ``SearchRefused`` as for a side."""
    is_sip, digits = "@" in text or text.lower().startswith(_SIP), digits_of(text)
    if not is_sip and not (len(digits) == _LAST and digits == text) and len(digits) < _SHORTEST_NUMBER:
        raise SearchRefused("Search for a whole number, or for exactly four last digits.")
    AuditEvent.note(actor, _ACTION, searched=mask(text))
    begin = timezone.now() - timedelta(minutes=1)
    if AuditEvent.objects.filter(action=_ACTION, user=actor.user, at__gt=begin).count() > PER_MINUTE:
        raise SearchRefused(f"At most {PER_MINUTE} numbers are searched for in a minute. Wait a moment.", wait=60)


def digits_of(text: str) -> str:
    """Return the digits of a number, of whatever script, without the 0 of ``+49 (0)30``, and without a 00 before it."""
    digits = "".join(str(unicodedata.decimal(one)) for one in compact(text) if one.isdecimal())
    return digits.removeprefix("00") if len(digits) > _SHORTEST_NUMBER else digits


def _address(text: str, side: str, *, whole: bool) -> Q:
    """Match a SIP address, also one that is written without its scheme."""
    typed = [text] if text.lower().startswith(_SIP) else [text, *(f"{scheme}{text}" for scheme in _SIP)]
    written = list(dict.fromkeys(way for one in typed for way in (one, _in_small_letters(one))))
    if whole:
        return _whole(side, written)
    found = Q()
    for one in written:
        # the index finds the beginning; SQLite takes capitals and small letters in it for the same
        found |= Q(Exact(Left(F(f"{side}_number"), len(one)), one), **{f"{side}_number__startswith": one})
    return Q(**{f"{side}_number__contains": "@"}) & found  # so the index of addresses alone is read


def _in_small_letters(address: str) -> str:
    """Write the scheme and the host of a SIP address small: only of its user it matters which letters are capitals."""
    scheme, colon, rest = address.partition(":") if address.lower().startswith(_SIP) else ("", "", address)
    user, at, host = rest.rpartition("@")
    return f"{scheme.lower()}{colon}{user}{at}{host.lower() if at else host}"


def _whole_or_four(text: str, side: str) -> Q:
    digits = digits_of(text)
    if len(digits) == _LAST:
        return _ending(digits, side)
    whole = [f"+{digits}", digits]
    if digits.startswith("0"):
        whole += _as_dialled_from(digits, countries())
    return _whole(side, whole)


def _one_side(text: str, side: str) -> Q:
    digits = digits_of(text)
    is_abroad = text.startswith("00") and not digits.startswith("00")  # else it is too short for a number of there
    if text.startswith("+") or (is_abroad and len(digits) >= _SHORTEST_NUMBER):
        return _whole(side, [f"+{digits}", digits])
    if len(digits) >= _SHORTEST_NUMBER:
        digits = digits.removeprefix("0")  # of the trunk: no number in the log has it
    return _ending(digits, side)


def _ending(digits: str, side: str) -> Q:
    column, backwards = f"{side}_reversed", digits[::-1]
    if len(digits) == _LAST:
        return Q(Exact(Left(F(column), _LAST), backwards))
    return Q(**{f"{column}__startswith": backwards})


def whole_number(text: str) -> str:
    """Return a whole number as Telnyx writes it, in whatever form it is typed; empty for what may be the end of one.

    One that is dialled at home is of the first country that is dialled to, where it has as many digits as are possible.
    """
    digits = digits_of(text)
    if compact(text).startswith(("+", "00")):
        written = [f"+{digits}"]
    elif len(digits) > _SHORTEST_NUMBER:
        written = [one for one in _as_dialled_from(digits, sorted(countries())) if one.startswith("+")]
        written += [f"+{digits}"] if len(digits) >= _WITH_COUNTRY else []
    else:
        written = []
    return next((one for one in written if _is_possible(one)), "")


def _is_possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return False


def _as_dialled_from(digits: str, regions: Iterable[str]) -> list[str]:
    found = list[str]()
    for region in regions:
        try:
            parsed = phonenumbers.parse(digits, region)
        except phonenumbers.NumberParseException:
            continue
        whole = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        found += [whole, whole[1:]]
    return found


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


def of_application(name: str) -> Q:
    """Match the calls of the applications of that name, of both kinds: another account's may have the same id."""
    first = CallControlApplication.objects.filter(application_name=name).values_list("account", "telnyx_id")
    second = TexmlApplication.objects.filter(friendly_name=name).values_list("account", "telnyx_id")
    by_account: dict[uuid.UUID, list[str]] = {}
    for account, connection_id in (*first, *second):
        by_account.setdefault(account, []).append(connection_id)
    found = [Q(account=account, connection_id__in=ids) for account, ids in by_account.items()]
    return Q(*found, _connector=Q.OR) if found else Q(pk__in=())
