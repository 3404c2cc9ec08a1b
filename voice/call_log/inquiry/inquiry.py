"""Asks Telnyx's record for what a search names, and sorts the answer by legs.

``GET /call_events`` is filtered by whole numbers and by ids alone. Of numbers it tells the last 24 hours, of a leg or a
session more (Telnyx's reference of this list).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from applications import receivers
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.errors import TelnyxError
from voice.call_log.language.conditions import is_digits
from voice.call_log.language.tokens import Token
from voice.call_log.query import Query
from voice.calls import search, telnyx_record
from voice.catalogue import event_types
from voice.models import Call
from voice.recovery import imports

_MOST_ACCOUNTS, _MOST_QUESTIONS, _MOST_LEGS = 5, 2, 20
_SIDES = ("from", "to")
_IDS = ("", "id", "session")


@dataclass
class Leg:
    """Is a leg as Telnyx's record has it; ``call`` is ours of the same, if there is one."""

    leg_id: str
    session_id: str
    from_number: str = ""
    to_number: str = ""
    application: str = ""
    connection_id: str = ""
    begun: datetime | None = None
    heard: datetime | None = None
    told: str = ""
    webhooks: int = 0
    commands: int = 0
    call: Any = None
    is_elsewhere: bool = False


@dataclass(frozen=True)
class Answer:
    """Is what one account said: its ``legs``, newest first, or why it said nothing."""

    account: TelnyxAccount
    legs: list[Leg]
    more: int = 0
    is_whole: bool = True
    error: str = ""


def questions(asked: Query) -> list[JsonObject]:
    """Return what Telnyx is asked with (``filter[…]``), one after another; none where the search names none."""
    wanted = [one for one in asked.tokens if not one.is_negated]
    ids = [one.value.lower() for one in wanted if one.key in _IDS and search.UUID.fullmatch(one.value)]
    if ids:
        return [{"leg_id": ids[0]}, {"application_session_id": ids[0]}]
    sides = {side: number for side in _SIDES for one in wanted if one.key == side and (number := _number(one))}
    if sides:
        return [sides]
    either = next((number for one in wanted if one.key in {"", "number"} and (number := _number(one))), "")
    return [{side: either} for side in _SIDES] if either else []


def _number(token: Token) -> str:
    """Return the whole number that a token names, as Telnyx writes it; empty for the end of one."""
    return search.whole_number(token.value) if is_digits(token.value) else ""


def accounts(asked: Query) -> list[TelnyxAccount]:
    """List whom a search is asked of: the accounts that it names, else all; not more than five."""
    named = [one.value for one in asked.tokens if one.key == "account" and not one.is_negated]
    rows = TelnyxAccount.objects.order_by("name")
    return list((rows.filter(name__in=named) if named else rows)[:_MOST_ACCOUNTS])


def ask(account: TelnyxAccount, wanted: Iterable[JsonObject]) -> Answer:
    """Ask an account now: a page of 250 entries for each question."""
    entries, is_whole = list[JsonObject](), True
    try:
        for one in wanted:
            page = next(paging.read_pages(account, "call_events.list", most=1, filter=one))
            entries, is_whole = [*entries, *page.rows], is_whole and page.complete
    except TelnyxError as error:
        return Answer(account, [], error=str(error))
    once = {json.dumps(entry, sort_keys=True): entry for entry in entries}  # a leg may be told to both questions
    legs = sorted(_legs(once.values()), key=_begin, reverse=True)
    shown = legs[:_MOST_LEGS]
    _complete(account, shown)
    return Answer(account, shown, len(legs) - len(shown), is_whole)


def _legs(entries: Iterable[JsonObject]) -> Iterable[Leg]:
    found = dict[str, Leg]()
    for entry in sorted(entries, key=_time):
        leg_id, session_id = _id(entry, "call_leg_id"), _id(entry, "call_session_id")
        if leg_id:
            _take(found.setdefault(leg_id, Leg(leg_id, session_id)), entry)
    return found.values()


def _take(leg: Leg, entry: JsonObject) -> None:
    event = telnyx_record.event_of(entry)
    at = telnyx_record.time_of(entry)
    leg.begun, leg.heard = leg.begun or at, at or leg.heard
    if event is None:
        leg.commands += 1
        return
    leg.webhooks += 1
    payload = event.get("payload")
    told: JsonObject = payload if isinstance(payload, dict) else {}
    leg.from_number = leg.from_number or _text(told.get("from"))
    leg.to_number = leg.to_number or _text(told.get("to"))
    leg.connection_id = leg.connection_id or imports.connection_of(entry)
    if (kind := _text(event.get("event_type"))) and event_types.meaning(kind).state:
        cause = _text(told.get("hangup_cause")) if kind == "call.hangup" else ""
        leg.told = event_types.ending(cause, "") or event_types.label(kind)


def _complete(account: TelnyxAccount, legs: list[Leg]) -> None:
    """Find which of them are here, and the names of their applications: four statements, however many they are."""
    rows = Call.objects.filter(call_leg_id__in=[leg.leg_id for leg in legs], account=account)
    here = {call.call_leg_id: call for call in rows.only("id", "call_leg_id")}
    connections = {leg.connection_id for leg in legs}
    names = search.application_names({(account.pk, one) for one in connections})
    others = receivers.pointing_elsewhere(account, connections)
    for leg in legs:
        leg.call = here.get(leg.leg_id)
        leg.is_elsewhere = leg.connection_id in others
        leg.application = names.get((account.pk, leg.connection_id), leg.connection_id)


def _id(entry: JsonObject, name: str) -> str:
    value = _text(entry.get(name)).lower()
    return value if search.UUID.fullmatch(value) else ""


def _text(value: object) -> str:
    return value[:255] if isinstance(value, str) else ""


def _time(entry: JsonObject) -> str:
    at = telnyx_record.time_of(entry)
    return at.isoformat() if at else ""


def _begin(leg: Leg) -> str:
    return leg.begun.isoformat() if leg.begun else ""
