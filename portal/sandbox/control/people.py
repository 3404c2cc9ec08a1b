"""Plays people on request: somebody calls, presses a key, says something, hangs up; whoever is called does as told."""

import re
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.calls import callees, calls, commands, limits, scripts
from portal.sandbox.calls.destinations import FIRST_COMMAND
from portal.sandbox.calls.dialling import application_for_calls
from portal.sandbox.calls.scenarios import SCENARIOS
from portal.sandbox.control.operations import Asked
from portal.sandbox.core.errors import not_found, wrong
from portal.sandbox.core.exchange import CALL_CONTROL, TEXML, Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.resources.applications import KINDS
from portal.sandbox.services import quality, sockets, trust
from portal.sandbox.texml import legs

FROM, TO = "+13125550143", "+13125550100"  # numbers kept for fiction
_CALLER = ("digits", "says", "stays")  # what the caller of a TeXML application does
_KEYS = re.compile(r"[0-9*#]+( [0-9*#]+)*|")
_LONGEST = 24.0  # seconds
_TURNED_AWAY = {"D4": ("user_busy", "486"), "D52": ("call_rejected", "603")}  # what the caller hears, by the reason


def ring(asked: Asked) -> JsonObject:
    """Let somebody call: by a scenario, or step by step."""
    body = asked.body
    if "steps" in body and "scenario" in body:
        raise wrong("scenario", "A caller has a scenario or steps, not both.")
    if "steps" not in body and body.get("scenario") not in SCENARIOS:
        raise wrong("scenario", f"Must be one of {', '.join(SCENARIOS)}; or tell steps.")
    if "dials" in body and body.get("scenario") != "texml_dial":
        raise wrong("dials", "Only the scenario texml_dial dials somebody.")
    return _handles(_start(asked.world.exchange, body))


def list_applications(asked: Asked) -> JsonObject:
    """List the applications that may be called, of both kinds."""
    store = asked.world.store
    every = [one for kind in (CALL_CONTROL, TEXML) for one in store.applications(kind) if one["active"]]
    return {
        "applications": [{"id": one["id"], "name": one[KINDS[_kind(one)].name], "kind": _kind(one)} for one in every]
    }


def list_calls(asked: Asked) -> JsonObject:
    """List the legs that are alive, and those that ended last."""
    exchange = asked.world.exchange
    found = (exchange.call(id) for id in exchange.store.newest_calls(100))
    return {"calls": [seen(call) for call in found if call]}


def follow(asked: Asked) -> JsonObject:
    """Tell how a call stands, with all legs of its session."""
    exchange = asked.world.exchange
    call = _call(asked)
    every = exchange.session(call.call_session_id)
    store, session = exchange.store, call.call_session_id
    owed = store.count_deliveries(session) + store.count_timers(session)
    over = not any(leg.alive for leg in every)
    streams = [stream for leg in every for stream in sockets.of_call(exchange, leg.call_control_id)]
    told: JsonObject = {"session_ended": over, "owed": owed, "legs": [seen(leg) for leg in every], "streams": streams}
    return seen(call) | told


def press(asked: Asked) -> JsonObject:
    keys = scripts.read_keys(asked.body["keys"], "keys")
    scripts.press(asked.world.exchange, _answered(asked), keys)
    return follow(asked)


def say(asked: Asked) -> JsonObject:
    text = scripts.read_text(asked.body["text"], "text")
    scripts.say(asked.world.exchange, _answered(asked), text)
    return follow(asked)


def hold(asked: Asked) -> JsonObject:
    scripts.hold(asked.world.exchange, _answered(asked), asked.body.get("on", True))
    return follow(asked)


def hang_up(asked: Asked) -> JsonObject:
    how = scripts.read_hangup({name: asked.body[name] for name in asked.body}, "hangup") if asked.body else {}
    call = _call(asked)
    if not call.alive:
        raise commands.already_ended()
    scripts.hang_up(asked.world.exchange, call, how)
    return follow(asked)


def pick_up(asked: Asked) -> JsonObject:
    """Have whom we call pick up now."""
    call = _call(asked)
    if call.direction != "outgoing" or call.state != "ringing":
        raise wrong("call_control_id", "Only a call of ours that is ringing is picked up.")
    calls.answer(asked.world.exchange, call)
    return follow(asked)


def add_callee(asked: Asked) -> JsonObject:
    return callees.add(asked.world.exchange, asked.body)


def list_callees(asked: Asked) -> JsonObject:
    return {"callees": callees.listed(asked.world.store)}


def clear_callees(asked: Asked) -> JsonObject:
    callees.clear(asked.world.store)
    return {"callees": []}


