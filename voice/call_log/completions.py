"""Completes what is being typed in the search box: the words of the language, and the values that one of them takes.

Nothing of it is a search. Values come from what the person may see anyway: fixed words, rows of their permission, the
newest calls of the log. Whatever is a number is never offered.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from applications.kinds import KINDS
from portal.masking import masked_for
from portal.models import TelnyxAccount
from voice.call_log import facets, query
from voice.call_log.language.tokens import Token
from voice.catalogue import endings
from voice.models import Call, CallTag, Contact, Flow
from voice.notes import contacts

MOST, LONGEST = 12, 200
_NEWEST_TAGS, _MOST_PROBES = 1000, 30


@dataclass(frozen=True)
class Completion:
    """Is what a word may become: ``text`` as it is written in the search, and what that means."""

    text: str
    meaning: str


WORDS: Mapping[str, str] = {
    "from": "who called: a number, or its last digits",
    "to": "who was called: a number, or its last digits",
    "number": "a number on either side",
    "ending": "how it ended",
    "who": "who ended it",
    "is": "what the call is: running, lost, recorded …",
    "dir": "incoming or outgoing",
    "by": "who answered, as machine detection said",
    "app": "the application",
    "flow": "the flow that answers it",
    "account": "the Telnyx account",
    "queue": "the queue that it waited in",
    "state": "Telnyx’s word for how it stands",
    "rec": "whether it was recorded",
    "talk": "how long they talked",
    "setup": "how long it took to be answered",
    "mos": "the sound",
    "cost": "the cost",
    "sip": "the SIP status",
    "cause": "Telnyx’s cause",
    "code": "Telnyx’s code, as D13",
    "tag": "a tag that somebody gave it",
    "note": "words of a note",
    "contact": "a name or a company among the contacts",
    "since": "where the time begins",
    "until": "where the time ends",
    "day": "a day",
    "session": "the id of a session",
    "id": "any id",
    "rows": "a row for each leg, not for each session",
}
_NEVER_TURNED = {*query.WINDOWS, query.ROWS}
_PERMISSIONS = {"tag": "voice.view_calltag", "note": "voice.view_callnote", "contact": "voice.view_contact"}
_IS = {
    "running": "on the line",
    "lost": "its end was not reported",
    "ended": "its end was reported",
    "answered": "somebody answered",
    "bridged": "put through",
    "recorded": "it has a recording",
    "late": "a webhook took over 5 seconds",
    "poor": "it sounded poor, as the list marks it",
    "texml": "a TeXML document runs it",
    "judged": "its ending is known",
}
_ENDED = [one for one in Call.Ending.values if one != Call.Ending.RUNNING]
_AGO = {"15m": "the last 15 minutes", "1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days"}
_FIXED: Mapping[str, Callable[[], Mapping[str, str]]] = {
    "dir": lambda: {"incoming": "", "outgoing": "", "unknown": "not known yet"},
    "ending": lambda: {one: endings.category_label(one) for one in _ENDED} | endings.codes(),
    "who": lambda: {one: endings.party(one) for one in Call.Party.values},
    "by": lambda: dict.fromkeys(Call.Answerer.values, ""),
    "is": lambda: _IS,
    "state": lambda: dict.fromkeys(Call.State.values, ""),
    "rec": lambda: {"yes": "it has a recording", "no": "it has none"},
    "talk": lambda: {
        "<10": "under 10 seconds",
        ">60": "over a minute",
        ">600": "over 10 minutes",
        ">3600": "over an hour",
    },
    "setup": lambda: {"<5": "under 5 seconds", ">10": "over 10 seconds", ">30": "over 30 seconds"},
    "mos": lambda: {"<3.6": "poor", ">=4": "good"},
    "cost": lambda: {">0.10": "over 0.10", ">1": "over 1"},
    "since": lambda: _AGO,
    "until": lambda: {"15m": "15 minutes ago", "1h": "an hour ago", "24h": "24 hours ago", "7d": "7 days ago"},
    "day": lambda: {"today": "", "yesterday": ""},
    "rows": lambda: {"legs": "a row for each leg"},
}


def of(word: str, user: Any) -> list[Completion]:
    """Return what ``word``, as far as it is typed, may become; nothing for what is no word of the language."""
    word = word[:LONGEST]
    minus, bare = ("-", word[1:]) if word.startswith("-") else ("", word)
    key, colon, begin = bare.partition(":")
    if not colon:
        words = _words(user, minus).items()
        return _first(Completion(f"{minus}{one}:", told) for one, told in words if one.startswith(bare.lower()))
    key = key.lower()
    if key not in _words(user, minus):
        return []
    told = _values(key, begin.replace('"', "").lstrip(), user)
    return _first(
        Completion(Token(key, value, bool(minus)).text, str(masked_for(user, meaning)))
        for value, meaning in told
        if '"' not in value and masked_for(user, value) == value  # it stands in an address
    )


def _first(found: Iterable[Completion]) -> list[Completion]:
    kept: dict[str, Completion] = {}
    for one in found:
        kept.setdefault(one.text, one)
        if len(kept) == MOST:
            break
    return list(kept.values())


def _words(user: Any, minus: str) -> dict[str, str]:
    """Return the words that this person may ask by, with their meaning; after a minus those that it turns round."""
    hidden = {key for key, permission in _PERMISSIONS.items() if not user.has_perm(permission)}
    hidden |= _NEVER_TURNED if minus else set()
    return {key: meaning for key, meaning in WORDS.items() if key not in hidden}


def _values(key: str, begin: str, user: Any) -> Iterator[tuple[str, str]]:
    """Yield the values of a word that begin so, with their meaning: those that are looked up first."""
    if key in _FIXED:
        yield from _beginning(_FIXED[key]().items(), begin)
    if key in _LOOKED_UP:
        yield from _LOOKED_UP[key](begin, user)
    yield from _beginning(facets.told_lately(key), begin)


def _beginning(told: Iterable[tuple[str, str]], begin: str) -> Iterator[tuple[str, str]]:
    """Keep what begins so; after it, of what has words, that whose words do."""
    folded = begin.casefold()
    all_of_them = [(value, meaning, value.casefold().startswith(folded)) for value, meaning in told]
    yield from ((value, meaning) for value, meaning, is_so in all_of_them if is_so)
    yield from (
        (value, meaning) for value, meaning, is_so in all_of_them if not is_so and meaning.casefold().startswith(folded)
    )


def _applications(begin: str, user: Any) -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        if user.has_perm(kind.permission("view")):
            field = kind.model.name_field
            rows = kind.model._default_manager.filter(**{f"{field}__istartswith": begin}).order_by(field)
            names = rows.values_list(field, flat=True)[:MOST]
            yield from ((name, str(kind.model._meta.verbose_name)) for name in names if name)


def _flows(begin: str, user: Any) -> Iterator[tuple[str, str]]:
    if user.has_perm("voice.view_flow"):
        rows = Flow.objects.filter(name__istartswith=begin).order_by("name").values_list("name", "active")
        yield from ((name, "active" if active else "not active") for name, active in rows[:MOST])


def _accounts(begin: str, user: Any) -> Iterator[tuple[str, str]]:
    if user.has_perm("portal.view_telnyxaccount"):
        rows = TelnyxAccount.objects.filter(name__istartswith=begin).order_by("name")
        yield from ((row.name, "live" if row.is_live else "sandbox") for row in rows[:MOST])


def _queues(begin: str, user: Any) -> Iterator[tuple[str, str]]:
    """Yield the queues that calls waited in, in the order of the alphabet: each is one look into the index of them."""
    at: dict[str, str] = {"queue__gte": begin} if begin else {}
    for _ in range(_MOST_PROBES):
        rows = Call.objects.exclude(queue="").filter(**at).order_by("queue").values_list("queue", flat=True)
        if not (name := next(iter(rows[:1]), "")):
            return
        if name.startswith(begin):
            yield name, ""
        at = {"queue__gt": name}


def _tags(begin: str, user: Any) -> Iterator[tuple[str, str]]:
    """Yield the tags that were given most often lately."""
    newest = CallTag.objects.order_by("-pk").values_list("name", flat=True)[:_NEWEST_TAGS]
    counted = Counter(name for name in newest if name.startswith(begin.casefold()))
    yield from ((name, f"{number} lately") for name, number in counted.most_common(MOST))


def _contacts(begin: str, user: Any) -> Iterator[tuple[str, str]]:
    """Yield the names that begin so; of a name with a digit no part is looked for, see ``contacts.named``."""
    if begin:
        rows = Contact.objects.filter(contacts.named(begin)).order_by("name_folded").values_list("name", "company")
        yield from rows[:MOST]


_LOOKED_UP: Mapping[str, Callable[[str, Any], Iterator[tuple[str, str]]]] = {
    "app": _applications,
    "flow": _flows,
    "account": _accounts,
    "queue": _queues,
    "tag": _tags,
    "contact": _contacts,
}
