"""Lives the life of a TeXML leg: it rings, is answered by Telnyx, has its document fetched, and ends.

What a document brings is played by the room ``documents``, which is told to begin by a timer. Where an application has
none to give, a few scenarios stand in for one: a Dial, a Record, an Enqueue, a conference.
"""

from collections.abc import Callable
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.calls import calls, limits
from portal.sandbox.calls.destinations import ENDINGS, last_digits
from portal.sandbox.conferences import conferences, queues
from portal.sandbox.core.errors import Refused
from portal.sandbox.core.events import calling_party_type
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.resources import recordings
from portal.sandbox.texml import callbacks

ANSWERS = 0.5  # seconds after which Telnyx takes an incoming call
RINGS = 0.3  # seconds from the dial to the ringing
TALK = 3.0  # seconds for which two who were put through by a document talk
BEGIN = "texml_begin"  # the timer that has a document fetched and run
WHOM = "+13125550001"  # whom the document of a scenario dials


def settings(**more: object) -> JsonObject:
    """Return what every TeXML leg has: how many callbacks told of its progress, and what was asked for."""
    return {"sequence": 0, "status": None, "answered_by": None, "detect": None, "recordings": {}, "sessions": []} | more


def ring(
    exchange: Exchange,
    application: JsonObject,
    numbers: tuple[str, str],
    script: str,
    dials: str,
    caller: JsonObject,
    **more: Any,
) -> Call:
    """Let somebody call a TeXML application. Some scripts have a document that dials ``dials``.

    ``caller`` is what they do beside the script: ``digits`` for each question, what one ``says``, for how long one
    ``stays``; or they have a ``part`` of their own, among ``more``: what else is known of them.
    """
    texml = settings(dials=dials, caller=caller)
    return calls.start(exchange, application["id"], "incoming", numbers, {}, script=script, texml=texml, **more)


def started(exchange: Exchange, call: Call) -> None:
    if call.texml is None:
        return
    ending = None if call.part else ENDINGS.get(last_digits(call.to_number))
    if call.direction == "incoming":
        exchange.after(ANSWERS, call, "texml_answer")
    elif ending is None or ending.cause == "timeout":  # whoever is busy or cannot be reached does not ring
        exchange.after(RINGS, call, "texml_ringing")


def answered(exchange: Exchange, call: Call) -> None:
    """Have the document of an outgoing leg fetched, and tell of recordings that began with the answer."""
    if call.texml is None:
        return
    if stays := call.texml.get("caller", {}).get("stays"):
        exchange.after(stays, call, "leave")
    for item in call.running.get("recording", []):
        callbacks.recording(exchange, call, item["id"], "in-progress", item["channels"], {})
    if call.direction == "outgoing" and call.texml.get("instructions") is not None and not call.texml.get("waits"):
        fetch(exchange, call, call.texml["instructions"])


def bridged(exchange: Exchange, call: Call) -> None:
    """Record the leg of the scenario that dialled this one, until the latter hangs up."""
    parent = parent_of(exchange, call)
    if parent is None or is_run(parent):
        return
    wanted = _wanted("DialVerb", _address(exchange, parent))
    record(exchange, parent, wanted, {"channels": "dual"})
    exchange.after(TALK, call, "leave")


def ended(exchange: Exchange, call: Call) -> None:
    """Let the leg of the scenario that dialled this one hear of its end; that was its document's last verb."""
    parent = parent_of(exchange, call)
    if parent is None or parent.texml is None or not parent.alive or is_run(parent):
        return
    note_dialled(parent, call)
    _dialled(exchange, parent)


def _dialled(exchange: Exchange, parent: Call) -> None:
    """Tell how the Dial of a scenario's document went, which is its last verb."""
    application = exchange.application(parent)
    form = callbacks.common(parent) | {"From": parent.from_number, "To": parent.to_number, "CallStatus": "in-progress"}
    form |= {"ConnectionId": parent.connection_id} | callbacks.dialled(parent)
    callbacks.send(exchange, parent, "texml.dial", form, application.get("voice_url"), application.get("voice_method"))
    calls.end(exchange, parent, "normal_clearing", calls.our_side(parent), "200")


def is_run(call: Call) -> bool:
    """Whether a document of this leg is run, so that no scenario stands in for one."""
    return bool(call.texml and call.texml.get("machine"))


def parent_of(exchange: Exchange, call: Call) -> Call | None:
    """Return the leg that dialled this one by its document, if any."""
    return exchange.call(call.texml["parent"]) if call.texml and call.texml.get("parent") else None


