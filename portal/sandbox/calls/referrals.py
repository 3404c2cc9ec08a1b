"""Refers a leg to somebody outside by SIP REFER. The last four digits of the address tell what becomes of it."""

from portal.json_types import JsonObject
from portal.sandbox.calls import calls
from portal.sandbox.calls.destinations import ENDINGS, RINGING, last_digits
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call

_TRYING, _DONE = 100, 200


def refer(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Tell the far end to call ``sip_address`` instead."""
    address = body["sip_address"]
    if not address.startswith(("sip:", "sips:")):
        raise unprocessable("10015", "Invalid parameter", "'sip_address' must be a SIP URI.", "/sip_address")
    exchange.emit(call, "call.refer.started", sip_notify_response=_TRYING)
    exchange.after(RINGING, call, "referred", address=address)


def _referred(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    ending = ENDINGS.get(last_digits(arguments["address"]))
    if ending:
        exchange.emit(call, "call.refer.failed", sip_notify_response=int(ending.sip))
        return
    exchange.emit(call, "call.refer.completed", sip_notify_response=_DONE)
    calls.end(exchange, call, "normal_clearing", calls.far_side(call), "200")  # they talk without us now


TIMERS: dict[str, TimerFunction] = {"referred": _referred}
