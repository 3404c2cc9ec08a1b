"""Tells which event answers which command: what shows in a call's story that Telnyx carried a command out.

Pure. Sources: the descriptions of the commands' expected webhooks in Telnyx's public OpenAPI spec. ``send_dtmf``, the
pauses of a recording, noise suppression and ``update_client_state`` bring no webhook at all.

An event tells neither the command nor the id of what caused it. So it proves a command only where without that command
the events could not be explained: each may have been brought by any other one that was sent.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from portal.phone_numbers import same_form
from portal.times import read_time
from voice.catalogue import actions
from voice.models import CallCommand, CallEvent

_HUNG_UP, _GATHERED = ("call.hangup",), ("call.gather.ended",)
_TALK = ("call.conversation.created", "call.conversation.start_failed")
# The first event an action brings. Not what only ends it: the end of an earlier "speak" would pass for a later one's.
ANSWERS: dict[str, tuple[str, ...]] = {
    "dial": ("call.initiated",),
    "answer": ("call.answered",),
    "hangup": _HUNG_UP,
    "reject": _HUNG_UP,
    "transfer": ("call.initiated", "call.bridged"),
    "bridge": ("call.bridged",),
    "refer": ("call.refer.started", "call.refer.failed", "call.refer.completed"),
    "speak": ("call.speak.started",),
    "start_playback": ("call.playback.started",),
    "stop_playback": ("call.playback.ended", "call.speak.ended"),
    "gather": _GATHERED,
    "gather_using_speak": _GATHERED,
    "gather_using_audio": _GATHERED,
    "stop_gather": _GATHERED,
    "gather_using_ai": ("call.ai_gather.ended", "call.ai_gather.partial_results"),
    "start_recording": ("call.recording.error", "call.recording.saved"),
    "stop_recording": ("call.recording.saved",),
    "start_streaming": ("streaming.started", "streaming.failed", "call.streaming.started", "call.streaming.failed"),
    "stop_streaming": ("streaming.stopped", "call.streaming.stopped"),
    "start_forking": ("call.fork.started",),
    "stop_forking": ("call.fork.stopped",),
    "start_siprec": ("siprec.started", "siprec.failed", "call.siprec.started", "call.siprec.failed"),
    "stop_siprec": ("siprec.stopped", "call.siprec.stopped"),
    "start_transcription": ("call.transcription",),
    "enqueue": ("call.enqueued",),
    "leave_queue": ("call.dequeued",),
    "start_ai_assistant": _TALK,
    "start_conversation_relay": _TALK,
    "stop_ai_assistant": ("call.conversation.ended",),
    "stop_conversation_relay": ("call.conversation.ended",),
    "pay": ("call.payment.progress", "call.payment.completed"),
    "conferences.create": ("conference.created",),
    "conferences.join": ("conference.participant.joined",),
    "conferences.leave": ("conference.participant.left",),
    "conferences.end_conference": ("conference.ended",),
    "conferences.speak": ("conference.speak.started", "conference.participant.speak.started"),
    "conferences.play": ("conference.playback.started", "conference.participant.playback.started"),
    "conferences.stop": ("conference.playback.ended", "conference.participant.playback.ended"),
    "conferences.record_stop": ("conference.recording.saved",),
    "conferences.gather_dtmf_audio": _GATHERED,
}
_WISHES = {"hangup", "reject", "answer", "leave_queue", "conferences.leave", "conferences.end_conference"}
_WISHES |= {"conferences.stop", "conferences.record_stop"}
EVENT_TYPES = frozenset(name for names in ANSWERS.values() for name in names)
# What a parameter brings, whatever the action
_RECORDED, _SPOKEN, _PLAYED = ANSWERS["start_recording"], ANSWERS["speak"], ANSWERS["start_playback"]
_BROUGHT_BY: dict[str, tuple[str, ...]] = {
    "record": _RECORDED,
    "voice": _SPOKEN,
    "audio_url": _PLAYED,
    "media_name": _PLAYED,
    "stream_url": ANSWERS["start_streaming"],
    "transcription": ANSWERS["start_transcription"],
    "assistant": _TALK,
    "conversation_relay_config": _TALK,
    "conference_config": ("conference.created", "conference.participant.joined"),
    "link_to": ANSWERS["bridge"],
}
# One command brings as many of these as there is to tell; of all others one on each leg
_REPEATED = {"call.transcription", "call.ai_gather.partial_results"}
_ONCE_A_LOOP = {*_SPOKEN, *_PLAYED}
_CONNECTING = {actions.DIAL, "transfer", "bridge"}  # these act on other legs than the one they are sent to
_SKEW = timedelta(seconds=5)  # of Telnyx's clock against ours
# A new leg or a recording begins at once: with the last repeat, 50 s after the first attempt, or soon after it.
BEGINS_WITHIN = timedelta(minutes=5)
_Status = CallCommand.Status


def pairs(commands: Iterable[CallCommand], events: Iterable[CallEvent]) -> dict[uuid.UUID, CallEvent]:
    """Find by command id the event that answers it, of those that are ``ok``: one event answers one command."""
    found: dict[uuid.UUID, CallEvent] = {}
    taken: set[uuid.UUID] = set()
    events = sorted(events, key=lambda event: event.happened_at)
    sent = [one for one in commands if one.status == _Status.OK and one.first_sent_at is not None]
    for command in sorted(sent, key=_sent_at):
        event = next((one for one in events if one.pk not in taken and fits(command, one)), None)
        if event is not None:
            found[command.pk] = event
            if not _is_wish(command.action):
                taken.add(event.pk)
    return found


def proof(command: CallCommand, rivals: Iterable[CallCommand], events: Iterable[CallEvent]) -> CallEvent | None:
    """Find an event that ``command`` must have caused: all the others together do not explain what happened.

    ``rivals`` are all the others that may have caused one of the events, however they stand.
    """
    told = _distinct(events)
    mine = [event for event in told if fits(command, event) and not _ended_by_itself(command, event)]
    if _is_wish(command.action):
        return mine[0] if mine else None
    others = [one for one in rivals if one.pk != command.pk and one.status != _Status.REFUSED]
    for scope in dict.fromkeys(map(_scope, mine)):
        if found := _unexplained(command, others, [one for one in told if _scope(one) == scope]):
            return found
    return None


def fits(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether the event shows that the command was carried out, if nothing else has caused it."""
    if event.event_type not in ANSWERS.get(command.action, ()):
        return False
    if not (_is_of(command, event) and may_have_caused(command, event)) or event.received_at < _sent_at(command):
        return False
    if event.event_type != "call.initiated" and command.action != "start_recording":
        return True
    begun = _done_at(command, event)  # a recording may also be one that settings at Telnyx began
    return begun is not None and begun <= _sent_at(command) + BEGINS_WITHIN


