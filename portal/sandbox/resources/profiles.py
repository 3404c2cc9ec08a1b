"""Serves outbound voice profiles: list, create, retrieve, update, delete, under ``/outbound_voice_profiles``.

One that an application uses is not deleted, as seen in production; the code is not known, 10021 is "in use" elsewhere.
"""

from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.core import pages
from portal.sandbox.core.errors import bad_request, check, not_found, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.ids import new_id
from portal.sandbox.resources import audit
from portal.sandbox.resources.applications import KINDS

PROFILES = "outbound_voice_profiles"
_SORTS = ("enabled", "created_at", "name", "service_plan", "traffic_type", "usage_payment_method")


def new_profile(name: str, now: float, **values: Any) -> JsonObject:
    at = timestamp(now, "milliseconds")
    return {
        "id": new_id(now),
        "record_type": "outbound_voice_profile",
        "name": name,
        "billing_group_id": None,
        "call_recording": {
            "call_recording_caller_phone_numbers": [],
            "call_recording_channels": "single",
            "call_recording_format": "wav",
            "call_recording_type": "none",
        },
        "calling_window": None,
        "concurrent_call_limit": None,
        "connections_count": 0,
        "created_at": at,
        "daily_spend_limit": None,
        "daily_spend_limit_enabled": False,
        "enabled": True,
        "max_destination_rate": None,
        "service_plan": "global",
        "tags": [],
        "traffic_type": "conversational",
        "updated_at": at,
        "usage_payment_method": "rate-deck",
        "whitelisted_destinations": ["US", "CA"],
    } | values


def list_page(exchange: Exchange, query: dict[str, str]) -> JsonObject:
    """Return one page, the oldest first unless sorted."""
    sort = query.get("sort", "created_at")
    if sort.removeprefix("-") not in _SORTS:
        raise bad_request(f"'sort' must be one of {', '.join(_SORTS)}, with - for descending.", "/sort")
    part = query.get("filter[name][contains]", "").casefold()
    profiles = [
        _counted(exchange, profile) for profile in exchange.store.all(PROFILES) if part in profile["name"].casefold()
    ]
    profiles.sort(key=lambda profile: str(profile[sort.removeprefix("-")]), reverse=sort.startswith("-"))
    return pages.page(profiles, query)


def retrieve(exchange: Exchange, id: str) -> JsonObject:
    return {"data": _counted(exchange, _profile(exchange, id))}


def create(exchange: Exchange, body: JsonObject) -> JsonObject:
    _check("create", body)
    profile = new_profile(body["name"], exchange.now())
    return _keep(exchange, {}, _merged(profile, body))


def update(exchange: Exchange, id: str, body: JsonObject) -> JsonObject:
    """Change what ``body`` names and keep the rest."""
    before = _profile(exchange, id)
    _check("update", body)
    return _keep(exchange, before, _merged(before, body) | {"updated_at": timestamp(exchange.now(), "milliseconds")})


def delete(exchange: Exchange, id: str) -> JsonObject:
    """Delete it; the answer is the profile as it was."""
    answer = retrieve(exchange, id)
    if answer["data"]["connections_count"]:
        detail = "The profile is in use by an application: take it from that first."
        raise unprocessable("10021", "Resource in use", detail, "/id")
    exchange.store.remove(PROFILES, id)
    audit.note(exchange, answer["data"], {}, audit.OWNER)
    return answer


def _profile(exchange: Exchange, id: str) -> JsonObject:
    profile = exchange.store.get(PROFILES, id)
    if profile is None:
        raise not_found()
    return profile


def _check(verb: str, body: JsonObject) -> None:
    check(f"{PROFILES}.{verb}", body)
    if not body["name"].strip():
        raise unprocessable("10004", "Missing required parameter", "'name' is required and may not be blank.", "/name")


def _merged(before: JsonObject, body: JsonObject) -> JsonObject:
    recording = before["call_recording"] | body.get("call_recording", {})
    return before | body | {"call_recording": recording}


def _keep(exchange: Exchange, before: JsonObject, profile: JsonObject) -> JsonObject:
    exchange.store.put(PROFILES, profile["id"], profile)
    audit.note(exchange, before, profile, audit.OWNER)
    return {"data": _counted(exchange, profile)}


def _counted(exchange: Exchange, profile: JsonObject) -> JsonObject:
    applications = [application for kind in KINDS for application in exchange.store.applications(kind)]
    used = sum(application["outbound"]["outbound_voice_profile_id"] == profile["id"] for application in applications)
    return profile | {"connections_count": used}
