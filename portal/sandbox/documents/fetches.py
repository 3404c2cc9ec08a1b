"""Asks for documents: which fields go with a request, and what becomes of the answer.

Fields of an action's request: Telnyx's API reference, callbacks ``texml-*``; those of Record, Enqueue and Connect are
published nowhere, and are what their own callbacks have.
"""

from html import escape

from portal.json_types import JsonObject
from portal.sandbox.conferences import conferences, queues
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.documents.outcomes import texml
from portal.sandbox.texml import callbacks, legs
from portal.texml.outcomes import Failed, Fetch, Fetched, Tell

REPLY = "texml_document"  # the timer that brings the answer
NOBODY = Failed("no answer came")
_KINDS = {"waitUrl": "texml.queue", "Record": "texml.recording.action", "Partial": "texml.gather.partial"}
_BY_DOCUMENT = ("document", "Redirect")


def ask(exchange: Exchange, call: Call, fetch: Fetch) -> None:
    """Send the request; whatever was asked for before does not matter any more."""
    forget(call)
    kind = "texml.call.fetch" if fetch.why in _BY_DOCUMENT else f"texml.{fetch.why.lower()}"
    form = fields(exchange, call, fetch.why) | dict(fetch.fields)
    more = {"reply": REPLY, "token": texml(call)["asked"]}
    exchange.emit_form(call, _KINDS.get(fetch.why, kind), form, fetch.url, "", fetch.method.upper(), **more)


def forget(call: Call) -> None:
    """Let no answer that is still to come count."""
    texml(call)["asked"] = texml(call).get("asked", 0) + 1


def tell(exchange: Exchange, call: Call, fetch: Fetch | Tell) -> None:
    """Send a request for whose answer nobody waits."""
    kind = _KINDS.get(fetch.why, f"texml.{fetch.why.lower()}")
    form = fields(exchange, call, fetch.why) | dict(fetch.fields)
    exchange.emit_form(call, kind, form, fetch.url, "", fetch.method.upper())


def answer(call: Call, arguments: JsonObject, role: str) -> Fetched | Failed | None:
    """Return what came of a request; None if nobody waits for it any more. Whoever waits may be given a sound."""
    if arguments["token"] != texml(call).get("asked"):
        return None
    if arguments["status"] is None:
        return NOBODY
    if arguments["status"] != 200:
        return Failed(f"the answer was {arguments['status']}")
    if role == "wait" and arguments.get("kind", "").startswith("audio/"):
        sound = escape(arguments["url"])
        return Fetched(f'<Response><Play loop="0">{sound}</Play></Response>', arguments["url"])
    return Fetched(arguments["body"].encode("latin-1"), arguments["url"])


def fields(exchange: Exchange, call: Call, why: str) -> dict[str, str]:
    """Return the fields that tell of the call; what came of a verb stands beside them."""
    if why in _BY_DOCUMENT:
        return legs.of_fetch(call)
    form = callbacks.common(call)
    if why == "waitUrl":
        return form | (of_queue(exchange, call) or _of_conference(exchange, call))
    if why in ("Dial", "Record"):
        form["ConnectionId"] = call.connection_id
    if why == "Dial":
        form["CallStatus"] = callbacks.status(call)
    if why in ("Record", "Refer"):
        return form
    return form | {"From": call.from_number, "To": call.to_number}


def of_queue(exchange: Exchange, call: Call) -> dict[str, str]:
    """Return the fields that tell of the place in a queue; none if the leg waits in none."""
    for place in call.running.get(queues.KIND, []):
        line = queues.retrieve_line(exchange, place["name"])["line"]
        now = exchange.now()
        waits = {entry["call_control_id"]: round(now - entry["at"]) for entry in line}
        position = list(waits).index(call.call_control_id) + 1
        return {
            "QueueSid": place["name"],
            "QueuePosition": str(position),
            "QueueTime": str(waits[call.call_control_id]),
            "AvgQueueTime": str(round(sum(waits.values()) / len(waits))),
            "CurrentQueueSize": str(len(waits)),
        }
    return {}


def _of_conference(exchange: Exchange, call: Call) -> dict[str, str]:
    """Return what the callbacks of a conference tell as well: those of its waitUrl are published nowhere."""
    for place in call.running.get(conferences.KIND, []):
        room = conferences.find_conference(exchange, place["id"])
        told = {"ConnectionId": call.connection_id, "ConferenceSid": room["id"], "FriendlyName": room["name"]}
        return told | {"From": call.from_number, "To": call.to_number}
    return {}
