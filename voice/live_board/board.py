"""Compares what is alive now by our rows with what Telnyx last listed as alive: the live board."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from portal.masking import masked_for
from portal.models import TelnyxAccount
from voice.calls import search
from voice.calls.buttons import Button, of_leg
from voice.catalogue.event_types import label
from voice.catalogue.texml_operations import CALL_STATUS_OVER
from voice.commands.products import Product, with_product
from voice.live_board import sources
from voice.models import HAPPENED_AT, Call, CallEvent, LiveListing

MOST = 500  # rows on the board
_SETTLING = timedelta(seconds=5)  # Telnyx's list may lag behind its webhooks
_LAG = timedelta(minutes=2)  # TeXML's list of calls does: Telnyx calls it eventually consistent
_HERE_ONLY = "Telnyx does not list this call any more."
_THERE_ONLY = "Telnyx lists this call; the portal has heard nothing of it."
_OVER_HERE = "Telnyx still lists this call; the portal has heard that it ended."
_OVER_THERE = "Telnyx lists this TeXML call as ended; the portal has not heard of it."
_NOT_LISTED = "Telnyx’s list of TeXML calls does not name this call. It lags behind."
_LISTED_TEXML = "TeXML calls, application not told"
_TEXML = sources.TEXML_CALLS
Key = tuple[Any, str]  # of a call: its account's and its own id


@dataclass(frozen=True)
class Seat:
    """Holds one call on the board. ``call`` is None when only Telnyx knows it; ``told`` is TeXML's row of it then.

    ``mark`` says what does not agree.
    """

    control_id: str
    call: Call | None
    mark: str
    since: datetime | None
    last: str
    last_at: datetime | None
    buttons: list[Button]
    is_texml: bool = False
    told: dict[str, Any] | None = None

    @property
    def may_be_over(self) -> bool:
        return self.mark in {_HERE_ONLY, _OVER_THERE, _NOT_LISTED}


@dataclass(frozen=True)
class Group:
    """Holds the live calls of one application."""

    account: TelnyxAccount
    application: str
    seats: list[Seat] = field(default_factory=list)


@dataclass
class Place:
    """Holds a conference or a queue that Telnyx lists, of one product or of both.

    ``key`` stands for it in addresses: empty for a name that this person may not see whole.
    """

    account: TelnyxAccount
    id: str
    key: str
    told: dict[str, Any]
    since: datetime | None
    of_call_control: bool = False
    of_texml: bool = False


@dataclass(frozen=True)
class Board:
    """Holds all of it. ``listings``: when Telnyx was asked, by account; ``more``: there are calls not shown."""

    groups: list[Group]
    listings: list[LiveListing]
    count: int
    more: bool
    notes: list[tuple[TelnyxAccount, str]]
    conferences: list[Place]
    queues: list[Place]


def board_for(user: Any) -> Board:
    """Build the board for this person. The number of statements does not grow with the calls."""
    calls = list(_alive()[: MOST + 1])
    listings = list(LiveListing.objects.select_related("account").order_by("account__name"))
    at_telnyx = _AtTelnyx(listings)
    seats = [((call.account, call.connection_id), _seat_of(call, at_telnyx, user)) for call in calls[:MOST]]
    seats += _strangers(at_telnyx, {(call.account_id, call.call_control_id) for call in calls})
    return Board(
        _grouped(seats),
        listings,
        len(seats),
        more=len(calls) > MOST,
        notes=[(listing.account, note) for listing in listings for note in _notes(listing)],
        conferences=_places(listings, "conferences", user) if user.has_perm("voice.view_conference") else [],
        queues=_places(listings, "queues", user) if user.has_perm("voice.view_queue") else [],
    )


def _notes(listing: LiveListing) -> list[str]:
    return [*([listing.error] if listing.error else []), *sources.problems(listing.others)]


class _AtTelnyx:
    """Holds what Telnyx listed: calls by application, and TeXML's calls."""

    def __init__(self, listings: list[LiveListing]) -> None:
        self.by_account = {listing.account_id: listing for listing in listings}
        self.calls = {(one.account_id, _id(call)): call for one in listings for call in one.calls if _id(call)}
        self.texml: dict[Key, dict[str, Any]] = {
            (one.account_id, row["sid"]): row for one in listings for row in sources.rows_of(one.others, _TEXML)
        }

    def mark(self, call: Any) -> str:
        """Say what does not agree with a call that is alive here."""
        key, listing = (call.account_id, call.call_control_id), self.by_account.get(call.account_id)
        row = self.texml.get(key)
        if row is not None and row.get("status") in CALL_STATUS_OVER:
            return _OVER_THERE
        if listing is None or listing.asked_at is None or row is not None or key in self.calls:
            return ""
        if call.product == Product.TEXML:  # whether the other list has such calls is not known
            is_whole = any(told["source"] == _TEXML and told["complete"] for told in listing.others or ())
            return _NOT_LISTED if is_whole and call.started_at < listing.asked_at - _LAG else ""
        is_asked = call.connection_id in listing.asked
        return _HERE_ONLY if is_asked and call.started_at < listing.asked_at - _SETTLING else ""


