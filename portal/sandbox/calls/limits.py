"""Refuses calls beyond what an application and its outbound voice profile allow at once: 90043 and 90042.

Which of a channel limit's codes comes with which status is published nowhere; here 422, as the other 90-codes. Without
a limit, which is Telnyx's default, nothing is counted.
"""

from portal.json_types import JsonObject
from portal.sandbox.calls.destinations import refused
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.resources import profiles
from portal.sandbox.resources.applications import KINDS


def check(exchange: Exchange, application: JsonObject, legs: int = 1) -> None:
    """Return when so many more legs may go out from that application."""
    outbound = application["outbound"]
    _check(exchange, [application["id"]], outbound["channel_limit"], legs, "90043", "application")
    profile = exchange.store.get(profiles.PROFILES, outbound["outbound_voice_profile_id"] or "")
    if profile is None:
        return
    if not profile["enabled"]:
        raise refused("D15")
    _check(exchange, _using(exchange, profile["id"]), profile["concurrent_call_limit"], legs, "90042", "profile")


def _check(exchange: Exchange, connections: list[str], limit: int | None, legs: int, code: str, whose: str) -> None:
    if limit is None:
        return
    ids = [id for connection in connections for _, id in exchange.store.live_calls(connection)]
    live = sum(1 for id in ids if (call := exchange.call(id)) and call.direction == "outgoing")
    if live + legs > limit:
        raise unprocessable(code, "Channel limit exceeded", f"The {whose} allows {limit} outgoing calls at once.")


def _using(exchange: Exchange, profile: str) -> list[str]:
    every = [one for kind in KINDS for one in exchange.store.applications(kind)]
    return [one["id"] for one in every if one["outbound"]["outbound_voice_profile_id"] == profile]
