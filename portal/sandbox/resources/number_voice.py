"""Serves what a number is set to do with calls: list, retrieve, update, under ``/phone_numbers/…/voice``.

The settings are kept, and none is played: forwarding and recording by a number go on before an application is asked.
What was never set is left out: the public document has no null there.
"""

import re

from portal.json_types import JsonObject
from portal.sandbox.core import pages
from portal.sandbox.core.errors import check, unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.resources import numbers

_KEPT = "phone_number_voice"
_GROUPS: dict[str, JsonObject] = {
    "call_forwarding": {},
    "call_recording": {"inbound_call_recording_channels": "single", "inbound_call_recording_format": "wav"},
    "cnam_listing": {},
    "media_features": {"accept_any_rtp_packets_enabled": False, "rtp_auto_adjust_enabled": True},
}
_PLAIN: JsonObject = {"tech_prefix_enabled": False, "translated_number": "", "usage_payment_method": "pay-per-minute"}
# what the number itself tells as well, by another name
_SHARED = {
    ("call_forwarding", "call_forwarding_enabled"): "call_forwarding_enabled",
    ("call_recording", "inbound_call_recording_enabled"): "call_recording_enabled",
    ("cnam_listing", "cnam_listing_enabled"): "cnam_listing_enabled",
    ("media_features", "t38_fax_gateway_enabled"): "t38_fax_gateway_enabled",
}
_OF_NUMBER = ("caller_id_name_enabled", "inbound_call_screening")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def list_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    """Return one page, the newest number first unless sorted."""
    rows = [_as_json(exchange, number) for number in numbers.select(exchange, query)]
    method = query.get("filter[voice.usage_payment_method]")
    return pages.page([row for row in rows if method in (None, row["usage_payment_method"])], query)


def retrieve(exchange: Exchange, id: str) -> JsonObject:
    return {"data": _as_json(exchange, numbers.known(exchange, id))}


def update(exchange: Exchange, id: str, body: JsonObject) -> JsonObject:
    """Change what ``body`` names, in a group of settings as well, and keep the rest."""
    number = numbers.known(exchange, id)
    check("phone_numbers.voice.update", body)
    to = body.get("call_forwarding", {}).get("forwards_to")
    if to and not _NUMBER.fullmatch(to):
        detail, pointer = "'forwards_to' must be +E.164.", "/call_forwarding/forwards_to"
        raise unprocessable("10016", "Phone number must be in +E164 format", detail, pointer)
    kept = exchange.store.get(_KEPT, id) or {}
    groups = {group: kept.get(group, {}) | body[group] for group in _GROUPS if group in body}
    exchange.store.put(_KEPT, id, kept | {name: body[name] for name in _PLAIN if name in body} | groups)
    shared = {ours: body[group][name] for (group, name), ours in _SHARED.items() if name in body.get(group, {})}
    numbers.change(exchange, number, shared | {name: body[name] for name in _OF_NUMBER if name in body})
    return retrieve(exchange, id)


def _as_json(exchange: Exchange, number: JsonObject) -> JsonObject:
    kept = exchange.store.get(_KEPT, number["id"]) or {}
    groups = {group: members | kept.get(group, {}) for group, members in _GROUPS.items()}
    for (group, name), ours in _SHARED.items():
        groups[group][name] = number[ours]
    plain = {name: kept.get(name, default) for name, default in _PLAIN.items()}
    emergency = _set(number, "emergency_address_id", "emergency_enabled", "emergency_status")
    of_number = _set(number, "id", "phone_number", "connection_id", "customer_reference", "inbound_call_screening")
    return {"record_type": "voice_settings", "emergency": emergency} | of_number | groups | plain


def _set(number: JsonObject, *names: str) -> JsonObject:
    return {name: number[name] for name in names if number[name] is not None}
