"""Refuses calls that an application, its outbound voice profile or the account do not allow: so many, or to there.

Beyond a limit the codes are 90043, 90042 and 90041. With which status they come is published nowhere; here 422, as the
other 90-codes. Without a limit nothing is counted: that is Telnyx's default of the first two; the account's, which
Telnyx sets by the level, is the sandbox's to be told. An application without a profile calls anybody.
"""

from typing import Any

from portal.json_types import JsonObject
from portal.sandbox import countries
from portal.sandbox.calls.destinations import refused
from portal.sandbox.core.errors import unprocessable, wrong
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.resources import profiles
from portal.sandbox.resources.applications import KINDS

_CHOICE = "account_limit"
_MOST = 100_000


def check(exchange: Exchange, application: JsonObject, *numbers: str) -> None:
    """Return when that application may call all these now; of one that was deleted nothing is known."""
    if not application:
        return
    outbound, legs = application["outbound"], len(numbers)
    own = exchange.store.live_calls(application["id"])
    _check(exchange, [id for _, id in own], outbound["channel_limit"], legs, "90043", "application")
    profile = exchange.store.get(profiles.PROFILES, outbound["outbound_voice_profile_id"] or "")
    if profile is not None:
        if not profile["enabled"]:
            raise refused("D15")
        for number in numbers:
            _check_destination(number, profile["whitelisted_destinations"])
        _check(exchange, _using(exchange, profile["id"]), profile["concurrent_call_limit"], legs, "90042", "profile")
    _check(exchange, exchange.store.every_live_call(), of_account(exchange), legs, "90041", "account")


def is_full(exchange: Exchange, application: JsonObject) -> bool:
    """Whether as many callers are on the line at once as an application's inbound settings allow."""
    limit: int | None = application["inbound"]["channel_limit"]
    if limit is None:
        return False
    return _count(exchange, [id for _, id in exchange.store.live_calls(application["id"])], "incoming") >= limit


def of_account(exchange: Exchange) -> int | None:
    """Return how many calls may go out at once from all applications; None when that is not limited."""
    kept = exchange.store.get(_CHOICE, _CHOICE) or {"channel_limit": None}
    limit: int | None = kept["channel_limit"]
    return limit


def choose(exchange: Exchange, limit: Any) -> None:
    """Limit the account's calls from now on; None takes the limit away."""
    if limit is not None and not 0 <= limit <= _MOST:
        raise wrong("channel_limit", f"A whole number from 0 to {_MOST}, or null.")
    exchange.store.put(_CHOICE, _CHOICE, {"channel_limit": limit})


def _check(exchange: Exchange, ids: list[str], limit: int | None, legs: int, code: str, whose: str) -> None:
    if limit is None:
        return
    if _count(exchange, ids, "outgoing") + legs > limit:
        raise unprocessable(code, "Channel limit exceeded", f"The {whose} allows {limit} outgoing calls at once.")


def _check_destination(number: str, allowed: list[str]) -> None:
    """Return when a profile allows calls to where a number is, as far as that is told by its beginning."""
    found = countries.of_number(number)
    if number.startswith("+") and not set(found) & set(allowed):
        where = f"(pertinent countries: {', '.join(found) or 'none'})"
        raise refused(
            "D13", f"Dialed number {number} {where} is not included in whitelisted countries: {', '.join(allowed)}"
        )


def _count(exchange: Exchange, ids: list[str], direction: str) -> int:
    """Return how many of these legs are alive and go that way."""
    return sum(1 for id in ids if (call := exchange.call(id)) and call.alive and call.direction == direction)


def _using(exchange: Exchange, profile: str) -> list[str]:
    """Return the legs alive in the applications that use a profile."""
    every = [one for kind in KINDS for one in exchange.store.applications(kind)]
    using = [one["id"] for one in every if one["outbound"]["outbound_voice_profile_id"] == profile]
    return [id for one in using for _, id in exchange.store.live_calls(one)]
