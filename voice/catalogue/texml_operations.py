"""Lists the operations of TeXML's REST API: their methods in the SDK, the ids of their addresses, what goes together.

The SDK names its methods after addresses (``recording_sid_json``); the portal's names say what they do. Parameters,
enumerations and what is required come from the SDK; rules that its types cannot say stand here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from portal.telnyx import schemas
from portal.telnyx.schemas import InvalidParameters
from portal.telnyx.sdk_types import Parameter
from portal.texts import one_of
from voice.catalogue import texml_documents

PREFIX, SAVE_SECRET = "texml.", "texml.secrets.save"


@dataclass(frozen=True)
class Operation:
    """Describes one: ``method`` of the SDK below ``texml``, ``ids`` of its address but the account's, in order.

    ``rows`` is the member of a list's answer that holds them; ``is_form``: Telnyx's spec has forms, and no JSON.
    """

    method: str
    ids: tuple[str, ...] = ()
    rows: str = ""
    is_form: bool = False

    @property
    def of_account(self) -> bool:
        return self.method.startswith("accounts.")

    @property
    def sdk_method(self) -> str:
        return PREFIX + self.method

    def parameters(self) -> list[Parameter]:
        """List what a person may set: not what stands in the address."""
        return [one for one in schemas.parameters(self.sdk_method) if one.name not in self.address_names]

    @property
    def address_names(self) -> tuple[str, ...]:
        return (*self.ids, "account_sid")


_CALL, _ROOM, _QUEUE = ("call_sid",), ("conference_sid",), ("queue_sid",)
_PERSON = ("conference_sid", "call_sid_or_participant_label")
_CALLS, _ROOMS = "accounts.calls", "accounts.conferences"
_ONE_RECORDING, _ONE_TRANSCRIPTION = ("recording_sid",), ("recording_transcription_sid",)
_OF_RECORDING, _OF_TRANSCRIPTION = "accounts.recordings.json", "accounts.transcriptions.json"

READS: dict[str, Operation] = {
    "texml.calls.list": Operation(f"{_CALLS}.retrieve_calls", rows="calls"),
    "texml.calls.retrieve": Operation(f"{_CALLS}.retrieve", _CALL),
    "texml.calls.recordings": Operation(f"{_CALLS}.recordings_json.retrieve_recordings_json", _CALL, "recordings"),
    "texml.conferences.list": Operation(f"{_ROOMS}.retrieve_conferences", rows="conferences"),
    "texml.conferences.retrieve": Operation(f"{_ROOMS}.retrieve", _ROOM),
    "texml.conferences.recordings": Operation(f"{_ROOMS}.retrieve_recordings", _ROOM, "recordings"),
    "texml.conferences.recordings_json": Operation(f"{_ROOMS}.retrieve_recordings_json", _ROOM, "recordings"),
    "texml.participants.list": Operation(f"{_ROOMS}.participants.retrieve_participants", _ROOM, "participants"),
    "texml.participants.retrieve": Operation(f"{_ROOMS}.participants.retrieve", _PERSON),
    "texml.queues.list": Operation("accounts.queues.list", rows="queues"),
    "texml.queues.retrieve": Operation("accounts.queues.retrieve", _QUEUE),
    "texml.recordings.list": Operation("accounts.retrieve_recordings_json", rows="recordings"),
    "texml.recordings.retrieve": Operation(f"{_OF_RECORDING}.retrieve_recording_sid_json", _ONE_RECORDING),
    "texml.transcriptions.list": Operation("accounts.retrieve_transcriptions_json", rows="transcriptions"),
    "texml.transcriptions.retrieve": Operation(
        f"{_OF_TRANSCRIPTION}.retrieve_recording_transcription_sid_json", _ONE_TRANSCRIPTION
    ),
}
COMMANDS: dict[str, Operation] = {
    "texml.calls.dial": Operation(f"{_CALLS}.calls"),
    "texml.calls.create": Operation("calls.create", ("connection_id",)),
    "texml.ai_calls.create": Operation("initiate_ai_call", ("connection_id",)),
    # one method for two things: the first may be repeated, the second begins a document anew
    "texml.calls.hang_up": Operation(f"{_CALLS}.update", _CALL, is_form=True),
    "texml.calls.redirect": Operation(f"{_CALLS}.update", _CALL, is_form=True),
    "texml.calls.record": Operation(f"{_CALLS}.recordings_json.recordings_json", _CALL, is_form=True),
    "texml.calls.update_recording": Operation(
        f"{_CALLS}.recordings.recording_sid_json", ("call_sid", "recording_sid"), is_form=True
    ),
    "texml.calls.start_siprec": Operation(f"{_CALLS}.siprec_json", _CALL, is_form=True),
    "texml.calls.stop_siprec": Operation(f"{_CALLS}.siprec.siprec_sid_json", ("call_sid", "siprec_sid"), is_form=True),
    "texml.calls.start_stream": Operation(f"{_CALLS}.streams_json", _CALL, is_form=True),
    "texml.calls.stop_stream": Operation(
        f"{_CALLS}.streams.streaming_sid_json", ("call_sid", "streaming_sid"), is_form=True
    ),
    "texml.conferences.end": Operation(f"{_ROOMS}.update", _ROOM, is_form=True),
    "texml.conferences.announce": Operation(f"{_ROOMS}.update", _ROOM, is_form=True),
    "texml.participants.dial": Operation(f"{_ROOMS}.participants.participants", _ROOM, is_form=True),
    "texml.participants.update": Operation(f"{_ROOMS}.participants.update", _PERSON, is_form=True),
    "texml.participants.announce": Operation(f"{_ROOMS}.participants.update", _PERSON, is_form=True),
    "texml.participants.remove": Operation(f"{_ROOMS}.participants.delete", _PERSON),
    "texml.queues.create": Operation("accounts.queues.create", is_form=True),
    "texml.queues.update": Operation("accounts.queues.update", _QUEUE, is_form=True),
    "texml.queues.delete": Operation("accounts.queues.delete", _QUEUE),
    "texml.recordings.delete": Operation(f"{_OF_RECORDING}.delete_recording_sid_json", _ONE_RECORDING),
    "texml.transcriptions.delete": Operation(
        f"{_OF_TRANSCRIPTION}.delete_recording_transcription_sid_json", _ONE_TRANSCRIPTION
    ),
    SAVE_SECRET: Operation("secrets"),
}
LABELS = {
    "texml.calls.dial": "TeXML: dial",
    "texml.calls.create": "TeXML: dial from an application",
    "texml.ai_calls.create": "TeXML: call with an AI assistant",
    "texml.calls.hang_up": "TeXML: hang up",
    "texml.calls.redirect": "TeXML: other instructions",
    "texml.calls.record": "TeXML: start recording",
    "texml.calls.update_recording": "TeXML: pause, resume or stop a recording",
    "texml.calls.start_siprec": "TeXML: start SIPREC",
    "texml.calls.stop_siprec": "TeXML: stop SIPREC",
    "texml.calls.start_stream": "TeXML: start streaming",
    "texml.calls.stop_stream": "TeXML: stop streaming",
    "texml.conferences.end": "TeXML: end conference",
    "texml.conferences.announce": "TeXML: announce to a conference",
    "texml.participants.dial": "TeXML: dial into a conference",
    "texml.participants.update": "TeXML: change participant",
    "texml.participants.announce": "TeXML: announce to a participant",
    "texml.participants.remove": "TeXML: remove participant",
    "texml.queues.create": "TeXML: create queue",
    "texml.queues.update": "TeXML: change queue",
    "texml.queues.delete": "TeXML: delete queue",
    "texml.recordings.delete": "TeXML: delete recording",
    "texml.transcriptions.delete": "TeXML: delete transcription",
    SAVE_SECRET: "TeXML: save secret",
}
DIALS = frozenset({"texml.calls.dial", "texml.calls.create", "texml.ai_calls.create", "texml.participants.dial"})
# they put something into a state: the same twice is the same
SET_STATE = frozenset(
    {
        *("texml.calls.hang_up", "texml.calls.update_recording", "texml.calls.stop_siprec", "texml.calls.stop_stream"),
        *("texml.conferences.end", "texml.participants.update", "texml.participants.remove", "texml.queues.update"),
        *("texml.queues.delete", "texml.recordings.delete", "texml.transcriptions.delete"),
    }
)
# the callbacks that may show that a command was carried out; of a dial any that tells of its call
_OF_A_CALL = tuple(f"texml.call.{word}" for word in ("initiated", "ringing", "answered", "completed", "fetch"))
ANSWERS: dict[str, tuple[str, ...]] = dict.fromkeys(DIALS, _OF_A_CALL) | {
    "texml.calls.hang_up": ("texml.call.completed",),
    "texml.calls.record": ("texml.recording.in_progress",),
    "texml.calls.update_recording": ("texml.recording.completed",),
    "texml.calls.start_stream": ("texml.stream.started",),
    "texml.calls.stop_stream": ("texml.stream.stopped",),
    "texml.calls.start_siprec": ("texml.siprec.started",),
    "texml.calls.stop_siprec": ("texml.siprec.stopped",),
    "texml.conferences.end": ("texml.conference.end",),
}
ANSWERING = frozenset(one for several in ANSWERS.values() for one in several)
PAGING = ("Page", "PageSize", "PageToken")
_BY_DAY = ("DateCreated", "DateUpdated")  # they take DateCreated> and DateCreated<, which the SDK has no argument for
CALL_STATUS_OVER = frozenset({"completed", "canceled", "failed", "busy", "no-answer"})


def is_texml(action: str) -> bool:
    return action in COMMANDS


def check(action: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` if the operation takes them, by wire name; else raise ``InvalidParameters``."""
    operation = COMMANDS[action]
    told = {name: "x" for name in operation.address_names if schemas.has_parameter(operation.sdk_method, name)}
    if in_address := sorted(values.keys() & told.keys()):
        raise InvalidParameters({name: ["Unknown parameter."] for name in in_address})
    schemas.validate(operation.sdk_method, {**values, **told})
    if errors := _against_rules(action, values):
        raise InvalidParameters(errors)
    return dict(values)


