"""Builds what Telnyx says of a call: the payload of each event and the envelope around it.

Members: the ``webhooks`` section of Telnyx's public OpenAPI document (``callInitiated`` … ``callCost``); beyond it
``end_time`` and ``calling_party_type`` of a hangup, seen on the wire.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.errors import bad_request
from portal.sandbox.core.store import Call

_CODECS = "G722,PCMU,PCMA"
_WITHOUT_NUMBERS = (
    *("call.speak.", "call.playback.", "call.cost", "call.fork.", "call.enqueued", "call.dequeued", "call.sip_info."),
    *("call.transcription", "call.recording.transcription.", "call.deepfake_detection.", "call.conversation_insights."),
    *("call.recording.error", "streaming.", "siprec.", "conference."),
)
_OF_ALL = ("conference.playback.", "conference.speak.")  # heard by a whole conference: they name no leg
_DATED = ("conference.participant.joined", "conference.participant.left")  # the others tell the time inside the payload


def timestamp(at: float, digits: str = "microseconds") -> str:
    """Write a time as ISO 8601 in UTC with ``Z``, as Telnyx writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Read the time that ISO 8601 text tells, UTC unless it says otherwise; 400 when it tells none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request("A time must be ISO 8601.", "/filter") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def calling_party_type(call: Call) -> str:
    return "sip" if call.from_number.startswith("sip:") else "pstn"


def payload(call: Call, event_type: str, more: JsonObject) -> JsonObject:
    """Build the payload of ``event_type`` for ``call``; ``more`` holds what only this event knows."""
    if event_type.startswith(_OF_ALL):
        return {"connection_id": call.connection_id} | more
    common: JsonObject = {
        "call_control_id": call.call_control_id,
        "call_leg_id": call.call_leg_id,
        "call_session_id": call.call_session_id,
        "client_state": call.client_state,
        "connection_id": call.connection_id,
    }
    if not event_type.startswith(_WITHOUT_NUMBERS):
        common |= {"from": call.from_number, "to": call.to_number}
    if event_type == "conference.recording.saved":
        del common["call_leg_id"]
    special = _SPECIAL.get(event_type)
    return common | (special(call) if special else {}) | more


def event(event_type: str, payload: JsonObject, occurred_at: float) -> JsonObject:
    """Build the event as it stands under ``data``, with a new id.

    Most conference events have their time in the payload.
    """
    at = {"occurred_at": timestamp(occurred_at)}
    if event_type.startswith("call.conversation."):
        at |= {"created_at": timestamp(occurred_at)}
    event = {"event_type": event_type, "id": chance.new_uuid(), "payload": payload, "record_type": "event"}
    if not event_type.startswith("conference.") or event_type in _DATED:
        return event | at
    if event_type == "conference.recording.saved":  # its schema has no time at all
        return event
    return event | {"payload": payload | at}


def envelope(event: JsonObject, version: str, attempt: int, url: str) -> JsonObject:
    """Build what is posted. Version "1" is flat: no ``data``, no ``meta``, underscores in the event's type."""
    if version == "2":
        return {"data": event, "meta": {"attempt": attempt, "delivered_to": url}}
    return {
        "record_type": "event",
        "event_type": event["event_type"].replace(".", "_"),
        "id": event["id"],
        "created_at": event_time(event),
        "payload": event["payload"] | {"occurred_at": event_time(event)},
    }


def event_time(event: JsonObject) -> str:
    """Return when it happened, wherever the event tells it; a recording tells its end."""
    payload = event["payload"]
    return str(event.get("occurred_at") or payload.get("occurred_at") or payload.get("recording_ended_at"))


def _initiated(call: Call) -> JsonObject:
    incoming = call.direction == "incoming"
    return _headers(call) | {
        "call_screening_result": None,
        "caller_id_name": call.caller_id_name or call.from_number,
        "connection_codecs": _CODECS,
        "direction": call.direction,
        "offered_codecs": _CODECS,
        "shaken_stir_attestation": None,
        "shaken_stir_validated": None,
        "start_time": timestamp(call.started_at),
        "state": "parked" if incoming else "bridging",
    }


def _answered(call: Call) -> JsonObject:
    return _headers(call) | {"start_time": timestamp(call.started_at), "state": "answered"}


def _hangup(call: Call) -> JsonObject:
    return _headers(call) | {
        "call_quality_stats": None,  # who knows how it sounded tells it
        "calling_party_type": calling_party_type(call),
        "end_time": timestamp(call.ended_at or call.started_at),
        "hangup_cause": call.hangup_cause,
        "hangup_source": call.hangup_source,
        "sip_hangup_cause": call.sip_hangup_cause,
        "start_time": timestamp(call.started_at),
        "state": "hangup",
        # in no spec: seen on the wire, null in most hang-ups
        "telnyx_error": {"error_code": call.reason} if call.reason else None,
    }


def _cost(call: Call) -> JsonObject:
    talked = (call.ended_at or 0.0) - (call.answered_at or call.ended_at or 0.0)
    billed = 60 * -(-int(talked * 1000) // 60_000)  # by the started minute
    parts = [_cost_part("sip-trunking", billed, 50), _cost_part("call-control", billed, 20)] if billed else []
    return {
        "billed_duration_secs": billed,
        "billing_group_id": None,
        "cost_parts": parts,
        "occurred_at": timestamp(call.ended_at or call.started_at),
        "status": "success",
        "total_cost": f"{billed // 60 * 70 / 10_000:.4f}",
    }


def _cost_part(part: str, billed: int, rate: int) -> JsonObject:
    cost = f"{billed // 60 * rate / 10_000:.4f}"
    return {
        "billed_duration_secs": billed,
        "call_part": part,
        "cost": cost,
        "currency": "USD",
        "rate": f"{rate / 10_000:.4f}",
    }


def _headers(call: Call) -> JsonObject:
    return {"custom_headers": call.custom_headers, "sip_headers": call.sip_headers, "tags": call.tags}


_SPECIAL: dict[str, Callable[[Call], JsonObject]] = {
    "call.initiated": _initiated,
    "call.answered": _answered,
    "call.hangup": _hangup,
    "call.cost": _cost,
}
