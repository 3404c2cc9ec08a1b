"""Rings the device of a SIP user whom we call: such a call has two legs, as was seen in production.

The leg dialled leads to Telnyx's registrar (the transport), a second one from there to the device: it comes in, of the
connection that SIP users have, in a session of its own. Headers given to the dial are told of both legs, its
``client_state`` is the transport's alone. Every leg to ``sip:USER@sip.telnyx.com`` does so; of one of TeXML only the
transport is told of, in callbacks, since its application has no address for a device's events.
"""

import re

from portal.json_types import JsonObject
from portal.sandbox.calls import calls
from portal.sandbox.calls.destinations import ENDINGS, last_digits
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.resources import connections

TAKES_OVER = "0009"  # the last digits of a user whose device goes on alone: the transport ends when it is picked up
_USER = re.compile(r"sips?:(?!\+?[0-9]+@)[^@]+@sip\.telnyx\.com(:[0-9]+)?(;.*)?", re.ASCII | re.IGNORECASE)


def ring(exchange: Exchange, call: Call) -> None:
    """Ring the device of whom the leg leads to, unless Telnyx does not put it through."""
    if call.direction != "outgoing" or not _USER.fullmatch(call.to_number):
        return
    ending = ENDINGS.get(last_digits(call.to_number))
    if ending and ending.reason and not call.part:
        return
    numbers = call.from_number, call.to_number
    body: JsonObject = {"custom_headers": call.custom_headers, "sip_headers": call.sip_headers}
    body |= {"from_display_name": call.caller_id_name}
    of_devices = connections.of_devices(exchange)
    device = calls.start(exchange, of_devices, "incoming", numbers, body, device_of=call.call_control_id)
    call.device = device.call_control_id


def answering(exchange: Exchange, call: Call) -> None:
    """Have the device answered first; the transport is told to be bridged with it, before it is told to be answered."""
    device = exchange.call(call.device) if call.device else None
    if device is None or not device.alive:
        return
    exchange.emit(call, "call.bridged", bridged_call_control_id=device.call_control_id)
    if last_digits(call.to_number) == TAKES_OVER and call.texml is None:  # a document knows its own legs only
        _take_over(exchange, call, device)
    elif device.state == "ringing":
        device.state, device.answered_at = "answered", exchange.now()
        exchange.emit(device, "call.answered")


def answered(exchange: Exchange, call: Call) -> None:
    """Have the transport answered with its device, which a command has answered."""
    transport = exchange.call(call.device_of) if call.device_of else None
    if transport and transport.state == "ringing":
        calls.answer(exchange, transport)


def ended(exchange: Exchange, call: Call) -> None:
    """End the other leg of the two: as this one ended, or as a call is given up that nobody has picked up."""
    other = exchange.call(call.device or call.device_of or "")
    if other is None or not other.alive:
        return
    if call.device and call.answered_at is None and call.hangup_source != "callee":
        calls.end(exchange, other, "originator_cancel", "caller", "487")
    else:
        cause, source, sip = call.hangup_cause, call.hangup_source, call.sip_hangup_cause
        calls.end(exchange, other, cause or "", source or "", sip or "")


def _take_over(exchange: Exchange, call: Call, device: Call) -> None:
    """End the transport, and let the device have what was to become of it."""
    call.device = None
    for name in ("bridge_to", "line", "machine_detection", "options", "parks", "part", "rivals", "supervises"):
        setattr(device, name, getattr(call, name))
    call.bridge_to, call.rivals = None, []
    calls.end(exchange, call, "normal_clearing", "caller", "200")
    if device.state == "ringing":
        calls.answer(exchange, device)
