"""What each action of the sandbox needs: a call before, an action before, a value for each parameter."""

from typing import Any

from portal.telnyx.sdk_types import Parameter

RINGING = {"answer", "reject"}


BASE64 = "aGVsbG8="


# what must have been done before: Telnyx refuses to stop what was not begun
FIRST: dict[str, str] = {
    "leave_queue": "enqueue",
    "stop_streaming": "start_streaming",
    "stop_forking": "start_forking",
    "stop_siprec": "start_siprec",
    "stop_playback": "start_playback",
    "stop_gather": "gather",
    "stop_ai_assistant": "start_ai_assistant",
    "stop_conversation_relay": "start_conversation_relay",
    "stop_recording": "start_recording",
    "pause_recording": "start_recording",
    "resume_recording": "start_recording",
}


# members that mean something else than their kind tells
VALUES: dict[str, Any] = {
    "to": "+13125550001",
    "from": "+13125550100",
    "sip_address": "sip:+13125550001@example.com",
    "client_state": BASE64,
    "target_leg_client_state": BASE64,
    "stream_url": "wss://example.com/audio",
    "webhook_url": "http://127.0.0.1:9/elsewhere",
    "webhook_urls": {"call.cost": ["http://127.0.0.1:9/elsewhere"]},
    "webhook_retries_policies": {"call.cost": {"retries_ms": [100]}},
    "loop": 2,
    "timeout_secs": 30,
    "media_encryption": "disabled",
    "time_limit_secs": 60,
    "duration_millis": 200,
    "postal_code": True,
    "messages": [{"role": "user", "content": "hello"}],
    "message_history": [{"role": "user", "content": "hello"}],
    "parameters": {"type": "object", "properties": {"name": {"type": "string"}}},
    "digits": "1",
    "park_after_unbridge": "self",
}


SAMPLES: dict[str, Any] = {"string": "sample", "integer": 5, "number": 1.5, "boolean": True}


def sample(parameter: Parameter, given: dict[str, Any]) -> Any:
    """A value that the parameter takes."""
    if parameter.name in given:
        return given[parameter.name]
    if parameter.choices:
        return parameter.choices[0]
    if parameter.kind == "array":
        return [sample(parameter.item, {})] if parameter.item else []
    if parameter.kind == "object":
        return {one.name: sample(one, {}) for one in parameter.fields if one.required}
    return SAMPLES.get(parameter.kind, "sample")
