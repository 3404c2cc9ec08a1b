"""Detects answering machines: what is told of whom we dialled, for each mode of ``answering_machine_detection``.

Events: ``POST /calls``, "Expected webhooks"; those of premium detection's start and of call screening are in the SDK
only (``call.machine.premium.detection.started``, ``call.machine.premium.call_screening.detected``).
"""

from portal.json_types import JsonObject
from portal.sandbox.calls.destinations import FAX, MACHINE, SCREENED, last_digits
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.services import media

GREETING = 1.0  # seconds from the result to the end of the greeting
# by what whoever answers is: the result of standard and of premium detection
KINDS = {
    "human": ("human", "human_residence"),
    "human_business": ("human", "human_business"),
    "machine": ("machine", "machine"),
    "fax": ("not_sure", "fax_detected"),
    "screened": ("human", "human_residence"),
    "silence": ("not_sure", "silence"),
    "not_sure": ("not_sure", "not_sure"),
}
_BY_DIGITS = {MACHINE: "machine", SCREENED: "screened", FAX: "fax"}
_SCREENING = "premium_ios_call_screening_detection"


def begin(exchange: Exchange, call: Call) -> None:
    """Listen to whom we dialled and who just answered, if that was asked for."""
    if call.direction != "outgoing" or call.machine_detection in (None, "disabled"):
        return
    if _premium(call):
        exchange.emit(call, "call.machine.premium.detection.started")
    exchange.after(1.0, call, "detect")


def _detect(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    who = _who(call)
    if _premium(call):
        if who == "screened" and call.machine_detection == _SCREENING:
            exchange.emit(call, "call.machine.premium.call_screening.detected", result="screening")
        exchange.emit(call, "call.machine.premium.detection.ended", result=KINDS[who][1])
    else:
        exchange.emit(call, "call.machine.detection.ended", result=KINDS[who][0])
    if who == "machine" and call.machine_detection != "detect":
        exchange.after((call.part or {}).get("greeting", GREETING), call, "greeting")


def _greeting(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    media.give_way(exchange, call)
    beeps = (call.part or {}).get("beep", True)
    if _premium(call):
        result = "beep_detected" if beeps else "no_beep_detected"
        exchange.emit(call, "call.machine.premium.greeting.ended", result=result)
    else:
        listened = "beep_detected" if beeps else "not_sure"
        result = listened if call.machine_detection == "detect_beep" else "ended"
        exchange.emit(call, "call.machine.greeting.ended", result=result)


def _who(call: Call) -> str:
    """Return what kind of somebody answered: as a rule says it, else by the number."""
    told: str | None = (call.part or {}).get("answers_as")
    return told or _BY_DIGITS.get(last_digits(call.to_number), "human")


def _premium(call: Call) -> bool:
    return (call.machine_detection or "").startswith("premium")


TIMERS: dict[str, TimerFunction] = {"detect": _detect, "greeting": _greeting}
