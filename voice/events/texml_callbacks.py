"""Reads TeXML's callbacks: forms that name neither their kind nor an id, and have field names of their own.

The names of the events (``texml.…``) are the portal's. Sources: Telnyx's API reference, callbacks ``texml-*``; the
fields are in none of its specs.
"""

import hashlib
from collections import Counter
from urllib.parse import parse_qsl

from portal import payloads
from voice.catalogue.texml_fields import COST, STATES, Fields, in_call_control_words, iso_time
from voice.events.envelopes import first_time, take_ids
from voice.models import CallEvent

MAX_FIELDS = 1000
UNKNOWN = "texml.callback"

_BY_STATE = {name: f"texml.call.{name}" for name in ("initiated", "ringing", "answered")}
_BY_STATE["ended"] = "texml.call.completed"
_BY_CONFERENCE_EVENT = {
    "conference-start": "texml.conference.start",
    "conference-end": "texml.conference.end",
    "participant-join": "texml.conference.join",
    "participant-leave": "texml.conference.leave",
}
# Of what is no call's progress the first field that is there tells the kind; where its value does, the values do.
_BY_FIELD: dict[str, str | dict[str, str]] = {
    "TranscriptionSid": "texml.transcription",
    "TranscriptionText": "texml.transcription",
    "RecordingStatus": {
        "in-progress": "texml.recording.in_progress",
        "completed": "texml.recording.completed",
        "absent": "texml.recording.absent",
    },
    "StreamEvent": {
        "stream-started": "texml.stream.started",
        "stream-stopped": "texml.stream.stopped",
        "stream-failed": "texml.stream.failed",
        "stream-error": "texml.stream.failed",
    },
    "SiprecEvent": {
        "siprec-started": "texml.siprec.started",
        "siprec-stopped": "texml.siprec.stopped",
        "siprec-failed": "texml.siprec.failed",
    },
    # Telnyx documents no values; these are Call Control's events without their beginning.
    "ConversationEvent": {
        "conversation_created": "texml.conversation.created",
        "conversation_ended": "texml.conversation.ended",
    },
    "ReferCallStatus": "texml.refer",
    "Base64Result": "texml.ai_gather",
    "Base64MessageHistory": "texml.ai_gather",
    "QueueSid": "texml.queue",
    # The action of a <Dial>: how the other leg ended. This one goes on, whatever its CallStatus says.
    "DialCallStatus": "texml.dial",
    "RecordingSid": "texml.recording.ended",  # the action of a <Record>, which need not tell a status
    "Digits": "texml.gather",
    "SpeechResult": "texml.gather",
}
_OF_A_FETCH = ("CallingPartyType", "FromSipUri", "ApiVersion")  # with every fetch, and with no other callback of a call
_TIMES = ("Timestamp", "OccurredAt", "EndTime")
# By these a callback is told from another one: no retry is promised to be the same to the byte.
_TOLD_APART = (
    *("CallSid", "ConferenceSid", "CallbackSource", "SequenceNumber", "CallStatus", "StatusCallbackEvent"),
    *("ReferCallStatus", "RecordingSid", "TranscriptionSid", "StreamSid", "SiprecSid", "ConversationId", "Timestamp"),
)


def read(event: CallEvent) -> dict[str, str]:
    """Fill ``event`` from its form and return the fields.

    Raises ``payloads.Unreadable`` for what says neither of which call nor of which conference or queue it is: no form
    does, and none in which that stands twice.
    """
    fields = _form(bytes(event.body))
    event.event_type, event.payload = kind(fields), fields
    take_ids(event, in_call_control_words(fields))
    texts = (fields.get(name) for name in _TIMES)
    event.occurred_at = first_time(tuple(iso_time(text) for text in texts if text), event.received_at)
    if not event.call_control_id and not (fields.get("ConferenceSid") or fields.get("QueueSid")):
        raise payloads.Unreadable("CallSid is missing or no id")
    if fields.get("SequenceNumber") or fields.get("Timestamp"):
        event.dedupe_key = _key(event.event_type, fields)
    return fields


def kind(fields: Fields) -> str:
    """Tell the event type of a callback; ``texml.callback`` for what is none of the known."""
    source = fields.get("CallbackSource", "")
    if fields.get("ConferenceSid") and "StatusCallbackEvent" in fields:
        return _of_conference(fields["StatusCallbackEvent"])
    if source == COST:
        return "texml.cost"
    if source == "call-progress-events":
        return _of_call(fields)
    for name, event_type in _BY_FIELD.items():
        if name in fields:
            return event_type if isinstance(event_type, str) else event_type.get(fields[name], UNKNOWN)
    if fields.get("SequenceNumber") or fields.get("Timestamp") or "AnsweredBy" in fields:
        return _of_call(fields)
    # whatever says nothing but how its call stands says that
    return "texml.call.fetch" if any(name in fields for name in _OF_A_FETCH) else _of_call(fields)


def _of_call(fields: Fields) -> str:
    found = _BY_STATE.get(STATES.get(fields.get("CallStatus", ""), ""), UNKNOWN)
    return "texml.amd" if "AnsweredBy" in fields and found != "texml.call.completed" else found


def _of_conference(event: str) -> str:
    if event.startswith("participant-spe"):  # which word Telnyx has for it is not documented: speaker, speech-start …
        return "texml.conference.speaker"
    return _BY_CONFERENCE_EVENT.get(event, UNKNOWN)


def _key(event_type: str, fields: Fields) -> str:
    text = "\n".join([event_type, *(fields.get(name, "") for name in _TOLD_APART)])
    return f"texml:{hashlib.sha256(text.encode()).hexdigest()}"


def _form(body: bytes) -> dict[str, str]:
    """Read a form of at most 1,000 fields. A bad field costs that field, and never the event.

    Bytes that are no UTF-8 and NUL become U+FFFD (a caller's name comes from whoever calls). What has no ``=`` is
    passed over, as is a field that stands twice with two values; if callbacks are told apart by it, all is unreadable.
    """
    if body.count(b"&") >= MAX_FIELDS:
        raise payloads.Unreadable(f"a form of more than {MAX_FIELDS} fields")
    given = "&".join(field for field in body.decode(errors="replace").split("&") if "=" in field)
    pairs = list(dict.fromkeys(parse_qsl(given, keep_blank_values=True, errors="replace")))
    counted = Counter(name for name, _ in pairs)
    if twice := [name for name in _TOLD_APART if counted[name] > 1]:
        raise payloads.Unreadable(f"{twice[0]} stands twice")
    fields: dict[str, str] = payloads.storable({name: value for name, value in pairs if counted[name] == 1})
    return fields
