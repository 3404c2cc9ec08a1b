"""Opens and stops the WebSockets of streams, for Call Control and TeXML alike, and tells how each stands.

Hosts that nobody has (RFC 2606: example.com, names in .example and .test) are not asked: a stream there begins, and
nothing is sent. Whatever else is named is asked, as it is for webhooks and documents.
"""

from functools import partial
from urllib.parse import urlsplit

from portal.json_types import JsonObject
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.resources.audit import OWNER
from portal.sandbox.streaming import codecs, streamer

CONNECTING, OPEN, STOPPED, FAILED = streamer.CONNECTING, streamer.OPEN, streamer.STOPPED, streamer.FAILED
UNPLAYED = "unplayed"  # begun, and connected with nobody
REFUSED = "connection_failed"
_NOBODY = ("example.com", "example.net", "example.org", "example", "test")
_SECRET = ("token", "start", "reply")


def open(exchange: Exchange, call: Call, id: str, wanted: JsonObject, reply: str) -> tuple[str, str]:
    """Begin a stream; return its state, and why it failed.

    ``wanted`` has its ``url`` and may have ``track``, ``token`` and ``parameters``; ``sent``, the codec of what goes
    out; ``mode``, ``codec`` and ``rate`` of what comes back. Of one that is connecting the timer ``reply`` tells the
    further states: their ``id``, ``state`` and ``why``.
    """
    url = wanted.get("url") or ""
    state, why = _first_state(exchange, url)
    rate = int(wanted.get("rate") or codecs.RATE)
    start = _start(call, wanted, rate)
    stream: JsonObject = {
        "id": id,
        "call_control_id": call.call_control_id,
        "url": url,
        "track": wanted.get("track") or "inbound_track",
        "mode": wanted.get("mode") or "mp3",
        "codec": wanted.get("codec") or "PCMU",
        "rate": rate,
        "token": wanted.get("token"),
        "start": start,
        "sends": start["media_format"],
        "note": _note(wanted.get("sent"), start["media_format"]["encoding"]),
        "reply": reply,
        "state": state,
        "why": why,
    }
    exchange.store.put(streamer.KIND, id, stream, streamer.KEPT)
    if state == CONNECTING:
        exchange.afterwards(partial(exchange.streamer.open, stream))
    return state, f"{REFUSED}: {why}" if why else REFUSED


def stop(exchange: Exchange, id: str) -> None:
    """End a stream: from now on no restart opens it again."""
    stream = exchange.store.get(streamer.KIND, id)
    if stream:
        exchange.store.put(streamer.KIND, id, stream | {"state": STOPPED})
    exchange.afterwards(partial(exchange.streamer.stop, id))


def press(exchange: Exchange, call: Call, digits: str) -> None:
    """Tell the streams of a call of the keys that are pressed."""
    for digit in digits:
        exchange.afterwards(partial(exchange.streamer.press, call.call_control_id, digit))


def of_call(exchange: Exchange, call_control_id: str) -> list[JsonObject]:
    """Describe the streams of a call as the control addresses tell them, oldest first."""
    found = exchange.store.having(streamer.KIND, "$.call_control_id", call_control_id)
    every = (stream | exchange.streamer.counted(stream["id"]) for stream in found)
    return [{name: value for name, value in stream.items() if name not in _SECRET} for stream in every]


def _first_state(exchange: Exchange, url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path
    except ValueError:
        return FAILED, "the address is none"
    if path.endswith("/fail"):
        return FAILED, ""
    if not url or _is_within(host, _NOBODY):
        return UNPLAYED, ""
    if _is_within(host, ("invalid",)):
        return FAILED, "names in .invalid are nobody's"
    if exchange.streamer.is_full():
        return FAILED, f"there are {streamer.MOST} streams already"
    return CONNECTING, ""


def _is_within(host: str, domains: tuple[str, ...]) -> bool:
    return any(f".{host.rstrip('.')}".endswith(f".{domain}") for domain in domains)


def _note(asked: str | None, sent: str) -> str:
    """Say what is sent instead of a codec that was asked for: as at Telnyx, where it cannot be made, the call's own."""
    return "" if asked in (None, "default", sent) else f"{asked} is not encoded here: {sent}, the call's own, is sent"


def _start(call: Call, wanted: JsonObject, rate: int) -> JsonObject:
    """Return what ``start`` tells of the call."""
    own = codecs.of_call(call.from_number if call.direction == "incoming" else call.to_number)
    return {
        "user_id": OWNER.id,
        "call_control_id": call.call_control_id,
        "call_session_id": call.call_session_id,
        "from": call.from_number,
        "to": call.to_number,
        "tags": call.tags,
        "client_state": call.client_state,
        "custom_parameters": wanted.get("parameters") or {},
        "media_format": codecs.media_format(wanted.get("sent") or "default", own, rate),
    }
