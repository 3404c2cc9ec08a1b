"""Records an event before anybody judges it. The caller answers 200 when this returns.

Signed but unreadable bodies are kept too, quarantined: a retry of Telnyx would bring the same bytes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db.models import Case, F, Value, When

from portal import payloads, sql
from portal.models import TelnyxAccount
from voice.events import envelopes, texml_callbacks
from voice.models import CallEvent

MAX_BYTES = 1024 * 1024  # of a webhook's body
_VARIANT = "another body under the id of an event that is already stored"

_Source, _Status = CallEvent.Source, CallEvent.Status
# Each fills an event from its body, and returns what a repeat of it says too. Raises ``payloads.Unreadable``.
_READERS: dict[str, Callable[[CallEvent], Any]] = {
    _Source.WEBHOOK: envelopes.read,
    _Source.BACKFILL: envelopes.read,
    _Source.TEXML: texml_callbacks.read,
}
_KEPT_HEADERS = ("content-type", "user-agent", "telnyx-timestamp", "x-request-id")
_TAKEN = (
    *("source", "event_type", "occurred_at", "received_at", "attempt", "headers", "body", "payload"),
    *("call_control_id", "call_leg_id", "call_session_id", "connection_id"),
)
_log = structlog.get_logger(__name__)


def record(
    account: TelnyxAccount, source: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> tuple[CallEvent, bool]:
    """Store ``body`` as an event of ``account``: ``(event, new)``. If new and ``received``, it is to be woken.

    A repeat changes nothing and is not new. A webhook of an event known only from a backfill is: its rules have not
    run. So is another body under a known id, which is kept quarantined.

    One INSERT that commits by itself; only a repeat asks more. Raises what the database raises: then nothing may be
    acknowledged.
    """
    event = read(account, source, headers, body, now)
    if sql.insert(event, stamped="received_at"):  # leases and commands are compared with it
        return event, True
    return _resolve_repeat(CallEvent.objects.get(account=account, dedupe_key=event.dedupe_key), event)


def read_again(event: CallEvent) -> None:
    """Fill a stored event from its own bytes once more, unsaved. Raises ``payloads.Unreadable``."""
    _READERS[event.source](event)


def read(account: TelnyxAccount, source: str, headers: Mapping[str, str], body: bytes, now: datetime) -> CallEvent:
    """Make an event of ``body``, unsaved; a quarantined one when it cannot be read."""
    kept = {name: value for name, value in ((name, headers.get(name)) for name in _KEPT_HEADERS) if value}
    event = CallEvent(account=account, source=source, headers=kept, body=body, received_at=now, dedupe_key=_hash(body))
    try:
        _READERS[source](event)
    except payloads.Unreadable as error:
        event.status, event.reason = _Status.QUARANTINED, error.code
        event.error, event.payload = str(error), None
    return event


def _resolve_repeat(stored: CallEvent, event: CallEvent) -> tuple[CallEvent, bool]:
    """Decide what becomes of ``event``, whose key a ``stored`` one has already."""
    if event.source == _Source.BACKFILL:
        return stored, False  # the webhook may still be under way: its rules are not to be taken from it
    if stored.source == _Source.BACKFILL and event.status == _Status.RECEIVED:
        return _promote(stored, event)
    content = _content(event)
    return (stored, False) if content == _content(stored) else _keep_variant(stored, event, content)


def _promote(stored: CallEvent, event: CallEvent) -> tuple[CallEvent, bool]:
    """Make a backfilled row the webhook's own, to be processed with its rules: once, whoever else tries.

    The UPDATE waits for whoever is processing the row. An attempt that has begun but not yet locked it stays counted;
    it finds that the row is not what it claimed, and leaves it.
    """
    begun = Case(When(status=_Status.RECEIVED, then=F("attempts")), default=Value(0))
    # what a call has been told of already keeps its time
    processed_at = Case(When(status=_Status.PROCESSED, then=F("processed_at")), default=None)
    fresh = {name: getattr(event, name) for name in _TAKEN} | {
        "received_at": sql.Now(),
        "known_since": F("received_at"),  # the first arrival says how late the news was; a second never changes it
    }
    backfilled = CallEvent.objects.filter(pk=stored.pk, source=_Source.BACKFILL)
    done = backfilled.update(
        **fresh,
        status=_Status.RECEIVED,
        attempts=begun,
        lease_until=None,
        processed_at=processed_at,
        error="",
        reason="",
    )
    if not done:
        return stored, False
    event.pk = stored.pk
    return event, True


def _keep_variant(stored: CallEvent, event: CallEvent, content: Any) -> tuple[CallEvent, bool]:
    """Quarantine another body under a known id: the first wins, this one an operator sees, once."""
    text = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True).encode()
    event.dedupe_key, event.status, event.reason = _hash(text), _Status.QUARANTINED, CallEvent.Reason.VARIANT
    event.error = f"{_VARIANT}; {event.error}" if event.error else _VARIANT
    if not sql.insert(event, stamped="received_at"):
        return stored, False
    _log.warning("another body under a known event id", stored=str(stored.pk), kept=str(event.pk))
    return event, True


def _content(event: CallEvent) -> Any:
    """Read what the body says, without what changes from attempt to attempt; the bytes when it cannot be read."""
    try:
        return _READERS[event.source](event)
    except payloads.Unreadable:
        return bytes(event.body)


def _hash(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
