"""Detects answering machines: what is told of whom we dialled, for each mode of ``answering_machine_detection``.

Events: ``POST /calls``, "Expected webhooks"; those of premium detection's start and of call screening are in the SDK
only (``call.machine.premium.detection.started``, ``call.machine.premium.call_screening.detected``).
"""

from portal.json_types import JsonObject
from portal.sandbox.calls.destinations import FAX, MACHINE, SCREENED, last_digits
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call

_STANDARD = {MACHINE: "machine", FAX: "not_sure"}
_PREMIUM = {MACHINE: "machine", FAX: "fax_detected"}
_SCREENING = "premium_ios_call_screening_detection"


def begin(exchange: Exchange, call: Call) -> None:
    """Listen to whom we dialled and who just answered, if that was asked for."""
    if call.direction != "outgoing" or call.machine_detection in (None, "disabled"):
        return
    if _premium(call):
        exchange.emit(call, "call.machine.premium.detection.started")
    exchange.after(1.0, call, "detect")


def _detect(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    who = last_digits(call.to_number)
    if _premium(call):
        if who == SCREENED and call.machine_detection == _SCREENING:
            exchange.emit(call, "call.machine.premium.call_screening.detected", result="screening")
        exchange.emit(call, "call.machine.premium.detection.ended", result=_PREMIUM.get(who, "human_residence"))
    else:
        exchange.emit(call, "call.machine.detection.ended", result=_STANDARD.get(who, "human"))
    if who == MACHINE and call.machine_detection != "detect":
        exchange.after(1.0, call, "greeting")


def _greeting(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    if _premium(call):
        exchange.emit(call, "call.machine.premium.greeting.ended", result="beep_detected")
    else:
        result = "beep_detected" if call.machine_detection == "detect_beep" else "ended"
        exchange.emit(call, "call.machine.greeting.ended", result=result)


def _premium(call: Call) -> bool:
    return (call.machine_detection or "").startswith("premium")


TIMERS: dict[str, TimerFunction] = {"detect": _detect, "greeting": _greeting}
