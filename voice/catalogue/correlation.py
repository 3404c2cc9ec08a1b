"""Tells which event answers which command: what shows in a call's story that Telnyx carried a command out.

Pure. Sources: the descriptions of the commands' expected webhooks in Telnyx's public OpenAPI spec. ``send_dtmf``, the
pauses of a recording, noise suppression and ``update_client_state`` bring no webhook at all.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta

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
_SKEW = timedelta(seconds=5)  # of Telnyx's clock against ours
_Status = CallCommand.Status
_SENT = (_Status.OK, _Status.UNCERTAIN, _Status.SENDING)


def pairs(commands: Iterable[CallCommand], events: Iterable[CallEvent]) -> dict[uuid.UUID, CallEvent]:
    """Map command ids to the event that answers each. An event answers one command; ``ok`` ones choose first."""
    by_type: dict[str, list[CallEvent]] = {}
    for event in sorted(events, key=lambda event: event.happened_at):
        by_type.setdefault(event.event_type, []).append(event)
    found: dict[uuid.UUID, CallEvent] = {}
    taken: set[uuid.UUID] = set()
    for command in sorted(_sent(commands), key=lambda command: (command.status != _Status.OK, command.first_sent_at)):
        fitting = (event for name in ANSWERS.get(command.action, ()) for event in by_type.get(name, ()))
        free = [event for event in fitting if event.pk not in taken and fits(command, event)]
        if free:
            found[command.pk] = min(free, key=lambda event: event.happened_at)
            if not _is_wish(command.action):
                taken.add(found[command.pk].pk)
    return found


def proofs(commands: Iterable[CallCommand], events: Iterable[CallEvent]) -> dict[uuid.UUID, CallEvent]:
    """Keep the pairs of uncertain commands that leave no doubt: no other open one may as well have caused it."""
    commands = list(commands)
    found = pairs(commands, events)
    unsettled = [command for command in _sent(commands) if command.status != _Status.OK]
    unanswered = [command for command in unsettled if command.pk not in found and not _is_wish(command.action)]
    return {
        command.pk: found[command.pk]
        for command in unsettled
        if command.pk in found
        and not any(fits(rival, found[command.pk]) for rival in unanswered if rival.pk != command.pk)
    }


def fits(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether ``event`` may have been caused by ``command``."""
    sent = command.first_sent_at
    if sent is None or event.event_type not in ANSWERS.get(command.action, ()):
        return False
    if event.received_at < sent or event.happened_at < sent - _SKEW or not _is_of(command, event):
        return False
    state = command.parameters.get("client_state")
    return _is_wish(command.action) or not state or (event.payload or {}).get("client_state") == state


def _is_of(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether the event happened where the command would have acted."""
    if event.event_type == "call.initiated":
        return _is_new_leg(command, event)
    if command.conference_id is not None and event.conference_id is not None:
        return _is_in_room(command, event)
    return command.call_id is not None and event.call_id == command.call_id


def _is_in_room(command: CallCommand, event: CallEvent) -> bool:
    """Tell whether both are of one conference and, where either is about single legs, of one of those."""
    legs = command.parameters.get("call_control_ids") or [command.call_control_id]
    of_one = event.event_type.startswith("conference.participant.")
    fitting = event.call_control_id in legs if of_one else not command.parameters.get("call_control_ids")
    return event.conference_id == command.conference_id and fitting


def _is_new_leg(command: CallCommand, event: CallEvent) -> bool:
    payload, asked = event.payload or {}, command.parameters
    to = asked.get("to")
    if payload.get("direction") != "outgoing" or payload.get("to") not in (to if isinstance(to, list) else [to]):
        return False
    if command.action != actions.DIAL:  # a transfer's new leg belongs to the session of the call
        session = command.call.call_session_id if command.call else ""
        return bool(session) and event.call_session_id == session and event.call_id != command.call_id
    if command.call_id is not None:
        return event.call_id == command.call_id
    same = (("from", asked.get("from")), ("connection_id", asked.get("connection_id")))
    return all(payload.get(name) == value for name, value in same)


def _is_wish(action: str) -> bool:
    """Tell whether it asks for a state, not for a deed: whoever brought the state about, each wish has it."""
    return action.startswith("stop_") or action in _WISHES


def _sent(commands: Iterable[CallCommand]) -> list[CallCommand]:
    return [command for command in commands if command.first_sent_at is not None and command.status in _SENT]
