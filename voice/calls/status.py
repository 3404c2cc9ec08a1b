"""Asks Telnyx what is alive now, when somebody wants to know."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from portal import sql
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.account_sids import account_sid
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxRefused, TelnyxUnread
from portal.times import read_time, uptime
from voice.calls.projection import Fact, facts_of_resource, merge
from voice.catalogue.texml_fields import iso_time
from voice.catalogue.texml_operations import CALL_STATUS_OVER
from voice.commands.products import Product, product_of
from voice.models import HAPPENED_AT, Call, CallCommand, CallEvent

_MOST_PAGES = 40
_NO_SUCH_ACCOUNT = "10005"
_NO_CALL = {"90015", "90018"}  # no such call, and: it has ended; Telnyx's reference gives this question no 404


def active_calls(
    account: TelnyxAccount,
    connection_id: str,
    until: float | None = None,
    on_page: Callable[[], object] | None = None,
) -> paging.Listing:
    """List the live calls of one application; ``complete`` only if Telnyx says that there are no others.

    That takes a list without a next page and with as many calls as Telnyx counts: an empty list alone does not prove
    that nothing is alive. Paged by cursor by hand: the SDK types this list as numbered pages, and its iterator would
    ask for page 2 for ever. Whoever has no time for all of it says ``until`` when, by ``uptime``, a page is begun.
    ``on_page`` is called between two pages.
    """
    calls: list[dict[str, Any]] = []
    after: str | None = None
    for _ in range(_MOST_PAGES):
        query = {"page[limit]": "250"} | ({"page[after]": after} if after else {})
        answer = ask(account, "connections.list_active_calls", connection_id, extra_query=query)
        page, meta = answer.get("data"), answer.get("meta")
        calls += [call for call in page if isinstance(call, dict)] if isinstance(page, list) else []
        meta = meta if isinstance(meta, dict) else {}
        cursors = meta.get("cursors")
        following = cursors.get("after") if isinstance(cursors, dict) else None
        if not (following or meta.get("next")):
            total = meta.get("total_items")
            return paging.Listing(calls, isinstance(page, list) and isinstance(total, int) and total <= len(calls))
        if not page or not isinstance(following, str) or following == after:
            break
        after = following
        if on_page:
            on_page()
        if until is not None and uptime() >= until:
            break
    return paging.Listing(calls, complete=False)


def refresh(call: Call) -> Call:
    """Ask for the call's status and merge what it tells. Known at Telnyx until 10 min after the end."""
    return merge_answer(call, status(call) or {})


def asked(call: Call) -> tuple[bool, str]:
    """Ask for the call's status, merge what it tells, and word it; whether Telnyx knows the call comes first."""
    answer = status(call)
    if answer is None and product_of(call) == Product.TEXML:  # it keeps them for 30 days, and may tell of one late
        return False, "Telnyx’s TeXML does not know this call (yet)."
    if answer is None:
        return False, "Telnyx does not know this call any more: it has ended."
    merged = merge_answer(call, answer)
    if answer.get("is_alive") is False and merged.is_alive:
        return True, "Telnyx was asked: it does not take the call for alive, and tells of no end."
    return True, f"Telnyx was asked: the call is {merged.state}."


def merge_answer(call: Call, answer: dict[str, Any]) -> Call:
    """Merge Telnyx's answer about the call's status: only an end is news."""
    if answer.get("is_alive") is False and read_time(answer.get("end_time")):
        return _end(call, read_time(answer["end_time"]) or timezone.now())
    return call


def status(call: Call) -> dict[str, Any] | None:
    """Ask ``GET /calls/{call_control_id}``, or for TeXML's resource; None when Telnyx does not know it (any more)."""
    if product_of(call) == Product.TEXML:
        return _status_of_texml(call)
    try:
        answer = ask(call.account, "calls.retrieve_status", call.call_control_id)
    except TelnyxRefused as error:
        if error.is_not_found or error.code in _NO_CALL:
            return None
        raise
    if not isinstance(data := answer.get("data"), dict):  # which is not the same as: no such call
        raise TelnyxUnread("Telnyx's answer cannot be read: it tells nothing of the call.")
    return data


def _status_of_texml(call: Call) -> dict[str, Any] | None:
    """Ask TeXML for the call, whose other status need not know it, and tell its answer in that one's words."""
    sid = account_sid(call.account)
    try:
        told = ask(call.account, "texml.accounts.calls.retrieve", call.call_control_id, account_sid=sid)
    except TelnyxRefused as error:
        if error.is_not_found and error.code != _NO_SUCH_ACCOUNT:
            return None
        raise
    return {
        "is_alive": told.get("status") not in CALL_STATUS_OVER,
        "end_time": iso_time(str(told.get("end_time") or "")),
    }


def is_already_so(command: CallCommand) -> bool:
    """Tell whether the call's state at Telnyx is what ``command`` sets. Only the client state can be read."""
    if command.action != "update_client_state" or command.call is None:
        return False
    answer = status(command.call) or {}
    return answer.get("is_alive") is True and answer.get("client_state") == command.parameters.get("client_state")


def close_as_told(call: Call, told: dict[str, Any]) -> Call:
    """End a TeXML call as Telnyx's resource of it tells, in Call Control's words; ``end_time`` is there."""
    return _close(call, facts_of_resource(told), read_time(told["end_time"]), "texml resource")


def close_as_lost(call: Call, end_time: object, asked_at: datetime) -> Call:
    """Close a call as lost: not alive at Telnyx, its end nowhere. ``end_time`` is Telnyx's, if it told one.

    It weighs no more than any event and stands at ``asked_at``: what happened later says that the call lives, and its
    hang-up, however late it comes, makes it ended.
    """
    told = read_time(end_time)
    latest = CallEvent.objects.filter(call=call).aggregate(at=Max(HAPPENED_AT))["at"]
    at = told or latest or call.started_at
    # what was told late, as of its recording, may be later than its end: whoever tells of that outweighs the guess
    facts = [Fact("state", Call.State.LOST, 1, asked_at), Fact("ended_at", at, 0 if told else -1, at)]
    return _close(call, facts, asked_at, "lost")


def _end(call: Call, at: datetime) -> Call:
    # lighter than the hang-up event, which also knows the cause and whose time is exact
    return _close(call, [Fact("state", Call.State.ENDED, 8, at), Fact("ended_at", at, 0, at)], at, "status")


def _close(call: Call, facts: Iterable[Fact], at: datetime | None, source: str) -> Call:
    with transaction.atomic():
        locked = Call.objects.select_for_update(no_key=True).get(pk=call.pk)
        changed = merge(locked, iter(facts), at or timezone.now(), 0, source)
        if "state" in changed:  # else somebody knows better
            for column, value in changed.items():
                setattr(locked, column, value)
            locked.save(update_fields=[*changed, *locked.ask_for_judgement(sql.clock())])
    return Call.objects.select_related("account").get(pk=call.pk)
