"""Names the buttons of a leg: what makes sense on it now, of the product that runs it, for who may press it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from voice.catalogue import actions
from voice.catalogue.texml_operations import COMMANDS
from voice.commands.products import Product, product_of
from voice.dialling import rights
from voice.models import Call, CallCommand, CallEvent

_UPDATE_RECORDING = "texml.calls.update_recording"


@dataclass(frozen=True)
class Button:
    """Leads to the page that asks for an action's parameters."""

    action: str
    label: str
    url: str

    @property
    def is_red(self) -> bool:
        return self.action in {*actions.HANG_UPS, "reject"}

    @property
    def is_first(self) -> bool:
        return self.action == "answer"


@dataclass(frozen=True)
class Kind:
    """Describes what may run on a TeXML leg: the field of its callbacks that names it, the commands, its end."""

    field: str
    begin: str
    stop: str
    begun: str
    over: tuple[str, ...]


_KINDS = (
    Kind(
        *("RecordingSid", "texml.calls.record", _UPDATE_RECORDING, "texml.recording.in_progress"),
        ("texml.recording.completed", "texml.recording.absent"),
    ),
    Kind(
        *("StreamSid", "texml.calls.start_stream", "texml.calls.stop_stream", "texml.stream.started"),
        ("texml.stream.stopped", "texml.stream.failed"),
    ),
    Kind(
        *("SiprecSid", "texml.calls.start_siprec", "texml.calls.stop_siprec", "texml.siprec.started"),
        ("texml.siprec.stopped", "texml.siprec.failed"),
    ),
)


def of_leg(call: Call, user: Any) -> list[Button]:
    """List what can be begun or done on a leg; of one whose product is unknown what Call Control has."""
    if product_of(call) == Product.TEXML:
        names = [name for name in actions.possible_on_texml(call) if rights.may(user, name)]
        return [Button(name, _short(name), _texml_url(call, name)) for name in names]
    names = [name for name in actions.possible(call) if rights.may(user, name)]
    return [Button(name, actions.label(name), reverse("admin:voice_call_act", args=[call.pk, name])) for name in names]


def of_what_runs(call: Call, user: Any) -> list[Button]:
    """List how to pause, resume and stop what runs on a live TeXML leg, as its callbacks and commands tell."""
    if not call.is_alive or product_of(call) != Product.TEXML:
        return []
    events = list(CallEvent.objects.filter(call=call, event_type__startswith="texml.").defer("body", "headers"))
    wanted = [name for kind in _KINDS for name in (kind.begin, kind.stop)]
    done = CallCommand.objects.filter(call=call, action__in=wanted, status=CallCommand.Status.OK)
    commands = list(done.order_by("created_at", "id"))
    return [
        button
        for kind in _KINDS
        if rights.may(user, kind.stop)
        for sid in _running(kind, events, commands)
        for button in _of_running(call, kind, sid, commands)
    ]


def _running(kind: Kind, events: list[CallEvent], commands: list[CallCommand]) -> list[str]:
    """List by SID what was begun and has not ended. What runs on a conference is not the leg's to stop."""
    told = [event for event in events if not (event.payload or {}).get("ConferenceSid")]
    begun = [_sid(event, kind.field) for event in told if event.event_type == kind.begun]
    begun += [(command.answer or {}).get("sid") for command in commands if command.action == kind.begin]
    over = {_sid(event, kind.field) for event in events if event.event_type in kind.over}
    over |= {command.path[1] for command in commands if command.action == kind.stop and _stops(command)}
    return [sid for sid in dict.fromkeys(begun) if isinstance(sid, str) and sid and sid not in over]


def _sid(event: CallEvent, name: str) -> object:
    return (event.payload or {}).get(name)


def _stops(command: CallCommand) -> bool:
    return command.action != _UPDATE_RECORDING or command.parameters.get("Status") == "stopped"


def _of_running(call: Call, kind: Kind, sid: str, commands: list[CallCommand]) -> Iterator[Button]:
    id_name = COMMANDS[kind.stop].ids[1]
    if kind.stop != _UPDATE_RECORDING:
        yield Button(kind.stop, f"{_short(kind.stop)} …{sid[-4:]}", _texml_url(call, kind.stop, **{id_name: sid}))
        return
    set_to = [one.parameters.get("Status") for one in commands if one.action == kind.stop and one.path[1] == sid]
    is_paused = bool(set_to) and set_to[-1] == "paused"
    first = ("Resume recording", "in-progress") if is_paused else ("Pause recording", "paused")
    for label, status in (first, ("Stop recording", "stopped")):
        url = _texml_url(call, kind.stop, **{id_name: sid}, Status=status)
        yield Button(kind.stop, f"{label} …{sid[-4:]}", url)


def _texml_url(call: Call, action: str, **more: str) -> str:
    address = reverse("admin:voice_texml_do", args=[call.account_id, action])
    return f"{address}?{urlencode({'call_sid': call.call_control_id, **more})}"


def _short(action: str) -> str:
    words = actions.label(action).removeprefix("TeXML: ")
    return words[:1].upper() + words[1:]
