"""Reads which calls something is to be done for: at most a thousand, and as many as their reader was told."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError
from django.db.models import Q

from portal.masking import masked_text
from portal.refusals import FieldRefused
from portal.statement_timeout import statement_timeout
from voice.call_log import listing
from voice.call_log.language.conditions import Condition, Reach
from voice.call_log.query import Query
from voice.models import Call

MOST = 1000
_SECONDS = 15.0  # for the database to find them
_TOO_MANY = f"At most {MOST:,} calls at a time, and this search finds more. Narrow it, by since: and until: say."


class SelectionRefused(FieldRefused):
    """Says why nothing is done, by the name of the field that is wrong."""

    code = "selection_refused"


@dataclass(frozen=True)
class Selection:
    """Holds the legs, newest first, and in ``words`` which they are, numbers masked; ``cuts`` as of their search."""

    ids: list[uuid.UUID]
    words: str
    cuts: tuple[str, ...] = ()

    @property
    def query(self) -> Query:
        """Return a query of these legs and no others."""
        return Query(conditions=(Condition("id", Q(pk__in=self.ids), Reach.FEW),), cuts=self.cuts)


def picked(names: Sequence[str]) -> Selection:
    """Select the legs of these ids, as far as they are there. Raises ``SelectionRefused``."""
    if len(names) > MOST:
        raise SelectionRefused("call", f"At most {MOST:,} calls at a time; {len(names):,} are picked.")
    try:
        wanted = {uuid.UUID(name) for name in names}
    except ValueError:
        raise SelectionRefused("call", "One of the picked calls is none. Pick them anew.") from None
    found = Call.objects.filter(pk__in=wanted).order_by("-started_at", "-id")
    ids = list(found.values_list("pk", flat=True))
    if not ids:
        raise SelectionRefused("call", "Pick a call first, or take all that the search finds.")
    return Selection(ids, f"{len(ids)} picked")


def found_by(asked: Query, until: datetime) -> Selection:
    """Select all legs that a search finds, of those that began until then. Raises ``SelectionRefused``."""
    if asked.wrong or asked.refused:
        said = [*asked.wrong, *([asked.refused.words] if asked.refused else [])]
        raise SelectionRefused("q", " ".join([*said, "Set the search right first."]))
    try:
        with statement_timeout(_SECONDS):
            if listing.needs_bound(asked) and (reached := listing.edge(asked, rounds=listing.ROUNDS)):
                raise SelectionRefused(
                    "q",
                    "No index answers this search, and there are too many calls to look through each, back to "
                    f"{reached:%Y-%m-%d %H:%M} UTC. Narrow it by since: and until:.",
                )
            sides = (calls.filter(started_at__lte=until).values_list("pk", "started_at") for calls in asked.by_side())
            began = {pk: at for rows in sides for pk, at in rows[: MOST + 1]}
            ids = sorted(began, key=lambda pk: (began[pk], pk), reverse=True)
    except DatabaseError:
        raise SelectionRefused("q", "The database did not answer in time. Narrow the search, or try again.") from None
    if len(ids) > MOST:
        raise SelectionRefused("q", _TOO_MANY)
    if not ids:
        raise SelectionRefused("q", "This search finds no call.")
    return Selection(ids, masked_text(asked.text) or "every call", asked.cuts)


def of(asked: Query | None, names: Sequence[str], until: datetime, told: int | None) -> Selection:
    """Select what a form names: all of a search, or what is picked; as many as its reader was ``told`` there are."""
    selection = picked(names) if asked is None else found_by(asked, until)
    if told is not None and told != len(selection.ids):
        there = f"There {'is' if len(selection.ids) == 1 else 'are'} {len(selection.ids)} now"
        raise SelectionRefused("count", f"{there}, and {told} {'was' if told == 1 else 'were'} shown. Look again.")
    return selection
