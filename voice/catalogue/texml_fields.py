"""Translates the fields of TeXML's callbacks into Call Control's words."""

from collections.abc import Mapping
from typing import Any

from portal.times import read_mail_time

Fields = Mapping[str, str]

# The fields in Call Control's words; of several the first that is there.
_WORDS: dict[str, tuple[str, ...]] = {
    "call_control_id": ("CallSid",),
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
    "call_status": ("CallStatus",),
}


def in_call_control_words(fields: Fields) -> dict[str, Any]:
    """Translate what the fields tell of the call into the names that Call Control's payloads have."""
    payload: dict[str, Any] = {}
    for name, sources in _WORDS.items():
        if value := next((fields[source] for source in sources if fields.get(source)), None):
            payload[name] = iso_time(value) if name.endswith("_time") else value
    return payload


def iso_time(text: str) -> str:
    """Rewrite RFC 2822 (what Telnyx's guide says) as ISO 8601 (what it sends); anything else as it is."""
    at = read_mail_time(text)
    return at.isoformat() if at else text
