"""Reads Telnyx's JSON webhooks: the envelope of API version 2, and enough of version 1 to say whose it is.

Sources: Telnyx's OpenAPI spec (``webhooks``) and "Call Control: Migration to the Voice API" (the flat version 1).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from portal import payloads
from portal.json_types import JsonObject
from portal.times import read_time, within_reach
from voice.models import CallEvent

_EVENT_ID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_EVENT_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_OLD_EVENT_TYPE = re.compile(r"[a-z0-9_.]{1,100}")
_CONTROL_ID = re.compile(r"[A-Za-z0-9:_\-=]{1,512}")
_SMALL_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
# The spec alone has this one without ``data``. It is a version 2 event all the same: version 1 tells ``created_at``.
_FLOOR = "conference.floor.changed"
# What an insight group sends to its own webhook, without ``data`` and without dots; version 1 never had it.
_INSIGHTS = "conversation_insight_result"


class OldFormat(payloads.Unreadable):
    """Says that a webhook is of API version 1: its application has to be set to 2."""

    code = "old_format"

    def __init__(self) -> None:
        super().__init__("webhook API version 1: the old format, which cannot be used. Set “webhook API version” to 2")


def read(event: CallEvent) -> dict[str, Any]:
    """Fill ``event`` from its body and return ``data``.

    That is the same in every attempt: ``meta``, which is not, lies outside, and the id comes in lower case.

    Raises ``payloads.Unreadable`` with the reason; what could be read before it is filled in.
    """
    document = payloads.loads(bytes(event.body), replace=True)
    data = _data(event, document)
    payload, identifier, event_type = data.get("payload"), data.get("id"), data.get("event_type")
    if not isinstance(identifier, str) or not _EVENT_ID.fullmatch(identifier):
        raise payloads.Unreadable("data.id is missing or no UUID")
    event.event_id = event.dedupe_key = identifier.lower()
    if not _is_event_type(event_type):
        raise payloads.Unreadable("data.event_type is missing or no event type")
    event.event_type = str(event_type)
    if not isinstance(payload, dict):
        raise payloads.Unreadable("data.payload is missing or no object")
    event.payload = payload
    event.attempt = _attempt(document.get("meta"))
    # twelve conference events have no ``data.occurred_at``
    times = (data.get("occurred_at"), payload.get("occurred_at"), data.get("created_at"))
    event.occurred_at = first_time(times, event.received_at)
    take_ids(event, _with_metadata(payload) if event_type == _INSIGHTS else payload)
    return data | {"id": event.event_id}


def take_ids(event: CallEvent, payload: Mapping[str, Any]) -> None:
    """Fill in the call, session and application that ``payload`` names; what is not of Telnyx's form stays empty."""
    event.call_control_id = _text(payload, "call_control_id", _CONTROL_ID)
    event.call_leg_id = _text(payload, "call_leg_id", _SMALL_ID)
    event.call_session_id = _text(payload, "call_session_id", _SMALL_ID)
    event.connection_id = _text(payload, "connection_id", _SMALL_ID)


def first_time(texts: tuple[Any, ...], received_at: datetime) -> datetime | None:
    """Return the first of ``texts`` that is a time near the receipt: one far off the clock is no time."""
    times = (read_time(text) for text in texts)
    return next((at for at in times if at and within_reach(at, received_at)), None)


def _data(event: CallEvent, document: Any) -> dict[str, Any]:
    data = document.get("data") if isinstance(document, dict) else None
    if isinstance(data, dict):
        return data
    if isinstance(document, dict) and "event_type" in document:
        is_old = bool({"created_at", "webhook_id"} & document.keys())
        if document["event_type"] == _INSIGHTS or (document["event_type"] == _FLOOR and not is_old):
            return document
        _fill_old(event, document)
        raise OldFormat
    raise payloads.Unreadable("no data object: this is not Telnyx's envelope")


def _is_event_type(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= 100 and bool(_EVENT_TYPE.fullmatch(text) or text == _INSIGHTS)


def _with_metadata(payload: JsonObject) -> JsonObject:
    """Return an insight's payload with the ids of its call, which its conversation's ``metadata`` has."""
    metadata = payload.get("metadata")
    return (metadata if isinstance(metadata, dict) else {}) | payload


def _fill_old(event: CallEvent, document: dict[str, Any]) -> None:
    """Fill in what tells its application: names with underscores or dots, ids where version 2 has them too."""
    payload = document.get("payload")
    event.event_type = _text(document, "event_type", _OLD_EVENT_TYPE)
    if isinstance(payload, dict):
        take_ids(event, payload)
        event.occurred_at = first_time((payload.get("occurred_at"), document.get("created_at")), event.received_at)


def _attempt(meta: Any) -> int | None:
    attempt = meta.get("attempt") if isinstance(meta, dict) else None
    return attempt if type(attempt) is int and 0 < attempt < 1000 else None


def _text(payload: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = payload.get(name)
    return value if isinstance(value, str) and form.fullmatch(value) else ""