def filters(name: str) -> tuple[str, ...]:
    """List the filters of a list, by wire name."""
    named = [one.name for one in READS[name].parameters() if one.name not in PAGING]
    return (*named, *(f"{day}{sign}" for day in _BY_DAY if day in named for sign in "><"))


def check_filters(name: str, wanted: Mapping[str, str]) -> None:
    """Raise ``InvalidParameters`` for a value that Telnyx's list does not take."""
    choices = {one.name: one.choices for one in READS[name].parameters() if one.choices}
    errors = {
        key: [one_of(choices[key])] for key, value in wanted.items() if key in choices and value not in choices[key]
    }
    if errors:
        raise InvalidParameters(errors)


def address(action: str, path: list[str]) -> dict[str, str]:
    """Name the ids of a command's path: ``{"call_sid": …}``. One that lacks some is shown, and never sent."""
    return dict(zip(COMMANDS[action].ids, path, strict=False))


def check_address(action: str, path: Sequence[str]) -> None:
    """Raise ``InvalidParameters`` for a path that has not each id of the address, and no more."""
    ids = COMMANDS[action].ids
    lacking = [name for name, one in zip_longest(ids, path[: len(ids)], fillvalue="") if not one]
    if lacking or len(path) > len(ids):
        words = f"The address of {action} takes {' and '.join(ids) or 'no id'}."
        raise InvalidParameters({name: [words] for name in lacking or ("path",)})


