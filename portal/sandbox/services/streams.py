"""Streams audio elsewhere while a leg is up: media streaming, forking, SIPREC. None of it is really sent.

A stream whose URL ends in ``/fail`` and a SIPREC connector whose name ends in ``fail`` do not come about.
"""

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call

STREAM, FORK, SIPREC = "stream", "fork", "siprec"


def begin(exchange: Exchange, call: Call) -> None:
    """Stream from the answer on, if dial or answer named a URL."""
    if call.options.get("stream_url"):
        start(exchange, call, call.options)


def hang_up(exchange: Exchange, call: Call) -> None:
    for stream in call.running.pop(STREAM, []):
        exchange.emit(call, "streaming.stopped", stream_url=stream["url"])
    for fork in call.running.pop(FORK, []):
        exchange.emit(call, "call.fork.stopped", stream_type=fork["type"])
    if call.running.pop(SIPREC, []):
        exchange.emit(call, "siprec.stopped", hangup_cause="normal_clearing")


def start(exchange: Exchange, call: Call, body: JsonObject) -> None:
    stream = {"id": chance.new_uuid(), "url": body.get("stream_url")}
    if str(stream["url"]).endswith("/fail"):
        params = {"stream_url": stream["url"], "track": body.get("stream_track", "inbound_track")}
        kind = "dialogflow" if body.get("enable_dialogflow") else "websocket"
        more = {"stream_id": stream["id"], "stream_type": kind, "stream_params": params}
        exchange.emit(call, "streaming.failed", failure_reason="connection_failed", **more)
        return
    call.running.setdefault(STREAM, []).append(stream)
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
        exchange.emit(call, "streaming.stopped", stream_url=stream["url"])


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
