"""Plays what brings callers together: a Dial into a conference or to a queue, Enqueue, Leave."""

from portal.json_types import JsonObject
from portal.sandbox.calls import calls
from portal.sandbox.conferences import conferences, queues
from portal.sandbox.core.errors import Refused
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.documents import recording
from portal.sandbox.documents.outcomes import LATER, comes, enter, texml
from portal.sandbox.texml import legs, participants
from portal.texml.outcomes import Over, Taken
from portal.texml.verbs import Verb

TIMEOUT = "texml_waited"  # the timer of the longest wait in a queue
BRIDGED = "queue_bridge"  # what a leg waits for the end of, when a queue brought it together with another one
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
    if wanted.get("waitUrl"):
        enter(exchange, call, "Not played: the waitUrl of <Conference>")
    texml(call)["label"] = wanted.get("participantLabel")
    call.parks = True
    try:
        conferences.join(exchange, room, call, _as_participant(wanted))
    except Refused as refused:
        _refused(exchange, call, refused, {"DialCallStatus": "failed", "DialCallDuration": "0"})
        return
    texml(call)["conference"] = {"at": exchange.now()}
    participants.answered(exchange, call)
    exchange.tell(call, "waiting")


def take_first(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Bring the caller together with whoever waits longest in a queue; they hear its document first, if it has one."""
    name = verb.children[0].text
    waiting = exchange.call(queues.first(exchange, name) or "")
    if waiting is None or waiting is call or waiting.state != "answered":
        enter(exchange, call, f"Nobody waits in the queue {name}")
        comes(exchange, call, Over(_EMPTY))
        return
    if verb.children[0].get("url"):
        enter(exchange, call, "Not played: the url of <Queue>")
    exchange.cancel(waiting, TIMEOUT)
    for one in (call, waiting):
        one.parks = True
        if one.texml is not None:  # a leg of Call Control may wait in it, too
            kept = {"at": exchange.now(), "queue": name, "taken": waiting.call_control_id}
            one.texml[BRIDGED] = kept
    comes(exchange, waiting, Taken(), name=LATER)
    calls.bridge(exchange, call, waiting)


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
