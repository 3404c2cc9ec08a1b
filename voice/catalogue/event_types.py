"""Says what each event type tells of a call. Unknown types pass: they are stored and shown, never an error.

Sources: Telnyx's public OpenAPI spec (``webhooks``) and the SDK's event models; ``call.ringing`` does not exist there.
``call.siprec.*`` and ``call.streaming.*`` are written in Telnyx's guides where the spec has no ``call.`` before them.
TeXML's callbacks have no types of their own: ``voice.events.texml_callbacks`` tells which is which.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class EventType:
    """Describes a type. ``label`` is for people, ``state`` what a call is after it, ``stamp`` the column of its time.

    ``rank`` orders events of the same microsecond.
    """

    label: str
    state: str = ""
    stamp: str = ""
    rank: int = 5


EVENT_TYPES: dict[str, EventType] = {
    "call.initiated": EventType("Call initiated", "initiated", rank=1),
    "call.answered": EventType("Answered", "answered", "answered_at", rank=2),
    "call.bridged": EventType("Bridged with another leg", "bridged", "bridged_at", rank=3),
    "call.hangup": EventType("Hung up", "ended", "ended_at", rank=9),
    "call.hold": EventType("Put on hold"),
    "call.unhold": EventType("Taken off hold"),
    "call.cost": EventType("Cost known"),
    "call.dtmf.received": EventType("Key pressed"),
    "call.gather.ended": EventType("Gather ended"),
    "call.playback.started": EventType("Playback started"),
    "call.playback.ended": EventType("Playback ended"),
    "call.speak.started": EventType("Speaking started"),
    "call.speak.ended": EventType("Speaking ended"),
    "call.recording.saved": EventType("Recording saved"),
    "call.recording.error": EventType("Recording failed"),
    "call.recording.transcription.saved": EventType("Transcription of a recording saved"),
    "call.machine.detection.ended": EventType("Answering machine detection ended"),
    "call.machine.greeting.ended": EventType("Machine's greeting ended"),
    "call.machine.premium.detection.started": EventType("Premium machine detection started"),
    "call.machine.premium.detection.ended": EventType("Premium machine detection ended"),
    "call.machine.premium.greeting.ended": EventType("Machine's greeting ended (premium)"),
    "call.machine.premium.call_screening.detected": EventType("Call screening detected"),
    "call.fork.started": EventType("Media forking started"),
    "call.fork.stopped": EventType("Media forking stopped"),
    "streaming.started": EventType("Streaming started"),
    "streaming.stopped": EventType("Streaming stopped"),
    "streaming.failed": EventType("Streaming failed"),
    "siprec.started": EventType("SIPREC started"),
    "siprec.stopped": EventType("SIPREC stopped"),
    "siprec.failed": EventType("SIPREC failed"),
    "call.siprec.started": EventType("SIPREC started"),
    "call.siprec.stopped": EventType("SIPREC stopped"),
    "call.siprec.failed": EventType("SIPREC failed"),
    "call.streaming.started": EventType("Streaming started"),
    "call.streaming.stopped": EventType("Streaming stopped"),
    "call.streaming.failed": EventType("Streaming failed"),
    "call.refer.started": EventType("Refer started"),
    "call.refer.completed": EventType("Refer completed"),
    "call.refer.failed": EventType("Refer failed"),
    "call.enqueued": EventType("Put into a queue"),
    "call.dequeued": EventType("Left the queue"),
    "call.transcription": EventType("Words transcribed"),
    "call.ai_gather.ended": EventType("AI gather ended"),
    "call.ai_gather.partial_results": EventType("AI gather's partial results"),
    "call.ai_gather.message_history_updated": EventType("AI gather's messages"),
    "call.conversation.created": EventType("AI conversation created"),
    "call.conversation.start_failed": EventType("AI conversation could not start"),
    "call.conversation.ended": EventType("AI conversation ended"),
    "call.conversation_insights.generated": EventType("Insights of an AI conversation"),
    "conversation_insight_result": EventType("Insights of an AI conversation"),  # of an insight group's own webhook
    "call.analyzed": EventType("Call analysed"),
    "call.deepfake_detection.result": EventType("Deepfake detection result"),
    "call.deepfake_detection.error": EventType("Deepfake detection failed"),
    "call.payment.progress": EventType("Payment under way"),
    "call.payment.completed": EventType("Payment completed"),
    "call.sip_info.received": EventType("SIP INFO received"),
    "conference.created": EventType("Conference created"),
    "conference.ended": EventType("Conference ended"),
    "conference.participant.joined": EventType("Joined a conference"),
    "conference.participant.left": EventType("Left a conference"),
    "conference.floor.changed": EventType("Another participant speaks"),
    "conference.recording.saved": EventType("Conference recording saved"),
    "conference.playback.started": EventType("Conference playback started"),
    "conference.playback.ended": EventType("Conference playback ended"),
    "conference.speak.started": EventType("Conference speaking started"),
    "conference.speak.ended": EventType("Conference speaking ended"),
    "conference.participant.playback.started": EventType("Playback to a participant started"),
    "conference.participant.playback.ended": EventType("Playback to a participant ended"),
    "conference.participant.speak.started": EventType("Speaking to a participant started"),
    "conference.participant.speak.ended": EventType("Speaking to a participant ended"),
}

# No rule runs for these: what a TeXML call does is told by documents.
TEXML_TYPES: dict[str, EventType] = {
    "texml.call.initiated": EventType("Call initiated (TeXML)", "initiated", rank=1),
    "texml.call.ringing": EventType("Ringing (TeXML)", "ringing", rank=2),
    "texml.call.answered": EventType("Answered (TeXML)", "answered", "answered_at", rank=3),
    "texml.call.completed": EventType("Call ended (TeXML)", "ended", "ended_at", rank=9),
    "texml.call.fetch": EventType("Instructions asked for (TeXML)"),
    "texml.dial": EventType("Dialled leg ended (TeXML)"),
    "texml.amd": EventType("Answering machine detection ended (TeXML)"),
    "texml.cost": EventType("Cost known (TeXML)"),
    "texml.recording.in_progress": EventType("Recording started (TeXML)"),
    "texml.recording.completed": EventType("Recording saved (TeXML)"),
    "texml.recording.absent": EventType("Recording failed (TeXML)"),
    "texml.recording.ended": EventType("Record verb ended (TeXML)"),
    "texml.transcription": EventType("Transcription of a recording saved (TeXML)"),
    "texml.gather": EventType("Gather ended (TeXML)"),
    "texml.ai_gather": EventType("AI gather ended (TeXML)"),
    "texml.queue": EventType("Waiting in a queue (TeXML)"),
    "texml.refer": EventType("Refer under way or over (TeXML)"),
    "texml.conference.start": EventType("Conference started (TeXML)"),
    "texml.conference.end": EventType("Conference ended (TeXML)"),
    "texml.conference.join": EventType("Joined a conference (TeXML)"),
    "texml.conference.leave": EventType("Left a conference (TeXML)"),
    "texml.conference.speaker": EventType("Another participant speaks (TeXML)"),
    "texml.stream.started": EventType("Streaming started (TeXML)"),
    "texml.stream.stopped": EventType("Streaming stopped (TeXML)"),
    "texml.stream.failed": EventType("Streaming failed (TeXML)"),
    "texml.siprec.started": EventType("SIPREC started (TeXML)"),
    "texml.siprec.stopped": EventType("SIPREC stopped (TeXML)"),
    "texml.siprec.failed": EventType("SIPREC failed (TeXML)"),
    "texml.conversation.created": EventType("AI conversation created (TeXML)"),
    "texml.conversation.ended": EventType("AI conversation ended (TeXML)"),
    "texml.callback": EventType("TeXML callback"),
}

_ALL = EVENT_TYPES | TEXML_TYPES
# what tells the end of a leg
ENDS = tuple(name for name, known in _ALL.items() if known.state == "ended")
_UNKNOWN = EventType("")

# Telnyx's causes in words for someone with the customer on the phone. What is not here is shown as Telnyx sent it.
HANGUP_CAUSES = {
    "call_rejected": "Rejected",
    "normal_clearing": "Ended normally",
    "originator_cancel": "The caller gave up",
    "timeout": "Nobody answered in time",
    "time_limit": "Ended by the time limit",
    "user_busy": "Busy",
    "not_found": "Number not reachable",
    "no_answer": "Nobody answered",
    "unspecified": "No cause given",
    # TeXML's CallStatus, where it tells no cause
    "busy": "Busy",
    "no-answer": "Nobody answered",
    "canceled": "The caller gave up",
    "failed": "Could not be connected",
}
# Telnyx's word is for a side of the leg, and no person: on an incoming leg the called side may be a rule of ours.
HANGUP_SOURCES = {"caller": "on the caller's side", "callee": "on the called side"}


def meaning(event_type: str) -> EventType:
    """Return what the type says; an empty one for a type we do not know."""
    return _ALL.get(event_type, _UNKNOWN)


def label(event_type: str) -> str:
    """Return the type in words, or as Telnyx sent it."""
    return meaning(event_type).label or event_type


def ending(cause: str, source: str) -> str:
    """Describe an end: ``Ended normally, on the caller's side``; empty when no cause is known."""
    words = HANGUP_CAUSES.get(cause, cause.replace("_", " ").capitalize())
    return f"{words}, {HANGUP_SOURCES[source]}" if words and source in HANGUP_SOURCES else words
