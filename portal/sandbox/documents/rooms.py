"""Plays what brings callers together: a Dial into a conference or to a queue, Enqueue, Leave."""

from portal.json_types import JsonObject
from portal.sandbox.calls import calls
from portal.sandbox.conferences import conferences, queues
from portal.sandbox.core.errors import Refused
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.documents import dials, fetches, recording
from portal.sandbox.documents.outcomes import ASIDE, LATER, comes, enter, texml
from portal.sandbox.texml import legs, participants
from portal.texml.outcomes import Over, Taken, Waits
from portal.texml.verbs import Verb

TIMEOUT = "texml_waited"  # the timer of the longest wait in a queue
WHISPER = "texml_whisper"  # the timer of what somebody hears who was taken out of a queue
BRIDGED = "queue_bridge"  # what a leg waits for the end of, when a queue brings it together with another one
_EMPTY = {"DialCallStatus": "no-answer", "DialCallDuration": "0"}
_MOST = 250


def join(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Put the caller into a conference, which is made if there is none of this name."""
    wanted = verb.children[0]
    room = conferences.active(exchange, wanted.text)
    if room is None:
        room = conferences.make(exchange, call, wanted.text, {"max_participants": wanted.get("maxParticipants", _MOST)})
        conferences.save(exchange, room)
        method, events = wanted.get("statusCallbackMethod", "POST"), list(wanted.get("statusCallbackEvent", ()))
        recorded = recording.wanted(wanted, "Conference") if wanted.get("record") == "record-from-start" else None
        legs.keep_conference(exchange, room["id"], wanted.get("statusCallback") or "", method, events, recorded)
    texml(call)["label"] = wanted.get("participantLabel")
    call.parks = True
    try:
        conferences.join(exchange, room, call, _as_participant(wanted))
    except Refused as refused:
        _refused(exchange, call, refused, {"DialCallStatus": "failed", "DialCallDuration": "0"})
        return
    texml(call)["conference"] = {"at": exchange.now()}
    participants.answered(exchange, call)
    if wanted.get("waitUrl") and room["status"] == "init":
        comes(exchange, call, Waits())
    exchange.tell(call, "waiting")


def take_first(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Bring the caller together with whoever waits longest in a queue; they hear its document first, if it has one."""
    name = verb.children[0].text
    waiting = exchange.call(queues.first(exchange, name) or "")
    if waiting is None or waiting is call or waiting.state != "answered":
        enter(exchange, call, f"Nobody waits in the queue {name}")
        comes(exchange, call, Over(_EMPTY))
        return
    exchange.cancel(waiting, TIMEOUT)
    kept = {"queue": name, "taken": waiting.call_control_id, "star": verb.get("hangupOnStar"), "together": False}
    for one, other in ((call, waiting), (waiting, call)):
        one.parks = True
        if one.texml is not None:  # a leg of Call Control may wait in it, too
            one.texml[BRIDGED] = kept | {"at": exchange.now(), "other": other.call_control_id}
    comes(exchange, waiting, Taken(), name=LATER)
    wanted = verb.children[0]
    if wanted.get("url") and waiting.texml is not None:
        fields = fetches.of_queue(exchange, waiting)
        queues.dequeue(exchange, waiting, "bridging-in-process")
        told = {"url": wanted.get("url"), "method": wanted.get("method", "POST"), "fields": fields}
        exchange.after(0.0, waiting, WHISPER, role="queue", **told)
        return
    if wanted.get("url"):
        enter(exchange, call, "Ignored: url of <Queue>, since who waits runs no document")
    _bring_together(exchange, call, waiting)


def brought_together(exchange: Exchange, waiting: Call) -> bool:
    """Put through who was taken out of a queue and has heard what they were to hear; whether anybody took them."""
    kept = texml(waiting).get(BRIDGED)
    call = exchange.call(kept["other"]) if kept else None
    if call is None or not call.alive:
        return False
    _bring_together(exchange, call, waiting)
    return True


def _bring_together(exchange: Exchange, call: Call, waiting: Call) -> None:
    is_star = texml(call)[BRIDGED]["star"]
    for one in (call, waiting):
        if one.texml is not None:
            one.texml[BRIDGED] |= {"at": exchange.now(), "together": True}
    calls.bridge(exchange, call, waiting)
    if is_star:
        dials.listen_for_star(exchange, call, waiting)


def part(exchange: Exchange, call: Call) -> None:
    """Let the document of the other one go on, because this one left before a queue brought them together."""
    kept = texml(call).pop(BRIDGED, None)
    other = exchange.call(kept["other"]) if kept and not kept["together"] else None
    if other is None or not other.alive or other.texml is None or BRIDGED not in other.texml:
        return
    texml(other).pop(BRIDGED)
    texml(other).pop(ASIDE, None)
    fetches.forget(other)
    is_taker = kept and kept["taken"] == call.call_control_id
    comes(
        exchange, other, Over(_EMPTY if is_taker else {"QueueResult": "error", "QueueSid": kept["queue"]}), name=LATER
    )


def enqueue(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Let the caller wait in a queue, which is made if there is none of this name."""
    try:
        queues.enqueue(exchange, call, {"queue_name": verb.text})
    except Refused as refused:
        _refused(exchange, call, refused, {"QueueResult": "queue-full", "QueueSid": verb.text, "QueueTime": "0"})
        return
    most = float(verb.get("maxWaitTimeSecs"))
    exchange.after(most, call, TIMEOUT, queue=verb.text)
    exchange.tell(call, "waiting")


def leave(exchange: Exchange, call: Call, verb: Verb) -> None:
    stop_waiting(exchange, call, "leave")


def stop_waiting(exchange: Exchange, call: Call, reason: str) -> None:
    """Take the caller out of whatever queue or conference they are in."""
    exchange.cancel(call, TIMEOUT)
    queues.dequeue(exchange, call, reason)
    conferences.hang_up(exchange, call)
    texml(call).pop("conference", None)


def timeout(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """End the waiting, because it took too long."""
    if call.alive and call.running.get(queues.KIND):
        queues.dequeue(exchange, call, "timeout")
        comes(exchange, call, Over({"QueueResult": "timeout", "QueueSid": arguments["queue"]}), name=LATER)


def unbridged(exchange: Exchange, call: Call) -> None:
    """Let the document of a leg go on whose conference is over, or whom a queue had brought together with another."""
    kept = texml(call).pop(BRIDGED, None)
    conference = None if call.running.get(conferences.KIND) else texml(call).pop("conference", None)
    if kept is None and conference is None:
        return
    seconds = str(round(exchange.now() - (kept or conference or {})["at"]))
    fields = {"DialCallStatus": "completed", "DialCallDuration": seconds}
    if kept and kept["taken"] != call.call_control_id:
        fields |= {"DialCallSid": kept["taken"], "DialCallSidLegacy": kept["taken"]}
    elif kept:
        fields = {"QueueResult": "bridged", "QueueSid": kept["queue"], "QueueTime": seconds}
    comes(exchange, call, Over(fields), name=LATER)


def _as_participant(wanted: Verb) -> JsonObject:
    return {
        "mute": wanted.get("muted", False),
        "start_conference_on_enter": wanted.get("startConferenceOnEnter", True),
        "end_conference_on_exit": wanted.get("endConferenceOnExit", False),
    }


def _refused(exchange: Exchange, call: Call, refused: Refused, fields: dict[str, str]) -> None:
    enter(exchange, call, f"Refused: {refused.problems[0].detail}")
    comes(exchange, call, Over(fields))
