"""Commands on a leg: ``POST /calls/{call_control_id}/actions/…``, when Telnyx takes them and what they do."""

import base64
import binascii
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from portal.sandbox import calls, media
from portal.sandbox.errors import Refused, check, not_found, unprocessable
from portal.sandbox.events import timestamp
from portal.sandbox.exchange import Exchange
from portal.sandbox.scenarios import FIRST_COMMAND
from portal.sandbox.store import Call

JsonObject = dict[str, Any]

COMMAND_WINDOW = 60.0  # seconds for which Telnyx ignores a repeated command_id ("Command retries")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|sips?:[^@\s]+@[^@\s]+", re.ASCII)


@dataclass(frozen=True)
class Action:
    """``method`` is the SDK's; ``needs`` what the leg must be: alive, answered or ringing."""

    method: str
    needs: str
    run: Callable[[Exchange, Call, JsonObject], JsonObject | None]


def act(exchange: Exchange, call_control_id: str, wire_name: str, body: JsonObject) -> JsonObject:
    """Execute one command, or refuse it as Telnyx does; the answer's body. Within a transaction."""
    action = ACTIONS.get(wire_name)
    if action is None:
        raise not_found(f"An action {wire_name!r} of the sandbox")
    call = exchange.call(call_control_id)
    if call is None:
        detail = "There is no call with this call_control_id."
        raise unprocessable("90015", "Invalid Call Control ID", detail, "/call_control_id")
    body = with_url_lists(body)
    check(f"calls.actions.{action.method}", body)
    check_client_state(body, "client_state", "target_leg_client_state")
    run = partial(_execute, exchange, call, action, body)
    return once(exchange, call_control_id, action.method, body.get("command_id"), run)


def once(
    exchange: Exchange, scope: str, action: str, command_id: str | None, run: Callable[[], JsonObject]
) -> JsonObject:
    """``run()``, or its earlier answer when this command id was seen within ``scope`` less than 60 s ago."""
    since = time.time() - COMMAND_WINDOW
    known = exchange.store.remembered_command(scope, command_id, since) if command_id else None
    answer = known or run()
    if command_id and not known:
        exchange.store.remember_command(scope, command_id, time.time(), answer)
    handle = answer["data"].get("call_control_id", scope)
    line = {"command_id": command_id, "call_control_id": handle, "action": action}
    outcome = "deduplicated" if known else "executed"
    exchange.store.enter("commands", line | {"outcome": outcome, "at": timestamp(time.time())})
    return answer


def with_url_lists(body: JsonObject) -> JsonObject:
    """``body`` with lists in ``webhook_urls``: the OpenAPI document says one URL an event, the SDK says a list."""
    urls = body.get("webhook_urls")
    if not isinstance(urls, dict):
        return body
    return body | {"webhook_urls": {name: [url] if isinstance(url, str) else url for name, url in urls.items()}}


def check_client_state(body: JsonObject, *names: str) -> None:
    for name in names:
        try:
            base64.b64decode(body.get(name) or "", validate=True)
        except (binascii.Error, ValueError):
            raise unprocessable("90017", "Invalid client state", f"'{name}' must be base64.", f"/{name}") from None


def check_number(body: JsonObject, name: str) -> str:
    """The number or SIP URI under ``name``; of several the first, the only one the sandbox dials."""
    value = body[name][0] if isinstance(body[name], list) and body[name] else body[name]
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        detail = f"'{name}' must be +E.164 or a SIP URI."
        raise unprocessable("10016", "Phone number must be in +E164 format", detail, f"/{name}")
    return value


def not_answered() -> Refused:
    return unprocessable("90034", "Call not answered yet", "This command needs an answered call.")


def already_ended() -> Refused:
    return unprocessable("90018", "Call has already ended", "This call is over and takes no more commands.")


