"""Says how strict a world is, and which values are out of range where the SDK's types tell no range.

Ranges: minimum, maximum, minLength and maxLength of Telnyx's public OpenAPI document, of ``timeout_secs`` from its
words. What Telnyx does with members that nobody knows is documented nowhere: the document forbids none.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_FILE_NAME, _GATHER_ID, _LIMIT = (1, 40), (1, 40), (30, 14_400)
_RINGS = (5, 600)
# by the SDK's method and the parameter: least and most, of a number itself, of a text its length
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "calls.dial": {
        "record_custom_file_name": _FILE_NAME,
        "stream_auth_token": (0, 4000),
        "time_limit_secs": _LIMIT,
        "timeout_secs": _RINGS,
    },
    "calls.actions.answer": {"record_custom_file_name": _FILE_NAME},
    "calls.actions.bridge": {"record_custom_file_name": _FILE_NAME},
    "calls.actions.gather": {"gather_id": _GATHER_ID},
    "calls.actions.gather_using_ai": {"gather_ended_speech": (0, 3000)},
    "calls.actions.start_recording": {"custom_file_name": _FILE_NAME},
    "calls.actions.start_streaming": {"stream_auth_token": (0, 4000)},
    "calls.actions.transfer": {
        "record_custom_file_name": _FILE_NAME,
        "time_limit_secs": _LIMIT,
        "timeout_secs": _RINGS,
    },
    "conferences.actions.record_start": {"custom_file_name": _FILE_NAME},
    "conferences.actions.send_dtmf": {"duration_millis": (100, 500)},
    "queues.create": {"max_size": (1, float("inf")), "queue_name": (1, 255)},
    "queues.update": {"max_size": (1, float("inf"))},
}
# every event type of Telnyx's document and of the SDK: an override of any other is refused
_TYPES = """
    call.ai_gather.ended call.ai_gather.message_history_updated call.ai_gather.partial_results call.analyzed
    call.answered call.bridged call.conversation.created call.conversation.ended call.conversation.start_failed
    call.conversation_insights.generated call.cost call.deepfake_detection.error call.deepfake_detection.result
    call.dequeued call.dtmf.received call.enqueued call.fork.started call.fork.stopped call.gather.ended call.hangup
    call.hold call.initiated call.machine.detection.ended call.machine.greeting.ended
    call.machine.premium.call_screening.detected call.machine.premium.detection.ended
    call.machine.premium.detection.started call.machine.premium.greeting.ended call.payment.completed
    call.payment.progress call.playback.ended call.playback.started call.recording.error call.recording.saved
    call.recording.transcription.saved call.refer.completed call.refer.failed call.refer.started call.speak.ended
    call.speak.started call.transcription call.unhold conference.created conference.ended conference.floor.changed
    conference.participant.joined conference.participant.left conference.participant.playback.ended
    conference.participant.playback.started conference.participant.speak.ended conference.participant.speak.started
    conference.playback.ended conference.playback.started conference.recording.saved conference.speak.ended
    conference.speak.started siprec.failed siprec.started siprec.stopped streaming.failed streaming.started
    streaming.stopped
"""
EVENT_TYPES = frozenset(_TYPES.split())
UNKNOWN_MEMBERS = ("refuse", "ignore")
_ignores: ContextVar[bool] = ContextVar("ignores unknown members", default=False)


def ignores_unknown() -> bool:
    """Whether a member that the SDK does not know is passed over."""
    return _ignores.get()


@contextmanager
def ignoring(wanted: bool) -> Iterator[None]:
    """Let what is done pass over unknown members, if that is wanted."""
    before = _ignores.set(wanted)
    try:
        yield
    finally:
        _ignores.reset(before)


def out_of_range(method: str, body: Mapping[str, Any]) -> tuple[str, float, float] | None:
    """Return the first parameter out of range, with its least and its most."""
    for name, (least, most) in RANGES.get(method, {}).items():
        value = body.get(name)
        if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        if not least <= (len(value) if isinstance(value, str) else value) <= most:
            return name, least, most
    return None
