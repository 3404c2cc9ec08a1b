"""Telnyx's own record of a call: ``GET /call_events``, the commands and webhooks as Telnyx saw them.

Telnyx tells the last 24 h, and longer when asked for one leg or session (its reference of this list).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.client import ask
from portal.models import TelnyxAccount
from portal.times import read_time
from voice.models import Call
from voice.numbers import masked

_MOST_PAGES, _PAGE = 4, 250


@dataclass(frozen=True)
class Record:
    """``entries`` as Telnyx sent them, oldest first; not ``complete`` when there were more than four pages."""

    entries: list[dict[str, Any]]
    complete: bool


@dataclass(frozen=True)
class Line:
    """One entry for the eye."""

    kind: str
    name: str
    at: datetime | None
    status: str
    detail: dict[str, Any]


def of_call(call: Call) -> Record:
    """What Telnyx has of this leg; of its session when the leg's id is not known. Asks Telnyx now."""
    if call.call_leg_id:
        return read(call.account, {"leg_id": call.call_leg_id})
    if call.call_session_id:
        return read(call.account, {"application_session_id": call.call_session_id})
    return Record([], complete=True)


def read(account: TelnyxAccount, wanted: dict[str, Any]) -> Record:
    """The entries that ``wanted`` (``filter[…]``) finds: at most 1000. Raises what ``ask`` raises."""
    entries: list[dict[str, Any]] = []
    for number in range(1, _MOST_PAGES + 1):
        paging = {"page[number]": number, "page[size]": _PAGE}
        answer = ask(account, "call_events.list", **{"filter": wanted}, **paging)
        page = answer.get("data")
        rows = [row for row in page if isinstance(row, dict)] if isinstance(page, list) else []
        entries += rows
        if _is_last(answer.get("meta"), number, len(rows)):
            return Record(_sorted(entries), complete=True)
    return Record(_sorted(entries), complete=False)


def lines(record: Record, *, whole_numbers: bool) -> list[Line]:
    """The record for a page, numbers masked unless this person may see whole ones."""
    return [_line(entry if whole_numbers else masked(entry)) for entry in record.entries]


def _is_last(meta: object, number: int, count: int) -> bool:
    total = meta.get("total_pages") if isinstance(meta, dict) else None
    return count == 0 or (number >= total if isinstance(total, int) else count < _PAGE)


def _sorted(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: str(entry.get("event_timestamp") or entry.get("occurred_at") or ""))


def _line(entry: dict[str, Any]) -> Line:
    told = entry.get("metadata")
    detail = told if isinstance(told, dict) else {}
    at = read_time(entry.get("event_timestamp") or entry.get("occurred_at"))
    return Line(
        str(entry.get("type") or "?"), str(entry.get("name") or "?"), at, str(detail.get("status") or ""), detail
    )
