"""Reads the catalogue of call actions from the SDK: names, parameters, groups, who may press them.

What is done to a conference or a queue has a dotted name: ``conferences.hold``, ``queues.calls.remove``. So has what
TeXML's REST API does (``texml.calls.redirect``): see ``texml_operations``.
"""

import base64
from collections.abc import Sequence
from functools import cache
from typing import Any

from portal.masking import hides_something
from portal.phone_numbers import same_form
from portal.telnyx import schemas
from portal.telnyx.schemas import InvalidParameters
from portal.telnyx.sdk_types import Parameter
from voice.catalogue import texml_documents, texml_operations
from voice.models import Call, CallCommand

DIAL = "dial"
CLIENT_STATE = "client_state"  # and ``target_leg_client_state``
NO_CLIENT_STATE = "Must be base64: Telnyx takes no other client state."
HIDDEN = "It has a value that was hidden when it was read (•••). Enter that value whole."
# What puts a call to another number costs money: it takes the permission to dial.
RINGS = frozenset({DIAL, "transfer", "refer", *texml_operations.DIALS})
NEW_CALLS = frozenset({DIAL, *texml_operations.DIALS})  # they make a call of their own
HANG_UPS = frozenset({"hangup", "texml.calls.hang_up"})
DELETES_RECORDING = frozenset({"recordings.delete", "texml.recordings.delete"})  # its file, for good
_DELETES = DELETES_RECORDING | {"texml.transcriptions.delete"}  # what was recorded, or its words
# What is said on a call is kept or sent elsewhere: it takes the permission to listen, as hearing it afterwards does.
_LISTENS = {"start_recording", "start_streaming", "start_forking", "start_siprec", "conferences.record_start"}
_LISTENS |= {"start_conversation_relay", "texml.calls.record", "texml.calls.start_stream", "texml.calls.start_siprec"}
_LISTENING_PARAMETERS = (
    *("record", "stream_url", "enable_dialogflow", "conversation_relay_config"),
    *("Record", "ConferenceRecord"),
)
_NUMBERS = ("to", "from", "To", "From")
_OFF = (None, False, "", "false", "do-not-record")
# Groups as people think; the first that fits an action's name takes it, and what a new SDK brings is never left out.
_GROUPS = (
    ("Answer & end", ("answer", "hangup", "reject")),
    ("AI", ("ai_assistant", "using_ai", "conversation_relay")),
    ("Queue", ("queue",)),
    ("SIP", ("refer", "sip_info")),
    ("Record", ("recording",)),
    ("Stream & fork", ("streaming", "forking", "siprec", "noise_suppression")),
    ("Transcribe", ("transcription",)),
    ("Gather", ("gather",)),
    ("Speak & play", ("speak", "playback", "dtmf")),
    ("Connect", ("transfer", "bridge", "dial", "supervisor")),
    ("Other", ("",)),
)
_LABELS = {"gather_using_speak": "Ask and gather digits", "gather": "Gather digits", "send_dtmf": "Send DTMF"}
_LABELS |= {"conferences.create": "Create conference", "conferences.end_conference": "End conference"}
_LABELS |= {"conferences.update": "Conference: set supervisor role", "conferences.send_dtmf": "Conference: send DTMF"}
_LABELS |= {"conferences.gather_dtmf_audio": "Conference: play audio and gather digits"}
_LABELS |= {"queues.create": "Create queue", "queues.update": "Change queue", "queues.delete": "Delete queue"}
_LABELS |= {"recordings.delete": "Delete recording"} | texml_operations.LABELS
_LABELS |= {"queues.calls.remove": "Remove from queue", "queues.calls.update": "Keep in queue after hang-up"}


@cache
def names() -> tuple[str, ...]:
    """List every action of ``client.calls.actions``, by SDK name."""
    return schemas.methods("calls.actions")


@cache
def conference_names() -> tuple[str, ...]:
    """List every action of ``client.conferences.actions``, as ``conferences.hold``."""
    return tuple(f"conferences.{name}" for name in schemas.methods("conferences.actions"))


def method(action: str) -> str:
    """Return the SDK's dotted method: ``calls.dial``, ``calls.actions.answer``, ``conferences.actions.hold``."""
    if texml_operations.is_texml(action):
        return texml_operations.COMMANDS[action].sdk_method
    if action in conference_names():
        return action.replace("conferences.", "conferences.actions.", 1)
    if "." in action:
        return action
    return "calls.dial" if action == DIAL else f"calls.actions.{action}"


def is_on_a_call(action: str) -> bool:
    """Tell whether its address at Telnyx is a call's."""
    return "." not in action and action != DIAL


def is_on_a_queued_call(action: str) -> bool:
    """Tell whether it is about a call in a queue, which may keep one that has hung up."""
    return action.startswith("queues.calls.")


def answers_nothing(action: str) -> bool:
    """Tell whether Telnyx's yes is a 204: the SDK's method returns nothing."""
    return schemas.returns_nothing(method(action))


def exists(action: str) -> bool:
    return action == DIAL or action in names()


def parameters(action: str) -> Sequence[Parameter]:
    """List what a person or a rule may set: all but ``command_id``, which is ours."""
    if texml_operations.is_texml(action):
        return texml_operations.COMMANDS[action].parameters()
    return [parameter for parameter in schemas.parameters(method(action)) if parameter.name != "command_id"]