def note_dialled(parent: Call, call: Call) -> None:
    """Keep how a leg that was dialled ended: the Dial's action and the end of the parent tell of it."""
    assert parent.texml is not None
    told = {"sid": call.call_control_id, "status": callbacks.status(call), "duration": callbacks.duration(call)}
    parent.texml["dialled"] = told


def fetch(exchange: Exchange, call: Call, wanted: JsonObject) -> None:
    """Have instructions fetched and run: ``wanted``'s, else the application's."""
    exchange.after(0.0, call, BEGIN, wanted=wanted)


def announce(exchange: Exchange, call: Call, url: str, method: str) -> None:
    """Ask for an announcement, which is set aside."""
    failover = exchange.application(call).get("voice_fallback_url") or ""
    exchange.emit_form(call, "texml.call.fetch", of_fetch(call), url, failover, method.upper())


def of_fetch(call: Call) -> dict[str, str]:
    """Return what every request for a document tells."""
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


def stand_in(exchange: Exchange, call: Call) -> None:
    """Play what the scenario has in place of a document, if anything."""
    if can_stand_in(call):
        _DOCUMENTS[call.script](exchange, call)


def can_stand_in(call: Call) -> bool:
    """Whether the scenario has something in place of a document."""
    return call.direction == "incoming" and call.script in _DOCUMENTS


def record(exchange: Exchange, call: Call, wanted: JsonObject, body: JsonObject) -> str:
    """Record as a verb of a document does, and return the recording's id; ``wanted`` says who is told of it."""
    id = chance.new_uuid()
    assert call.texml is not None
    call.texml["recordings"][id] = wanted
    recordings.start(exchange, call, body | {"initiated_by": wanted["source"], "id": id})
    callbacks.recording(exchange, call, id, "in-progress", body["channels"], {})
    return id


def _wanted(source: str, url: str) -> JsonObject:
    told = {"url": url, "method": "POST", "events": ["in-progress", "completed"], "send_url": True}
    return told | {"source": source, "transcription_url": url}


def keep_conference(
    exchange: Exchange, id: str, url: str, method: str, events: list[str], recording: JsonObject | None = None
) -> None:
    """Remember where the callbacks of a new conference go, and whether it is to be recorded."""
    kept: JsonObject = {"url": url, "method": method, "events": events, "record": recording}
    kept |= {"sequence": 0, "started": False}
    exchange.store.put(callbacks.CONFERENCES, id, kept)


def _address(exchange: Exchange, call: Call) -> str:
    """Return where the callbacks of a scenario's document go."""
    application = exchange.application(call)
    return str(application.get("status_callback") or application.get("voice_url") or "")


def _dial(exchange: Exchange, call: Call) -> None:
    """Play ``<Dial action="…" record="record-from-answer-dual">``: whom it dials is bridged with the caller."""
    assert call.texml is not None
    call.parks = True  # the document goes on when the other leg is over
    try:
        limits.check(exchange, exchange.application(call), call.texml["dials"])
    except Refused:
        call.texml["dialled"] = {"sid": "", "status": "failed", "duration": "0"}
        _dialled(exchange, call)
        return
    numbers = call.from_number, call.texml["dials"]
    more = {"session_id": call.call_session_id, "bridge_to": call.call_control_id}
    child = settings(parent=call.call_control_id)
    calls.start(exchange, call.connection_id, "outgoing", numbers, {}, texml=child, **more)


def _record(exchange: Exchange, call: Call) -> None:
    """Play ``<Record transcription="true">``, until the caller hangs up."""
    wanted = _wanted("RecordVerb", _address(exchange, call))
    record(exchange, call, wanted, {"channels": "dual", "transcription": True})
    exchange.tell(call, "waiting")


def _enqueue(exchange: Exchange, call: Call) -> None:
    """Play ``<Enqueue waitUrl="…">``, until the caller has enough of it."""
    assert call.texml is not None
    call.texml["wait_url"] = exchange.application(call).get("voice_url")
    queues.enqueue(exchange, call, {"queue_name": "support"})
    exchange.tell(call, "waiting")


def _join(exchange: Exchange, call: Call) -> None:
    """Play ``<Dial><Conference>``: callers of this scenario meet in one room."""
    room = conferences.active(exchange, "room")
    if room is None:
        room = conferences.make(exchange, call, "room", {})
        keep_conference(exchange, room["id"], _address(exchange, call), "POST", ["start", "end", "join", "leave"])
    conferences.join(exchange, room, call, {})
    exchange.tell(call, "waiting")


def _answer(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Fetch the document of an incoming leg: it is answered when that is there, unless it is rejected."""
    if call.state == "ringing":
        fetch(exchange, call, (call.texml or {}).get("instructions") or {})


def _fetch(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    if instructions := (call.texml or {}).get("instructions"):
        fetch(exchange, call, instructions)


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
