"""Collects the missed webhooks of one run, and records them through the same door as the webhooks.

Rules never run for what comes this way. What Telnyx may still be delivering is left alone: its webhook must find its
rules unspent.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError, TelnyxUnavailable, TelnyxUnread
from voice.calls import telnyx_record
from voice.events import intake
from voice.models import CallEvent, Recovery
from voice.recovery import runs

SETTLED = timedelta(minutes=2)  # a delivery that ended before has had its tries, also those of a slow receiver
_VOICE = ("call.", "conference.", "streaming.", "siprec.", "call_", "conference_")  # _ is webhook API version 1
_IDS = ("call_control_id", "call_leg_id", "call_session_id")


@dataclass(frozen=True)
class Found:
    """Holds a webhook from Telnyx's records, as it stood under ``data``, and what its ``meta`` would have said."""

    webhook: JsonObject
    meta: JsonObject


@dataclass
class RecoveryRun:
    """Holds one run for one account. ``now`` is frozen when it begins; ``problems`` keep it from being whole.

    ``unanswered`` is what Telnyx did not tell of calls without an end: each run asks again, and is whole without it.
    """

    record: Recovery
    now: datetime
    on_progress: Callable[[Recovery], None] = lambda record: None
    problems: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    @property
    def account(self) -> TelnyxAccount:
        return self.record.account

    def count(self, **found: int) -> None:
        """Add to the run's counts, which also says that it is alive."""
        runs.count(self.record, Counter(found))
        self.on_progress(self.record)

    @contextmanager
    def asking_one(self, problems: list[str]) -> Iterator[None]:
        """Let the others be asked, whatever becomes of this question: ``problems`` gets its error.

        Raises ``TelnyxUnavailable`` when Telnyx cannot be asked at all, or wants us to wait.
        """
        try:
            yield
        except TelnyxError as error:
            is_of_this_alone = isinstance(error, TelnyxUnread) or (error.http_status or 0) >= 500
            if isinstance(error, TelnyxUnavailable) and not is_of_this_alone:
                raise
            problems.append(str(error))

    def is_settled(self, at: datetime | None) -> bool:
        """Tell whether a delivery that ended then is over for good."""
        return at is not None and at <= self.now - SETTLED

    def take(self, found: Iterable[Found]) -> None:
        """Record the webhooks of a call that are not here yet. The sweep processes them, after what is live."""
        recovered = record_new(self.account, found)
        ends = [event for event in recovered if event.event_type == "call.hangup" and event.payload is not None]
        self.count(events_recovered=len(recovered), calls_ended=len(ends))


def record_new(account: TelnyxAccount, found: Iterable[Found]) -> list[CallEvent]:
    """Record the webhooks of a call that are not here yet, and return their events."""
    voice = [each for each in found if _is_of_voice(each.webhook)]
    ids = [_id(each.webhook) for each in voice]
    kept = CallEvent.objects.filter(account=account, dedupe_key__in=[identifier for identifier in ids if identifier])
    known = set(kept.values_list("dedupe_key", flat=True))
    new = [each for each, identifier in zip(voice, ids, strict=True) if identifier not in known]
    return [event for each in new if (event := _record(account, each)) is not None]


def of_entries(entries: Iterable[JsonObject]) -> Iterator[Found]:
    """Yield the webhooks that entries of Telnyx's record tell of; the commands among them are none."""
    for entry in entries:
        told = entry.get("metadata") or {}
        if event := telnyx_record.event_of(entry):
            yield Found(event, {name: told.get(name) for name in ("attempt", "delivered_to")})


def _record(account: TelnyxAccount, found: Found) -> CallEvent | None:
    """Store the webhook; return the event if it was not here."""
    body = json.dumps(_body(found), sort_keys=True).encode()
    event, created = intake.record(account, CallEvent.Source.BACKFILL, {}, body, timezone.now())
    return event if created else None


def _is_of_voice(webhook: JsonObject) -> bool:
    """Tell whether it is a call's: Telnyx lists webhooks of all its products. An unknown type has to name a call."""
    payload, event_type = webhook.get("payload"), webhook.get("event_type")
    names_a_call = isinstance(payload, dict) and any(payload.get(name) for name in _IDS)
    return names_a_call or (isinstance(event_type, str) and event_type.startswith(_VOICE))


def _id(webhook: JsonObject) -> str:
    identifier = webhook.get("id")
    return identifier.lower()[:100] if isinstance(identifier, str) else ""


def _body(found: Found) -> JsonObject:
    """Make the request's body anew. What was flat (webhook API version 1) stays so, and intake says what it is."""
    event_type, names = found.webhook.get("event_type"), found.webhook.keys()
    without_dots = isinstance(event_type, str) and "." not in event_type
    is_flat = without_dots or "webhook_id" in names or ("created_at" in names and "occurred_at" not in names)
    return found.webhook if is_flat else {"data": found.webhook, "meta": found.meta}
