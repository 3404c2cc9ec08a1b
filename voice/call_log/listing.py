"""Finds the rows of one page: a session with its legs, or legs one by one. However large the log is, it reads as much.

What several conditions ask for may be anywhere in the log. So a bounded number of calls is looked through at a time,
``ROUNDS`` times; where that fills no page, the list says how far back it has looked, and goes on from there.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.timezone import is_aware

from portal import keyset, sql
from portal.keyset import Place
from voice.call_log.language.conditions import Reach
from voice.call_log.query import Query
from voice.models import Call

SIZE = 40  # legs of a page: with the sessions of more, a statement would read too much
_REACH, _REACH_BY_INDEX, ROUNDS = 2000, 400, 8  # by time rows lie together, by another index each somewhere
_MOST_LEGS, _LEGS_OF_A_ROW = 1000, 20
_ORDER, _BACKWARDS = ("-started_at", "-id"), ("started_at", "id")
_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
_Spot = tuple[datetime, UUID]  # where a call stands in the list
_UNREAD = ("facts", "client_state", "tags")


@dataclass
class Row:
    """Is one row: ``call`` is the first leg of a session, ``found`` the leg that the search is about."""

    call: Any
    found: Any
    legs: list[Any] = field(default_factory=list)
    more_legs: int = 0

    @property
    def is_open(self) -> bool:
        """Tell whether its legs are shown from the start: what was looked for is one of them."""
        return bool(self.found.pk != self.call.pk)

    @property
    def leg_count(self) -> int:
        return 1 + len(self.legs) + self.more_legs


@dataclass(frozen=True)
class Listing:
    """Is a page of rows, and where those beside it begin. ``looked_back_to``: more was not looked through for it."""

    rows: list[Row]
    next: Place | None
    previous: Place | None
    looked_back_to: datetime | None = None
    newest: datetime | None = None  # of the legs that were found, whichever of a row is shown


def page(query: Query, place: Place, size: int = SIZE) -> Listing:
    """Find the page at that place. Raises ``keyset.NoPlace``.

    Where all that is found are further legs of sessions whose rows stand elsewhere, it goes on, ``ROUNDS`` times.
    """
    newest, at = None, place
    first: _Legs | None = None  # behind it lies the page before: what was passed over since has no row of its own
    for _ in range(ROUNDS):
        found = _found(query, at, size)
        first = first or found
        rows = [Row(leg, leg) for leg in found.legs] if query.shows_legs else _sessions(query, found.legs)
        newest = newest or max((leg.started_at for leg in found.legs), default=None)
        further = found.previous if place.is_back else found.next
        following, previous = (first.next, found.previous) if place.is_back else (found.next, first.previous)
        if rows or found.edge or further is None:
            return Listing(rows, following, previous, found.edge, newest)
        at = further
    return Listing([], following, previous, found.legs[-1].started_at, newest)


def reading(query: Query) -> AbstractContextManager[None]:
    """Return in what it is to be read: by its one index alone, where that has the calls in the order of time."""
    is_ordered = [one.reach for one in query.conditions] == [Reach.MANY]
    return sql.in_order_of_an_index() if is_ordered else nullcontext()


def _found(query: Query, place: Place, size: int) -> "_Legs":
    if needs_bound(query):
        return _looked_through(query, place, size)
    with reading(query):
        told = keyset.page_of_any([_read(calls) for calls in query.by_side()], _ORDER, place, size)
    return _Legs(told.rows, told.next, told.previous)


def needs_bound(query: Query) -> bool:
    """Tell whether no index alone answers it in the order of time."""
    reaches = [one.reach for one in query.conditions]
    return Reach.FEW not in reaches and (len(reaches) > 1 or Reach.EACH in reaches)


def edge(query: Query, *, rounds: int = 1) -> datetime | None:
    """Return how far back as many calls reach as are looked through at a time; None where there are no more."""
    found = _edge(query, None, is_back=False, rounds=rounds)
    return found[0] if found else None


def _edge(query: Query, begin: _Spot | None, *, is_back: bool, rounds: int = 1) -> _Spot | None:
    by_index = [one for one in query.conditions if one.reach == Reach.MANY]
    leading = max(by_index, key=lambda one: bool(one.sides), default=None)  # fewer have a number than anything else
    reach = (_REACH_BY_INDEX if leading else _REACH) * rounds
    sides = query.among_by_side([leading] if leading else [])
    edges = [spot for calls in sides if (spot := _after(calls, begin, reach, older=not is_back))]
    return (min if is_back else max)(edges, default=None)


def _after(calls: QuerySet[Call], begin: _Spot | None, many: int, *, older: bool) -> _Spot | None:
    """Return what comes after so many calls.

    An index tells the moment. It knows no ids, so they are read only where all of these calls began in one.
    """
    bound = Q(**{f"started_at__{'lte' if older else 'gte'}": begin[0]}) if begin else Q()
    times = calls.filter(bound).order_by(f"{'-' if older else ''}started_at").values_list("started_at", flat=True)
    first = begin[0] if begin else next(iter(times[:1]), None)
    for at in times[many : many + 1]:
        if at != first:
            return at, _LAST_ID if older else _FIRST_ID  # before those of that moment
        spots = calls.filter(_from(begin, older, "") if begin else Q()).order_by(*(_ORDER if older else _BACKWARDS))
        return next(iter(spots.values_list("started_at", "pk")[many : many + 1]), None)
    return None


def _from(spot: _Spot, older: bool, or_itself: str) -> Q:
    """Match the calls on that side of a call, and with ``or_itself="e"`` that call: many may begin in one moment."""
    at, pk = spot
    way, of_them = ("lt", {_LAST_ID: "e", _FIRST_ID: ""}) if older else ("gt", {_FIRST_ID: "e", _LAST_ID: ""})
    if pk in of_them:  # with or without all of that moment: the index of the time alone decides it
        return Q(**{f"started_at__{way}{of_them[pk]}": at})
    return Q(**{f"started_at__{way}e": at}) & (Q(**{f"started_at__{way}": at}) | Q(**{f"pk__{way}{or_itself}": pk}))


def _read(calls: QuerySet[Call]) -> QuerySet[Call]:
    return calls.select_related("account").defer(*_UNREAD)


@dataclass
class _Legs:
    legs: list[Any]
    next: Place | None
    previous: Place | None
    edge: datetime | None = None


def _looked_through(query: Query, place: Place, size: int) -> _Legs:
    at, legs, reached = place, list[Any](), None
    for _ in range(ROUNDS):
        reached = _edge(query, _spot(at), is_back=place.is_back)
        bound = _from(reached, place.is_back, "e") if reached else Q()
        found = keyset.page_of_any([_read(one.filter(bound)) for one in query.by_side()], _ORDER, at, size - len(legs))
        legs = [*found.rows, *legs] if place.is_back else [*legs, *found.rows]
        more = bool(found.previous if place.is_back else found.next)
        if len(legs) == size or reached is None:
            break
        at = Place(place.is_back, (reached[0].isoformat(), str(reached[1])))
    is_cut = len(legs) < size and reached is not None
    further = at if is_cut else _beside(legs, is_back=place.is_back) if legs and (more or reached) else None
    behind = _beside(legs, is_back=not place.is_back) if legs else Place(not place.is_back)
    cut = reached[0] if reached and is_cut else None
    if place.is_back:
        return _Legs(legs, behind, further, cut)
    return _Legs(legs, further, behind if place.values else None, cut)


def _spot(place: Place) -> _Spot | None:
    """Return which call a place names; None at an end. Raises ``NoPlace``."""
    if not place.values:
        return None
    try:
        at, pk = place.values
        began = datetime.fromisoformat(at or "")
        if not is_aware(began):
            raise keyset.NoPlace
        return began.astimezone(UTC), UUID(pk or "")
    except (ValueError, OverflowError):
        raise keyset.NoPlace from None


def _beside(legs: Sequence[Any], *, is_back: bool) -> Place:
    leg = legs[0] if is_back else legs[-1]
    return Place(is_back, (leg.started_at.isoformat(), str(leg.pk)))


def _sessions(query: Query, legs: list[Any]) -> list[Row]:
    """Make a row of each session. It stands where the first of its legs does that the search finds: once."""
    ids = {leg.call_session_id for leg in legs} - {""}
    of: dict[tuple[Any, str], list[Any]] = {}  # another account's session may have the same id
    related = query.marked(_read(Call.objects.filter(call_session_id__in=ids)))
    for leg in related.order_by("call_session_id", "started_at", "id")[:_MOST_LEGS]:
        of.setdefault((leg.account_id, leg.call_session_id), []).append(leg)
    rows: list[Row] = []
    for leg in legs:
        session = of.get((leg.account_id, leg.call_session_id)) or [leg]
        if leg.pk == _place_of(session, leg):
            rows.append(_row(session, leg))
    return rows


def _place_of(session: list[Any], leg: Any) -> Any:
    """Return the id of the leg where the session stands: the earliest found, of some of one moment the one on top."""
    found = [one for one in session if one.is_found] if len(session) > 1 else [leg]
    earliest = min((one.started_at for one in found), default=None)
    return max((one.pk for one in found if one.started_at == earliest), default=leg.pk)


def _row(session: list[Any], found: Any) -> Row:
    """Make the row of a session. Of many legs the first are shown, and the one that was found."""
    others = [one for one in session if one.pk != session[0].pk]
    shown = others[:_LEGS_OF_A_ROW]
    if found.pk != session[0].pk and found.pk not in {one.pk for one in shown}:
        shown = [*shown[:-1], found]
    return Row(session[0], found, shown, len(others) - len(shown))
