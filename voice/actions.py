"""The catalogue of call actions, read from the SDK: names, parameters, what may be repeated, who may press them."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from portal import schemas
from portal.schemas import InvalidParameters, Parameter
from voice.models import Call

DIAL = "dial"
# How long after its cause an action still makes sense. An answer 20 s late rings in an empty room.
_FRESH = {"answer": 20, "reject": 20, "speak": 15, "gather": 15, "gather_using_speak": 15, "gather_using_audio": 15}
_FRESH |= {"start_playback": 15, "hangup": 300, DIAL: 20, "transfer": 30}
_FRESH_OTHERS = 30
# What puts a call to another number costs money: it takes the permission to dial.
_DIALS = {DIAL, "transfer", "refer"}
_LABELS = {"gather_using_speak": "Ask and gather digits", "gather": "Gather digits", "send_dtmf": "Send DTMF"}


@cache
def names() -> tuple[str, ...]:
    """Every action of ``client.calls.actions``, by SDK name."""
    return schemas.methods("calls.actions")


def method(action: str) -> str:
    """The SDK's dotted method: ``calls.dial`` or ``calls.actions.answer``."""
    return "calls.dial" if action == DIAL else f"calls.actions.{action}"


def exists(action: str) -> bool:
    return action == DIAL or action in names()


def parameters(action: str) -> Sequence[Parameter]:
    """What a person or a rule may set: all but ``command_id``, which is ours."""
    return [parameter for parameter in schemas.parameters(method(action)) if parameter.name != "command_id"]


def check(action: str, values: Any, *, partial: bool = False) -> dict[str, Any]:
    """``values`` if the action takes them; else ``InvalidParameters``."""
    if not isinstance(values, dict):
        raise InvalidParameters({"parameters": ["Must be an object."]})
    if "command_id" in values:
        raise InvalidParameters({"command_id": ["The portal sets it: leave it out."]})
    return schemas.validate(method(action), values, partial=partial)


def repeatable(action: str) -> bool:
    """Whether Telnyx ignores a repeat: it takes a ``command_id``."""
    return schemas.takes(method(action), "command_id")


def freshness(action: str) -> timedelta:
    """After this the action is not begun any more."""
    return timedelta(seconds=_FRESH.get(action, _FRESH_OTHERS))


def permission(action: str) -> str:
    """Who may press it."""
    return "voice.dial" if action in _DIALS else "voice.control_call"


def label(action: str) -> str:
    return _LABELS.get(action, action.replace("_", " ").capitalize())


def possible(call: Call) -> list[str]:
    """What makes sense on this call now, for the buttons of its page; Telnyx has the last word."""
    if not call.is_alive:
        return []
    if call.state in {Call.State.ANSWERED, Call.State.BRIDGED}:
        return ["hangup", "transfer", "speak", "gather_using_speak", "gather", "start_playback", "send_dtmf", "bridge"]
    return ["answer", "reject", "transfer"] if call.direction == "incoming" else ["hangup"]
