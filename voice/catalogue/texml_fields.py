"""Translates what TeXML tells of a call, in its callbacks and in its REST resource, into Call Control's words.

Sources: Telnyx's API reference, callbacks ``texml-*``, and the SDK's ``CallResource``.
"""

import re
from collections.abc import Mapping
from typing import Any

from portal.phone_numbers import pretty
from portal.times import read_mail_time
from voice.catalogue.event_types import HANGUP_CAUSES, ending

Fields = Mapping[str, str]

_CAUSES = ("busy", "no-answer", "canceled", "failed")  # an end that also says why, where no HangupCause is told
# How a call stands, by CallStatus of a callback and by the resource's ``status``.
STATES = {
    "queued": "initiated",
    "initiated": "initiated",
    "ringing": "ringing",
    "in-progress": "answered",
    "answered": "answered",
    "completed": "ended",
} | dict.fromkeys(_CAUSES, "ended")
# The fields in Call Control's words; of several the first that is there.
_WORDS: dict[str, tuple[str, ...]] = {
    "call_control_id": ("CallSid",),
    "parent_control_id": ("ParentCallSid",),
    "call_leg_id": ("CallLegId",),
    "call_session_id": ("CallSessionId",),
    "connection_id": ("ConnectionId",),
    "from": ("From",),
    "to": ("To",),
    "direction": ("Direction",),
    "start_time": ("CallInitiatedAt", "StartTime"),
    "answered_time": ("AnsweredTime",),
    "end_time": ("EndTime",),
    "hangup_cause": ("HangupCause",),
    "hangup_source": ("HangupSource",),
    "sip_hangup_cause": ("SipHangupCause",),
    "call_status": ("CallStatus",),
    "call_quality_stats": ("CallQualityStats",),
    "shaken_stir_attestation": ("ShakenStirAttestation",),
    "shaken_stir_validated": ("ShakenStirValidated",),
    "answered_by": ("AnsweredBy",),
    "queue": ("QueueSid",),  # it is the queue's name
}
_OF_A_RESOURCE: dict[str, tuple[str, ...]] = {
    "call_control_id": ("sid",),
    "parent_control_id": ("parent_call_sid",),
    "from": ("from",),
    "to": ("to",),
    "direction": ("direction",),
    "start_time": ("start_time", "date_created"),
    "end_time": ("end_time",),
    "call_status": ("status",),
    "total_cost": ("price",),
}
# What a line of the story says of each kind: a field, and the words around it.
_RECORDED = (("RecordingSource", "{}"), ("RecordingChannels", "channels: {}"), ("RecordingDuration", "{} s"))
_STREAMED, _FORKED = (("StreamName", "{}"), ("StreamError", "{}")), (("SiprecName", "{}"), ("SiprecError", "{}"))
_IN_A_ROOM = (("FriendlyName", "{}"), ("ParticipantLabel", "as {}"))
_SAID: dict[str, tuple[tuple[str, str], ...]] = {
    "texml.call.completed": (("CallDuration", "after {} s"), ("ErrorCode", "code {}"), ("ErrorMessage", "{}")),
    "texml.call.fetch": (("Direction", "{}"),),
    "texml.dial": (("DialCallStatus", "{}"), ("DialCallDuration", "after {} s")),
    "texml.amd": (("AnsweredBy", "{}"), ("MachineDetectionDuration", "after {} ms")),
    **{f"texml.recording.{name}": _RECORDED for name in ("in_progress", "completed", "absent", "ended")},
    "texml.transcription": (("TranscriptionStatus", "{}"),),
    "texml.gather": (("Digits", "pressed {}"), ("SpeechResult", "said “{}”"), ("Confidence", "confidence {}")),
    "texml.ai_gather": (("Status", "{}"),),
    "texml.queue": (
        *(("QueueSid", "{}"), ("QueueResult", "{}"), ("QueuePosition", "place {}"), ("CurrentQueueSize", "of {}")),
        ("QueueTime", "waited {} s"),
    ),
    "texml.refer": (
        ("ReferCallStatus", "{}"),
        *(("ReferSipResponseCode", "SIP {}"), ("NotifySipResponseCode", "SIP {} told by the other side")),
    ),
    **{f"texml.conference.{name}": _IN_A_ROOM for name in ("start", "end", "join", "leave", "speaker")},
    **{f"texml.stream.{name}": _STREAMED for name in ("started", "stopped", "failed")},
    **{f"texml.siprec.{name}": _FORKED for name in ("started", "stopped", "failed")},
}
# Values that are no words; all others are shown as Telnyx sent them.
_VALUES = {
    "human": "a person",
    "machine_start": "a machine",
    "machine_end_beep": "a machine, after its beep",
    "machine_end_silence": "a machine, after its greeting",
    "machine_end_other": "a machine, after its greeting",
    "fax": "a fax",
    "unknown": "not known",
    "in-progress": "under way",
    "inbound": "incoming",
    "outbound": "outgoing",
    "DialVerb": "of a Dial",
    "RecordVerb": "of a Record",
    "Conference": "of a conference",
    "OutboundAPI": "ordered with the dial",
    "StartCallRecordingAPI": "ordered by REST",
    "StartConferenceRecordingAPI": "ordered by REST",
    "Trunking": "of a trunk",
}
_OF_EVERY_ONE = frozenset(
    {
        *("AccountSid", "CallSid", "CallSidLegacy", "ConnectionId", "From", "To", "CallStatus", "CallbackSource"),
        *("SequenceNumber", "Timestamp", "CallerId", "CallingPartyType", "FromSipUri", "ToSipUri", "ApiVersion"),
    }
)
COST = "call-cost-events"  # the CallbackSource
_COST = re.compile(r"CallCost\[(.+)\]")  # the price stands under a name that holds the CallSid


