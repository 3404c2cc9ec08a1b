"""Compares what is alive now by our rows with what Telnyx lists as alive: the live board.

Telnyx is asked at most every 15 s an account, whoever watches: what it said is a row.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from applications.models import CallControlApplication, TexmlApplication
from portal import sql
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError, TelnyxRefused
from voice.calls import search, status
from voice.catalogue import actions
from voice.catalogue.event_types import label
from voice.models import HAPPENED_AT, Call, CallEvent, LiveListing

EVERY = timedelta(seconds=15)
MOST = 500  # rows on the board
_BUDGET_SECONDS = 20.0
_SETTLING = timedelta(seconds=5)  # Telnyx's list may lag behind its webhooks
_HERE_ONLY = "Telnyx does not list this call any more."
_THERE_ONLY = "Telnyx lists this call; the portal has heard nothing of it."
_OVER_HERE = "Telnyx still lists this call; the portal has heard that it ended."


@dataclass(frozen=True)
class Seat:
    """Holds one call on the board. ``call`` is None when only Telnyx knows it; ``mark`` says what does not agree."""

    control_id: str
    call: Call | None
    mark: str
    since: datetime | None
    last: str
    last_at: datetime | None
    buttons: list[tuple[str, str]]

    @property
    def may_be_over(self) -> bool:
        return self.mark == _HERE_ONLY


@dataclass(frozen=True)
class Group:
    """Holds the live calls of one application."""

    account: TelnyxAccount
    application: str
    seats: list[Seat] = field(default_factory=list)


@dataclass(frozen=True)
class Board:
    """Holds all of it. ``listings``: when Telnyx was asked, by account; ``more``: there are calls not shown."""

    groups: list[Group]
    listings: list[LiveListing]
    count: int
    more: bool


def board_for(user: Any) -> Board:
    """Build the board for this person. The number of statements does not grow with the calls."""
    calls = list(_alive()[: MOST + 1])
    listings = list(LiveListing.objects.select_related("account").order_by("account__name"))
    listed = {(listing.account_id, control_id) for listing in listings for control_id in _control_ids(listing)}
    seats = [(_key(call), _seat_of(call, listings, listed, user)) for call in calls[:MOST]]
    seats += _strangers(listings, {(call.account_id, call.call_control_id) for call in calls})
    return Board(_grouped(seats), listings, len(seats), more=len(calls) > MOST)


def ask_telnyx() -> None:
    """Fetch the live calls of every account that is due. What goes wrong is written into the listing, in words."""
    until = time.monotonic() + _BUDGET_SECONDS
    for account in TelnyxAccount.objects.order_by("name"):
        if time.monotonic() < until and _claim(account):
            _ask(account, until)


def _alive() -> Any:
    latest = CallEvent.objects.filter(call=OuterRef("pk")).order_by("-received_at")
    rows = Call.objects.alive().select_related("account").defer("facts").order_by("started_at", "id")
    happened = latest.annotate(at=HAPPENED_AT)
    return rows.annotate(
        last_event=Subquery(latest.values("event_type")[:1]), last_event_at=Subquery(happened.values("at")[:1])
    )


def _seat_of(call: Any, listings: list[LiveListing], listed: set[tuple[Any, str]], user: Any) -> Seat:
    buttons = [
        (name, actions.label(name)) for name in actions.possible(call) if user.has_perm(actions.permission(name))
    ]
    mark = "" if (call.account_id, call.call_control_id) in listed else _missing(call, listings)
    last, at = label(call.last_event or ""), call.last_event_at
    return Seat(call.call_control_id, call, mark, call.answered_at or call.started_at, last, at, buttons)


def _missing(call: Call, listings: list[LiveListing]) -> str:
    """Say that Telnyx was asked for this application after the call had begun, and did not name the call."""
    for listing in listings:
        if listing.account_id == call.account_id and listing.asked_at and call.connection_id in listing.asked:
            return _HERE_ONLY if call.started_at < listing.asked_at - _SETTLING else ""
    return ""


def _strangers(listings: list[LiveListing], here: set[tuple[Any, str]]) -> list[tuple[tuple[Any, str], Seat]]:
    """Collect the calls that Telnyx lists and that are not alive here."""
    found = [
        (listing, call) for listing in listings for call in listing.calls if (listing.account_id, _id(call)) not in here
    ]
    if not found:
        return []
    ids = [_id(call) for _, call in found]
    known = {(row.account_id, row.call_control_id): row for row in _of_ids(ids)}
    seats = []
    for listing, entry in found:
        row = known.get((listing.account_id, _id(entry)))
        if row is not None and not _is_contradiction(row, listing):
            continue
        seat = _stranger(entry, row, listing)
        seats.append(((listing.account, str(entry.get("connection_id") or "")), seat))
    return seats


def _of_ids(ids: list[str]) -> Iterable[Call]:
    return Call.objects.filter(call_control_id__in=ids).select_related("account").defer("facts")


def _is_contradiction(row: Call, listing: LiveListing) -> bool:
    """Tell whether the call was over here well before Telnyx was asked."""
    ended = row.ended_at
    return not row.is_alive and bool(ended and listing.asked_at and ended < listing.asked_at - _SETTLING)


def _stranger(entry: dict[str, Any], row: Call | None, listing: LiveListing) -> Seat:
    duration, since = entry.get("call_duration"), None
    if isinstance(duration, int) and listing.asked_at and 0 <= duration < 10**6:
        since = listing.asked_at - timedelta(seconds=duration)
    return Seat(_id(entry), row, _OVER_HERE if row else _THERE_ONLY, since, "", None, [])


def _grouped(seats: list[tuple[tuple[TelnyxAccount, str], Seat]]) -> list[Group]:
    names = search.application_names({(account.pk, connection_id) for (account, connection_id), _ in seats})
    groups: dict[tuple[Any, str], Group] = {}
    for (account, connection_id), seat in seats:
        name = names.get((account.pk, connection_id)) or connection_id or "No application"
        groups.setdefault((account.pk, connection_id), Group(account, name)).seats.append(seat)
    return sorted(groups.values(), key=lambda group: (group.account.name, group.application))


def _key(call: Call) -> tuple[TelnyxAccount, str]:
    return call.account, call.connection_id


def _control_ids(listing: LiveListing) -> list[str]:
    return [_id(call) for call in listing.calls]


def _id(call: dict[str, Any]) -> str:
    return str(call.get("call_control_id") or "")


def _claim(account: TelnyxAccount) -> bool:
    """Claim the right to ask Telnyx: of many watchers in many processes one gets it."""
    now = sql.clock()
    made = LiveListing(account=account, claimed_at=now - 2 * EVERY)
    LiveListing.objects.bulk_create([made], ignore_conflicts=True)
    return LiveListing.objects.filter(account=account, claimed_at__lte=now - EVERY).update(claimed_at=now) == 1


_NO_SUCH = "10015"  # "only ... with valid webhook URL": no Call Control application of this id


def _ask(account: TelnyxAccount, until: float) -> None:
    asked: list[str] = []
    calls: list[dict[str, Any]] = []
    begin, error = timezone.now(), ""
    for connection_id in _connection_ids(account):
        if time.monotonic() > until:
            error = "Telnyx is slow: not every application was asked."
            break
        try:
            # the answer does not say which application it is of: it was asked for one
            found = status.active_calls(account, connection_id)
            calls += [_kept(call, connection_id) for call in found.rows]
            if found.complete:
                asked.append(connection_id)
            else:
                error = error or f"{connection_id}: Telnyx's list of live calls could not be read whole."
        except TelnyxRefused as problem:
            # of this one application: gone, or none that has calls of this kind. The others can still be asked
            error = error if problem.http_status == 404 or problem.code == _NO_SUCH else f"{connection_id}: {problem}"
        except TelnyxError as problem:
            error = str(problem)
            break
    LiveListing.objects.filter(account=account).update(asked_at=begin, asked=asked, calls=calls, error=error[:500])


def _kept(call: dict[str, Any], connection_id: str) -> dict[str, Any]:
    names = ("call_control_id", "call_leg_id", "call_session_id", "call_duration")
    return {name: call.get(name) for name in names} | {"connection_id": connection_id}


def _connection_ids(account: TelnyxAccount) -> list[str]:
    """List the ids of the account's applications, those with live calls first."""
    alive = Call.objects.alive().filter(account=account).exclude(connection_id="")
    first = list(alive.order_by().values_list("connection_id", flat=True).distinct()[:200])
    there = Q(account=account, missing_since=None)
    rest = [
        *CallControlApplication.objects.filter(there).values_list("telnyx_id", flat=True)[:200],
        *TexmlApplication.objects.filter(there).values_list("telnyx_id", flat=True)[:200],
    ]
    return list(dict.fromkeys([*first, *rest]))
