"""Lives the life of a TeXML leg: it rings, is answered by Telnyx, fetches its document, and ends.

Documents are not interpreted yet: what is fetched is asked for and set aside, and the call goes on until somebody hangs
up. A few scenarios play what a document would have brought: a Dial, a Record, an Enqueue, a conference.
"""

import uuid
from collections.abc import Callable

from portal.json_types import JsonObject
from portal.sandbox.calls import calls
from portal.sandbox.calls.destinations import ENDINGS, last_digits
from portal.sandbox.conferences import conferences, queues
from portal.sandbox.core.events import calling_party_type
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.resources import recordings
from portal.sandbox.texml import callbacks

ANSWERS = 0.5  # seconds after which Telnyx takes an incoming call
RINGS = 0.3  # seconds from the dial to the ringing
TALK = 3.0  # seconds for which two who were put through by a document talk
WHOM = "+13125550001"  # whom the document of a scenario dials


def settings(**more: object) -> JsonObject:
    """Return what every TeXML leg has: how many callbacks told of its progress, and what was asked for."""
    return {"sequence": 0, "status": None, "answered_by": None, "detect": None, "recordings": {}, "sessions": []} | more


def ring(exchange: Exchange, application: JsonObject, numbers: tuple[str, str], script: str, dials: str) -> Call:
    """Let somebody call a TeXML application. Some scripts have a document that dials ``dials``."""
    more = {"script": script, "texml": settings(dials=dials)}
    return calls.start(exchange, application["id"], "incoming", numbers, {}, **more)


def started(exchange: Exchange, call: Call) -> None:
    if call.texml is None:
        return
    ending = ENDINGS.get(last_digits(call.to_number))
    if call.direction == "incoming":
        exchange.after(ANSWERS, call, "texml_answer")
    elif ending is None or ending.cause == "timeout":  # whoever is busy or cannot be reached does not ring
        exchange.after(RINGS, call, "texml_ringing")


def answered(exchange: Exchange, call: Call) -> None:
    """Fetch the document, and tell of recordings that began with the answer."""
    if call.texml is None:
        return
    for item in call.running.get("recording", []):
        callbacks.recording(exchange, call, item["id"], "in-progress", item["channels"], {})
    if call.direction == "incoming":
        fetch(exchange, call, call.texml.get("instructions") or {})
        if play := _DOCUMENTS.get(call.script):
            play(exchange, call)
    elif call.texml.get("instructions") is not None and not call.texml.get("waits"):
        fetch(exchange, call, call.texml["instructions"])


def bridged(exchange: Exchange, call: Call) -> None:
    """Record the leg whose document dialled this one, until the latter hangs up."""
    parent = _parent(exchange, call)
    if parent is None:
        return
    record(exchange, parent, "DialVerb", _address(exchange, parent), {"channels": "dual"})
    exchange.after(TALK, call, "leave")


def ended(exchange: Exchange, call: Call) -> None:
    """Let the leg that dialled this one hear of its end; that was its document's last verb."""
    parent = _parent(exchange, call)
    if parent is None or parent.texml is None or not parent.alive:
        return
    told = {"sid": call.call_control_id, "status": callbacks.status(call), "duration": callbacks.duration(call)}
    parent.texml["dialled"] = told
    application = exchange.application(parent)
    form = callbacks.common(parent) | {"From": parent.from_number, "To": parent.to_number, "CallStatus": "in-progress"}
    form |= {"ConnectionId": parent.connection_id} | callbacks.dialled(parent)
    callbacks.send(exchange, parent, "texml.dial", form, application.get("voice_url"), application.get("voice_method"))
    calls.end(exchange, parent, "normal_clearing", calls.our_side(parent), "200")


def fetch(exchange: Exchange, call: Call, wanted: JsonObject) -> None:
    """Ask for instructions: at ``wanted``'s URL, else at the application's; at the fallback if there are none."""
    if wanted.get("inline"):
        return
    application = exchange.application(call)
    url = wanted.get("url") or application.get("voice_url")
    method = (wanted.get("method") or application.get("voice_method") or "POST").upper()
    failover = wanted.get("fallback_url") or application.get("voice_fallback_url") or ""
    if url:
        exchange.emit_form(call, "texml.call.fetch", _of_fetch(call), url, failover, method)


