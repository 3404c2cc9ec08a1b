"""Plays the people at the far end: who calls us and what they do, and what becomes of whom we dial.

All times in seconds, multiplied by the sandbox's pace; every scenario ends within 30.
"""

from dataclasses import dataclass

from portal.json_types import JsonObject
from portal.sandbox.calls import callees, calls, scripts
from portal.sandbox.calls.destinations import ENDINGS, FIRST_COMMAND, RINGING, last_digits
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call

LONGEST = 25.0  # any caller leaves then
PATIENCE = 20.0  # whom we dialled hangs up then, if nobody did before
LONGEST_LIMIT = 60  # seconds of a time limit that whom we dialled waits for
OWN_RINGS, OWN_LONGEST = 60.0, 3600.0  # of those who have a part of their own, unless it says otherwise


@dataclass(frozen=True)
class Scenario:
    """Describes somebody who calls.

    They give up unanswered after ``rings``, leave ``after_answer`` or ``after_bridge`` seconds if that is told, or
    ``after_waiting`` in a queue or a conference, or speaking onto a recording; press ``digit`` a second after being
    asked. ``texml`` ones call TeXML applications; some play what a document would bring, where there is none.
    """

    summary: str
    rings: float = 15.0
    after_answer: float | None = None
    after_bridge: float | None = None
    after_waiting: float | None = None
    digit: str = ""
    texml: bool = False


SCENARIOS = {
    "answered": Scenario("waits 3 s once answered, then hangs up", after_answer=3.0),
    "caller_hangs_up": Scenario("hangs up after ringing for 2 s", rings=2.0),
    "ivr": Scenario("presses 1 when asked, talks 3 s with whom they are put through to", after_bridge=3.0, digit="1"),
    "transferred": Scenario("waits to be put through, then talks 3 s", after_bridge=3.0),
    "texml_conference": Scenario("is put into a conference, leaves after 3 s", after_waiting=3.0, texml=True),
    "texml_dial": Scenario("is put through to a second leg, recorded, for 3 s", texml=True),
    "texml_menu": Scenario("presses 1 whenever asked", digit="1", texml=True),
    "texml_queue": Scenario("is put into the queue support, leaves after 3 s", after_waiting=3.0, texml=True),
    "texml_record": Scenario("leaves a message of 3 s, which is transcribed", after_waiting=3.0, texml=True),
    "texml_voicemail": Scenario("leaves a message of 3 s, ends it with #", digit="1", texml=True),
}


def party(exchange: Exchange, call: Call, what: str) -> None:
    """Act for the far end of ``call``, which was just ``what``: started, answered, gathering, bridged, waiting."""
    if call.part is not None:
        _as_told(exchange, call, what)
    elif calls.is_caller(call):
        _caller(exchange, call, what, SCENARIOS[call.script])
    else:
        _callee(exchange, call, what)


def assign(exchange: Exchange, call: Call) -> None:
    """Give whom we dial the part that a rule has for them."""
    if call.direction == "outgoing":
        call.part = callees.part(exchange, call)
        call.line = (call.part or {}).get("line", {})


def _as_told(exchange: Exchange, call: Call, what: str) -> None:
    if what == "started":
        exchange.after(OWN_LONGEST, call, "leave")
        if call.direction == "incoming":
            exchange.after(OWN_RINGS, call, "give_up")
        else:
            exchange.after(call.ring_limit, call, "ring_out")
            if scripts.answers(call.part or {}):
                exchange.after(min(RINGING, call.ring_limit), call, "pick_up")
    elif what == "answered":
        exchange.cancel(call, "give_up")
        exchange.cancel(call, "ring_out")
    scripts.follow(exchange, call, what)


def _caller(exchange: Exchange, call: Call, what: str, scenario: Scenario) -> None:
    if what == "started":
        exchange.after(scenario.rings, call, "give_up")
        exchange.after(LONGEST, call, "leave")
    elif what == "answered":
        exchange.cancel(call, "give_up")
        _leave_after(exchange, call, scenario.after_answer)
    elif what == "bridged":
        _leave_after(exchange, call, scenario.after_bridge)
    elif what == "waiting":
        _leave_after(exchange, call, scenario.after_waiting)
    elif what == "gathering" and scenario.digit and call.gather:
        exchange.after(call.gather["prompt"] + 1.0, call, "press", digit=scenario.digit)


def _leave_after(exchange: Exchange, call: Call, seconds: float | None) -> None:
    if seconds is not None:
        exchange.after(seconds, call, "leave")


def _callee(exchange: Exchange, call: Call, what: str) -> None:
    if what == "started" and call.device_of is None:
        ending = ENDINGS.get(last_digits(call.to_number))
        name = "refuse" if ending else "pick_up"
        exchange.after(min(ending.seconds if ending else RINGING, call.ring_limit), call, name)
    elif what == "answered" and call.options.get("time_limit_secs", LONGEST_LIMIT + 1) > LONGEST_LIMIT:
        exchange.after(PATIENCE, call, "leave")


def _leave(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    if call.state == "ringing":
        calls.end(exchange, call, "originator_cancel", "caller", "487")
    else:
        calls.end(exchange, call, "normal_clearing", calls.far_side(call), "200")


def _pick_up(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    calls.answer(exchange, call)


def _ring_out(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    calls.end(exchange, call, call.no_answer_cause, "unknown", "487")


def _refuse(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    ending = ENDINGS[last_digits(call.to_number)]
    cause = call.no_answer_cause if ending.cause == "timeout" else ending.cause
    waiting = exchange.call(call.bridge_to) if call.bridge_to and ending.tears_down else None
    calls.end(exchange, call, cause, ending.source, ending.sip, ending.reason)
    if waiting and waiting.alive:
        calls.end(exchange, waiting, "normal_clearing", calls.our_side(waiting), "200")


def _first_command(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    calls.end(exchange, call, "timeout", "unknown", "unspecified")


TIMERS: dict[str, TimerFunction] = {
    "give_up": _leave,
    "leave": _leave,
    "pick_up": _pick_up,
    "refuse": _refuse,
    "ring_out": _ring_out,
    FIRST_COMMAND: _first_command,
}
