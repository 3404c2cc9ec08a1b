"""Finds the other calls of a call's number."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from portal import keyset
from portal.actors import Actor
from portal.keyset import Place
from portal.phone_numbers import is_nobody
from voice.calls import search
from voice.measurements import wording
from voice.models import Call, Contact
from voice.notes import contacts

_SHOWN, _MOST_JUDGED = 6, 100
_ORDER = ("-started_at", "-id")


@dataclass(frozen=True)
class History:
    """Holds the number of the other party, and its calls: the one before, the one after, the newest."""

    number: str
    previous: Call | None
    next: Call | None
    newest: list[Call]


def other_party(call: Call) -> str:
    """Return the number of who is not us: who called, or whom we called; empty when nobody told it."""
    number = call.to_number if call.direction == "outgoing" else call.from_number
    return "" if is_nobody(number) else number


def name_other_party(call: Call, name: str | None, company: str | None, actor: Actor) -> Contact:
    """Name the number of who is not us; what is None stays as it is.

    ``ValidationError`` says what is wrong, by field.
    """
    number = other_party(call)
    if not number:
        raise ValidationError("Nobody told the number of this call, so it cannot have a name.")
    return contacts.save(number, name, company, actor)


def page_of_number(number: str, place: Place, size: int) -> keyset.Page:
    """Select a page of all calls from or to the number, newest first. Raises ``NoPlace``."""
    return keyset.page_of_any(_sides(number), _ORDER, place, size)


def _sides(number: str) -> list[QuerySet[Call]]:
    return [Call.objects.filter(search.of_number(side, number)).defer("facts") for side in ("from", "to")]


@dataclass(frozen=True)
class Trust:
    """Counts, of the newest ``calls`` from a number to us, who vouched for it and what Telnyx's screening found."""

    calls: int
    vouched: list[tuple[str, int]]
    screened: list[tuple[str, int]]


def trust_in(number: str) -> Trust:
    """Count it among the newest hundred calls from the number."""
    calls = Call.objects.filter(search.of_number("from", number))
    newest = calls.order_by(*_ORDER).defer("facts")[:_MOST_JUDGED]
    incoming = [call for call in newest if call.direction == "incoming"]
    vouched = Counter(_level(call) for call in incoming)
    screened = Counter(told.words if (told := wording.screening(call)) else "not told" for call in incoming)
    return Trust(len(incoming), vouched.most_common(), screened.most_common())


def _level(call: Call) -> str:
    if call.attestation_valid is False:
        return "signature not in order"
    return call.attestation or "not told"


def of_call(call: Call) -> History | None:
    """Read the history of the call's other party; None where nobody told who it was.

    Of each side by itself: each is one look into an index.
    """
    if not (number := other_party(call)):
        return None
    sides = _sides(number)
    earlier, later = _beside(sides, call, is_later=False), _beside(sides, call, is_later=True)
    found = {one.pk: one for one in chain.from_iterable(rows.order_by(*_ORDER)[:_SHOWN] for rows in sides)}
    newest = sorted(found.values(), key=_place, reverse=True)[:_SHOWN]
    return History(number, max(earlier, key=_place, default=None), min(later, key=_place, default=None), newest)


def _beside(sides: Sequence[QuerySet[Call]], call: Call, *, is_later: bool) -> list[Call]:
    sign, way = ("gt", "") if is_later else ("lt", "-")
    beyond = Q(**{f"started_at__{sign}": call.started_at}) | Q(
        **{"started_at": call.started_at, f"id__{sign}": call.pk}
    )
    bound = Q(**{f"started_at__{sign}e": call.started_at})
    nearest = (rows.filter(bound & beyond).order_by(f"{way}started_at", f"{way}id")[:1] for rows in sides)
    return list(chain.from_iterable(nearest))


def _place(call: Call) -> tuple[object, str]:
    return call.started_at, str(call.pk)