def call_sid(action: str, path: list[str]) -> str:
    """Return the call that a command's path names; of a participant it may be a label. Empty when it names none."""
    named = address(action, path)
    return named.get("call_sid") or named.get("call_sid_or_participant_label") or ""


def application_of(action: str, path: list[str], parameters: Mapping[str, Any]) -> str:
    """Return the application a dial is made from; empty when it names none."""
    return address(action, path).get("connection_id") or str(parameters.get("ApplicationSid") or "")


# --- What the SDK's types cannot say ----------------------------------------------------------------------------------

_Errors = dict[str, list[str]]
_Rule = Callable[[Mapping[str, Any]], _Errors]


def _required(*names: str) -> _Rule:
    return lambda values: {name: ["This parameter is required."] for name in names if not values.get(name)}


def _not_both(one: str, other: str) -> _Rule:
    def rule(values: Mapping[str, Any]) -> _Errors:
        both = values.get(one) is not None and values.get(other) is not None
        return {other: [f"Give {one} or {other}, not both."]} if both else {}

    return rule


def _one_of(*names: str) -> _Rule:
    words = ", ".join(names[:-1]) + f" or {names[-1]}" if len(names) > 1 else names[0]
    return lambda values: {} if any(values.get(name) for name in names) else {names[0]: [f"Give {words}."]}


