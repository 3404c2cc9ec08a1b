"""Serves streams of a TeXML call, over a WebSocket, and SIPREC sessions, which send nothing.

A stream whose URL ends in ``/fail`` and a SIPREC connector whose name ends in ``fail`` do not come about.
"""

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.requests import Request
from portal.sandbox.core.store import Call
from portal.sandbox.services import sockets
from portal.sandbox.texml import callbacks, calls, parameters
from portal.sandbox.texml.accounts import mail_time, resource_not_found, uri

At = tuple[str, ...]
STREAM, SIPREC = "stream", "siprec"
_TOLD = "texml_stream_told"  # the timer that tells what became of a WebSocket


def start_stream(exchange: Exchange, request: Request, at: At) -> JsonObject:
    call = calls.known(exchange, at[1], alive=True)
    body = parameters.read(request, "texml.accounts.calls.streams_json", required=("Url",))
    stream = begin(exchange, call, STREAM, body)
    return _stream(stream, at) | {"name": stream["name"], "status": "in-progress"}


def stop_stream(exchange: Exchange, request: Request, at: At) -> JsonObject:
    call = calls.known(exchange, at[1])
    method = "texml.accounts.calls.streams.streaming_sid_json"
    return _stream(_stop(exchange, call, request, method, at[2]), at) | {"status": "stopped"}


def start_siprec(exchange: Exchange, request: Request, at: At) -> JsonObject:
    call = calls.known(exchange, at[1], alive=True)
    body = parameters.read(request, "texml.accounts.calls.siprec_json", required=("ConnectorName",))
    session = begin(exchange, call, SIPREC, body)
    began = dict.fromkeys(("date_created", "start_time"), mail_time(session["at"]))
    return _session(session, at, request) | began | {"track": body.get("Track", "both_tracks")}


def stop_siprec(exchange: Exchange, request: Request, at: At) -> JsonObject:
    call = calls.known(exchange, at[1])
    session = _stop(exchange, call, request, "texml.accounts.calls.siprec.siprec_sid_json", at[2])
    return _session(session, at, request)


def hang_up(exchange: Exchange, call: Call) -> None:
    """Stop everything, because the call ends."""
    for item in (call.texml or {}).get("sessions", []):
        _end(exchange, call, item)


def begin(exchange: Exchange, call: Call, kind: str, body: JsonObject, *, blocks: bool = False) -> JsonObject:
    """Begin a stream or a session; one that ``blocks`` keeps the call's document from going on."""
    item: JsonObject = {
        "blocks": blocks,
        "kind": kind,
        "sid": chance.new_uuid(),
        "name": body.get("Name", ""),
        "url": body.get("StatusCallback"),
        "method": body.get("StatusCallbackMethod"),
        "at": exchange.now(),
        "status": "in-progress",
    }
    assert call.texml is not None
    call.texml["sessions"].append(item)
    if kind == STREAM:
        state, why = sockets.open(exchange, call, item["sid"], _wanted(body), _TOLD)
    else:
        state, why = sockets.FAILED if body["ConnectorName"].endswith("fail") else sockets.UNPLAYED, sockets.REFUSED
    if state == sockets.FAILED:
        _fail(exchange, call, item, why)
    elif state != sockets.CONNECTING:
        callbacks.stream(exchange, call, item, "started")
    return item


def _stop(exchange: Exchange, call: Call, request: Request, method: str, sid: str) -> JsonObject:
    """Stop it; one that is stopped stays as it is."""
    kind = SIPREC if "siprec" in method else STREAM
    items = [item for item in (call.texml or {})["sessions"] if (item["kind"], item["sid"]) == (kind, sid)]
    if not items:
        raise resource_not_found()
    parameters.read(request, method, required=("Status",))
    _end(exchange, call, items[0])
    found: JsonObject = items[0]
    return found


def stop(exchange: Exchange, call: Call, kind: str, name: str) -> None:
    """Stop the one of that name; without a name the one begun last, if any."""
    running = [item for item in (call.texml or {})["sessions"] if item["status"] == "in-progress"]
    found = [item for item in running if item["kind"] == kind and name in ("", item["name"])]
    for item in found[-1:]:
        _end(exchange, call, item)


def _end(exchange: Exchange, call: Call, item: JsonObject) -> None:
    if item["status"] == "in-progress":
        item |= {"status": "stopped", "at": exchange.now()}
        if item["kind"] == STREAM:
            sockets.stop(exchange, item["sid"])
        callbacks.stream(exchange, call, item, "stopped")
        if item.get("blocks"):
            exchange.tell(call, "unbridged")


def _fail(exchange: Exchange, call: Call, item: JsonObject, why: str) -> None:
    item |= {"status": "stopped", "error": why}
    callbacks.stream(exchange, call, item, "failed")


def _told(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Tell what became of a stream: somebody listens, nobody does, or they have left."""
    sessions = (call.texml or {}).get("sessions", [])
    item = next((one for one in sessions if one["sid"] == arguments["id"]), None)
    if item is None or item["status"] != "in-progress":  # it was stopped meanwhile
        return
    if arguments["state"] == sockets.OPEN:
        callbacks.stream(exchange, call, item, "started")
    elif arguments["state"] == sockets.STOPPED:
        _end(exchange, call, item)
    else:
        _fail(exchange, call, item, f"{sockets.REFUSED}: {arguments['why']}")
        if item.get("blocks"):
            exchange.tell(call, "unbridged")


def _wanted(body: JsonObject) -> JsonObject:
    names = {"url": "Url", "track": "Track", "mode": "BidirectionalMode", "codec": "BidirectionalCodec"}
    names |= {"rate": "BidirectionalSamplingRate", "parameters": "Parameters", "sent": "Codec"}
    return {ours: body.get(theirs) for ours, theirs in names.items()}


def _stream(item: JsonObject, at: At) -> JsonObject:
    return {
        "account_sid": at[0],
        "call_sid": at[1],
        "sid": item["sid"],
        "date_updated": timestamp(item["at"], "seconds"),
        "uri": uri(at[0], "Calls", at[1], "Streams", item["sid"]),
    }


def _session(item: JsonObject, at: At, request: Request) -> JsonObject:
    # the document's example of this one address is a whole URL
    path = uri(at[0], "Calls", at[1], "Siprec", item["sid"]).removesuffix(".json")
    return {
        "account_sid": at[0],
        "call_sid": at[1],
        "sid": item["sid"],
        "status": item["status"],
        "date_updated": mail_time(item["at"]),
        "uri": f"http://{request.headers.get('host', '')}{path}",
    }


TIMERS: dict[str, TimerFunction] = {_TOLD: _told}
