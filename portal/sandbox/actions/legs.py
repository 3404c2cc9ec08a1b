"""Does what a command does to a leg itself: answer, reject, hang up, transfer, bridge, and what brings no event."""

from portal.json_types import JsonObject
from portal.sandbox.calls import callees, calls, limits
from portal.sandbox.calls.commands import answered_leg, check_encryption, check_numbers, not_answered
from portal.sandbox.conferences import queues
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call

_REJECTIONS = {
    "CALL_REJECTED": ("call_rejected", "603"),
    "USER_BUSY": ("user_busy", "486"),
    "NOT_FOUND": ("not_found", "404"),
    "TEMPORARILY_UNAVAILABLE": ("unspecified", "480"),
}


def answer(exchange: Exchange, call: Call, body: JsonObject) -> JsonObject | None:
    told = calls.webhooks(body)
    call.webhook_urls |= told.pop("webhook_urls", {})
    call.webhook_retries |= told.pop("webhook_retries", {})
    for name, value in told.items():
        setattr(call, name, value)
    asked = calls.options(body)
    call.options |= asked
    calls.answer(exchange, call)
    return {"recording_id": asked["recording_id"]} if "recording_id" in asked else None


def hang_up(exchange: Exchange, call: Call, body: JsonObject) -> None:
    calls.hang_up(exchange, call)


def reject(exchange: Exchange, call: Call, body: JsonObject) -> None:
    cause, sip = _REJECTIONS[body["cause"]]
    calls.end(exchange, call, cause, "callee", sip)


def transfer(exchange: Exchange, call: Call, body: JsonObject) -> None:
    if call.direction == "outgoing" and call.state != "answered":
        raise not_answered()
    to = check_numbers(body, "to")[0]
    check_encryption(body, [to])
    dialled = exchange.call(call.device_of) if call.device_of else None
    own = dialled or call  # the connection of SIP devices calls nobody
    limits.check(exchange, exchange.application(own), to)
    numbers = body.get("from") or call.to_number, to
    callees.check_allowed(exchange, *numbers, "/to")
    calls.start(
        exchange,
        own.connection_id,
        "outgoing",
        numbers,
        body | {"park_after_unbridge": None},
        session_id=call.call_session_id,
        client_state=body.get("target_leg_client_state"),
        bridge_to=call.call_control_id,
    )
    call.parks = call.parks or body.get("park_after_unbridge") == "self"


def bridge(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Bridge with the call named, or with the first of a queue, whom the SDK makes name a call as well."""
    waiting = queues.first(exchange, body["queue"]) if body.get("queue") else None
    other = answered_leg(exchange, waiting or body["call_control_id"])
    if other is call:
        detail = "A call is not bridged with itself."
        raise unprocessable("90015", "Invalid Call Control ID", detail, "/call_control_id")
    call.parks = call.parks or body.get("park_after_unbridge") == "self"
    call.options |= calls.options(body)
    calls.bridge(exchange, call, other)


def no_event(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Take digits sent, noise suppressed, a client state: Telnyx sends no event for these."""


def switch_role(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Change what a supervisor may say. Of a leg that supervises nobody it is taken, too: no refusal is documented."""
    if call.supervises:
        call.supervises["role"] = body["role"]


def send_sip_info(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Send the event to the other leg; Telnyx publishes no schema of it: here it tells what was sent."""
    peer = exchange.call(call.peer) if call.peer else None
    if peer:
        exchange.emit(peer, "call.sip_info.received", body=body["body"], content_type=body["content_type"])
