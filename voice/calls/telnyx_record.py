"""Reads Telnyx's own record of calls: ``GET /call_events``, the commands and webhooks as Telnyx saw them.

Telnyx tells the last 24 h, and longer when asked for one leg or session (its reference of this list).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal import sql
from portal.masking import masked_for
from portal.models import TelnyxAccount
from portal.telnyx import paging
from portal.telnyx.errors import TelnyxUnread
from portal.times import read_time
from voice.models import Call, CallCommand

_MOST_PAGES, _MOST_PARTS = 200, 20  # of 250 entries; what is more than that is read in parts


@dataclass(frozen=True)
class Record:
    """Holds ``entries`` as Telnyx sent them, oldest first; not ``complete`` when there were more than four pages."""

    entries: list[dict[str, Any]]
    complete: bool


@dataclass(frozen=True)
class Line:
    """Holds one entry for a page."""

    kind: str
    name: str
    at: datetime | None
    status: str
    detail: dict[str, Any]


def of_call(call: Call) -> Record:
    """Read what Telnyx has of this leg; of its session when the leg's id is not known. Asks Telnyx now."""
    if call.call_leg_id:
        return read(call.account, {"leg_id": call.call_leg_id})
    if call.call_session_id:
        return read(call.account, {"application_session_id": call.call_session_id})
    return Record([], complete=True)


def read(account: TelnyxAccount, query: dict[str, Any]) -> Record:
    """Read the entries that ``query`` (``filter[…]``) finds: at most 1000. Raises what ``ask`` raises."""
    found = paging.read_all(account, "call_events.list", filter=query)
    return Record(_sorted(found.rows), found.complete)


def of_application(account: TelnyxAccount, connection_id: str, begin: datetime) -> Iterator[list[dict[str, Any]]]:
    """Read all webhooks of its calls since then, page by page. Of too many the rest is asked for by time.

    Raises what ``ask`` raises, and ``TelnyxUnread`` when not all could be read.
    """
    part = {"gte": begin.isoformat()}
    for _ in range(_MOST_PARTS):
        query, times = {"connection_id": connection_id, "occurred_at": part, "type": "webhook"}, list[datetime]()
        for page in paging.read_pages(account, "call_events.list", most=_MOST_PAGES, filter=query):
            times += [at for at in map(time_of, page.rows) if at]
            yield page.rows
        if page.complete or ("lte" in part and times and min(times) < begin):
            return
        rest = None if page.is_last else _rest(times)
        if rest is None or rest == part:
            break
        part = rest
    raise TelnyxUnread("Telnyx's record of an application's calls could not be read whole.")


def event_of(entry: dict[str, Any]) -> dict[str, Any] | None:
    """Return the webhook that an entry tells of, as it stood under ``data``; None for a command."""
    metadata = entry.get("metadata")
    webhook = metadata.get("event") if isinstance(metadata, dict) else None
    return webhook if entry.get("type") == "webhook" and isinstance(webhook, dict) else None


def refusal(entry: dict[str, Any]) -> str | None:
    """Why Telnyx did not carry out the command that an entry tells of: its code, or "" without one; else None.

    What a command's entry carries is published nowhere. That commands fail is: the list can be filtered by ``failed``.
    Telnyx's refusals have ``errors`` or ``telnyx_error``, and a dial may be accepted and refused in its record only.
    """
    told = entry.get("metadata")
    if entry.get("type") != "command" or not isinstance(told, dict):
        return None
    errors = told.get("errors")
    reasons = [told.get("telnyx_error"), *(errors if isinstance(errors, list) else [errors])]
    if not any(reasons) and told.get("status") != "failed":
        return None
    codes = (one.get("error_code") or one.get("code") for one in reasons if isinstance(one, dict))
    return next((sql.cut(CallCommand, "error_code", str(code)) for code in codes if code), "")


def refusal_of_dial(record: Record) -> str | None:
    """Why the leg was never dialled, though Telnyx accepted the dial; None when the record does not say so."""
    dials = (one for one in record.entries if "dial" in str(one.get("name")))
    return next((found for one in dials if (found := refusal(one)) is not None), None)


def time_of(entry: dict[str, Any]) -> datetime | None:
    """Return when it happened."""
    return read_time(entry.get("event_timestamp") or entry.get("occurred_at"))


def lines(record: Record, user: Any) -> list[Line]:
    """Draw the record for a page, numbers masked unless this person may see whole ones."""
    return [_line(entry) for entry in masked_for(user, record.entries)]


def _rest(times: list[datetime]) -> dict[str, str] | None:
    """Build the filter for what follows. Telnyx takes one comparison, and does not say in which order it lists."""
    if not times:
        return None
    return {"gte": max(times).isoformat()} if times[0] <= times[-1] else {"lte": min(times).isoformat()}


def _sorted(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: str(entry.get("event_timestamp") or entry.get("occurred_at") or ""))


def _line(entry: dict[str, Any]) -> Line:
    metadata = entry.get("metadata")
    detail = metadata if isinstance(metadata, dict) else {}
    kind, name = str(entry.get("type") or "?"), str(entry.get("name") or "?")
    return Line(kind, name, time_of(entry), str(detail.get("status") or ""), detail)