def _only(name: str, value: str) -> _Rule:
    return lambda values: {} if values.get(name) == value else {name: [f'Must be "{value}".']}


def _without(name: str, *others: str) -> _Rule:
    words = f"Not together with {name}: they are two commands."
    return lambda values: {other: [words] for other in others if other in values}


def _well_formed(values: Mapping[str, Any]) -> _Errors:
    """A document that cannot be read may call anybody."""
    try:
        texml_documents.called(str(values.get("Texml") or "<Response/>"))
    except texml_documents.Unreadable as error:
        return {"Texml": [str(error)]}
    return {}


def _coach_named(values: Mapping[str, Any]) -> _Errors:
    missing = values.get("Coaching") is True and not values.get("CallSidToCoach")
    return {"CallSidToCoach": ["Coaching needs the call that is coached."]} if missing else {}


def _something_of(action: str) -> _Rule:
    def rule(values: Mapping[str, Any]) -> _Errors:
        names = [one.name for one in COMMANDS[action].parameters()]
        return {} if values else {names[0]: [f"Give at least one of {', '.join(names)}."]}

    return rule


_DOCUMENT = _not_both("Url", "Texml")
_RULES: dict[str, tuple[_Rule, ...]] = {
    # without To no limit could be checked
    "texml.calls.dial": (_required("To"), _DOCUMENT, _well_formed),
    "texml.calls.create": (_DOCUMENT, _well_formed),
    "texml.participants.dial": (_required("To"), _coach_named),
    "texml.calls.hang_up": (_only("Status", "completed"), _without("Status", "Url", "Texml")),
    "texml.calls.redirect": (_one_of("Status", "Url", "Texml"), _DOCUMENT, _well_formed),
    "texml.calls.update_recording": (_required("Status"),),
    "texml.calls.stop_siprec": (_required("Status"),),
    "texml.calls.stop_stream": (_required("Status"),),
    "texml.conferences.end": (_only("Status", "completed"), _without("Status", "AnnounceUrl", "AnnounceMethod")),
    "texml.conferences.announce": (_one_of("Status", "AnnounceUrl"),),
    "texml.participants.update": (_something_of("texml.participants.update"), _coach_named),
    "texml.participants.announce": (_coach_named,),
    "texml.queues.update": (_something_of("texml.queues.update"),),
}


def _against_rules(action: str, values: Mapping[str, Any]) -> _Errors:
    errors: _Errors = {}
    for rule in _RULES.get(action, ()):
        for name, words in rule(values).items():
            errors.setdefault(name, []).extend(words)
    return errors
