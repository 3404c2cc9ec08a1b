"""Tells how far a caller is to be trusted: who vouches for the number (SHAKEN/STIR), and what Telnyx's screening found.

Telnyx passes an attestation on only to applications that ask for it (``inbound.shaken_stir_enabled``), and screens only
the calls of numbers that are set to (``inbound_call_screening``). Suspicious is a caller of bad reputation, of
attestation C, or whose signature is not in order: such a call is flagged, or never put through (D52). Source:
support.telnyx.com, article 8037040.
"""

from portal.json_types import JsonObject
from portal.sandbox.core.errors import wrong
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.resources import numbers

LEVELS = ("A", "B", "C")
FLAGGED = "spam_likely"  # what is told of a call that nobody suspects is published nowhere: here nothing
_MEMBERS = ("attestation", "attestation_valid", "spam")


def read(exchange: Exchange, application: JsonObject, number: str, body: JsonObject) -> JsonObject:
    """Return what a request tells of the caller; 422 for what this application would never hear of."""
    told = {name: body[name] for name in _MEMBERS if name in body}
    if told.get("attestation") not in (None, *LEVELS):
        raise wrong("attestation", f"Must be one of {', '.join(LEVELS)}, or null: nobody vouches.")
    if screens(exchange, number):
        return told
    if told.get("spam"):
        raise wrong("spam", f"Nobody is told: set 'inbound_call_screening' of {number} to flag_calls or reject_calls.")
    asked = next((name for name in ("attestation", "attestation_valid") if name in told), None)
    if asked and not application["inbound"]["shaken_stir_enabled"]:
        detail = "Nobody is told: set 'inbound.shaken_stir_enabled' of the application, or have the number screen."
        raise wrong(asked, detail)
    return told


def screens(exchange: Exchange, number: str) -> str:
    """Return what a number does with calls that it suspects: flag_calls or reject_calls; "" if it suspects none."""
    known = numbers.called(exchange, number)
    setting = str(known["inbound_call_screening"]) if known else "disabled"
    return "" if setting == "disabled" else setting


def is_refused(exchange: Exchange, number: str, told: JsonObject) -> bool:
    """Whether Telnyx puts no such caller through to that number."""
    return screens(exchange, number) == "reject_calls" and _is_suspicious(told)


def of_caller(exchange: Exchange, call: Call) -> JsonObject:
    """Return what is told of who calls, as a leg begins."""
    if call.direction != "incoming" or call.device_of:
        return {}
    is_flagged = screens(exchange, call.to_number) and _is_suspicious(call.trust)
    found: JsonObject = {"call_screening_result": FLAGGED if is_flagged else None}
    if not exchange.application(call).get("inbound", {}).get("shaken_stir_enabled"):
        return found
    level = call.trust.get("attestation", LEVELS[0])
    return found | {
        "shaken_stir_attestation": level,
        "shaken_stir_validated": call.trust.get("attestation_valid", True if level else None),
    }


def _is_suspicious(told: JsonObject) -> bool:
    return bool(told.get("spam")) or told.get("attestation") == "C" or told.get("attestation_valid") is False
