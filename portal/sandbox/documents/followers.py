"""Brings about for documents what follows from what happens to a leg."""

from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.documents import dials, fetches, recording, rooms, runner, services
from portal.sandbox.documents.outcomes import LATER, comes, texml
from portal.sandbox.texml import legs
from portal.texml.interpreter import Machine
from portal.texml.outcomes import Fetch, Pressed, Spoken, Taken


def answered(exchange: Exchange, call: Call) -> None:
    """Let whom a document dialled hear what is for them, before they are put through."""
    if call.texml and call.texml.get("whisper"):
        runner.whisper(exchange, call, call.texml["whisper"])


def bridged(exchange: Exchange, call: Call) -> None:
    parent = legs.parent_of(exchange, call)
    if parent and parent.texml and parent.texml.get("dial") and call.peer == parent.call_control_id:
        dials.bridged(exchange, call, parent)


def entered(exchange: Exchange, call: Call) -> None:
    """Bring to the document what the far end pressed or said; what it does not wait for is lost, as at Telnyx."""
    entered = call.texml.pop("entered", None) if call.texml else None
    if not entered or not legs.is_run(call):
        return
    verb = Machine.from_json(texml(call)[runner.MACHINE]).verb()
    if "says" in entered:
        comes(exchange, call, Spoken(entered["says"]), name=LATER)
    elif verb and verb.name == "Record":
        recording.stop_by_key(exchange, call, verb, entered["keys"])
    elif verb and verb.name == "Dial":
        dials.press(exchange, call, entered["keys"])
    else:
        comes(exchange, call, Pressed(entered["keys"]), name=LATER)


def begun(exchange: Exchange, call: Call) -> None:
    """Stop what somebody hears who waited for their conference to begin."""
    if call.texml and runner.MACHINE in call.texml:
        comes(exchange, call, Taken(), name=LATER)


def unbridged(exchange: Exchange, call: Call) -> None:
    if call.texml:
        rooms.unbridged(exchange, call)
        services.unbridged(exchange, call)


def ending(exchange: Exchange, call: Call) -> None:
    """Tell the action of a Record of what was said until the caller hung up.

    Whether Telnyx asks it then is written down nowhere; who keeps messages would miss them otherwise.
    """
    kept = call.texml.pop("record", None) if call.texml else None
    verb = Machine.from_json(texml(call)[runner.MACHINE]).verb() if kept and runner.MACHINE in texml(call) else None
    if kept and verb and verb.name == "Record" and verb.get("action"):
        fields = recording.of_call(exchange, call, kept["id"]) | {"Digits": "hangup"}
        fetches.tell(exchange, call, Fetch(verb.get("action"), verb.get("method"), fields, "Record"))


def ended(exchange: Exchange, call: Call) -> None:
    """End what a document dialled with its own leg, and let the document that dialled this one go on."""
    if not call.texml:
        return
    dials.stop(exchange, call)
    rooms.part(exchange, call)
    parent = legs.parent_of(exchange, call)
    if parent and legs.is_run(parent):
        dials.ended(exchange, call, parent)