def _execute(exchange: Exchange, call: Call, action: Action, body: JsonObject) -> JsonObject:
    if not call.alive:
        raise already_ended()
    if action.needs == "answered" and call.state != "answered":
        raise not_answered()
    if action.needs == "ringing":
        _check_ringing(call, action)
    if body.get("client_state") is not None:
        call.client_state = body["client_state"]
    exchange.cancel(call, FIRST_COMMAND)
    return {"data": {"result": "ok"} | (action.run(exchange, call, body) or {})}


def _check_ringing(call: Call, action: Action) -> None:
    if call.direction == "outgoing":
        title = "This call can't be answered" if action.method == "answer" else "This call can't be rejected"
        raise unprocessable("90102", title, "It is an outbound call.")
    if call.state != "ringing":
        raise unprocessable("10027", "Unprocessable entity", "This call has been answered already.")


def _answer(exchange: Exchange, call: Call, body: JsonObject) -> JsonObject | None:
    call.webhook_url = body.get("webhook_url", call.webhook_url)
    call.webhook_urls |= body.get("webhook_urls") or {}
    calls.answer(exchange, call)
    return {"recording_id": str(uuid.uuid4())} if body.get("record") else None


def _hangup(exchange: Exchange, call: Call, body: JsonObject) -> None:
    if call.state == "ringing" and call.direction == "outgoing":
        calls.end(exchange, call, "originator_cancel", "caller", "487")
    else:
        calls.end(exchange, call, "normal_clearing", calls.our_side(call), "200")


_REJECTIONS = {
    "CALL_REJECTED": ("call_rejected", "603"),
    "USER_BUSY": ("user_busy", "486"),
    "NOT_FOUND": ("not_found", "404"),
    "TEMPORARILY_UNAVAILABLE": ("unspecified", "480"),
}


def _reject(exchange: Exchange, call: Call, body: JsonObject) -> None:
    cause, sip = _REJECTIONS[body["cause"]]
    calls.end(exchange, call, cause, "callee", sip)


def _send_dtmf(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Telnyx sends no event for it."""


def _update_client_state(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """``act`` has set it already."""


def _transfer(exchange: Exchange, call: Call, body: JsonObject) -> None:
    if call.direction == "outgoing" and call.state != "answered":
        raise not_answered()
    numbers = body.get("from") or call.to_number, check_number(body, "to")
    calls.start(
        exchange,
        call.connection_id,
        "outgoing",
        numbers,
        body | {"park_after_unbridge": None},
        session_id=call.call_session_id,
        client_state=body.get("target_leg_client_state"),
        bridge_to=call.call_control_id,
    )
    call.parks = call.parks or body.get("park_after_unbridge") == "self"


def _bridge(exchange: Exchange, call: Call, body: JsonObject) -> None:
    other = exchange.call(body["call_control_id"])
    if other is None or other is call:
        detail = "There is no other call with this call_control_id."
        raise unprocessable("90015", "Invalid Call Control ID", detail, "/call_control_id")
    if not other.alive:
        raise already_ended()
    if other.state != "answered":
        raise not_answered()
    call.parks = call.parks or body.get("park_after_unbridge") == "self"
    calls.bridge(exchange, call, other)


def _wire_name(method: str) -> str:
    # the SDK says start_playback where the path says playback_start
    verb, _, noun = method.partition("_")
    return f"{noun}_{verb}" if verb in ("start", "stop", "update") else method


_METHODS: tuple[Action, ...] = (
    Action("answer", "ringing", _answer),
    Action("bridge", "answered", _bridge),
    Action("gather", "answered", media.gather),
    Action("gather_using_speak", "answered", media.gather_using_speak),
    Action("hangup", "alive", _hangup),
    Action("reject", "ringing", _reject),
    Action("send_dtmf", "answered", _send_dtmf),
    Action("speak", "answered", media.speak),
    Action("start_playback", "answered", media.start_playback),
    Action("stop_gather", "answered", media.stop_gather),
    Action("stop_playback", "answered", media.stop_playback),
    Action("transfer", "alive", _transfer),
    Action("update_client_state", "alive", _update_client_state),
)
ACTIONS = {_wire_name(action.method): action for action in _METHODS}
