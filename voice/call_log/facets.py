"""Offers what a search may be narrowed by: fixed words, and the values that the newest of its calls have most often."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.db.models import Q

from portal.masking import masked_for
from voice.call_log import listing
from voice.call_log.language.conditions import is_sip_status
from voice.call_log.language.tokens import Token
from voice.call_log.query import Query
from voice.calls import search
from voice.catalogue import endings
from voice.models import Call

SAMPLE = 150  # calls whose values are counted
_MOST = 10
_COLUMNS = (
    *("account_id", "account__name", "connection_id", "direction", "ending", "ending_category", "ended_by"),
    *("sip_hangup_cause", "hangup_cause", "answered_by", "queue", "pk", "started_at"),
)


@dataclass(frozen=True)
class Choice:
    """Is one value of a filter: the address that asks for it, or leaves it out again where it is asked for."""

    label: str
    url: str
    is_on: bool
    count: int | None = None


@dataclass(frozen=True)
class Filter:
    """Is one of the filters above the list."""

    label: str
    choices: list[Choice]

    @property
    def is_on(self) -> bool:
        return any(choice.is_on for choice in self.choices)


@dataclass(frozen=True)
class Chip:
    """Is a token of the search, and the address of the search without it."""

    text: str
    url: str


def chips(query: Query) -> list[Chip]:
    """Return a chip for each token of the search."""
    return [Chip(token.text, _address(query.without(token))) for token in query.tokens]


def filters(query: Query, user: Any) -> list[Filter]:
    """Return the filters with their values; of each at most ten, counted among the newest calls of the search."""
    found = _sample(query)
    made = [Filter(label, _fixed(query, key, offered)) for label, key, offered in _FIXED]
    for label, key, value, word in _COUNTED:
        counted = Counter(told for row in found if (told := value(row)))
        choices = [
            _choice(query, key, told, str(masked_for(user, word(told))), count)
            for told, count in counted.most_common(_MOST)
            if masked_for(user, told) == told and '"' not in told  # it stands in the address
        ]
        there = {choice.label for choice in choices}
        asked = [token for token in query.tokens if token.key == key]
        choices += [
            _choice(query, key, one.value, one.value) for one in asked if not {one.value, word(one.value)} & there
        ]
        if choices and (key != "account" or len(choices) > 1 or asked):
            made.append(Filter(label, choices))
    return made


def told_lately(key: str) -> list[tuple[str, str]]:
    """Return the values of a word that the newest calls of the log have, most frequent first, each with its words."""
    made = [(value, word) for _, name, value, word in _COUNTED if name == key]
    found = _sample(Query()) if made else []
    counted = [(Counter(told for row in found if (told := value(row))), word) for value, word in made]
    pairs = [(told, word(told)) for counter, word in counted for told, _ in counter.most_common()]
    return [(told, "" if words == told else words) for told, words in pairs]


def _sample(query: Query) -> list[dict[str, Any]]:
    bound = Q()
    if listing.needs_bound(query) and (reached := listing.edge(query)):
        bound = Q(started_at__gte=reached)
    with listing.reading(query):
        found = [row for calls in query.by_side() for row in calls.filter(bound).values(*_COLUMNS)[:SAMPLE]]
    rows = sorted({row["pk"]: row for row in found}.values(), key=lambda row: row["started_at"], reverse=True)[:SAMPLE]
    names = search.application_names({(row["account_id"], row["connection_id"]) for row in rows})
    for row in rows:
        row["app"] = names.get((row["account_id"], row["connection_id"]), row["connection_id"])
    return rows


def _fixed(query: Query, key: str, offered: Iterable[tuple[str, str]]) -> list[Choice]:
    return [_choice(query, name, value, label) for label, text in offered for name, _, value in [text.partition(":")]]


def _choice(query: Query, key: str, value: str, label: str, count: int | None = None) -> Choice:
    on = [one for one in query.tokens if one == Token(key, value)]
    return Choice(label, _address(query.without(*on) if on else query.with_token(key, value)), bool(on), count)


def _address(text: str) -> str:
    return f"?q={quote(text)}" if text else "?"


def _is_verdict(code: str) -> bool:
    """Tell whether it is the code of a verdict, and not only of its category: what is none stands in no link."""
    return code not in Call.Ending.values and endings.is_code(code)


_FIXED: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Time",
        "since",
        (
            *(("Last 15 minutes", "since:15m"), ("Last hour", "since:1h"), ("Last 24 hours", "since:24h")),
            *(("Today", "day:today"), ("Yesterday", "day:yesterday"), ("Last 7 days", "since:7d")),
        ),
    ),
    (
        "Status",
        "is",
        (
            *(("On the line", "is:running"), ("Answered", "is:answered"), ("Put through", "is:bridged")),
            *(("End not reported", "is:lost"), ("Of TeXML", "is:texml"), ("Recorded", "rec:yes")),
            *(("A webhook came late", "is:late"), ("Poor sound", "is:poor"), ("A row for each leg", "rows:legs")),
        ),
    ),
    (
        "Length",
        "talk",
        (
            *(("Talk under 10 s", "talk:<10"), ("Talk over 1 min", "talk:>60"), ("Talk over 10 min", "talk:>600")),
            *(("Talk over 1 h", "talk:>3600"), ("Set-up over 10 s", "setup:>10"), ("Set-up over 30 s", "setup:>30")),
        ),
    ),
)
_Row = dict[str, Any]
_COUNTED: tuple[tuple[str, str, Callable[[_Row], str], Callable[[str], str]], ...] = (
    ("Way", "dir", lambda row: row["direction"] or "unknown", str.capitalize),
    ("Application", "app", lambda row: row["app"], str),
    ("Outcome", "ending", lambda row: row["ending_category"], endings.category_label),
    ("Ending", "ending", lambda row: row["ending"] if _is_verdict(row["ending"]) else "", endings.code_label),
    ("Ended by", "who", lambda row: row["ended_by"], lambda who: endings.party(who).capitalize()),
    ("Answered by", "by", lambda row: row["answered_by"], str.capitalize),
    ("SIP", "sip", lambda row: row["sip_hangup_cause"] if is_sip_status(row["sip_hangup_cause"]) else "", str),
    ("Cause", "cause", lambda row: row["hangup_cause"], lambda cause: cause.replace("_", " ")),
    ("Queue", "queue", lambda row: row["queue"], str),
    ("Account", "account", lambda row: row["account__name"], str),
)
