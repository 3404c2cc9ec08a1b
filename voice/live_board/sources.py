"""Names the lists of Telnyx that the live board shows beside the live calls of Call Control, and what it keeps of them.

Conferences and queues of both products may be the same at Telnyx, so that one may stand in two lists.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.models import TelnyxAccount
from portal.telnyx.paging import Listing
from portal.times import read_time
from voice.catalogue.texml_fields import iso_time
from voice.catalogue.texml_operations import CALL_STATUS_OVER
from voice.conferences import queues, service
from voice.models import Call, Conference
from voice.texml import requests

TEXML_CALLS = "texml_calls"
_LONGEST_CALL = timedelta(hours=4)
Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Describes a list: how it is asked for, and what is kept of its rows; ``words`` follow the account's name."""

    name: str
    words: str
    ask: Callable[[TelnyxAccount, datetime], Listing]
    keep: Callable[[TelnyxAccount, list[Row]], list[Row]]

    @property
    def of_texml(self) -> bool:
        return self.name.startswith("texml_")


def _texml_calls(account: TelnyxAccount, now: datetime) -> Listing:
    """Read the calls of the day, and of the day before while one of them may last: Telnyx filters by no live status."""
    days = sorted({(now - _LONGEST_CALL).date(), now.date()})
    found = [requests.read_all(account, "texml.calls.list", wanted={"StartTime": day.isoformat()}) for day in days]
    return Listing([row for one in found for row in one.rows], all(one.complete for one in found))


def _kept_calls(account: TelnyxAccount, rows: list[Row]) -> list[Row]:
    """Keep those that live at Telnyx, and of the others those that live here."""
    told = {sid: row for row in rows if isinstance(sid := row.get("sid"), str) and sid}
    over = [sid for sid, row in told.items() if row.get("status") in CALL_STATUS_OVER]
    here = Call.objects.alive().filter(account=account, call_control_id__in=over)
    dropped = set(over) - set(here.values_list("call_control_id", flat=True))
    names = ("sid", "status", "from", "to")
    return [
        {name: row.get(name) for name in names} | {"since": _iso(row.get("start_time"))}
        for sid, row in told.items()
        if sid not in dropped
    ]


def _conferences(account: TelnyxAccount, now: datetime) -> Listing:
    return service.at_telnyx(account, status=Conference.State.IN_PROGRESS)


def _texml_conferences(account: TelnyxAccount, now: datetime) -> Listing:
    return requests.read_all(account, "texml.conferences.list", wanted={"Status": "in-progress"})


def _queues(account: TelnyxAccount, now: datetime) -> Listing:
    return queues.at_telnyx(account)


def _texml_queues(account: TelnyxAccount, now: datetime) -> Listing:
    return requests.read_all(account, "texml.queues.list")


def _keeping(**names: str) -> Callable[[TelnyxAccount, list[Row]], list[Row]]:
    """Keep these members under the board's names; of what has no id, nothing."""

    def keep(account: TelnyxAccount, rows: list[Row]) -> list[Row]:
        found = [{ours: row.get(theirs) for ours, theirs in names.items()} for row in rows]
        return [row | {"since": _iso(row.get("since"))} for row in found if isinstance(row["id"], str) and row["id"]]

    return keep


def _iso(at: object) -> str | None:
    return iso_time(at) if isinstance(at, str) else None


SOURCES = (
    Source(TEXML_CALLS, "TeXML’s calls", _texml_calls, _kept_calls),
    Source("conferences", "conferences", _conferences, _keeping(id="id", name="name", since="created_at")),
    Source(
        "texml_conferences",
        "TeXML’s conferences",
        _texml_conferences,
        _keeping(id="sid", name="friendly_name", since="date_created"),
    ),
    Source("queues", "queues", _queues, _keeping(id="name", size="current_size", most="max_size")),
    Source("texml_queues", "TeXML’s queues", _texml_queues, _keeping(id="sid", size="current_size", most="max_size")),
)
_WORDS = {source.name: source.words for source in SOURCES}


def rows_of(others: Iterable[Row] | None, name: str) -> list[Row]:
    """Return what is kept of one list."""
    return [row for told in others or () if told["source"] == name for row in told["rows"]]


def problems(others: Iterable[Row] | None) -> list[str]:
    """Say in words what could not be asked, and what was not read whole."""
    found = []
    for told in others or ():
        words = _WORDS.get(told["source"], told["source"])
        if told["error"]:
            found.append(f"{words}: {told['error']}")
        elif not told["complete"]:
            found.append(f"{words}: there are more, only the first were read.")
    return found


def began(row: Row) -> datetime | None:
    return read_time(row.get("since"))
