"""Records an event before anybody judges it. The caller answers 200 when this returns.

Signed but unreadable bodies are kept too, quarantined: a retry of Telnyx would bring the same bytes.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError

from portal import payloads
from portal.models import TelnyxAccount
from portal.times import read_time
from voice.models import CallEvent

_EVENT_ID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_EVENT_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_CONTROL_ID = re.compile(r"[A-Za-z0-9:_\-=]{1,512}")
_SMALL_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_KEPT_HEADERS = ("content-type", "user-agent", "telnyx-timestamp", "x-request-id")


def record(
    account: TelnyxAccount, source: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> tuple[CallEvent, bool]:
    """Store ``body`` as an event of ``account``; ``(event, created)``. A repeat changes nothing.

    One INSERT that commits by itself. Raises what the database raises: then nothing is stored, and nothing may be
    acknowledged.
    """
    event = _read(account, source, headers, body, now)
    try:
        event.save(force_insert=True)
    except IntegrityError:
        return event, False
    return event, True


def _read(account: TelnyxAccount, source: str, headers: Mapping[str, str], body: bytes, now: datetime) -> CallEvent:
    kept = {name: value for name, value in ((name, headers.get(name)) for name in _KEPT_HEADERS) if value}
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    event = CallEvent(account=account, source=source, headers=kept, body=body, received_at=now, dedupe_key=digest)
    try:
        _fill(event, payloads.loads(body, replace=True))
    except payloads.Unreadable as error:
        event.status, event.error, event.payload = CallEvent.Status.QUARANTINED, str(error), None
    return event


def _fill(event: CallEvent, document: Any) -> None:
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        if isinstance(document, dict) and "event_type" in document:  # the flat shape of webhook API version 1
            raise payloads.Unreadable('webhook API version 1: set "webhook API version" of the application to 2')
        raise payloads.Unreadable("no data object: this is not Telnyx's envelope")
    payload, identifier, event_type = data.get("payload"), data.get("id"), data.get("event_type")
    if not isinstance(identifier, str) or not _EVENT_ID.fullmatch(identifier):
        raise payloads.Unreadable("data.id is missing or no UUID")
    event.event_id = event.dedupe_key = identifier.lower()
    if not isinstance(event_type, str) or len(event_type) > 100 or not _EVENT_TYPE.fullmatch(event_type):
        raise payloads.Unreadable("data.event_type is missing or no event type")
    event.event_type = event_type
    if not isinstance(payload, dict):
        raise payloads.Unreadable("data.payload is missing or no object")
    event.payload = payload
    event.occurred_at = _time(data, payload, event.received_at)
    meta = document.get("meta")
    attempt = meta.get("attempt") if isinstance(meta, dict) else None
    event.attempt = attempt if type(attempt) is int and 0 < attempt < 1000 else None
    event.call_control_id = _text(payload, "call_control_id", _CONTROL_ID)
    event.call_leg_id = _text(payload, "call_leg_id", _SMALL_ID)
    event.call_session_id = _text(payload, "call_session_id", _SMALL_ID)
    event.connection_id = _text(payload, "connection_id", _SMALL_ID)


def _text(payload: dict[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = payload.get(name)
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def _time(data: dict[str, Any], payload: dict[str, Any], received_at: datetime) -> datetime | None:
    """When it happened: twelve conference events have no ``data.occurred_at``. One far off the clock is no time."""
    for text in (data.get("occurred_at"), payload.get("occurred_at"), data.get("created_at")):
        at = read_time(text)
        if at and received_at - timedelta(days=30) < at < received_at + timedelta(minutes=10):
            return at
    return None
