"""Serves phone numbers: list, also with less of each, retrieve, update, delete, under ``/phone_numbers``.

Members: ``PhoneNumberDetailed`` of the public document. What the documentation leaves open is decided so: an empty
``connection_id`` unassigns, null is refused as the SDK's type has none.
"""

from collections.abc import Callable
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.core import pages
from portal.sandbox.core.errors import bad_request, check, not_found, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import CALL_CONTROL, TEXML, Exchange
from portal.sandbox.core.ids import new_id
from portal.sandbox.resources import audit

NUMBERS = "phone_numbers"
KINDS = (CALL_CONTROL, TEXML)
_SORTS = ("purchased_at", "phone_number", "connection_name", "usage_payment_method")
_ELSEWHERE = ("connection_name", "messaging_profile_id", "messaging_profile_name", "tags")
_NOT_SLIM = (*_ELSEWHERE, "deletion_lock_enabled", "source_type")
_NOT_OF_DELETED = ("country_iso_alpha2", "emergency_status", "inbound_call_screening", "source_type")
_EQUAL = ("connection_id", "status", "customer_reference", "billing_group_id", "emergency_address_id")
_DEFAULTS: JsonObject = {
    "billing_group_id": None,
    "call_forwarding_enabled": True,
    "call_recording_enabled": False,
    "caller_id_name_enabled": False,
    "cnam_listing_enabled": False,
    "connection_id": None,
    "connection_name": None,
    "country_iso_alpha2": "US",
    "customer_reference": None,
    "deletion_lock_enabled": False,
    "emergency_address_id": None,
    "emergency_enabled": False,
    "emergency_status": "disabled",
    "external_pin": None,
    "hd_voice_enabled": False,
    "inbound_call_screening": "disabled",
    "messaging_profile_id": None,
    "messaging_profile_name": None,
    "phone_number_type": "local",
    "record_type": "phone_number",
    "source_type": "number_order",
    "status": "active",
    "t38_fax_gateway_enabled": True,
    "tags": [],
}


def new_number(phone_number: str, now: float, **values: Any) -> JsonObject:
    """Return a number bought just now."""
    bought = timestamp(now, "milliseconds")
    times = dict.fromkeys(("activated_at", "created_at", "purchased_at", "updated_at"), bought)
    return _DEFAULTS | times | {"id": new_id(now), "phone_number": phone_number} | values


def list_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    """Return one page, the newest first unless sorted."""
    return pages.page(select(exchange, query), query)


def slim_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    """Return one page of the same, with less of each."""
    page = list_page(exchange, query)
    rows = [{name: value for name, value in row.items() if name not in _NOT_SLIM} for row in page["data"]]
    return page | {"data": rows}


def select(exchange: Exchange, query: dict[str, str]) -> list[JsonObject]:
    """Return the numbers that the filters leave, the newest first unless sorted."""
    names = _connection_names(exchange)
    numbers = [_named(number, names) for number in reversed(exchange.store.all(NUMBERS))]
    for name, value in query.items():
        if name.startswith("filter["):
            numbers = [number for number in numbers if _matches(number, name, value)]
    if (sort := query.get("sort")) is not None:
        if sort not in _SORTS:
            raise bad_request(f"'sort' must be one of {', '.join(_SORTS)}.", "/sort")
        numbers.sort(key=lambda number: str(number.get(sort) or ""))
    return numbers


def retrieve(exchange: Exchange, id: str) -> JsonObject:
    return {"data": _named(known(exchange, id), _connection_names(exchange))}


def update(exchange: Exchange, id: str, body: JsonObject, by: audit.Editor = audit.OWNER) -> JsonObject:
    """Change what ``body`` names and keep the rest."""
    before = known(exchange, id)
    check("phone_numbers.update", body)
    if body.get("connection_id") and not _application(exchange, body["connection_id"]):
        detail = "There is no connection with this id."
        raise unprocessable("10015", "Invalid value for connection_id", detail, "/connection_id")
    if body.get("connection_id") == "":
        body = body | {"connection_id": None}
    told = {name: value for name, value in body.items() if name in before}  # no answer has an ``address_id``
    change(exchange, before, told, by)
    return retrieve(exchange, id)