def _alive() -> Any:
    latest = CallEvent.objects.filter(call=OuterRef("pk")).order_by("-received_at")
    rows = Call.objects.alive().select_related("account").defer("facts").order_by("started_at", "id")
    happened = latest.annotate(at=HAPPENED_AT)
    return with_product(rows).annotate(
        last_event=Subquery(latest.values("event_type")[:1]), last_event_at=Subquery(happened.values("at")[:1])
    )


def _seat_of(call: Any, at_telnyx: _AtTelnyx, user: Any) -> Seat:
    last, since = label(call.last_event or ""), call.answered_at or call.started_at
    is_texml = call.product == Product.TEXML
    mark, buttons = at_telnyx.mark(call), of_leg(call, user)
    return Seat(call.call_control_id, call, mark, since, last, call.last_event_at, buttons, is_texml=is_texml)


def _strangers(at_telnyx: _AtTelnyx, here: set[Key]) -> list[tuple[tuple[Any, str], Seat]]:
    """Collect the calls that Telnyx lists and that are not alive here."""
    listed = {key: row for key, row in at_telnyx.texml.items() if row.get("status") not in CALL_STATUS_OVER}
    found = [key for key in dict.fromkeys([*at_telnyx.calls, *listed]) if key not in here]
    if not found:
        return []
    known = {(row.account_id, row.call_control_id): row for row in _of_ids([control_id for _, control_id in found])}
    seats = []
    for key in found:
        listing, row = at_telnyx.by_account[key[0]], known.get(key)
        entry, told = at_telnyx.calls.get(key, {}), listed.get(key)
        if row is not None and not _is_contradiction(row, listing, _SETTLING if entry else _LAG):
            continue
        connection_id = str(entry.get("connection_id") or (row.connection_id if row else ""))
        seats.append(((listing.account, connection_id), _stranger(key[1], entry, told, row, listing)))
    return seats


def _of_ids(ids: list[str]) -> Iterable[Call]:
    return Call.objects.filter(call_control_id__in=ids).select_related("account").defer("facts")


def _is_contradiction(row: Call, listing: LiveListing, lag: timedelta) -> bool:
    """Tell whether the call was over here well before Telnyx was asked."""
    ended = row.ended_at
    return not row.is_alive and bool(ended and listing.asked_at and ended < listing.asked_at - lag)


def _stranger(
    control_id: str, entry: dict[str, Any], told: dict[str, Any] | None, row: Call | None, listing: LiveListing
) -> Seat:
    duration, since = entry.get("call_duration"), sources.began(told or {})
    if isinstance(duration, int) and listing.asked_at and 0 <= duration < 10**6:
        since = listing.asked_at - timedelta(seconds=duration)
    mark = _OVER_HERE if row else _THERE_ONLY
    return Seat(control_id, row, mark, since, "", None, [], is_texml=told is not None, told=told)


def _grouped(seats: list[tuple[tuple[TelnyxAccount, str], Seat]]) -> list[Group]:
    names = search.application_names({(account.pk, connection_id) for (account, connection_id), _ in seats})
    groups: dict[tuple[Any, str], Group] = {}
    for (account, connection_id), seat in seats:
        unnamed = _LISTED_TEXML if seat.told else "No application"
        name = names.get((account.pk, connection_id)) or connection_id or unnamed
        groups.setdefault((account.pk, connection_id or unnamed), Group(account, name)).seats.append(seat)
    return sorted(groups.values(), key=lambda group: (group.account.name, group.application))


def _places(listings: list[LiveListing], what: str, user: Any) -> list[Place]:
    """Collect the conferences or queues that both products list. What has one id is one."""
    found: dict[Key, Place] = {}
    for listing, name, row in _rows(listings, what):
        identifier = row["id"]
        key = identifier if masked_for(user, {"sid": identifier}) == {"sid": identifier} else ""
        place = Place(listing.account, identifier, key, row, sources.began(row))
        place = found.setdefault((listing.account_id, identifier), place)
        place.of_texml |= name.startswith("texml_")
        place.of_call_control |= not name.startswith("texml_")
    return list(found.values())[:MOST]


def _rows(listings: list[LiveListing], what: str) -> Iterator[tuple[LiveListing, str, dict[str, Any]]]:
    for listing in listings:
        for name in (what, f"texml_{what}"):
            for row in sources.rows_of(listing.others, name):
                yield listing, name, row


def _id(call: dict[str, Any]) -> str:
    return str(call.get("call_control_id") or "")
