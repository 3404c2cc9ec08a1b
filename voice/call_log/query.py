"""Reads a search into the calls that it asks for. The text is all of a query: addresses and views hold no more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from django.db.models import Case, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils import timezone

from portal.actors import Actor
from voice.call_log.language import beside, compared, conditions, times, tokens
from voice.call_log.language.conditions import Condition, Malformed, Reach, beside_others
from voice.call_log.language.times import Window
from voice.call_log.language.tokens import Token
from voice.calls.search import SearchRefused
from voice.models import Call

Reader = Callable[[str, Actor], Condition]
Rows = TypeVar("Rows", bound=QuerySet[Call])
_PARTIES = dict(zip(Call.Party.values, Call.Party.values, strict=True)) | {"called": "callee", "we": "us"}
_STATES = dict(zip(Call.State.values, Call.State.values, strict=True))
_ANSWERERS = dict(zip(Call.Answerer.values, Call.Answerer.values, strict=True)) | {
    "human": "person",
    "robot": "machine",
}
_DIRECTIONS = {"incoming": "incoming", "outgoing": "outgoing", "unknown": "", "in": "incoming", "out": "outgoing"}

# Two tokens of one key mean either of them; of those in _ALL both.
KEYS: dict[str, Reader] = {
    "": conditions.free_text,
    "from": conditions.numbers("from"),
    "to": conditions.numbers("to"),
    "number": conditions.numbers("from", "to"),
    "dir": conditions.choice("direction", _DIRECTIONS, Reach.EACH),
    "ending": conditions.ending,
    "who": conditions.choice("ended_by", _PARTIES),
    "by": conditions.choice("answered_by", _ANSWERERS),
    "cause": conditions.cause,
    "sip": conditions.sip,
    "code": conditions.code,
    "app": conditions.application,
    "account": conditions.account,
    "flow": conditions.flow,
    "state": conditions.choice("state", _STATES),
    "is": conditions.state_of_being,
    "rec": conditions.recording,
    "setup": compared.setup,
    "talk": compared.talk,
    "mos": compared.mos,
    "cost": compared.cost,
    "metric": conditions.metric,
    "queue": conditions.queue,
    "tag": beside.tag,
    "note": beside.note,
    "contact": beside.contact,
    "session": conditions.session,
    "id": conditions.identifier,
}
WINDOWS = {"since": times.since, "until": times.until, "day": times.day}
ROWS = "rows"  # ``rows:legs``: a row for each leg, not for each session
_OF_NUMBERS = {"", "from", "to", "number"}
_ALL = {"is", "setup", "talk", "mos", "cost", "metric"}
MOST_TOKENS = 30


@dataclass(frozen=True)
class Query:
    """Is a search as it was understood. ``wrong`` says in words what was not, ``refused`` why nothing is looked for.

    ``cuts`` are those of its ``notes`` that say what was not looked at. Each of ``conditions`` is all that the tokens
    of one key ask for.
    """

    tokens: tuple[Token, ...] = ()
    conditions: tuple[Condition, ...] = ()
    window: Window = field(default_factory=Window)
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: SearchRefused | None = None
    has_numbers: bool = False
    cuts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Write the query for good: read again it is the same."""
        return tokens.write(self.tokens)

    @property
    def shows_legs(self) -> bool:
        """Tell whether each leg is a row of its own."""
        return Token(ROWS, "legs") in self.tokens

    def calls(self) -> QuerySet[Call]:
        """Return all legs that it asks for, newest first."""
        return self.among(self.conditions)

    def by_side(self) -> list[QuerySet[Call]]:
        """Return the same legs, of a number that is looked for on either side those of each side by themselves."""
        return self.among_by_side(self.conditions)

    def among_by_side(self, asked: Sequence[Condition]) -> list[QuerySet[Call]]:
        """Return the legs of its window that these conditions ask for, each side of a number by itself."""
        either = _either(asked)
        if either is None:
            return [self.among(asked)]
        others = [one for one in asked if one is not either]
        return [self.among([*others, Condition(either.value, side)]) for side in either.sides]

    def among(self, asked: Sequence[Condition]) -> QuerySet[Call]:
        """Return the legs of its window that these conditions ask for, newest first."""
        return self._narrowed(Call.objects.order_by("-started_at", "-id"), asked)

    @property
    def sides(self) -> Sequence[Q]:
        """Return what is asked of each side of a call, where one number may be on either; else nothing."""
        either = _either(self.conditions)
        return either.sides if either else ()

    def narrow(self, calls: Rows, *, but_sides: bool = False) -> Rows:
        """Return those of ``calls`` that it asks for, in their order; ``but_sides``: of ``sides`` either or none."""
        either = _either(self.conditions) if but_sides else None
        return self._narrowed(calls, [one for one in self.conditions if one is not either])

    def marked(self, calls: QuerySet[Call]) -> QuerySet[Any]:
        """Return all of ``calls``, each with ``is_found``: whether it is what the search asks for."""
        asked = self.window.asked()
        for one in self.conditions:
            asked &= one.asked
        found: Any = Case(When(asked, then=Value(True)), default=Value(False)) if asked else Value(True)
        return calls.annotate(is_found=found)

    def _narrowed(self, calls: Rows, asked: Sequence[Condition]) -> Rows:
        if self.refused:
            return calls.none()
        for one in asked:
            calls = calls.filter(one.asked)
        return calls.filter(self.window.asked())

    def with_token(self, key: str, value: str) -> str:
        """Write the query narrowed by one more token. Of a window, of rows, there is one: the new one."""
        replaced = {*WINDOWS} if key == "day" else {key, "day"} if key in WINDOWS else {key} & {ROWS}
        kept = [one for one in self.tokens if one.key not in replaced and not _is_wider(one, key, value)]
        return tokens.write(dict.fromkeys([*kept, Token(key, value)]))

    def narrowed_to(self, key: str, value: str) -> str:
        """Write the query narrowed to the calls with this value: another one of its kind would add its own."""
        kept = [one for one in self.tokens if one.key != key or one.is_negated or key in _ALL]
        return tokens.write(dict.fromkeys([*kept, Token(key, value)]))

    def without(self, *left_out: Token) -> str:
        """Write the query without these tokens."""
        return tokens.write(one for one in self.tokens if one not in left_out)