def application(exchange: Exchange, connection_id: str | None, kinds: tuple[str, ...]) -> JsonObject:
    """Return the application called: of the first kind that there is one of, if none is named."""
    store = exchange.store
    if connection_id is not None:
        found = (store.application(kind, str(connection_id)) for kind in kinds)
        if named := next((one for one in found if one and one["active"]), None):
            return named
        if kinds == (TEXML,):
            raise wrong("connection_id", "There is no active TeXML application with this id.")
        return application_for_calls(exchange, str(connection_id))
    every = ([one for one in store.applications(kind) if one["active"]] for kind in kinds)
    active = next(filter(None, every), [])
    if not active:
        raise not_found("An active application to call")
    if len(active) > 1:
        names = ", ".join(f"{one['id']} ({one[KINDS[_kind(one)].name]})" for one in active[:10])
        raise wrong("connection_id", f"Say which of the {len(active)} active applications is called: {names}.")
    return active[0]


def seen(call: Call) -> JsonObject:
    """Describe a leg as the control addresses tell it."""
    return _handles(call) | {
        "direction": call.direction,
        "from": call.from_number,
        "to": call.to_number,
        "state": "bridged" if call.alive and call.peer else call.state,
        "ended": not call.alive,
        "hangup_cause": call.hangup_cause,
        "hangup_source": call.hangup_source,
        "sip_hangup_cause": call.sip_hangup_cause,
        "telnyx_error": call.reason or None,
    }


def _start(exchange: Exchange, body: JsonObject) -> Call:
    script = body.get("scenario", "")
    part = scripts.read(body["steps"]) if "steps" in body else None
    is_texml = bool(script) and SCENARIOS[script].texml
    called = application(exchange, body.get("connection_id"), (TEXML,) if is_texml else (CALL_CONTROL, TEXML))
    numbers = body.get("from") or FROM, body.get("to") or TO
    if part is not None and (told := next((name for name in _CALLER if name in body), None)):
        raise wrong(told, "A caller with steps does what these say.")
    more: dict[str, Any] = {"line": quality.read(body.get("line", "good"), "line"), "part": part}
    more["trust"] = trust.read(exchange, called, numbers[1], body)
    is_for_texml = called["record_type"] == "texml_application"
    dials = commands.check_number(body, "dials") if "dials" in body else legs.WHOM
    caller = _caller(body)
    if caller and not is_for_texml:
        raise wrong(next(iter(caller)), "Only who calls a TeXML application does as told.")
    if reason := _reason_against(exchange, called, numbers[1], more["trust"]):
        return calls.turn_away(exchange, called["id"], numbers, *_TURNED_AWAY[reason], reason)
    if is_for_texml:
        return legs.ring(exchange, called, numbers, script, dials, caller, **more)
    call = calls.start(exchange, called["id"], "incoming", numbers, {}, script=script, **more)
    if called["first_command_timeout"]:
        exchange.after(called["first_command_timeout_secs"], call, FIRST_COMMAND)
    return call


def _reason_against(exchange: Exchange, application: JsonObject, number: str, told: JsonObject) -> str:
    """Return Telnyx's code of why it does not put a caller through; "" if it does."""
    if trust.is_refused(exchange, number, told):
        return "D52"
    return "D4" if limits.is_full(exchange, application) else ""


def _caller(body: JsonObject) -> JsonObject:
    """Return what the caller does beside the scenario, or 422."""
    if not isinstance(body.get("digits", ""), str) or not _KEYS.fullmatch(body.get("digits", "")):
        raise wrong("digits", "Keys, for each question some, with spaces between: 1 42#.")
    if not isinstance(body.get("says", ""), str) or len(body.get("says", "")) > 1000:
        raise wrong("says", "A text of at most 1,000 characters.")
    stays = body.get("stays", 0)
    if isinstance(stays, bool) or not isinstance(stays, int | float) or not 0 <= stays <= _LONGEST:
        raise wrong("stays", f"Seconds after the answer, from 0 to {_LONGEST:g}.")
    return {name: body[name] for name in _CALLER if name in body}


def _call(asked: Asked) -> Call:
    call = asked.world.exchange.call(asked.id)
    if call is None:
        raise not_found("This call")
    return call


def _answered(asked: Asked) -> Call:
    _call(asked)
    return commands.answered_leg(asked.world.exchange, asked.id)


def _kind(application: JsonObject) -> str:
    return f"{application['record_type']}s"


def _handles(call: Call) -> JsonObject:
    return {
        "call_control_id": call.call_control_id,
        "call_session_id": call.call_session_id,
        "call_leg_id": call.call_leg_id,
    }
