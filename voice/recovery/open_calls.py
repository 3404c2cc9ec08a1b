"""Settles calls without an end: reads Telnyx's record of them, asks which are alive, and closes the lost ones.

Lost is ours, not Telnyx's: the call is not alive there, and its end is nowhere. Only whole answers lead to it.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from applications import receivers
from portal import sql
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.errors import TelnyxRefused, TelnyxUnread
from portal.times import read_time
from voice.calls import status, telnyx_record, waiting_events
from voice.catalogue import actions
from voice.models import Call, CallEvent
from voice.recovery import texml_calls
from voice.recovery.collector import SETTLED, RecoveryRun, of_entries
from voice.recovery.texml_calls import FORGOTTEN, Lost

QUIET = timedelta(minutes=3)  # since its last event: what is younger may have its end on the way
_RECORD = timedelta(hours=24)  # what /call_events tells when neither leg nor session are named
_NO_SUCH = "10015"  # no application of this id whose calls are listed
_MOST_CALLS, _MOST_APPLICATIONS, _MOST_PROBLEMS = 500, 200, 20


def read_records(run: RecoveryRun, since: datetime) -> None:
    """Read what Telnyx's record has since then, of each application whose webhooks come here: delivered ones too."""
    begin = max(since, run.now - _RECORD)
    for connection_id in _applications(run.account):
        with run.asking_one(run.problems):
            for entries in telnyx_record.of_application(run.account, connection_id, begin):
                _take(run, entries)


def close_lost_calls(run: RecoveryRun) -> None:
    """Ask what is alive; of the others find the end, or write that there is none."""
    listed, unlisted = _listed(run)
    _add_unknown_calls(run, listed)
    texml_listed = texml_calls.read_list(run)
    quiet = (
        call
        for call in _quiet(run)
        if (texml_listed is not None if call.is_texml else call.connection_id not in unlisted)
        and call.call_control_id not in listed
    )
    most = len(run.unanswered) + _MOST_PROBLEMS
    for call in islice(quiet, _MOST_CALLS):
        with run.asking_one(run.unanswered):
            _find_ending(run, call, texml_listed or set())
        if len(run.unanswered) >= most:
            return


def _applications(account: TelnyxAccount) -> list[str]:
    """List the applications whose webhooks come here: what others of the account do is not ours to keep."""
    rows = receivers.pointing_here(account).order_by("?")
    return list(rows.values_list("telnyx_id", flat=True)[:_MOST_APPLICATIONS])


def _listed(run: RecoveryRun) -> tuple[dict[str, JsonObject], set[str]]:
    """Map call control ids to what Telnyx says is alive; ``connection_id`` is of the application that was asked for.

    And collect the applications of which it did not say: who knows which of their calls live.
    """
    connections = (
        _open(run)
        .filter(is_texml=False)
        .exclude(connection_id="")
        .order_by()
        .values_list("connection_id", flat=True)
        .distinct()
    )
    listed, unlisted = dict[str, JsonObject](), set[str]()
    for connection_id in dict.fromkeys([*connections[:_MOST_APPLICATIONS], *_applications(run.account)]):
        unlisted.add(connection_id)
        with run.asking_one(run.unanswered):
            found = _alive(run.account, connection_id, run.count)
            listed |= {str(one.get("call_control_id")): one | {"connection_id": connection_id} for one in found.rows}
            if not found.complete:
                raise TelnyxUnread("Telnyx's list of an application's live calls could not be read whole.")
            unlisted.remove(connection_id)
        run.count()
    return listed, unlisted


def _alive(account: TelnyxAccount, connection_id: str, on_page: Callable[[], object] | None = None) -> paging.Listing:
    """List the live calls of an application; none, too, if Telnyx has no such application."""
    try:
        return status.active_calls(account, connection_id, on_page=on_page)
    except TelnyxRefused as error:
        if not error.is_not_found and error.code != _NO_SUCH:
            raise
        return paging.Listing([], complete=True)


def _add_unknown_calls(run: RecoveryRun, listed: dict[str, JsonObject]) -> None:
    """Make a row for each live call nobody told us of, so that support sees it; then read Telnyx's record of it."""
    ids = list(listed)
    known: set[str] = set()
    for at in range(0, len(ids), paging.PAGE):
        rows = Call.objects.filter(account=run.account, call_control_id__in=ids[at : at + paging.PAGE])
        known |= set(rows.values_list("call_control_id", flat=True))
    stubs = [call for id in ids if id not in known and (call := _stub(run, listed[id]))]
    made = [call for call in stubs if _insert(call)]
    run.count(calls_found=len(made))
    for call in made:
        _take_record(run, call, telnyx_record.of_call(call))


