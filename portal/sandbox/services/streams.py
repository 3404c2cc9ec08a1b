"""Streams audio elsewhere while a leg is up: media streaming over a WebSocket; forking and SIPREC, which send nothing.

A stream whose URL ends in ``/fail`` and a SIPREC connector whose name ends in ``fail`` do not come about.
"""

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.services import sockets

STREAM, FORK, SIPREC = "stream", "fork", "siprec"
_TOLD = "stream_told"  # the timer that tells what became of a WebSocket


def begin(exchange: Exchange, call: Call) -> None:
    """Stream from the answer on, if dial or answer named a URL."""
    if call.options.get("stream_url"):
        start(exchange, call, call.options)


def hang_up(exchange: Exchange, call: Call) -> None:
    for stream in call.running.pop(STREAM, []):
        _end(exchange, call, stream)
    for fork in call.running.pop(FORK, []):
        exchange.emit(call, "call.fork.stopped", stream_type=fork["type"])
    if call.running.pop(SIPREC, []):
        exchange.emit(call, "siprec.stopped", hangup_cause="normal_clearing")


def start(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Begin a stream; it has started once somebody listens."""
    stream = {
        "id": chance.new_uuid(),
        "url": body.get("stream_url"),
        "track": body.get("stream_track", "inbound_track"),
        "kind": "dialogflow" if body.get("enable_dialogflow") else "websocket",
    }
    state, why = sockets.open(exchange, call, stream["id"], _wanted(body), _TOLD)
    if state == sockets.FAILED:
        _fail(exchange, call, stream, why)
        return
    call.running.setdefault(STREAM, []).append(stream)
    if state != sockets.CONNECTING:
        exchange.emit(call, "streaming.started", stream_url=stream["url"])


def stop(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """End one stream, or all of the leg."""
    id, every = body.get("stream_id"), call.running.get(STREAM, [])
    ending = [stream for stream in every if id in (None, stream["id"])]
    if not ending:
        detail = "This command can only be issued when media streaming is used."
        raise unprocessable("90048", "Media Streaming is not used", detail)
    call.running[STREAM] = [stream for stream in every if stream not in ending]
    for stream in ending:
        _end(exchange, call, stream)


def start_fork(exchange: Exchange, call: Call, body: JsonObject) -> None:
    if call.running.get(STREAM):  # which commands Telnyx refuses so is documented nowhere
        detail = "This command can't be issued when media streaming is used."
        raise unprocessable("90045", "Media Streaming is used", detail)
    fork = {"type": body.get("stream_type", "decrypted")}
    call.running[FORK] = [fork]
    exchange.emit(call, "call.fork.started", stream_type=fork["type"])


def stop_fork(exchange: Exchange, call: Call, body: JsonObject) -> None:
    for fork in call.running.pop(FORK, []):
        exchange.emit(call, "call.fork.stopped", stream_type=fork["type"])
        return
    raise unprocessable("90031", "Call is not currently forked", "There is no fork to stop.")


def start_siprec(exchange: Exchange, call: Call, body: JsonObject) -> None:
    name = body.get("connector_name", "")
    if name.endswith("fail"):
        exchange.emit(call, "siprec.failed", failure_cause="connection_failed")
        return
    call.running[SIPREC] = [{"connector": name}]
    exchange.emit(call, "siprec.started")


def stop_siprec(exchange: Exchange, call: Call, body: JsonObject) -> None:
    if call.running.pop(SIPREC, []):
        exchange.emit(call, "siprec.stopped", hangup_cause="normal_clearing")


def _wanted(body: JsonObject) -> JsonObject:
    names = {"url": "stream_url", "track": "stream_track", "token": "stream_auth_token"}
    names |= {"mode": "stream_bidirectional_mode", "codec": "stream_bidirectional_codec"}
    names |= {"rate": "stream_bidirectional_sampling_rate", "sent": "stream_codec"}
    given = body.get("custom_parameters") or []
    parameters = {one["name"]: one.get("value") for one in given if "name" in one}
    return {ours: body.get(theirs) for ours, theirs in names.items()} | {"parameters": parameters}


def _end(exchange: Exchange, call: Call, stream: JsonObject) -> None:
    sockets.stop(exchange, stream["id"])
    exchange.emit(call, "streaming.stopped", stream_url=stream["url"])


def _fail(exchange: Exchange, call: Call, stream: JsonObject, why: str) -> None:
    params = {"stream_url": stream["url"], "track": stream["track"]}
    more = {"stream_id": stream["id"], "stream_type": stream["kind"], "stream_params": params}
    exchange.emit(call, "streaming.failed", failure_reason=why, **more)


def _told(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Tell what became of a stream: somebody listens, nobody does, or they have left."""
    stream = next((one for one in call.running.get(STREAM, []) if one["id"] == arguments["id"]), None)
    if stream is None:  # it was stopped meanwhile
        return
    if arguments["state"] == sockets.OPEN:
        exchange.emit(call, "streaming.started", stream_url=stream["url"])
        return
    call.running[STREAM].remove(stream)
    if arguments["state"] == sockets.FAILED:
        _fail(exchange, call, stream, f"{sockets.REFUSED}: {arguments['why']}")
    else:
        exchange.emit(call, "streaming.stopped", stream_url=stream["url"])


TIMERS: dict[str, TimerFunction] = {_TOLD: _told}