def _ended_by_itself(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether what was to stop may have come to its end: then the next in the queue plays, if nothing stopped it.

    Of a speech Telnyx tells the same either way.
    """
    return command.action == "stop_playback" and (event.payload or {}).get("status") != "cancelled"


def may_have_caused(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether the event may be the command's doing, on its own leg or on another."""
    sent = command.first_sent_at
    if sent is None or event.event_type not in _brings(command):
        return False
    # a web server's clock may be slow: where Telnyx says that it happened later, nothing is ruled out
    if (
        max(event.received_at, event.happened_at) < sent
        or (_done_at(command, event) or event.happened_at) < sent - _SKEW
    ):
        return False
    if not (_is_of(command, event) or _reaches(command, event)):
        return False
    state = command.parameters.get("client_state")
    is_own = event.event_type in ANSWERS.get(command.action, ())
    return _is_wish(command.action) or not (state and is_own) or (event.payload or {}).get("client_state") == state


def _unexplained(command: CallCommand, others: Sequence[CallCommand], events: Sequence[CallEvent]) -> CallEvent | None:
    """Give each of the others an event, then see whether one is left for ``command``, whoever has which."""
    able = [one for one in others if any(may_have_caused(one, event) for event in events)]
    many = [one for one in able if _repeats(one, events[0].event_type)]
    events = [event for event in events if not any(may_have_caused(one, event) for one in many)]
    wanted = [[at for at, event in enumerate(events) if may_have_caused(one, event)] for one in able]
    wanted.append([at for at, event in enumerate(events) if fits(command, event)])
    holders: dict[int, int] = {}
    for one in range(len(able)):
        _give(one, wanted, holders, set())
    if not _give(len(able), wanted, holders, set()):
        return None
    return next(events[at] for at, holder in holders.items() if holder == len(able))


def _give(one: int, wanted: list[list[int]], holders: dict[int, int], tried: set[int]) -> bool:
    """Give ``one`` what it wants; who holds that takes something else, if there is any (an augmenting path)."""
    for at in wanted[one]:
        if at not in tried:
            tried.add(at)
            if at not in holders or _give(holders[at], wanted, holders, tried):
                holders[at] = one
                return True
    return False


def _distinct(events: Iterable[CallEvent]) -> list[CallEvent]:
    """Sort them by time. What one leg tells twice of one moment is one event, tried again."""
    found: dict[object, CallEvent] = {}
    for event in sorted(events, key=lambda event: event.happened_at):
        found.setdefault((event.event_type, event.call_control_id, event.conference_id, event.happened_at), event)
    return list(found.values())


def _scope(event: CallEvent) -> tuple[object, ...]:
    """Within this a command brings the event once."""
    if event.event_type == "call.initiated":
        return (event.event_type, (event.payload or {}).get("to"))
    return (event.event_type, event.conference_id, event.call_control_id or event.call_id)


def _done_at(command: CallCommand, event: CallEvent) -> datetime | None:
    """When that was done which the event tells of. Of a recording it tells long afterwards, and perhaps not when."""
    if "recording" not in event.event_type:
        return event.happened_at
    ends_it = _is_wish(command.action) and event.event_type in ANSWERS.get(command.action, ())
    told = "recording_ended_at" if ends_it else "recording_started_at"
    return read_time((event.payload or {}).get(told))


def _brings(command: CallCommand) -> set[str]:
    also = (types for name, types in _BROUGHT_BY.items() if command.parameters.get(name))
    return set(ANSWERS.get(command.action, ())).union(*also)


def _repeats(command: CallCommand, event_type: str) -> bool:
    return event_type in _REPEATED or (event_type in _ONCE_A_LOOP and bool(command.parameters.get("loop")))


def _is_of(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether the event happened where the command would have acted."""
    if event.event_type == "call.initiated":
        return _is_new_leg(command, event)
    if command.conference_id is not None and event.conference_id is not None:
        return _is_in_room(command, event)
    return command.call_id is not None and event.call_id == command.call_id


def _reaches(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether it happened on a leg that the command connects: one that it names, makes or takes from a queue."""
    if command.action not in _CONNECTING or event.event_type == "call.initiated":
        return False
    asked = command.parameters
    if event.call_control_id and event.call_control_id in (asked.get("call_control_id"), asked.get("link_to")):
        return True
    session = command.call.call_session_id if command.call else ""
    return bool(asked.get("queue")) or (bool(session) and event.call_session_id == session)


def _is_in_room(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether it is the same conference and, where command or event is about single legs, one of those."""
    legs = command.parameters.get("call_control_ids") or [command.call_control_id]
    of_one = event.event_type.startswith("conference.participant.")
    fitting = event.call_control_id in legs if of_one else not command.parameters.get("call_control_ids")
    return event.conference_id == command.conference_id and fitting


def _is_new_leg(command: CallCommand, event: CallEvent) -> bool:
    payload, asked = event.payload or {}, command.parameters
    if payload.get("direction") != "outgoing" or same_form(str(payload.get("to"))) not in numbers_called(command):
        return False
    if command.action != actions.DIAL:  # a transfer's new leg belongs to the session of the call
        session = command.call.call_session_id if command.call else ""
        return bool(session) and event.call_session_id == session and event.call_id != command.call_id
    if command.call_id is not None and not isinstance(asked.get("to"), list):  # of several only one leg is its call
        return event.call_id == command.call_id
    names = ("from", "connection_id")
    return all(same_form(str(payload.get(name))) == same_form(str(asked.get(name))) for name in names)


def numbers_called(command: CallCommand) -> list[object]:
    """List whom the command calls, each as Telnyx's events name it."""
    to = command.parameters.get("to")
    return [same_form(one) if isinstance(one, str) else one for one in (to if isinstance(to, list) else [to])]


def _is_wish(action: str) -> bool:
    """Tell whether it asks for a state, not for a deed: whoever brought it about, each that asked for it has it."""
    return action.startswith("stop_") or action in _WISHES


def _sent_at(command: CallCommand) -> datetime:
    assert command.first_sent_at is not None
    return command.first_sent_at