def record(exchange: Exchange, call: Call, source: str, url: str, body: JsonObject) -> None:
    """Record as a verb of a document does; ``url`` is told of it."""
    id = str(uuid.uuid4())
    events = ["in-progress", "completed"]
    wanted = {"url": url, "method": "POST", "events": events, "send_url": True, "source": source}
    assert call.texml is not None
    call.texml["recordings"][id] = wanted | {"transcription_url": url}
    recordings.start(exchange, call, body | {"initiated_by": source, "id": id})
    callbacks.recording(exchange, call, id, "in-progress", body["channels"], {})


def keep_conference(
    exchange: Exchange, id: str, url: str, method: str, events: list[str], recording: JsonObject | None = None
) -> None:
    """Remember where the callbacks of a new conference go, and whether it is to be recorded."""
    kept: JsonObject = {"url": url, "method": method, "events": events, "record": recording}
    kept |= {"sequence": 0, "started": False}
    exchange.store.put(callbacks.CONFERENCES, id, kept)


def _parent(exchange: Exchange, call: Call) -> Call | None:
    return exchange.call(call.texml["parent"]) if call.texml and call.texml.get("parent") else None


def _address(exchange: Exchange, call: Call) -> str:
    """Return where the callbacks of a scenario's document go."""
    application = exchange.application(call)
    return str(application.get("status_callback") or application.get("voice_url") or "")


def _of_fetch(call: Call) -> dict[str, str]:
    return callbacks.common(call) | {
        "ConnectionId": call.connection_id,
        "From": call.from_number,
        "To": call.to_number,
        "CallerId": call.caller_id_name or call.from_number,
        "CallingPartyType": calling_party_type(call),
        "FromSipUri": callbacks.sip_uri(call.from_number),
        "ToSipUri": callbacks.sip_uri(call.to_number),
        "CallStatus": callbacks.status(call),
        "Direction": "inbound" if call.direction == "incoming" else "outbound",
        "ApiVersion": "2010-04-01",
    }


def _dial(exchange: Exchange, call: Call) -> None:
    """Play ``<Dial action="…" record="record-from-answer-dual">``: whom it dials is bridged with the caller."""
    assert call.texml is not None
    call.parks = True  # the document goes on when the other leg is over
    numbers = call.from_number, call.texml["dials"]
    more = {"session_id": call.call_session_id, "bridge_to": call.call_control_id}
    child = settings(parent=call.call_control_id)
    calls.start(exchange, call.connection_id, "outgoing", numbers, {}, texml=child, **more)


def _record(exchange: Exchange, call: Call) -> None:
    """Play ``<Record transcription="true">``, until the caller hangs up."""
    record(exchange, call, "RecordVerb", _address(exchange, call), {"channels": "dual", "transcription": True})


def _enqueue(exchange: Exchange, call: Call) -> None:
    """Play ``<Enqueue waitUrl="…">``, until the caller has enough of it."""
    assert call.texml is not None
    call.texml["wait_url"] = exchange.application(call).get("voice_url")
    queues.enqueue(exchange, call, {"queue_name": "support"})


def _join(exchange: Exchange, call: Call) -> None:
    """Play ``<Dial><Conference>``: callers of this scenario meet in one room."""
    room = conferences.active(exchange, "room")
    if room is None:
        room = conferences.make(exchange, call, "room", {})
        keep_conference(exchange, room["id"], _address(exchange, call), "POST", ["start", "end", "join", "leave"])
    conferences.join(exchange, room, call, {})


def _answer(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    if call.state == "ringing":
        calls.answer(exchange, call)


def _fetch(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    fetch(exchange, call, (call.texml or {}).get("instructions") or {"inline": True})


def _ringing(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    if call.state == "ringing":
        callbacks.progress(exchange, call, "ringing", "ringing")


_DOCUMENTS: dict[str, Callable[[Exchange, Call], None]] = {
    "texml_conference": _join,
    "texml_dial": _dial,
    "texml_queue": _enqueue,
    "texml_record": _record,
}
TIMERS: dict[str, TimerFunction] = {
    "texml_answer": _answer,
    callbacks.FETCH: _fetch,
    "texml_ringing": _ringing,
}
