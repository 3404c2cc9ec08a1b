"""Selects stored events: a filter that can be kept as JSON, put in words and made into a query."""

import uuid
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

from django.db.models import Q, QuerySet

from portal.times import read_time
from voice.calls import search
from voice.models import CallEvent

MOST_COUNTED = 1000
MOST_LOOKED_THROUGH = 50_000
# What no index finds: rows are read one by one to see whether they are like that.
_READ_THROUGH = {
    "connection_id",
    "event_types",
    "sources",
    "occurred_from",
    "occurred_until",
    "call_session_id",
}
_TIMES = {"received_from", "received_until", "occurred_from", "occurred_until"}
_WORDS = {
    "account": "account",
    "connection_id": "application",
    "event_types": "event type",
    "statuses": "status",
    "sources": "source",
    "received_from": "received from",
    "received_until": "received until",
    "occurred_from": "occurred from",
    "occurred_until": "occurred until",
    "call_control_id": "call",
    "call_session_id": "session",
    "ids": "event",
}


@dataclass(frozen=True)
class Selection:
    """Filters events. What is empty does not narrow; ``account`` by name; a type may begin or end with ``*``.

    ``ids`` are ours or Telnyx's. Times are aware; both ends belong to the range.
    """

    account: str = ""
    connection_id: str = ""
    event_types: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    received_from: datetime | None = None
    received_until: datetime | None = None
    occurred_from: datetime | None = None
    occurred_until: datetime | None = None
    call_control_id: str = ""
    call_session_id: str = ""
    ids: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, members: dict[str, Any]) -> Self:
        """Read what ``as_json`` gave."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in members.items()
        }
        return cls(**values | {name: read_time(members[name]) for name in _TIMES & members.keys()})

    def as_json(self) -> dict[str, Any]:
        """Return its members that narrow."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in given.items() if value}

    def words(self) -> list[tuple[str, str]]:
        """Say what narrows and to what; nothing for all events."""
        return [(_WORDS[name], _shown(getattr(self, name))) for name in self.as_json()]

    def rows(self) -> QuerySet[CallEvent]:
        """Select the events, in no order."""
        rows = CallEvent.objects.order_by().filter(_types(self.event_types), _ids(self.ids))
        return rows.filter(**{lookup: value for lookup, value in self._lookups().items() if value})

    def _lookups(self) -> dict[str, Any]:
        return {
            "account__name": self.account,
            "connection_id": self.connection_id,
            "status__in": self.statuses,
            "source__in": self.sources,
            "received_at__gte": self.received_from,
            "received_at__lte": self.received_until,
            "occurred_at__gte": self.occurred_from,
            "occurred_at__lte": self.occurred_until,
            "call_control_id": self.call_control_id,
            "call_session_id": self.call_session_id,
        }


@dataclass(frozen=True)
class Count:
    """Says how many events there are, as far as that can be told at once.

    ``number`` is at most one more than ``MOST_COUNTED``. With ``newest_only`` there may be more among those that are
    older than the newest ``MOST_LOOKED_THROUGH`` of the time that is meant.
    """

    number: int
    newest_only: bool

    def __str__(self) -> str:
        return f"{MOST_COUNTED:,}+" if self.number > MOST_COUNTED else f"{self.number:,}"

    @property
    def is_exact(self) -> bool:
        return self.number <= MOST_COUNTED and not self.newest_only


def count_events(selection: Selection) -> Count:
    """Count, and read no more rows for it than somebody who waits for the page has the time for."""
    rows, edge = selection.rows(), _edge(selection)
    if edge is not None:
        rows = rows.filter(received_at__gt=edge)
    found = len(rows.values_list("pk")[: MOST_COUNTED + 1])
    return Count(found, edge is not None and found <= MOST_COUNTED)


def _edge(selection: Selection) -> datetime | None:
    """Find when the first event was received that it would take too long to read; None when all can be read."""
    given = selection.as_json()
    if "ids" in given or "call_control_id" in given or not _READ_THROUGH & given.keys():
        return None
    within = Selection(received_from=selection.received_from, received_until=selection.received_until)
    times = within.rows().order_by("-received_at", "-pk").values_list("received_at", flat=True)
    return next(iter(times[MOST_LOOKED_THROUGH : MOST_LOOKED_THROUGH + 1]), None)


def _types(wanted: tuple[str, ...]) -> Q:
    found = Q()
    for pattern in wanted:
        lookup = {(True, True): "contains", (True, False): "endswith", (False, True): "startswith"}.get(
            (pattern.startswith("*"), pattern.endswith("*")), "exact"
        )
        found |= Q(**{f"event_type__{lookup}": pattern.strip("*")})
    return found


def _ids(wanted: tuple[str, ...]) -> Q:
    if not wanted:
        return Q()
    ours = Q(pk__in=[uuid.UUID(event_id) for event_id in wanted])
    return ours | Q(account__in=search.account_ids(), dedupe_key__in=wanted)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, tuple):
        return f"{len(value)} chosen" if len(value) > 3 else ", ".join(value)
    return str(value)
