"""Lives one leg's life: it starts, is answered, is bridged with another, ends; and the events each of these brings.

Sequences: developers.telnyx.com, "Voice API Commands and Resources", and the command pages' "Expected webhooks".
"""

from typing import Any

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.services import media, quality, trust

_COST_DELAY = 0.5  # seconds after the hangup
# what a command asks for that begins only when the leg is answered
_FROM_ANSWER = (
    "assistant",
    "conference_config",
    "conversation_relay_config",
    "deepfake_detection",
    "enable_dialogflow",
    "record_channels",
    "record_format",
    "record_max_length",
    "stream_auth_token",
    "stream_bidirectional_codec",
    "stream_bidirectional_mode",
    "stream_bidirectional_sampling_rate",
    "stream_codec",
    "stream_track",
    "stream_url",
    "time_limit_secs",
    "transcription",
    "transcription_config",
)


def start(
    exchange: Exchange, connection_id: str, direction: str, numbers: tuple[str, str], body: JsonObject, **more: Any
) -> Call:
    """Start a new leg, ringing.

    ``numbers`` are (from, to); ``body`` is that of the command which asks for it, if any.
    """
    call = Call(
        call_control_id=f"v3:{chance.token(40)}",
        call_leg_id=chance.new_uuid(),
        call_session_id=more.pop("session_id", None) or chance.new_uuid(),
        connection_id=connection_id,
        direction=direction,
        from_number=numbers[0],
        to_number=numbers[1],
        started_at=exchange.now(),
        **webhooks(body),
        machine_detection=body.get("answering_machine_detection"),
        ring_limit=float(body.get("timeout_secs", 30)),
        no_answer_cause="timeout" if body.get("retry_on_timeout", True) else "no_answer",
        parks=body.get("park_after_unbridge") == "self",
        options=options(body),
        caller_id_name=body.get("from_display_name"),
        custom_headers=body.get("custom_headers") or [],
        sip_headers=body.get("sip_headers") or [],
        **more,
    )
    exchange.add(call)
    exchange.emit(call, "call.initiated", **trust.of_caller(exchange, call))
    exchange.tell(call, "started")
    return call


def turn_away(
    exchange: Exchange, connection_id: str, numbers: tuple[str, str], cause: str, sip: str, reason: str
) -> Call:
    """Keep the leg of a caller whom Telnyx does not put through: it is over at once, and nobody is told."""
    now = exchange.now()
    call = Call(
        call_control_id=f"v3:{chance.token(40)}",
        call_leg_id=chance.new_uuid(),
        call_session_id=chance.new_uuid(),
        connection_id=connection_id,
        direction="incoming",
        from_number=numbers[0],
        to_number=numbers[1],
        started_at=now,
        state="ended",
        ended_at=now,
        hangup_cause=cause,
        hangup_source="unknown",
        sip_hangup_cause=sip,
        reason=reason,
    )
    exchange.add(call)
    return call


def webhooks(body: JsonObject) -> JsonObject:
    """Return where and how the events of a leg are sent instead, as far as a command says so."""
    named = {"webhook_url": "webhook_url", "webhook_urls": "webhook_urls", "webhook_method": "webhook_url_method"}
    named |= {"webhook_urls_method": "webhook_urls_method"}
    told: JsonObject = {ours: body[theirs] for ours, theirs in named.items() if body.get(theirs) is not None}
    policies = body.get("webhook_retries_policies") or {}
    retries = {event: policy.get("retries_ms") or [] for event, policy in policies.items()}
    return told | ({"webhook_retries": retries} if retries else {})


def options(body: JsonObject) -> JsonObject:
    """Return what begins with the answer; a recording gets its id now, since dial and answer tell it."""
    wanted = {name: body[name] for name in _FROM_ANSWER if name in body}
    return wanted | ({"recording_id": chance.new_uuid()} if body.get("record") else {})


