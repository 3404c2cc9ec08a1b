"""Asks Telnyx what is alive, for the live board: at most every 15 s an account, whoever watches. The answer is a row.

Each list is asked for by itself, and what goes wrong with one is written beside it, in words.
"""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from applications.models import CallControlApplication, TexmlApplication
from portal import sql
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError, TelnyxRefused
from voice.calls import status
from voice.live_board import sources
from voice.models import Call, LiveListing

EVERY = timedelta(seconds=15)
_BUDGET_SECONDS = 20.0
_SLOW = "Telnyx is slow: "
_MOST = 200  # applications of a kind that are asked


def ask_telnyx() -> None:
    """Fetch what is alive in every account that is due. What goes wrong is written into the listing, in words.

    Whoever was asked longest ago comes first: the time may not do for all, and then the others come with the next look.
    """
    until = time.monotonic() + _BUDGET_SECONDS
    listing = LiveListing.objects.filter(account=OuterRef("pk"))
    accounts = TelnyxAccount.objects.annotate(claimed_at=Subquery(listing.values("claimed_at")))
    for account in accounts.order_by(F("claimed_at").asc(nulls_first=True), "name"):
        if time.monotonic() < until and _claim(account):
            _ask(account, until)


def _claim(account: TelnyxAccount) -> bool:
    """Claim the right to ask Telnyx: of many watchers in many processes one gets it."""
    now = sql.clock()
    made = LiveListing(account=account, claimed_at=now - 2 * EVERY)
    LiveListing.objects.bulk_create([made], ignore_conflicts=True)
    return LiveListing.objects.filter(account=account, claimed_at__lte=now - EVERY).update(claimed_at=now) == 1


def _ask(account: TelnyxAccount, until: float) -> None:
    begin, half = timezone.now(), (time.monotonic() + until) / 2
    told = _calls(account, half)  # of many applications; the rest of the time is for the other lists
    others = [_other(account, source, begin, until) for source in _wanted(account)]
    LiveListing.objects.filter(account=account).update(asked_at=begin, others=others, **told)


_NO_SUCH = "10015"  # "only ... with valid webhook URL": no Call Control application of this id


def _calls(account: TelnyxAccount, until: float) -> dict[str, Any]:
    """Ask for the live calls, application by application."""
    asked: list[str] = []
    calls: list[dict[str, Any]] = []
    ids, is_cut = _connection_ids(account)
    cut, error = f" Only the first {_MOST} applications of each kind are asked for their calls." if is_cut else "", ""
    for connection_id in ids:
        if time.monotonic() > until:
            error = f"{_SLOW}not every application was asked."
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
            error = error if problem.is_not_found or problem.code == _NO_SUCH else f"{connection_id}: {problem}"
        except TelnyxError as problem:
            error = str(problem)
            break
    return {"asked": asked, "calls": calls, "error": f"{error[:400]}{cut}".strip()}


def _kept(call: dict[str, Any], connection_id: str) -> dict[str, Any]:
    names = ("call_control_id", "call_leg_id", "call_session_id", "call_duration")
    return {name: call.get(name) for name in names} | {"connection_id": connection_id}


def _connection_ids(account: TelnyxAccount) -> tuple[list[str], bool]:
    """List the ids of the account's applications, those with live calls first; of too many some, which is told."""
    alive = Call.objects.alive().filter(account=account).exclude(connection_id="")
    first = list(alive.order_by().values_list("connection_id", flat=True).distinct()[:_MOST])
    there = Q(account=account, missing_since=None)
    rest = [
        list(CallControlApplication.objects.filter(there).values_list("telnyx_id", flat=True)[: _MOST + 1]),
        list(TexmlApplication.objects.filter(there).values_list("telnyx_id", flat=True)[: _MOST + 1]),
    ]
    ids = dict.fromkeys([*first, *(one for found in rest for one in found[:_MOST])])
    return list(ids), any(len(found) > _MOST for found in rest)


def _wanted(account: TelnyxAccount) -> list[sources.Source]:
    """List what to ask for: TeXML's lists only where there is a TeXML application."""
    has_texml = TexmlApplication.objects.filter(account=account, missing_since=None).exists()
    return [source for source in sources.SOURCES if has_texml or not source.of_texml]


def _other(account: TelnyxAccount, source: sources.Source, now: datetime, until: float) -> dict[str, Any]:
    told: dict[str, Any] = {"source": source.name, "rows": [], "complete": False, "error": ""}
    if time.monotonic() > until:
        return told | {"error": f"{_SLOW}it was not asked."}
    try:
        found = source.ask(account, now)
    except TelnyxError as problem:
        return told | {"error": str(problem)[:500]}
    return told | {"rows": source.keep(account, found.rows), "complete": found.complete}
