"""Serves calls as a resource.

``POST /calls``, ``GET /calls/{call_control_id}``, ``GET /connections/{id}/active_calls``.
"""

import base64
import binascii
from urllib.parse import quote

from portal.json_types import JsonObject
from portal.sandbox import clock
from portal.sandbox.calls import call_events, callees, calls, limits
from portal.sandbox.calls.commands import (
    already_ended,
    answered_leg,
    check_client_state,
    check_encryption,
    check_numbers,
    check_webhooks,
    leg,
    run_once,
    with_url_lists,
)
from portal.sandbox.core.errors import Refused, bad_request, check, not_found, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import CALL_CONTROL, TEXML, Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.resources import connections

STATUS_SECONDS = 600.0  # Telnyx tells a call's status until ten minutes after its end
_LIMIT, _MAX_LIMIT = 20, 250


def dial(exchange: Exchange, body: JsonObject) -> JsonObject:
    """Dial the number, or several at once. ``command_id`` holds for the whole account."""
    body = with_url_lists(body)
    check("calls.dial", body)
    check_client_state(body, "client_state")
    check_webhooks(body)
    _check_links(body)
    numbers = check_numbers(body, "to")
    check_encryption(body, numbers)
    return run_once(exchange, "", "dial", body.get("command_id"), lambda: _dial(exchange, body, numbers))


def status(exchange: Exchange, call_control_id: str) -> JsonObject:
    """Return one call as Telnyx tells it; 404 from ten minutes after its end."""
    call = exchange.call(call_control_id)
    if call is None or (call.ended_at is not None and call.ended_at < clock.time() - STATUS_SECONDS):
        raise not_found("This call")
    return {"data": _as_json(call) | {"is_alive": call.alive}}


def active_calls(exchange: Exchange, connection_id: str, query: dict[str, str]) -> JsonObject:
    """Return the live legs of one application, oldest first, by cursor; Telnyx ignores ``page[number]``, too."""
    is_application = any(exchange.store.application(kind, connection_id) for kind in (CALL_CONTROL, TEXML))
    if not is_application and exchange.store.get(connections.CREDENTIALS, connection_id) is None:
        raise invalid_connection()
    live = exchange.store.live_calls(connection_id)
    page = _page(live, query)
    path = f"/v2/connections/{quote(connection_id)}/active_calls"
    after = _cursor(page[-1][0]) if page and page[-1] != live[-1] else None
    before = _cursor(page[0][0]) if page and page[0] != live[0] else None
    return {
        "data": [_active(call) for _, id in page if (call := exchange.call(id))],
        "meta": {
            "cursors": {"after": after, "before": before},
            "next": f"{path}?page[after]={after}" if after else None,
            "previous": f"{path}?page[before]={before}" if before else None,
            "total_items": len(live),
        },
    }


def application_for_calls(exchange: Exchange, connection_id: str) -> JsonObject:
    """Return the active Call Control application of that id, or 422 on ``/connection_id``."""
    application = exchange.store.application(CALL_CONTROL, connection_id)
    if not application or not application["active"]:
        raise invalid_connection()
    return application


def invalid_connection() -> Refused:
    detail = "There is no active Call Control application with this id."
    return unprocessable("10015", "Invalid value for connection_id (Call Control App ID)", detail, "/connection_id")


