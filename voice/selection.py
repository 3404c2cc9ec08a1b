"""Which stored events are meant: a filter that can be kept as JSON, told in words and made into a query."""

import uuid
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from django.db.models import Q, QuerySet

from portal.times import read_time
from voice.models import CallEvent

MOST_COUNTED = 1000
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
    """What is empty does not narrow. ``account`` by name; an event type may begin or end with ``*``.

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
    def from_json(cls, told: dict[str, Any]) -> Self:
        """What ``as_json`` gave."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
        }
        return cls(**values | {name: read_time(told[name]) for name in _TIMES & told.keys()})

    def as_json(self) -> dict[str, Any]:
        """Its members that narrow."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _plain(value) for name, value in given.items() if value}

    def words(self) -> list[tuple[str, str]]:
        """What narrows and to what; nothing for all events."""
        return [(_WORDS[name], _shown(getattr(self, name))) for name in self.as_json()]

    def rows(self) -> QuerySet[CallEvent]:
        """The events, in no order."""
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


def counted(rows: QuerySet[CallEvent]) -> str:
    """How many, for people: beyond a thousand ``1,000+``, since counting millions takes its time."""
    found = len(rows.values_list("pk")[: MOST_COUNTED + 1])
    return f"{MOST_COUNTED:,}+" if found > MOST_COUNTED else f"{found:,}"


def _types(wanted: tuple[str, ...]) -> Q:
    found = Q()
    for one in wanted:
        lookup = {(True, True): "contains", (True, False): "endswith", (False, True): "startswith"}.get(
            (one.startswith("*"), one.endswith("*")), "exact"
        )
        found |= Q(**{f"event_type__{lookup}": one.strip("*")})
    return found


def _ids(wanted: tuple[str, ...]) -> Q:
    return Q(pk__in=[uuid.UUID(one) for one in wanted]) | Q(dedupe_key__in=wanted) if wanted else Q()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, tuple):
        return f"{len(value)} chosen" if len(value) > 3 else ", ".join(value)
    return str(value)
