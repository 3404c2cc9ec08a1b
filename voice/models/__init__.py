"""What happens on the line: calls, their events, the commands sent to them, the flows that decide."""

from voice.models.batches import DialBatch
from voice.models.breakers import AccountBreaker
from voice.models.calls import Call
from voice.models.commands import CallCommand
from voice.models.conferences import Conference, ConferenceParticipant
from voice.models.events import CallEvent, RejectedRequest
from voice.models.flows import Flow, Rule
from voice.models.limits import Limits
from voice.models.listings import LiveListing

__all__ = [
    "AccountBreaker",
    "Call",
    "CallCommand",
    "CallEvent",
    "Conference",
    "ConferenceParticipant",
    "DialBatch",
    "Flow",
    "Limits",
    "LiveListing",
    "RejectedRequest",
    "Rule",
]