def in_call_control_words(fields: Fields) -> dict[str, Any]:
    """Translate what a callback tells of its call into the names that Call Control's payloads have."""
    payload = _translated(fields, _WORDS)
    return payload | _cost(fields, payload.get("call_control_id")) if fields.get("CallbackSource") == COST else payload


def _cost(fields: Fields, call_sid: str | None) -> dict[str, str]:
    """Read what the call cost: the name of the field says which, should no other one do so."""
    costs = {match[1]: value for name, value in fields.items() if (match := _COST.fullmatch(name))}
    sid = call_sid or (next(iter(costs)) if len(costs) == 1 else "")
    return {"call_control_id": sid, "total_cost": costs[sid]} if sid in costs else {}


def resource_in_call_control_words(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a call of ``GET …/Calls``; ``state`` is there if its status is a known one."""
    told = _translated({name: value for name, value in resource.items() if isinstance(value, str)}, _OF_A_RESOURCE)
    state = STATES.get(told.get("call_status", ""))
    return told | ({"state": state} if state else {})


def _translated(fields: Fields, words: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for name, sources in words.items():
        if value := next((fields[source] for source in sources if fields.get(source)), None):
            payload[name] = iso_time(value) if name.endswith("_time") else value
    if "parent_control_id" in payload:  # what a document dials goes out, and its callbacks say no direction
        payload.setdefault("direction", "outbound")
    if payload.get("call_status") in _CAUSES:
        payload["ending"] = payload["call_status"]
    return payload


def describe(event_type: str, fields: Fields) -> list[str]:
    """Say in words what a callback tells beside its type; ``fields`` are as whoever reads it may see them.

    Of a callback of no known kind it names the fields that only this one has.
    """
    told = in_call_control_words(fields)
    if event_type == "texml.call.initiated":
        return [" → ".join(pretty(told.get(side, "?")) for side in ("from", "to"))]
    if event_type == "texml.cost":
        return [told["total_cost"]] if "total_cost" in told else []
    if event_type == "texml.call.completed":
        cause = told.get("hangup_cause") or told.get("ending") or ""
        parts = [ending(cause, told.get("hangup_source", ""))]
    elif event_type == "texml.callback":
        names = sorted(name for name in fields if name not in _OF_EVERY_ONE)
        parts = [f"with {', '.join(names)[:150]}"] if names else []
    else:
        parts = []
    parts += [words.format(_value(fields[name])) for name, words in _SAID.get(event_type, ()) if fields.get(name)]
    return [part for part in parts if part]


def _value(value: str) -> str:
    return (_VALUES | HANGUP_CAUSES).get(value, value)[:100]


def iso_time(text: str) -> str:
    """Rewrite RFC 2822 (what Telnyx's guide says) as ISO 8601 (what it sends); anything else as it is."""
    at = read_mail_time(text)
    return at.isoformat() if at else text
