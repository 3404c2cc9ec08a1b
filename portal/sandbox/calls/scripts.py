"""Plays scripts: what somebody at the far end does, step by step, as a test wants it.

A step waits for a time (``at``, seconds from the beginning of the call), for something to happen (``after``), or for
the step before it; ``in`` adds seconds to that. Steps with the same ``after`` are used in turn: the first menu takes
the first one. All times are multiplied by the pace.
"""

import re
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.calls import calls
from portal.sandbox.core.errors import wrong
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.services import sockets, transcripts

# what a step may wait for; asking is the beginning of a question, gathering the end of what is said there
MOMENTS = ("started", "answered", "speaking", "asking", "gathering", "bridged", "unbridged", "waiting")
ACTS = ("press", "say", "hangup", "hold", "stay", "answer")
KEY_SECONDS = 0.25  # between two keys
MOST_STEPS, LONGEST = 200, 86_400.0
CAUSES = {
    "call_rejected": "603",
    "no_answer": "480",
    "normal_clearing": "200",
    "not_found": "404",
    "originator_cancel": "487",
    "time_limit": "unspecified",
    "timeout": "487",
    "unspecified": "unspecified",
    "user_busy": "486",
}
_SOURCES = ("caller", "callee", "unknown")
_KEYS = re.compile(r"[0-9A-D*#]{1,128}")
_PAUSES = {"gathering": 1.0}  # seconds after which a person reacts, unless ``in`` says so
_HANGUP = {"cause", "source", "sip", "telnyx_error"}


def read(steps: Any, name: str = "steps") -> JsonObject:
    """Return the part that these steps make; 422 names what is wrong in one of them."""
    if not isinstance(steps, list) or len(steps) > MOST_STEPS:
        raise wrong(name, f"A list of at most {MOST_STEPS} steps.")
    groups: list[JsonObject] = []
    for place, step in enumerate(steps):
        where = f"{name}/{place}"
        when, act = _read_when(step, where), _read_act(step, where)
        follows = not {"at", "after"} & set(step)
        if follows and groups:
            groups[-1]["acts"].append([when["in"], *act])
        else:
            groups.append({"at": when["at"], "after": when["after"], "acts": [[when["in"], *act]]})
    return {"groups": groups}


def answers(part: JsonObject) -> bool:
    """Whether whoever plays this part picks up by themselves: no step says when, or that they do not."""
    for group in part["groups"]:
        for _, act, _ in group["acts"]:
            if act == "answer" or (act == "hangup" and group["after"] in (None, "started")):
                return False
    return True


def follow(exchange: Exchange, call: Call, what: str) -> None:
    """Do what the part says for this moment."""
    part = call.part or {"groups": []}
    if what == "started":
        for group in part["groups"]:
            if group["after"] is None:
                _begin(exchange, call, group, group["at"])
    asked = _prompt(call) if what == "gathering" else 0.0
    found = next((group for group in part["groups"] if group["after"] == what), None)
    if found:
        part["groups"] = [group for group in part["groups"] if group is not found]
        _begin(exchange, call, found, asked)
    if what == "gathering":
        follow(exchange, call, "asking")


def press(exchange: Exchange, call: Call, keys: str) -> None:
    """Have the far end press these keys, one after the other."""
    if call.texml is not None:
        sockets.press(exchange, call, keys)
        _enter(exchange, call, {"keys": keys})
        return
    _press_in(exchange, call, keys, 0.0)


def say(exchange: Exchange, call: Call, text: str) -> None:
    """Have the far end say something: a transcription and a document that listens hear it."""
    transcripts.hear(exchange, call, text)
    if call.texml is not None:
        _enter(exchange, call, {"says": text})


def hang_up(exchange: Exchange, call: Call, how: JsonObject) -> None:
    """Have the far end hang up, refuse, or give up; ``how`` may say with which cause."""
    if call.state != "ringing":
        cause, source = "normal_clearing", calls.far_side(call)
    elif calls.is_caller(call):
        cause, source = "originator_cancel", "caller"
    else:
        cause, source = "call_rejected", "callee"
    cause = how.get("cause") or cause
    sip = how.get("sip") or CAUSES[cause]
    calls.end(exchange, call, cause, how.get("source") or source, sip, how.get("telnyx_error") or "")


def hold(exchange: Exchange, call: Call, on: bool) -> None:
    """Have the far end put us on hold, or take us back."""
    exchange.emit(call, "call.hold" if on else "call.unhold")