def _dial(exchange: Exchange, body: JsonObject, numbers: list[str]) -> JsonObject:
    """Let all of them ring; the answer tells of the first. That all have one session is documented nowhere."""
    application = application_for_calls(exchange, body["connection_id"])
    limits.check(exchange, application, *numbers)
    for to in numbers:
        callees.check_allowed(exchange, body["from"], to, "/to")
    linked, watched = _linked(exchange, body), _watched(exchange, body)
    if linked and watched and linked.call_session_id != watched.call_session_id:
        # a leg is of one session, and which of the two Telnyx would choose is written down nowhere
        detail = "'supervise_call_control_id' must be of the session of 'link_to', or tell one of them only."
        raise unprocessable("10015", "Invalid parameter", detail, "/supervise_call_control_id")
    beside = linked or watched
    session = beside.call_session_id if beside else None
    legs: list[Call] = []
    for to in numbers:
        call = calls.start(
            exchange,
            body["connection_id"],
            "outgoing",
            (body["from"], to),
            body,
            session_id=session,
            client_state=body.get("client_state"),
            bridge_to=linked.call_control_id if linked and body.get("bridge_on_answer") else None,
            supervises=_supervises(watched, body),
        )
        session = call.call_session_id
        legs.append(call)
    for call in legs:
        call.rivals = [one.call_control_id for one in legs if one is not call]
    call = legs[0]
    call_events.note_command(exchange, call, "dial", body)
    # "For Dial command it will always be false": the answer comes before anything is known
    return {"data": _as_json(call) | {"is_alive": False, "recording_id": call.options.get("recording_id")}}


def _check_links(body: JsonObject) -> None:
    """Refuse what needs another call, without one; that parking needs ``bridge_on_answer`` as well was seen."""
    for name, needed in (
        ("bridge_on_answer", "link_to"),
        ("bridge_intent", "link_to"),
        ("park_after_unbridge", "link_to"),
        ("park_after_unbridge", "bridge_on_answer"),
    ):
        if body.get(name) and not body.get(needed):
            raise unprocessable("10015", "Invalid parameter", f"'{name}' needs '{needed}'.", f"/{name}")


def _linked(exchange: Exchange, body: JsonObject) -> Call | None:
    if "link_to" not in body:
        return None
    call = leg(exchange, body["link_to"], "/link_to")
    if not call.alive:
        raise already_ended()
    return call


def _watched(exchange: Exchange, body: JsonObject) -> Call | None:
    """Return the leg that the new one is to listen to."""
    id = body.get("supervise_call_control_id")
    return answered_leg(exchange, id, "/supervise_call_control_id") if id else None


def _supervises(watched: Call | None, body: JsonObject) -> JsonObject | None:
    if watched is None:
        return None
    return {"call": watched.call_control_id, "role": body.get("supervisor_role", "barge")}


def _as_json(call: Call) -> JsonObject:
    return _active(call) | {
        "client_state": call.client_state,
        "end_time": timestamp(call.ended_at, "milliseconds") if call.ended_at else None,
        "start_time": timestamp(call.started_at, "milliseconds"),
    }


def _active(call: Call) -> JsonObject:
    return {
        "call_control_id": call.call_control_id,
        "call_duration": round((call.ended_at or clock.time()) - call.started_at),
        "call_leg_id": call.call_leg_id,
        "call_session_id": call.call_session_id,
        "client_state": call.client_state or "",  # the list's schema knows no null here
        "record_type": "call",
    }


def _page(live: list[tuple[int, str]], query: dict[str, str]) -> list[tuple[int, str]]:
    limit = _number(query, "page[limit]") or _number(query, "page[size]") or _LIMIT
    if after := query.get("page[after]"):
        return [row for row in live if row[0] > _place(after, "page[after]")][:limit]
    if before := query.get("page[before]"):
        return [row for row in live if row[0] < _place(before, "page[before]")][-limit:]
    return live[:limit]


def _number(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= _MAX_LIMIT:
        raise bad_request(f"'{name}' must be a whole number from 1 to {_MAX_LIMIT}.", f"/{name}")
    return int(text)


def _cursor(seq: int) -> str:
    return "v1:" + base64.urlsafe_b64encode(f"call {seq}".encode()).decode()


def _place(cursor: str, name: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(cursor.removeprefix("v1:")).decode().removeprefix("call "))
    except (binascii.Error, ValueError):
        raise bad_request(f"'{name}' is not a cursor of this list.", f"/{name}") from None
