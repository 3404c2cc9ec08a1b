"""Plays a Dial of numbers and SIP addresses: together or in turn; the first to answer is put through."""

from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.calls import callees, calls, limits
from portal.sandbox.calls.commands import check_number
from portal.sandbox.core.errors import Refused
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.documents import prompts, recording
from portal.sandbox.documents.outcomes import LATER, comes, enter, texml
from portal.sandbox.services import sockets
from portal.sandbox.texml import legs
from portal.sandbox.texml.calls import machine_detection
from portal.texml.outcomes import Over
from portal.texml.verbs import Verb

TALK = legs.TALK  # seconds for which whom a document dials talks
STAR = "texml_star"  # the timer of a caller who lets go whom they were put through to
_UNTIL_STAR = 1.0  # seconds


def dial(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Dial all of them, or the first of them; without one that can be called the Dial is over."""
    targets = [_target(child) for child in verb.children] or [_target(Verb("Number", verb.line, verb.text))]
    texml(call)["dial"] = {
        "left": targets,
        "sequential": verb.get("sequential"),
        "record": _recording_wanted(verb),
        "recording": None,
        "caller_id": verb.get("callerId"),
        "hangup_on_star": verb.get("hangupOnStar"),
        "options": _options(verb),
        "ended": None,
    }
    call.parks = True  # the document goes on when the other leg is over
    _next(exchange, call)


def bridged(exchange: Exchange, child: Call, call: Call) -> None:
    """Let the others stop ringing, and record both; whom we dialled talks for a while, then hangs up."""
    state = texml(call)["dial"]
    state["left"] = []
    for other in _children(exchange, call):
        if other is not child:
            calls.end(exchange, other, "originator_cancel", "caller", "487")
    if state["record"] and not state["recording"]:
        body = {"channels": state["record"]["channels"]}
        state["recording"] = legs.record(exchange, call, state["record"], body)
    exchange.after(TALK, child, "leave")
    if state["hangup_on_star"]:
        listen_for_star(exchange, call, child)


def listen_for_star(exchange: Exchange, call: Call, other: Call) -> None:
    """Let the caller press what they press next: with * they are rid of the other one."""
    if "*" in (keys := prompts.next_keys(call)):
        exchange.after(_UNTIL_STAR, call, STAR, other=other.call_control_id, keys=keys)


def press(exchange: Exchange, call: Call, keys: str) -> None:
    """Let the caller press something while they talk: with * they may be rid of the other one."""
    state = texml(call).get("dial") or {}
    if "*" in keys and state.get("hangup_on_star") and call.peer:
        exchange.after(0.0, call, STAR, other=call.peer)


def let_go(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Hang up the one whom the caller talks to, if it is still the same."""
    other = exchange.call(arguments["other"])
    if call.alive and other and other.alive and call.peer == other.call_control_id:
        sockets.press(exchange, call, arguments.get("keys", ""))  # of who pressed them by request it was told
        enter(exchange, call, "The caller presses *: the other one is hung up")
        calls.hang_up(exchange, other)


def ended(exchange: Exchange, child: Call, call: Call) -> None:
    """Go on to the next one, or tell the document how it went: how the call that was put through ended, if any was."""
    state = texml(call).get("dial")
    if state is None or not call.alive:
        return
    if child.answered_at or state["ended"] is None:
        legs.note_dialled(call, child)
        state["ended"] = texml(call)["dialled"]
    if not _children(exchange, call):
        _next(exchange, call)


def stop(exchange: Exchange, call: Call) -> None:
    """End the legs dialled, because the document is left or the call is over."""
    if texml(call).pop("dial", None) is None:
        return
    for child in _children(exchange, call):
        if child.state == "ringing":
            calls.end(exchange, child, "originator_cancel", "caller", "487")
        else:
            calls.hang_up(exchange, child)


def _children(exchange: Exchange, call: Call) -> list[Call]:
    every = exchange.session(call.call_session_id)
    return [leg for leg in every if leg.alive and leg.texml and leg.texml.get("parent") == call.call_control_id]


def _next(exchange: Exchange, call: Call) -> None:
    state = texml(call)["dial"]
    while state["left"] and not _children(exchange, call):
        now = state["left"][:1] if state["sequential"] else list(state["left"])
        state["left"] = state["left"][len(now) :]
        for target in now:
            _start(exchange, call, target, state)
    if not _children(exchange, call):
        _over(exchange, call, state)


def _start(exchange: Exchange, call: Call, target: JsonObject, state: JsonObject) -> None:
    try:
        to = check_number({"to": target["to"]}, "to")
        numbers = state["caller_id"] or call.from_number, to
        callees.check_allowed(exchange, *numbers, "/to")
        limits.check(exchange, exchange.application(call), to)
    except Refused as refused:
        enter(exchange, call, f"Not called: {target['to']}: {refused.problems[0].detail}")
        return
    kept = legs.settings(parent=call.call_control_id, status=target["status"], detect=target["detect"])
    kept |= {"whisper": target["whisper"]} if target["whisper"] else {}
    kept |= {"amd": target["amd"]} if target["amd"] else {}
    waiting = None if target["whisper"] else call.call_control_id
    body = state["options"] | {"answering_machine_detection": target["detection"]}
    more: dict[str, Any] = {"texml": kept, "session_id": call.call_session_id, "bridge_to": waiting}
    calls.start(exchange, call.connection_id, "outgoing", numbers, body, **more)


def _over(exchange: Exchange, call: Call, state: JsonObject) -> None:
    ended = state["ended"] or {"sid": "", "status": "failed", "duration": "0"}
    fields = {"DialCallStatus": ended["status"], "DialCallDuration": ended["duration"]}
    if ended["sid"]:
        fields |= {"DialCallSid": ended["sid"], "DialCallSidLegacy": ended["sid"]}
    texml(call).pop("dial")
    comes(exchange, call, Over(fields | _recorded(exchange, call, state)), name=LATER)


def _recorded(exchange: Exchange, call: Call, state: JsonObject) -> dict[str, str]:
    """End the recording, and return what is known of it."""
    for item in call.running.get("recording", []):
        if item["id"] == state["recording"]:
            return recording.end(exchange, call, item)
    return {}


def _target(child: Verb) -> JsonObject:
    status = None
    if child.get("statusCallback"):
        events = list(child.get("statusCallbackEvent", ("completed",)))
        status = {"urls": [child.get("statusCallback")], "method": child.get("statusCallbackMethod"), "events": events}
    return {
        "to": child.text,
        "status": status,
        "whisper": _whisper(child) if child.get("url") else None,
        "detect": child.get("machineDetection"),
        "detection": machine_detection(child.get("machineDetection"), child.get("detectionMode")),
        "amd": {"url": child.get("amdStatusCallback"), "method": "POST"} if child.get("amdStatusCallback") else None,
    }


def _whisper(child: Verb) -> JsonObject:
    return {"url": child.get("url"), "method": child.get("method", "POST"), "role": "whisper", "fields": {}}


def _options(verb: Verb) -> JsonObject:
    wanted: JsonObject = {
        "timeout_secs": verb.get("timeout"),
        "time_limit_secs": verb.get("timeLimit") if "timeLimit" in verb.written else None,
        "from_display_name": verb.get("fromDisplayName"),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _recording_wanted(verb: Verb) -> JsonObject | None:
    kind = verb.get("record")
    if kind == "do-not-record":
        return None
    is_dual = kind.endswith("-dual") or verb.get("recordingChannels") == "dual"
    return recording.wanted(verb, "DialVerb") | {"channels": "dual" if is_dual else "single"}
