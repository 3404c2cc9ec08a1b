"""Asks Telnyx's record for what a search names, and sorts the answer by legs.

``GET /call_events`` is filtered by whole numbers and by ids. Of numbers it tells the last 24 hours, of a leg or a
session more (Telnyx's reference of this list). Whether its filters take SIP addresses, and how these have to be
written, is documented nowhere: for one the record of the last hour is read as well, and sorted out here.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from applications import receivers
from portal import sql
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.client import DEADLINE_SECONDS
from portal.telnyx.errors import TelnyxError, TelnyxRefused
from portal.times import uptime
from voice.call_log.language.conditions import is_digits
from voice.call_log.language.tokens import Token
from voice.call_log.query import Query
from voice.calls import search, telnyx_record
from voice.catalogue import event_types
from voice.models import Call
from voice.recovery import imports

MOST_ACCOUNTS, MOST_NAMED, _MOST_LEGS = 5, 5, 20  # of what the search names: numbers, pairs of these, or ids
_MOST_PAGES = 4  # of 250 entries, of the record that is read for a SIP address
_BACK = timedelta(hours=1)
_LATE = "Telnyx was slow, and was not asked any more. Ask again, or name one account in the search."
_SIDES = ("from", "to")
_IDS = ("", "id", "session")
_SIP = re.compile(r"(?:(sips?):)?([^\s:@<>]{1,128}@[^\s@<>;?]{1,128})[^\s@<>]{0,200}", re.IGNORECASE)


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
    """Is what one account said: its ``legs``, newest first, and why it said nothing, or not all."""

    account: TelnyxAccount
    legs: list[Leg]
    more: int = 0
    is_whole: bool = True
    error: str = ""


class _Late(Exception):
    """Says that there is no time to ask any more."""


@dataclass(frozen=True)
class Question:
    """Is what Telnyx is asked with (``filter[…]``); with ``parties`` its answer is sorted out by one of these, too."""

    filters: JsonObject
    parties: tuple[dict[str, str], ...] = ()  # by side


def questions(asked: Query) -> tuple[list[Question], int]:
    """Return what Telnyx is asked, one after another, and how much more the search names; nothing where it is refused.

    Two of one side mean either of them, as in the search: of each the question is one of its own.
    """
    named = [] if asked.refused else _named([one for one in asked.tokens if not one.is_negated])
    told = [one for several in named[:MOST_NAMED] for one in several]
    return [*(Question(dict(one)) for one in told), *_read_through(*told)], len(named[MOST_NAMED:])


def _named(wanted: list[Token]) -> list[list[dict[str, str]]]:
    """List the ids that are named, else the sides, else the numbers of either side: each with what finds it."""
    ids = [one.value.lower() for one in wanted if one.key in _IDS and search.UUID.fullmatch(one.value)]
    if ids:
        return [[{"leg_id": one}, {"application_session_id": one}] for one in dict.fromkeys(ids)]
    begins, ends = ([{side: party} for party in _parties(wanted, side)] for side in _SIDES)
    if begins or ends:
        return [[begin | end] for begin, end in product(begins or [{}], ends or [{}])]
    return [[{side: party} for side in _SIDES] for party in _parties(wanted, "", "number")]


def _parties(wanted: list[Token], *keys: str) -> list[str]:
    return list(dict.fromkeys(party for one in wanted if one.key in keys and (party := _party(one))))


def _party(token: Token) -> str:
    """Return the whole number or the SIP address that a token names, as Telnyx writes it; empty for the end of one."""
    number = token.value.removeprefix(search.AS_WRITTEN)
    if is_digits(number):
        return search.whole_number(number)
    match = _SIP.fullmatch(number)
    return f"{(match[1] or 'sip').lower()}:{match[2]}" if match else ""


def _read_through(*either: dict[str, str]) -> list[Question]:
    """Ask for all of the last hour, where one of these sides is a SIP address."""
    if not any(_SIP.fullmatch(party) for sides in either for party in sides.values()):
        return []
    return [Question({"type": "webhook", "occurred_at": {"gte": (sql.clock() - _BACK).isoformat()}}, either)]


def accounts(asked: Query) -> list[TelnyxAccount]:
    """List whom a search is of: the accounts that it names, else all that it does not leave out."""
    of_accounts = [one for one in asked.tokens if one.key == "account"]
    named = [one.value for one in of_accounts if not one.is_negated]
    left_out = [one.value for one in of_accounts if one.is_negated]
    rows = TelnyxAccount.objects.exclude(name__in=left_out).order_by("name")
    return list(rows.filter(name__in=named) if named else rows)


def ask_all(whom: Iterable[TelnyxAccount], wanted: Sequence[Question]) -> list[Answer]:
    """Ask one account after another, and nothing more once there was time for one request that takes its longest.

    Whoever waits for the page holds a thread of the web process.
    """
    until = uptime() + DEADLINE_SECONDS
    return [_ask(account, wanted, until) for account in whom]


def _ask(account: TelnyxAccount, wanted: Sequence[Question], until: float) -> Answer:
    """Ask an account now: a page of 250 entries for each question, four of those that are sorted out here."""
    entries, is_whole, late = list[JsonObject](), True, ""
    try:
        for one in wanted:
            try:
                for page in _pages(account, one, until):
                    entries += _of_parties(page.rows, one.parties)
                is_whole = is_whole and page.complete
            except TelnyxRefused:
                if one.parties or not wanted[-1].parties:
                    raise
                # its filter takes no SIP address, then: what is read through is asked all the same
    except _Late:
        late = _LATE
    except TelnyxError as error:
        return Answer(account, [], error=str(error))
    once = {json.dumps(entry, sort_keys=True): entry for entry in entries}  # a leg may be told to both questions
    legs = sorted(_legs(once.values()), key=_begin, reverse=True)
    shown = legs[:_MOST_LEGS]
    _complete(account, shown)
    return Answer(account, shown, len(legs) - len(shown), is_whole, late)


def _pages(account: TelnyxAccount, one: Question, until: float) -> Iterator[paging.Page]:
    """Read the pages of a question. Raises ``_Late`` when there is no time for the next one."""
    numbers = range(_MOST_PAGES if one.parties else 1)
    pages = paging.read_pages(account, "call_events.list", most=len(numbers), filter=one.filters)
    for _ in numbers:
        if uptime() >= until:
            raise _Late
        page = next(pages)
        yield page
        if page.is_last:
            return


def _of_parties(entries: list[JsonObject], parties: tuple[dict[str, str], ...]) -> list[JsonObject]:
    """Keep the entries that have one of these parties; all where none is asked for."""
    return [entry for entry in entries if any(_has(entry, one) for one in parties)] if parties else entries


def _has(entry: JsonObject, parties: dict[str, str]) -> bool:
    payload = (telnyx_record.event_of(entry) or {}).get("payload")
    told: JsonObject = payload if isinstance(payload, dict) else {}
    return all(_plain(_text(told.get(side))) == _plain(party) for side, party in parties.items())


def _plain(party: str) -> str:
    """Return of a SIP address user and host, which is what makes it the same, whatever else it is written with."""
    match = _SIP.fullmatch(party.strip())
    return match[2].casefold() if match else party


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
