"""Sends an event on request, of a call that is there or of none, with members of one's own.

Nothing happens to the call: its state, and what other events tell, stay as they are.
"""

import re
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.control.operations import Asked
from portal.sandbox.control.people import FROM, TO, application
from portal.sandbox.core import events
from portal.sandbox.core.errors import not_found, wrong
from portal.sandbox.core.exchange import CALL_CONTROL, Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.services import quality

_TYPE = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_TRANSCRIPT = {"confidence": 0.977, "is_final": True, "transcript": "hello", "transcription_track": "inbound"}
_LINKS = {"wav": "https://sandbox.example/recording.wav"}
_INSIGHT = {"insight_id": "summary", "result": "The caller was content."}
_COST = {"currency": "USD", "total": "0.0500", "breakdown": [{"product": "ai-voice-assistant", "cost": "0.0500"}]}
# in the SDK only: what Telnyx found out about a call that an assistant had
_ANALYZED: JsonObject = {
    "assistant_id": "assistant-sandbox",
    "conversation_id": "00000000-0000-4000-8000-000000000000",
    "conversation_insights": [{"conversation_insights": [_INSIGHT], "status": "completed"}],
    "cost": _COST,
    "duration_sec": 3,
    "llm_model": "openai/gpt-4o",
    "reason": "customer_disconnect",
    "recordings": [],
    "stt_model": "deepgram/nova-3",
    "tts_model_id": None,
    "tts_provider": "telnyx",
    "tts_voice_id": "Telnyx.KokoroTTS.af",
}
_TIMES = {"recording_started_at": "2026-01-01T00:00:00.000000Z", "recording_ended_at": "2026-01-01T00:00:03.000000Z"}
# what an event tells beside what all tell, unless the request says otherwise
_SAMPLES: dict[str, JsonObject] = {
    "call.initiated": {},
    "call.answered": {},
    "call.bridged": {},
    "call.hangup": {},
    "call.hold": {},
    "call.unhold": {},
    "call.cost": {},
    "call.dtmf.received": {"digit": "1"},
    "call.gather.ended": {"digits": "1", "status": "valid"},
    "call.speak.started": {},
    "call.speak.ended": {"status": "completed"},
    "call.playback.started": {"media_name": None, "media_url": "https://sandbox.example/a.mp3", "overlay": False},
    "call.playback.ended": {
        "media_name": None,
        "media_url": "https://sandbox.example/a.mp3",
        "overlay": False,
        "status": "completed",
        "status_detail": None,
    },
    "call.machine.detection.ended": {"result": "human"},
    "call.machine.greeting.ended": {"result": "beep_detected"},
    "call.machine.premium.detection.ended": {"result": "human_residence"},
    "call.machine.premium.greeting.ended": {"result": "beep_detected"},
    "call.enqueued": {"queue": "support", "current_position": 1, "queue_avg_wait_time_secs": 0},
    "call.dequeued": {"queue": "support", "queue_position": 1, "reason": "bridged", "wait_time_secs": 3},
    "call.recording.saved": {"channels": "single", "recording_urls": _LINKS, "public_recording_urls": {}} | _TIMES,
    "call.analyzed": _ANALYZED,
    "call.recording.error": {"reason": "Internal server error"},
    "call.deepfake_detection.error": {"error_message": "detection_timeout"},
    "call.transcription": {"transcription_data": _TRANSCRIPT},
    "streaming.started": {"stream_url": "wss://sandbox.example/audio"},
    "streaming.stopped": {"stream_url": "wss://sandbox.example/audio"},
    "streaming.failed": {"failure_reason": "connection_failed"},
    "call.fork.started": {"stream_type": "decrypted"},
    "call.fork.stopped": {"stream_type": "decrypted"},
    "call.refer.completed": {"sip_notify_response": 200},
    "call.refer.failed": {"sip_notify_response": 603},
    "siprec.started": {},
    "call.conversation.created": {},
}


def trigger(asked: Asked) -> JsonObject:
    """Send ``event_type``; the answer tells what was sent, and whether the sandbox knows the type."""
    body, exchange = asked.body, asked.world.exchange
    event_type = body["event_type"]
    if not _TYPE.fullmatch(event_type) or len(event_type) > 100:
        raise wrong("event_type", "A type as Telnyx writes it: call.hangup.")
    call = _call(exchange, body)
    given = body.get("payload", {})
    webhook_url = body.get("webhook_url")
    if webhook_url is not None and not re.match(r"https?://[^/\s]+", webhook_url):
        raise wrong("webhook_url", "An address that begins with http:// or https://.")
    measured = {"call_quality_stats": quality.measured(call)} if event_type == "call.hangup" else {}
    payload = events.payload(call, event_type, _SAMPLES.get(event_type, {}) | measured | given)
    event = exchange.emit_made(call, event_type, payload, webhook_url)
    return {"event": event, "known": event_type in _SAMPLES, "known_types": sorted(_SAMPLES)}


def _call(exchange: Exchange, body: JsonObject) -> Call:
    """Return the call that the event is of: the one named, or one that is told of and is nowhere else."""
    if "call_control_id" in body:
        call = exchange.call(body["call_control_id"])
        if call is None:
            raise not_found("This call")
        return call
    called = application(exchange, body.get("connection_id"), (CALL_CONTROL,))
    now, hangs_up = exchange.now(), body["event_type"] in ("call.hangup", "call.cost")
    end: dict[str, Any] = {"state": "ended", "ended_at": now, "hangup_cause": "normal_clearing"}
    end |= {"hangup_source": "caller", "sip_hangup_cause": "200", "answered_at": now - 10}
    return Call(
        call_control_id=f"v3:{chance.token(40)}",
        call_leg_id=chance.new_uuid(),
        call_session_id=chance.new_uuid(),
        connection_id=called["id"],
        direction="incoming",
        from_number=FROM,
        to_number=TO,
        started_at=now - 12,
        **(end if hangs_up else {}),
    )