def change(exchange: Exchange, before: JsonObject, told: JsonObject, by: audit.Editor = audit.OWNER) -> None:
    """Keep a number with these members changed, and note who did it."""
    after = before | told | {"updated_at": timestamp(exchange.now(), "milliseconds")}
    exchange.store.put(NUMBERS, after["id"], after)
    audit.note(exchange, before, after, by, alternate=after["phone_number"])


def delete(exchange: Exchange, id: str) -> JsonObject:
    """Give a number back; the answer is what it was, with less than is told of one that is there."""
    answer = retrieve(exchange, id)
    exchange.store.remove(NUMBERS, id)
    audit.note(exchange, answer["data"], {}, audit.OWNER, alternate=answer["data"]["phone_number"])
    told = {name: value for name, value in answer["data"].items() if name not in _NOT_OF_DELETED}
    return {"data": told | {"status": "deleted"}}


def attached(exchange: Exchange, connection_id: str) -> bool:
    """Whether a number leads to that application."""
    return bool(exchange.store.having(NUMBERS, "$.connection_id", connection_id))


def known(exchange: Exchange, id: str) -> JsonObject:
    """Return the number of that id, or 404."""
    number = exchange.store.get(NUMBERS, id)
    if number is None:
        raise not_found()
    return number


def called(exchange: Exchange, phone_number: str) -> JsonObject | None:
    """Return the number that somebody calls, if it is one of the account's."""
    return next(iter(exchange.store.having(NUMBERS, "$.phone_number", phone_number)), None)


def _application(exchange: Exchange, id: str) -> JsonObject | None:
    return next((application for kind in KINDS if (application := exchange.store.application(kind, id))), None)


def _connection_names(exchange: Exchange) -> dict[str, str]:
    applications = [application for kind in KINDS for application in exchange.store.applications(kind)]
    return {
        application["id"]: application.get("application_name") or application.get("friendly_name") or ""
        for application in applications
    }


def _named(number: JsonObject, names: dict[str, str]) -> JsonObject:
    return number | {"connection_name": names.get(number["connection_id"])}


def _matches(number: JsonObject, name: str, value: str) -> bool:
    member, _, how = name.removeprefix("filter[").removesuffix("]").partition("][")
    if member in _EQUAL:
        return bool((number[member] or "null") == value)
    matches = _FILTERS.get(member)
    return matches is None or matches(number, value, how)


def _digits_match(number: JsonObject, value: str, how: str) -> bool:
    if sum(letter.isdigit() for letter in value) < 3:
        raise pages.bad_filter("filter[phone_number]", "needs at least three digits")
    digits = value.removeprefix("+")
    return digits.isdigit() and digits in number["phone_number"]


def _name_matches(number: JsonObject, value: str, how: str) -> bool:
    if how != "eq" and len(value) < 3:
        raise pages.bad_filter("filter[voice.connection_name]", "needs at least three characters")
    compare = {"contains": str.__contains__, "starts_with": str.startswith, "ends_with": str.endswith, "eq": str.__eq__}
    return how in compare and bool(compare[how](str(number["connection_name"] or "").casefold(), value.casefold()))


_FILTERS: dict[str, Callable[[JsonObject, str, str], bool]] = {
    "phone_number": _digits_match,
    "connection_name": _name_matches,
    "voice.connection_name": _name_matches,
    "tag": lambda number, value, how: value in number["tags"],
    "without_tags": lambda number, value, how: value != "true" or not number["tags"],
    "number_type": lambda number, value, how: bool(number["phone_number_type"] == value),
    "country_iso_alpha2": lambda number, value, how: bool(number["country_iso_alpha2"] == value),
}