def _is_wider(token: Token, key: str, value: str) -> bool:
    """Tell whether it asks for a whole category of endings, beside which one verdict would add nothing."""
    is_category = token.value in Call.Ending.values and not token.is_negated
    return token.key == key == "ending" and is_category and value not in Call.Ending.values


def _either(asked: Sequence[Condition]) -> Condition | None:
    return next((one for one in asked if one.sides[1:]), None)


def read(text: str, user: Any, *, actor: Actor | None = None, now: datetime | None = None) -> Query:
    """Read a search of ``user``'s. What is no token of ours is told in ``wrong``, by name, and the rest counts.

    Searches for numbers by who may not see whole ones are noted and limited: read it once for each that somebody does.
    """
    actor, now = actor or Actor(f"user: {user}", user), now or timezone.now()
    return _Reading(actor, now).of(tokens.read(text))


def asks_for_numbers(text: str) -> bool:
    """Tell whether a search may be one for a number, without making it."""
    return any(token.key in _OF_NUMBERS for token in tokens.read(text))


def with_offsets(text: str) -> str:
    """Write a search so that its times are the same ones in another zone; a day, and what is none, stay as typed."""
    now = timezone.now()
    return tokens.write(_with_offset(token, now) for token in tokens.read(text))


def _with_offset(token: Token, now: datetime) -> Token:
    try:
        return Token(token.key, WINDOWS[token.key](token.value, now)[0], token.is_negated)
    except (KeyError, Malformed):
        return token


def address(text: str) -> str:
    """Return the address of the list that shows what ``text`` asks for."""
    listed = reverse("admin:voice_call_changelist")
    return f"{listed}?q={quote(text)}" if text else listed


class _Reading:
    def __init__(self, actor: Actor, now: datetime) -> None:
        self.actor, self.now = actor, now
        self.kept: list[Token] = []
        self.found: dict[tuple[str, bool], list[Condition]] = {}
        self.window = Window()
        self.wrong: list[str] = []
        self.refused: SearchRefused | None = None

    def of(self, typed: Sequence[Token]) -> Query:
        if len(typed) > MOST_TOKENS:
            self.wrong.append(f"Only the first {MOST_TOKENS} conditions count.")
        for token in typed[:MOST_TOKENS]:
            try:
                self.take(token)
            except Malformed as malformed:
                self.wrong.append(f"{token.text}: {token.key or 'this'} {malformed}.")
            except SearchRefused as refused:
                self.refused = refused
                self.kept.append(token)
        every = [one for found in self.found.values() for one in found]
        if every[1:]:
            self.found = {key: [beside_others(one) for one in found] for key, found in self.found.items()}
        return Query(
            tuple(dict.fromkeys(self.kept)),
            tuple(_joined(key, negated, found) for (key, negated), found in self.found.items()),
            self.window,
            tuple(self.wrong),
            tuple(dict.fromkeys(one.note for one in every if one.note)),
            self.refused,
            any(key in _OF_NUMBERS for key, _ in self.found),
            tuple(dict.fromkeys(one.note for one in every if one.is_cut)),
        )

    def take(self, token: Token) -> None:
        if token.key in WINDOWS:
            self.take_window(token)
        elif token.key == ROWS:
            if token.value.lower() not in {"legs", "sessions"}:
                raise Malformed("takes legs or sessions")
            self.kept += [Token(ROWS, "legs")] if token.value.lower() == "legs" else []
        elif token.key not in KEYS:
            known = ", ".join(sorted(key for key in [*KEYS, *WINDOWS, ROWS] if key))
            self.wrong.append(f"{token.key}: is not known, and was not looked for. There are: {known}.")
        else:
            found = KEYS[token.key](token.value, self.actor)
            self.kept.append(Token(token.key, found.value, token.is_negated))
            self.found.setdefault((token.key, token.is_negated), []).append(found)

    def take_window(self, token: Token) -> None:
        if any(one.key == token.key for one in self.kept):
            self.wrong.append(f"{token.text}: {token.key} is there already; the first one counts.")
            return
        if token.is_negated:
            raise Malformed("cannot be turned round")
        told, window = WINDOWS[token.key](token.value, self.now)
        self.kept.append(Token(token.key, told))
        self.window = self.window.and_also(window)


def _joined(key: str, is_negated: bool, found: Sequence[Condition]) -> Condition:
    """Join the conditions of one key. Only a single value is read in the order of an index."""
    if is_negated:
        asked = Q()
        for one in found:
            asked &= ~one.asked
        return Condition(key, asked)
    if not found[1:]:
        return found[0]
    asked = found[0].asked
    for one in found[1:]:
        asked = asked & one.asked if key in _ALL else asked | one.asked
    reach = min(one.reach for one in found) if key in _ALL else max(one.reach for one in found)
    return Condition(key, asked, Reach.FEW if reach == Reach.FEW else Reach.EACH)