def answer(exchange: Exchange, call: Call) -> None:
    """Have somebody pick up: we an incoming leg, the far end an outgoing one. Bridges it if it was dialled for that."""
    exchange.tell(call, "answering")
    if not call.alive:  # the leg of a SIP device has taken its place
        return
    call.state, call.answered_at = "answered", exchange.now()
    exchange.emit(call, "call.answered")
    _beat_rivals(exchange, call)
    exchange.tell(call, "answered")
    if "time_limit_secs" in call.options:
        exchange.after(call.options["time_limit_secs"], call, "time_limit")
    waiting = exchange.call(call.bridge_to) if call.bridge_to else None
    call.bridge_to = None
    if waiting and waiting.alive:
        if waiting.state == "ringing":
            answer(exchange, waiting)
        bridge(exchange, call, waiting)


def bridge(exchange: Exchange, one: Call, other: Call) -> None:
    """Let two legs hear each other. Whom they heard before is left alone, and by default ends."""
    for call in (one, other):
        _leave_peer(exchange, call)
    one.peer, other.peer = other.call_control_id, one.call_control_id
    for call in (one, other):  # the other leg's id is in no spec, and seen in production
        exchange.emit(call, "call.bridged", bridged_call_control_id=call.peer)
    for call in (one, other):
        exchange.tell(call, "bridged")


def end(exchange: Exchange, call: Call, cause: str, source: str, sip: str, reason: str = "") -> None:
    """End the leg, and with it what hangs on it: its prompts, its peer, the legs dialled for it.

    ``reason`` is Telnyx's code of why a call was not put through (D13).
    """
    media.fall_silent(exchange, call)
    exchange.cancel(call)
    exchange.tell(call, "ending")
    call.state, call.ended_at = "ended", exchange.now()
    call.hangup_cause, call.hangup_source, call.sip_hangup_cause, call.reason = cause, source, sip, reason
    exchange.emit(call, "call.hangup", call_quality_stats=quality.measured(call))
    exchange.tell(call, "ended")
    if exchange.application(call).get("call_cost_in_webhooks"):
        exchange.after(_COST_DELAY, call, "cost")
    _leave_peer(exchange, call)
    for leg in exchange.session(call.call_session_id):
        if leg.alive and leg.bridge_to == call.call_control_id:
            end(exchange, leg, "originator_cancel", "caller", "487")
        if leg.alive and (leg.supervises or {}).get("call") == call.call_control_id:
            end(exchange, leg, "normal_clearing", our_side(leg), "200")


def hang_up(exchange: Exchange, call: Call) -> None:
    """End the leg because we want it to end."""
    if call.state == "ringing" and call.direction == "outgoing":
        end(exchange, call, "originator_cancel", "caller", "487")
    else:
        end(exchange, call, "normal_clearing", our_side(call), "200")


def our_side(call: Call) -> str:
    """Return which end of the leg Telnyx is: ``hangup_source`` when the end comes from this side."""
    return "callee" if is_caller(call) else "caller"


def far_side(call: Call) -> str:
    return "caller" if is_caller(call) else "callee"


def is_caller(call: Call) -> bool:
    """Whether the far end of the leg calls us. A SIP device is called, though its leg comes in."""
    return call.direction == "incoming" and call.device_of is None


def _beat_rivals(exchange: Exchange, call: Call) -> None:
    """Let the others stop ringing: of several who are called at once the first to answer has the call."""
    for id in call.rivals:
        rival = exchange.call(id)
        if rival and rival.state == "ringing":
            end(exchange, rival, "originator_cancel", "caller", "487")


def _leave_peer(exchange: Exchange, call: Call) -> None:
    peer = exchange.call(call.peer) if call.peer else None
    call.peer = None
    if peer is None:
        return
    peer.peer = None
    if peer.alive and not peer.parks:
        end(exchange, peer, "normal_clearing", our_side(peer), "200")
    elif peer.alive:
        exchange.tell(peer, "unbridged")


def _cost(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    exchange.emit(call, "call.cost")


def _time_limit(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    end(exchange, call, "time_limit", "unknown", "unspecified")


TIMERS: dict[str, TimerFunction] = {"cost": _cost, "time_limit": _time_limit}
