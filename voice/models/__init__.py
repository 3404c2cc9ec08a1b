"""What happens on the line: calls, their events, the commands sent to them, the flows that decide."""

from voice.models.calls import Call
from voice.models.commands import CallCommand
from voice.models.events import CallEvent, RejectedRequest
from voice.models.flows import Flow, Rule

__all__ = ["Call", "CallCommand", "CallEvent", "Flow", "RejectedRequest", "Rule"]
