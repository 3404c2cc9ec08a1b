"""Decides how documents are run: leniently as Telnyx runs them, or strictly."""

from portal.json_types import JsonObject
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.exchange import Exchange

_SETTINGS = "texml_documents"


def choose(exchange: Exchange, body: JsonObject) -> JsonObject:
    """Decide it from now on: ``{"strict": true}`` ends a call where Telnyx would pass over something."""
    if set(body) != {"strict"} or not isinstance(body["strict"], bool):
        raise unprocessable(
            "10015", "Invalid parameter", "'strict' must be true or false, and is all there is.", "/strict"
        )
    exchange.store.put(_SETTINGS, _SETTINGS, {"strict": body["strict"]})
    return {"strict": body["strict"]}


def is_strict(exchange: Exchange) -> bool:
    return bool((exchange.store.get(_SETTINGS, _SETTINGS) or {"strict": False})["strict"])