def read_keys(value: Any, name: str) -> str:
    if not isinstance(value, str) or not _KEYS.fullmatch(value):
        raise wrong(name, "Keys, 1 to 128 of 0123456789ABCD*#.")
    return value


def read_text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 1000:
        raise wrong(name, "A text of 1 to 1,000 characters.")
    return value


def read_hangup(value: Any, name: str) -> JsonObject:
    """Return how somebody hangs up; ``true`` is: as one does."""
    if value is True:
        return {}
    if not isinstance(value, dict):
        raise wrong(name, f"true, or an object of {', '.join(sorted(_HANGUP))}.")
    if unknown := sorted(set(value) - _HANGUP):
        raise wrong(f"{name}/{unknown[0]}", f"Unknown member; there are {', '.join(sorted(_HANGUP))}.")
    for member, choices in (("cause", tuple(CAUSES)), ("source", _SOURCES)):
        if member in value and value[member] not in choices:
            raise wrong(f"{name}/{member}", f"Must be one of {', '.join(choices)}.")
    for member in ("sip", "telnyx_error"):
        if not isinstance(value.get(member, ""), str) or len(value.get(member, "")) > 100:
            raise wrong(f"{name}/{member}", "A text of at most 100 characters.")
    return value


def _read_when(step: Any, where: str) -> JsonObject:
    if not isinstance(step, dict):
        raise wrong(where, "A step is an object.")
    if unknown := sorted(set(step) - {"at", "after", "in", *ACTS}):
        raise wrong(f"{where}/{unknown[0]}", f"Unknown member; there are at, after, in, {', '.join(ACTS)}.")
    if "at" in step and "after" in step:
        raise wrong(f"{where}/after", "A step has at or after, not both.")
    if step.get("after", "started") not in MOMENTS:
        raise wrong(f"{where}/after", f"Must be one of {', '.join(MOMENTS)}.")
    after = step.get("after")
    times = {name: _seconds(step.get(name, 0), f"{where}/{name}") for name in ("at", "in")}
    return {"at": times["at"], "after": after, "in": times["in"] if "in" in step else _PAUSES.get(after or "", 0.0)}


def _read_act(step: JsonObject, where: str) -> tuple[str, Any]:
    named = [act for act in ACTS if act in step]
    if len(named) != 1:
        raise wrong(where, f"A step does one thing: {', '.join(ACTS)}.")
    act = named[0]
    return act, _VALUES[act](step[act], f"{where}/{act}")


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise wrong(name, f"Seconds, from 0 to {LONGEST:g}.")
    return float(value)


def _yes_or_no(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(name, "true or false.")
    return value


_VALUES: dict[str, Any] = {
    "press": read_keys,
    "say": read_text,
    "hangup": read_hangup,
    "hold": _yes_or_no,
    "stay": _seconds,
    "answer": _yes_or_no,
}


def _begin(exchange: Exchange, call: Call, group: JsonObject, seconds: float) -> None:
    for pause, act, value in group["acts"]:
        seconds += pause + (value if act == "stay" else 0.0)
        if act == "press" and call.texml is None:
            _press_in(exchange, call, value, seconds)
            seconds += (len(value) - 1) * KEY_SECONDS
        else:
            exchange.after(seconds, call, "step", act=act, value=value)


def _press_in(exchange: Exchange, call: Call, keys: str, seconds: float) -> None:
    # all at once: what a later step does is not to overtake a key, however late the clock is
    for place, key in enumerate(keys):
        exchange.after(seconds + place * KEY_SECONDS, call, "press", digit=key)


def _prompt(call: Call) -> float:
    """Return the seconds until what is said with the question is over."""
    asked = call.gather or (call.texml or {}).get("asks") or {}
    return float(asked.get("prompt", 0.0))


def _enter(exchange: Exchange, call: Call, what: JsonObject) -> None:
    assert call.texml is not None
    call.texml["entered"] = what
    exchange.tell(call, "entered")


def _step(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    act, value = arguments["act"], arguments["value"]
    if not call.alive:
        return
    if act == "press":
        press(exchange, call, value)
    elif act == "say":
        say(exchange, call, value)
    elif act == "hold":
        hold(exchange, call, value)
    elif act == "answer":
        if value and call.state == "ringing" and call.direction == "outgoing":
            calls.answer(exchange, call)
    else:
        hang_up(exchange, call, value if act == "hangup" else {})


TIMERS: dict[str, TimerFunction] = {"step": _step}
