"""Settles TeXML calls without an end: by Telnyx's list of a day's calls, and by the resource of each call.

Of TeXML's callbacks Telnyx keeps no list of deliveries that would say whose they are, but the resource of a call tells
how it stands, and 30 days after its end how it ended. The list tells neither application nor session, and lags behind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from applications import receivers
from portal import sql
from portal.json_types import JsonObject
from portal.telnyx import paging
from portal.telnyx.errors import TelnyxUnread
from portal.times import read_time
from voice.calls import status
from voice.calls.projection import assign, facts_of_resource, merge
from voice.catalogue.texml_fields import resource_in_call_control_words
from voice.models import Call
from voice.recovery.collector import RecoveryRun
from voice.texml import calls, requests

FORGOTTEN = timedelta(minutes=10)  # Telnyx tells a call's status until so long after its end
_FURTHEST = timedelta(hours=24)
_MOST_PAGES = 40
_LONGEST = 512  # of a call control id


@dataclass(frozen=True)
class Lost:
    """Says that a call is not alive at Telnyx and its end nowhere; ``words`` are for the dial that made it."""

    end_time: object = None
    words: str = ""


def read_list(run: RecoveryRun) -> set[str] | None:
    """Take from Telnyx's lists how calls ended that are open here, and the calls that no callback told of.

    Return the SIDs of those that it has; None if no list could be read: where Telnyx does not know the account by
    its SID, it knows none of its calls either. Asks only if there is an open TeXML call, or if all of the account's
    TeXML applications are this portal's.
    """
    adopts = receivers.is_texml_ours(run.account)
    if not adopts and not Call.objects.alive().filter(account=run.account, is_texml=True).exists():
        return None
    listed: set[str] | None = None
    for day in _days(max(run.record.since or run.now, run.now - _FURTHEST), run.now):
        with run.asking_one(run.unanswered):
            wanted = {"StartTime": day.isoformat()}
            found = requests.read_all(
                run.account, "texml.calls.list", wanted=wanted, most=_MOST_PAGES, on_page=run.count
            )
            listed = (listed or set()) | _take(run, found.rows, adopts=adopts)
            if not found.complete:
                raise TelnyxUnread("Telnyx's list of a day's TeXML calls could not be read whole.")
        run.count()
    return listed


def find_lost(run: RecoveryRun, call: Any, listed: set[str]) -> Lost | None:
    """Ask for the call, and end it if Telnyx tells its end; else say whether it is lost. ``listed`` is known there."""
    resource = calls.retrieve(call.account, call.call_control_id)
    if resource is None and call.call_control_id in listed:
        return None
    if resource is None:
        words = "" if call.heard_at else "Telnyx accepted it, and does not know its call."
        return Lost(words=words) if run.now - (call.heard_at or call.started_at) > FORGOTTEN else None
    told = resource_in_call_control_words(resource.resource)
    if told.get("state") != "ended":
        return None  # alive, or an answer that does not say
    ended_at = read_time(told.get("end_time"))
    if ended_at is None:
        return Lost()
    _end(run, call, told, ended_at)
    return None


def _days(first: datetime, last: datetime) -> Iterator[date]:
    return (first.date() + timedelta(days=at) for at in range((last.date() - first.date()).days + 1))


def _take(run: RecoveryRun, rows: list[JsonObject], *, adopts: bool) -> set[str]:
    """Take what the rows tell; return their SIDs."""
    found = (resource_in_call_control_words(row) for row in rows)
    told = {sid: one for one in found if 0 < len(sid := one.get("call_control_id", "")) <= _LONGEST}
    sids = list(told)
    for at in range(0, len(sids), paging.PAGE):
        few = sids[at : at + paging.PAGE]
        here = Call.objects.filter(account=run.account, call_control_id__in=few)
        known = {call.call_control_id: call for call in here}
        new = [_new(run, sid, told[sid]) for sid in few if sid not in known] if adopts else []
        run.count(calls_found=sum(sql.insert(call) for call in new if call))
        for call in known.values():
            one = told[call.call_control_id]
            ended_at = read_time(one.get("end_time")) if one.get("state") == "ended" else None
            if call.state != Call.State.ENDED and ended_at:
                _end(run, call, one, ended_at)
    return set(told)


def _end(run: RecoveryRun, call: Call, told: JsonObject, ended_at: datetime) -> None:
    """End the call as Telnyx's resource tells, unless its callback may be on its way."""
    if run.is_settled(ended_at) and status.close_as_told(call, told).state == Call.State.ENDED:
        run.count(calls_ended=1)


def _new(run: RecoveryRun, sid: str, told: JsonObject) -> Call | None:
    """Make a call of what is listed, which any callback outweighs. One that began or ended just now is left to them."""
    begun, state = read_time(told.get("start_time")), told.get("state")
    until = read_time(told.get("end_time")) if state == "ended" else begun
    if begun is None or state is None or not (run.is_settled(begun) and run.is_settled(until)):
        return None
    call = Call(account=run.account, call_control_id=sid, started_at=begun)
    assign(call, merge(call, facts_of_resource(told), begun, 0, "texml resource"))
    call.ask_for_judgement(run.now)
    return call
