"""Detects no fake: ``deepfake_detection`` on dial and answer finds the voice real."""

from portal.json_types import JsonObject
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call


def begin(exchange: Exchange, call: Call) -> None:
    if (call.options.get("deepfake_detection") or {}).get("enabled"):
        exchange.after(1.0, call, "voice_judged")


def _judged(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    exchange.emit(call, "call.deepfake_detection.result", result="real", score=0.04, consistency=97.0)


TIMERS: dict[str, TimerFunction] = {"voice_judged": _judged}