def check(action: str, values: Any) -> dict[str, Any]:
    """Return ``values`` if the action takes them, numbers as Telnyx's events have them; else ``InvalidParameters``."""
    if not isinstance(values, dict):
        raise InvalidParameters({"parameters": ["Must be an object."]})
    if texml_operations.is_texml(action):
        given = texml_operations.check(action, values)
        _refuse_odd_names(given, "FriendlyName" if action == "texml.queues.create" else "")
        return _in_one_form(given)
    if "command_id" in values:
        raise InvalidParameters({"command_id": ["The portal sets it: leave it out."]})
    given = schemas.validate(method(action), values)
    _refuse_odd_names(given, "queue_name")
    if odd := [name for name, text in given.items() if name.endswith(CLIENT_STATE) and not is_client_state(text)]:
        raise InvalidParameters({name: [NO_CLIENT_STATE] for name in odd})
    return _in_one_form(given)


def refuse_hidden(given: dict[str, Any]) -> None:
    """Raise ``InvalidParameters`` for what somebody sends as it was shown them: Telnyx would get dots for a secret."""
    if hidden := [name for name, value in given.items() if hides_something(value)]:
        raise InvalidParameters({name: [HIDDEN] for name in hidden})


def _refuse_odd_names(given: dict[str, Any], parameter: str) -> None:
    """Refuse the name of a queue that Telnyx would make, and no address could name."""
    name = given.get(parameter)
    if isinstance(name, str) and ("/" in name or name in {".", ".."}):
        raise InvalidParameters({parameter: ["A queue is named in addresses: no / in it, and neither . nor .. alone."]})


def is_client_state(text: Any) -> bool:
    """Tell whether Telnyx takes it as a client state. A rule's placeholder is none until it is filled in."""
    if not isinstance(text, str):
        return True  # what is no text is judged by its type
    try:
        return bool(base64.b64decode(text, validate=True)) or not text
    except ValueError:
        return False


def _in_one_form(values: dict[str, Any]) -> dict[str, Any]:
    """Return ``values`` with the numbers in one form: commands that call the same one look the same."""

    def form(value: Any) -> Any:
        if isinstance(value, list):
            return [form(one) for one in value]
        return same_form(value) if isinstance(value, str) else value

    return values | {name: form(values[name]) for name in _NUMBERS if name in values}


def application_of(command: CallCommand) -> str:
    """Return the ``connection_id`` of the application that a dial is made from; empty when it names none."""
    if texml_operations.is_texml(command.action):
        return texml_operations.application_of(command.action, command.path, command.parameters)
    return str(command.parameters.get("connection_id") or "")


def permission(action: str) -> str:
    """Name the permission to press it. What its parameters make of it takes more: ``voice.dialling.rights``."""
    if action in _DELETES:
        return "voice.delete_recording"
    if action == texml_operations.SAVE_SECRET:  # it belongs to the documents of applications, and to no call
        return "applications.change_texmlapplication"
    return "voice.dial" if action in RINGS else "voice.control_call"


def is_listening(action: str, parameters: Any) -> bool:
    """Tell whether it has a call recorded, or what is said on it sent elsewhere."""
    given = parameters if isinstance(parameters, dict) else {}
    if action in _LISTENS or any(given.get(name) not in _OFF for name in _LISTENING_PARAMETERS):
        return True
    try:
        return texml_documents.is_heard(str(given.get(texml_documents.PARAMETER) or "<Response/>"))
    except texml_documents.Unreadable:
        return True  # nobody knows


def label(action: str) -> str:
    words = action.replace("conferences.", "conference: ").replace("_", " ")
    return _LABELS.get(action, words.capitalize())


def group(action: str) -> str:
    """Return the heading it stands under."""
    return next(title for title, words in _GROUPS if any(word in action for word in words))


def grouped(of: Sequence[str] | None = None) -> list[tuple[str, list[str]]]:
    """List all actions (or these) under their headings, in the order people look for them."""
    headings = ("Answer & end", "Connect", "Speak & play", "Gather", "Record", "Stream & fork", "Transcribe", "AI")
    order = (*headings, "Queue", "SIP", "Other")
    listed = names() if of is None else of
    found = [(title, [name for name in listed if group(name) == title]) for title in order]
    return [(title, members) for title, members in found if members]


def possible(call: Call) -> list[str]:
    """List what makes sense on this call now, for the buttons of its page; Telnyx has the last word."""
    if not call.is_alive:
        return []
    if call.state in {Call.State.ANSWERED, Call.State.BRIDGED}:
        return ["hangup", "transfer", "speak", "gather_using_speak", "gather", "start_playback", "send_dtmf", "bridge"]
    return ["answer", "reject", "transfer"] if call.direction == "incoming" else ["hangup"]


def possible_on_texml(call: Call) -> list[str]:
    """List what makes sense on this TeXML leg now. Of an incoming one the portal may not have heard the answer."""
    if not call.is_alive:
        return []
    if call.direction == "outgoing" and call.state not in {Call.State.ANSWERED, Call.State.BRIDGED}:
        return ["texml.calls.hang_up"]
    verbs = ("redirect", "hang_up", "record", "start_stream", "start_siprec")
    return [f"texml.calls.{verb}" for verb in verbs]
