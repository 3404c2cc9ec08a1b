"""Holds conversations with a machine: AI assistants, gathering by AI, conversation relay. No model is asked.

An assistant whose id ends in ``fail`` does not start (``call.conversation.start_failed``, an event of the SDK only).
"""

from typing import Any

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.events import calling_party_type
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call

KIND = "conversation"
GATHER_SECONDS = 3.0
_INSIGHTS_DELAY = 0.5  # seconds after the end
_SAMPLES = {"string": "sandbox", "integer": 7, "number": 7.5, "boolean": True, "array": [], "object": {}, "null": None}
_MODELS = {
    "llm_model": "openai/gpt-4o",
    "stt_model": "deepgram/nova-3",
    "tts_model_id": None,
    "tts_provider": "telnyx",
    "tts_voice_id": "Telnyx.KokoroTTS.af",
}


def begin(exchange: Exchange, call: Call) -> None:
    """Converse from the answer on, if dial or answer named an assistant or a relay."""
    if call.options.get("assistant"):
        start(exchange, call, call.options)
    elif call.options.get("conversation_relay_config"):
        start_relay(exchange, call, {})


def hang_up(exchange: Exchange, call: Call) -> None:
    if "gather" in (_conversation(call) or {}):
        _end_gather(exchange, call, {}, "invalid")
    else:
        _end(exchange, call, "customer_disconnect")


def start(exchange: Exchange, call: Call, body: JsonObject) -> JsonObject:
    _check_free(call)
    assistant = (body.get("assistant") or {}).get("id", "")
    if assistant.endswith("fail"):
        more = {"assistant_id": assistant, "calling_party_type": calling_party_type(call)}
        exchange.emit(call, "call.conversation.start_failed", reason="invalid_request", **more)
        return {"conversation_id": chance.new_uuid()}
    conversation = _begin(exchange, call, assistant=assistant)
    more = {"conversation_id": conversation["id"], "calling_party_type": calling_party_type(call)}
    exchange.emit(call, "call.conversation.created", **more)
    return {"conversation_id": conversation["id"]}


def join(exchange: Exchange, call: Call, body: JsonObject) -> JsonObject:
    """Take part in a conversation, most often one of another leg. No event is documented."""
    return {"conversation_id": body["conversation_id"]}


def add_messages(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Tell the assistant something. No event is documented."""


def stop(exchange: Exchange, call: Call, body: JsonObject) -> None:
    _end(exchange, call, "assistant_stopped")


def start_relay(exchange: Exchange, call: Call, body: JsonObject) -> JsonObject:
    _check_free(call)
    return {"conversation_relay_id": _begin(exchange, call)["id"]}


def stop_relay(exchange: Exchange, call: Call, body: JsonObject) -> None:
    _end(exchange, call, "relay_stopped")


def gather(exchange: Exchange, call: Call, body: JsonObject) -> JsonObject:
    """Ask for what ``parameters``, a JSON Schema, describes; the answers are invented to its types."""
    _check_free(call)
    wanted = body["parameters"].get("properties", {})
    result = {name: _sample(schema) for name, schema in wanted.items()}
    greeting = body.get("greeting", "How can I help you?")
    conversation = _begin(exchange, call, gather=result, messages=[{"role": "assistant", "content": greeting}])
    partial = {"results": body.get("send_partial_results"), "history": body.get("send_message_history_updates")}
    exchange.after(GATHER_SECONDS / 2, call, "ai_heard", **partial)
    exchange.after(GATHER_SECONDS, call, "ai_gathered")
    return {"conversation_id": conversation["id"]}


def _sample(schema: Any) -> Any:
    schema = schema if isinstance(schema, dict) else {}
    return schema["enum"][0] if schema.get("enum") else _SAMPLES.get(str(schema.get("type")), "sandbox")


def _conversation(call: Call) -> JsonObject | None:
    """Return the conversation under way."""
    return next(iter(call.running.get(KIND, [])), None)


def _check_free(call: Call) -> None:
    if _conversation(call):
        detail = "AI Assistant cannot be started more than once."
        raise unprocessable("90061", "AI Assistant is already in progress", detail)


def _begin(exchange: Exchange, call: Call, **more: Any) -> JsonObject:
    conversation = {"id": chance.new_uuid(), "at": exchange.now()} | more
    call.running[KIND] = [conversation]
    return conversation


def _end(exchange: Exchange, call: Call, reason: str) -> None:
    conversation = _conversation(call)
    if conversation is None:
        return
    del call.running[KIND]
    more = _MODELS | {
        "assistant_id": conversation.get("assistant") or None,
        "calling_party_type": calling_party_type(call),
        "conversation_id": conversation["id"],
        "duration_sec": round(exchange.now() - conversation["at"]),
        "messages": conversation.get("messages", []),
    }
    exchange.emit(call, "call.conversation.ended", reason=reason, **more)
    if "assistant" in conversation:
        exchange.after(_INSIGHTS_DELAY, call, "insights")


def _heard(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    conversation = _conversation(call)
    if conversation is None or not conversation.get("messages"):
        return
    history = conversation["messages"] = [*conversation["messages"], {"role": "user", "content": "Hello."}]
    if arguments["history"]:
        exchange.emit(call, "call.ai_gather.message_history_updated", message_history=history)
    if arguments["results"]:
        some = dict(list(conversation["gather"].items())[:1])
        exchange.emit(call, "call.ai_gather.partial_results", message_history=history, partial_results=some)


def _gathered(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    conversation = _conversation(call)
    if conversation and "gather" in conversation:
        _end_gather(exchange, call, conversation["gather"], "valid")


def _end_gather(exchange: Exchange, call: Call, result: JsonObject, status: str) -> None:
    history = (_conversation(call) or {}).get("messages", [])
    exchange.emit(call, "call.ai_gather.ended", message_history=history, result=result, status=status)
    _end(exchange, call, "gather_ended")


def _insights(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    results = [{"insight_id": chance.new_uuid(), "result": "The caller was content."}]
    more = {"calling_party_type": calling_party_type(call), "insight_group_id": chance.new_uuid()}
    exchange.emit(call, "call.conversation_insights.generated", results=results, **more)


TIMERS: dict[str, TimerFunction] = {"ai_heard": _heard, "ai_gathered": _gathered, "insights": _insights}
