"""Does what all commands share: Telnyx's checks before it acts, and the minute in which it ignores a repetition."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from portal.json_types import JsonObject
from portal.sandbox import clock
from portal.sandbox.core.errors import Refused, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.strictness import EVENT_TYPES

MOST_RETRIES, LONGEST_RETRIES = 5, 60_000  # of a webhook, milliseconds
COMMAND_WINDOW = 60.0  # seconds for which Telnyx ignores a repeated command_id ("Command retries")
_KEYS = re.compile(r",[0-9A-DwW*#]+$")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|sips?:[^@\s]+@[^@\s]+", re.ASCII)


@dataclass(frozen=True)
class Action:
    """Describes a command: ``method`` is the SDK's; ``needs`` what the leg must be: alive, answered or ringing."""

    method: str
    needs: str
    run: Callable[[Exchange, Call, JsonObject], JsonObject | None]


def run_once(
    exchange: Exchange, scope: str, action: str, command_id: str | None, run: Callable[[], JsonObject]
) -> JsonObject:
    """Return ``run()``, or its earlier answer when this command id was seen within ``scope`` less than 60 s ago."""
    since = clock.time() - COMMAND_WINDOW
    known = exchange.store.remembered_command(scope, command_id, since) if command_id else None
    answer = known or run()
    if command_id and not known:
        exchange.store.remember_command(scope, command_id, clock.time(), answer)
    handle = answer["data"].get("call_control_id", scope)
    line = {"command_id": command_id, "call_control_id": handle, "action": action}
    outcome = "deduplicated" if known else "executed"
    exchange.store.enter("commands", line | {"outcome": outcome, "at": timestamp(clock.time())})
    return answer


def with_url_lists(body: JsonObject) -> JsonObject:
    """Return ``body`` with lists in ``webhook_urls``: the OpenAPI document says one URL an event, the SDK a list."""
    urls = body.get("webhook_urls")
    if not isinstance(urls, dict):
        return body
    return body | {"webhook_urls": {name: [url] if isinstance(url, str) else url for name, url in urls.items()}}


def check_webhooks(body: JsonObject) -> None:
    """Refuse overrides of webhooks for events that there are none of, and policies that wait too long."""
    for name in ("webhook_urls", "webhook_retries_policies"):
        for event_type in body.get(name) or {}:
            if event_type not in EVENT_TYPES:
                detail = f"There is no event '{event_type}'."
                raise unprocessable("90057", "Invalid event type", detail, f"/{name}/{event_type}")
    for event_type, policy in (body.get("webhook_retries_policies") or {}).items():
        pauses = policy.get("retries_ms") or []
        if len(pauses) > MOST_RETRIES or sum(pauses) > LONGEST_RETRIES or any(pause < 0 for pause in pauses):
            detail = f"At most {MOST_RETRIES} retries, of {LONGEST_RETRIES} ms in all."
            raise unprocessable("10033", "Value outside of range", detail, f"/webhook_retries_policies/{event_type}")


def check_client_state(body: JsonObject, *names: str) -> None:
    for name in names:
        try:
            base64.b64decode(body.get(name) or "", validate=True)
        except (binascii.Error, ValueError):
            raise unprocessable("90017", "Invalid client state", f"'{name}' must be base64.", f"/{name}") from None


def check_numbers(body: JsonObject, name: str) -> list[str]:
    """Check the numbers and SIP URIs under ``name``: one, maybe with digits to be played behind a comma, or several."""
    if isinstance(body[name], list) and body[name]:
        return [check_number({name: one}, name) for one in body[name]]
    number = body[name]
    return [check_number({name: _KEYS.sub("", number) if isinstance(number, str) else number}, name)]


def check_number(body: JsonObject, name: str) -> str:
    """Check the number or SIP URI under ``name``."""
    value = body[name]
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        detail = f"'{name}' must be +E.164 or a SIP URI."
        raise unprocessable("10016", "Phone number must be in +E164 format", detail, f"/{name}")
    return value


def check_encryption(body: JsonObject, numbers: list[str]) -> None:
    """Refuse to encrypt what is heard by somebody on the public network."""
    if body.get("media_encryption", "disabled") == "disabled" or all(one.startswith("sip") for one in numbers):
        return
    detail = "SRTP media encryption is not supported for PSTN calls."
    raise unprocessable("10011", "Media encryption not supported for PSTN calls", detail, "/media_encryption")


def leg(exchange: Exchange, id: str, pointer: str = "/call_control_id") -> Call:
    """Return the leg of that id, or 422 on ``pointer``."""
    call = exchange.call(id)
    if call is None:
        raise unprocessable("90015", "Invalid Call Control ID", "There is no call with this call_control_id.", pointer)
    return call


def answered_leg(exchange: Exchange, id: str, pointer: str = "/call_control_id") -> Call:
    """Return the leg of that id, up and answered, or 422 on ``pointer``."""
    call = leg(exchange, id, pointer)
    if not call.alive:
        raise already_ended()
    if call.state != "answered":
        raise not_answered()
    return call


def not_answered() -> Refused:
    return unprocessable("90034", "Call not answered yet", "This command needs an answered call.")


def already_ended() -> Refused:
    return unprocessable("90018", "Call has already ended", "This call is over and takes no more commands.")
