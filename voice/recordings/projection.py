"""Derives recordings from the events that tell of them: a merge, as of calls.

Sources: Telnyx's OpenAPI spec, webhooks ``callRecordingSaved``, ``callRecordingError``, ``conferenceRecordingSaved``,
``callRecordingTranscriptionSaved``; the callbacks of TeXML's recordings in Telnyx's API reference.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from portal.times import read_time, within_reach
from voice.calls import measures
from voice.calls.projection import Change, Fact, assign, merge
from voice.catalogue.event_types import meaning
from voice.models import Call, CallEvent, Recording

_SAVED = frozenset({"call.recording.saved", "conference.recording.saved"})
_FAILED, _WORDS = "call.recording.error", "call.recording.transcription.saved"
_TEXML = {
    "texml.recording.in_progress": (Recording.Status.UNDER_WAY, 0),
    "texml.recording.ended": (Recording.Status.SAVED, 1),  # of a <Record>, whose callback knows better
    "texml.recording.completed": (Recording.Status.SAVED, 2),
    "texml.recording.absent": (Recording.Status.FAILED, 2),
}
_TEXML_WORDS = "texml.transcription"
TYPES = _SAVED | {_FAILED, _WORDS, _TEXML_WORDS} | _TEXML.keys()
_ID = re.compile(r"[A-Za-z0-9_\-]{1,100}", re.ASCII)
CHANNELS = {"single": "single", "dual": "dual", "1": "single", "2": "dual"}
_LONGEST_TRANSCRIPT, _LONGEST_REASON = 100_000, 300
_ABSENT = "Telnyx recorded nothing: it was silent, or over before it began."


def apply(event: CallEvent, call: Call | None, *, restore: bool = False) -> list[Change]:
    """Merge the event into its recording; empty if it tells of none. Inside the event's transaction.

    Locks go conference → recording. What is of a whole conference belongs to that, and to none of its legs.
    """
    if event.event_type not in TYPES or (call is None and event.conference_id is None):
        return []
    payload = event.payload if isinstance(event.payload, dict) else {}
    if not (key := _key(event, payload)):
        return []
    recording, made = _locked(event, key)
    changed = merge(
        recording,
        _facts_of(event, payload),
        event.happened_at,
        meaning(event.event_type).rank,
        event.dedupe_key,
        restore=restore,
    )
    if event.conference_id:
        changed |= {} if recording.conference_id else {"conference": event.conference}
    elif recording.call_id is None:
        changed["call"] = call
    change = assign(recording, changed, is_new=made)
    change.save()
    return [change]


def id_in(value: Any) -> str:
    """Read an id of Telnyx's; empty for what is none."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _key(event: CallEvent, payload: Mapping[str, Any]) -> str:
    """Return what makes it this recording: Telnyx's id; of a failure, which has none, its event."""
    if event.event_type == _FAILED:
        return f"event:{event.dedupe_key}"
    return id_in(payload.get("RecordingSid" if event.source == CallEvent.Source.TEXML else "recording_id"))


def _locked(event: CallEvent, key: str) -> tuple[Recording, bool]:
    """Lock the row of a recording, and tell whether it was made just now."""
    rows = Recording.objects.select_for_update(of=("self",), no_key=True).filter(account=event.account_id, key=key)
    if found := rows.first():
        return found, False
    stub = Recording(id=uuid.uuid4(), account_id=event.account_id, key=key, started_at=event.happened_at)
    stub.recording_id = "" if event.event_type == _FAILED else key
    stub.is_texml = event.source == CallEvent.Source.TEXML
    Recording.objects.bulk_create([stub], ignore_conflicts=True)
    made = rows.get()
    return made, made.pk == stub.pk


def _facts_of(event: CallEvent, payload: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact("started_at", event.happened_at)
    if event.event_type in _SAVED:
        yield from _saved(event, payload)
    elif event.event_type == _FAILED:
        yield Fact("status", Recording.Status.FAILED, 2)
        yield Fact("reason", _text(payload.get("reason"))[:_LONGEST_REASON])
    elif event.event_type == _WORDS:
        yield from _said(payload.get("recording_transcription_id"), payload.get("transcription_text"))
    elif event.event_type == _TEXML_WORDS:
        yield from _said(payload.get("TranscriptionSid"), payload.get("TranscriptionText"))
    else:
        yield from _of_texml(event, payload)


def _saved(event: CallEvent, payload: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact("status", Recording.Status.SAVED, 2)
    begun, ended = (_time(event, payload.get(f"recording_{word}_at")) for word in ("started", "ended"))
    if begun:
        yield Fact("started_at", begun, 2, begun)
    if ended:
        yield Fact("ended_at", ended, 2)
    if begun and ended and ended >= begun:
        yield Fact("seconds", round((ended - begun).total_seconds(), 3), 2)
    if channels := CHANNELS.get(_text(payload.get("channels"))):
        yield Fact("channels", channels)
    if file_format := measures.word(payload.get("format"))[:10]:
        yield Fact("format", file_format)


def _of_texml(event: CallEvent, payload: Mapping[str, Any]) -> Iterator[Fact]:
    status, weight = _TEXML[event.event_type]
    yield Fact("status", status, weight)
    if status == Recording.Status.FAILED:
        yield Fact("reason", _ABSENT)
    if (seconds := measures.decimal(payload.get("RecordingDuration"))) is not None:
        yield Fact("seconds", seconds, weight)
    if channels := CHANNELS.get(_text(payload.get("RecordingChannels"))):
        yield Fact("channels", channels, weight)
    if source := measures.word(payload.get("RecordingSource")):
        yield Fact("source", source)


def _said(transcription_id: Any, text: Any) -> Iterator[Fact]:
    yield Fact("status", Recording.Status.SAVED, 1)  # it is written from the file
    if found := id_in(transcription_id):
        yield Fact("transcription_id", found)
    if words := _text(text):
        yield Fact("transcript", words[:_LONGEST_TRANSCRIPT])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _time(event: CallEvent, text: Any) -> datetime | None:
    at = read_time(text)
    return at if at and within_reach(at, event.received_at) else None