def _insert(call: Call) -> bool:
    """Insert the call; false when its webhook came this moment."""
    with transaction.atomic():
        if is_new := sql.insert(call):
            waiting_events.make_due(call, waiting_events.TOLD)
        return is_new


def _stub(run: RecoveryRun, listed: JsonObject) -> Call | None:
    """Make a call without facts, so that any event outweighs it. One just begun is left to its webhook."""
    control_id, lasted = listed.get("call_control_id"), listed.get("call_duration")
    if not isinstance(control_id, str) or len(control_id) > 512 or not isinstance(lasted, int):
        return None
    if not SETTLED.total_seconds() <= lasted <= _RECORD.total_seconds():
        return None
    ids = {name: _small(listed.get(name)) for name in ("call_leg_id", "call_session_id", "connection_id")}
    begun = run.now - timedelta(seconds=lasted)
    return Call(account=run.account, call_control_id=control_id, started_at=begun, **ids)


def _small(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= 64 else ""


def _open(run: RecoveryRun) -> QuerySet[Call]:
    return Call.objects.alive().filter(account=run.account)


def _quiet(run: RecoveryRun) -> QuerySet[Any]:
    """Select open calls that nothing was heard of for a while.

    In any order: those that Telnyx tells nothing of must not be the first ones for good.
    """
    latest = CallEvent.objects.filter(call=OuterRef("pk")).order_by("-received_at")
    rows = _open(run).annotate(heard_at=Subquery(latest.values("received_at")[:1]))
    before = run.now - QUIET
    rows = rows.filter(Q(heard_at=None) | Q(heard_at__lte=before), started_at__lte=before)
    return rows.select_related("account").order_by("?")


def _find_ending(run: RecoveryRun, call: Any, texml_listed: set[str]) -> None:
    run.count()
    lost = texml_calls.find_lost(run, call, texml_listed) if call.is_texml else _find_lost(run, call)
    if lost and _close(run, call, lost):
        run.count(calls_lost=1)


def _close(run: RecoveryRun, call: Any, lost: Lost) -> bool:
    """Close the call and say why at the dial, which stays accepted: nobody looks at a call again that is closed."""
    with transaction.atomic():
        is_lost = status.close_as_lost(call, lost.end_time, run.now).state == Call.State.LOST
        if is_lost and lost.words:
            call.commands.filter(action__in=actions.NEW_CALLS, settlement="").update(settlement=lost.words)
    return is_lost


def _find_lost(run: RecoveryRun, call: Any) -> Lost | None:
    answer = status.status(call)
    if answer is not None and answer.get("is_alive") is not False:
        return None  # alive, or an answer that does not say
    ended_at = read_time((answer or {}).get("end_time"))
    if ended_at and not run.is_settled(ended_at):
        return None  # its hang-up may be on its way
    record = telnyx_record.of_call(call)
    may_be_found = _take_record(run, call, record)
    refusal = telnyx_record.refusal_of_dial(record) if call.heard_at is None else None
    known_for = run.now - (call.heard_at or call.started_at)
    if may_be_found or (answer is None and refusal is None and known_for <= FORGOTTEN):
        return None
    words = f"Telnyx accepted it, and its record says that it was refused{f' ({refusal})' if refusal else ''}."
    return Lost((answer or {}).get("end_time"), "" if refusal is None else words)


def _take_record(run: RecoveryRun, call: Call, record: telnyx_record.Record) -> bool:
    """Take what the record has of this leg; tell whether its end may still come: it is there, or not all was read."""
    _take(run, record.entries)
    ends = (telnyx_record.event_of(one) for one in record.entries if not run.is_settled(telnyx_record.time_of(one)))
    if not record.complete or any(_ends(call, one) for one in ends if one):
        return True
    here = CallEvent.objects.filter(account=run.account, call_control_id=call.call_control_id)
    return here.filter(status=CallEvent.Status.RECEIVED).exists()  # not processed yet


def _take(run: RecoveryRun, entries: Iterable[JsonObject]) -> None:
    run.take(of_entries(entry for entry in entries if run.is_settled(telnyx_record.time_of(entry))))


def _ends(call: Call, event: JsonObject) -> bool:
    payload = event.get("payload")
    named = payload.get("call_control_id") if isinstance(payload, dict) else None
    return event.get("event_type") == "call.hangup" and named == call.call_control_id
