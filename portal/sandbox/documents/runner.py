"""Runs the documents of a leg: has them fetched, plays their verbs in turn, and takes back what came of each."""

from collections.abc import Callable

from portal.json_types import JsonObject
from portal.sandbox.calls import calls
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.documents import dials, fetches, prompts, recording, rooms, services, settings
from portal.sandbox.documents.outcomes import ASIDE, LATER, SOON, comes, enter, read, texml
from portal.sandbox.services import sockets
from portal.sandbox.texml import legs
from portal.texml.conversation import in_words
from portal.texml.interpreter import Machine
from portal.texml.outcomes import End, Fetch, Fetched, Outcome, Pressed, Silent, Step, Tell
from portal.texml.tree import Malformed, parse
from portal.texml.verbs import Note, Verb

MACHINE = "machine"  # where a leg keeps what its document is at
_REJECTED = {"rejected": ("call_rejected", "404"), "busy": ("user_busy", "486")}


def begin(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Have the instructions fetched, or take them as they are; whatever document was run before is left."""
    if not call.alive or call.texml is None:
        return
    wanted, application = arguments["wanted"], exchange.application(call)
    leave(exchange, call)
    url = wanted.get("url") or application.get("voice_url") or ""
    method = str(application.get("voice_method") or "POST").upper()
    machine = Machine(
        strict=settings.is_strict(exchange),
        method=method,
        fallback=wanted.get("fallback_url") or application.get("voice_fallback_url") or "",
        fallback_method=(wanted.get("fallback_method") or "POST").upper(),
    )
    if wanted.get("inline") is not None:
        machine.begin(url)
        _take_document(exchange, call, machine, Fetched(wanted["inline"], url))
    elif url:
        _play(exchange, call, machine, machine.begin(url, (wanted.get("method") or method).upper()))
    else:
        _without(exchange, call)


def whisper(exchange: Exchange, call: Call, wanted: JsonObject) -> None:
    """Let somebody hear a document of its own before they are put through: whom another one dialled, or took."""
    if not call.alive:
        return
    method = str(exchange.application(call).get("voice_method") or "POST").upper()
    machine = Machine(role=wanted["role"], method=method, strict=settings.is_strict(exchange))
    texml(call)[ASIDE] = machine.as_json()
    _play(exchange, call, machine, machine.begin(wanted["url"], wanted["method"].upper(), wanted["fields"]))


def take(exchange: Exchange, call: Call, outcome: Outcome) -> None:
    """Go on with what came back."""
    machine = _machine(call)
    if machine is None or not call.alive:
        return
    listened = machine.waits == "input"
    steps = machine.take(outcome)
    if isinstance(outcome, Pressed) and listened and not steps and (verb := machine.verb()):  # more keys may follow
        exchange.cancel(call, SOON)
        comes(exchange, call, Silent(), prompts.patience(call, verb))
    _play(exchange, call, machine, steps)


def leave(exchange: Exchange, call: Call) -> None:
    """Stop what is played, because other instructions come or the call is over."""
    for name in (SOON, LATER):
        exchange.cancel(call, name)
    dials.stop(exchange, call)
    rooms.stop_waiting(exchange, call, "leave")
    rooms.part(exchange, call)
    for name in (MACHINE, ASIDE, "record", "connected", rooms.BRIDGED):
        texml(call).pop(name, None)


def _machine(call: Call) -> Machine | None:
    kept = (call.texml or {}).get(ASIDE) or (call.texml or {}).get(MACHINE)
    return Machine.from_json(kept) if kept else None


def _play(exchange: Exchange, call: Call, machine: Machine, steps: list[Step]) -> None:
    texml(call)[ASIDE if ASIDE in texml(call) else MACHINE] = machine.as_json()
    if steps:
        exchange.cancel(call, SOON)
    for step in steps:
        for line in in_words(step):
            enter(exchange, call, line)
        if isinstance(step, Fetch):
            fetches.ask(exchange, call, step)
        elif isinstance(step, Tell):
            fetches.tell(exchange, call, step)
        elif isinstance(step, End):
            _end(exchange, call, step)
        elif isinstance(step, Verb):
            _PLAYED[step.name](exchange, call, step)


def _answered(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Take the answer to a request for a document."""
    machine = _machine(call)
    outcome = fetches.answer(call, arguments, machine.asked.get("role", "")) if call.alive and machine else None
    if machine and outcome:
        _take_document(exchange, call, machine, outcome)


def _take_document(exchange: Exchange, call: Call, machine: Machine, outcome: Outcome) -> None:
    """Run a document. The first one of an incoming call has it answered, unless that is what it refuses."""
    is_first = machine.documents == 1 and not (machine.role or machine.strict)
    if is_first and _is_none(call, machine, outcome):
        _without(exchange, call)
        return
    steps = machine.take(outcome)
    does = [step for step in steps if not isinstance(step, Note)]
    is_refused = bool(does) and isinstance(does[0], End) and does[0].how in _REJECTED
    is_elsewhere = all(isinstance(step, Fetch) for step in does)  # another document is to tell
    if call.state == "ringing" and not (is_refused or is_elsewhere):
        calls.answer(exchange, call)
    _play(exchange, call, machine, steps)


def _is_none(call: Call, machine: Machine, outcome: Outcome) -> bool:
    """Whether an application has no document to run: it says nothing at all, as the portal's address for callbacks
    does, or there is nobody at its address and a scenario can stand in.
    """
    if not isinstance(outcome, Fetched):
        is_ringing = call.state == "ringing"
        return is_ringing and outcome == fetches.NOBODY and not machine.fallback and legs.can_stand_in(call)
    if not outcome.source.strip():
        return True
    try:
        root = parse(outcome.source).root
    except Malformed:
        return False
    return root.name == "Response" and not root.children


def _without(exchange: Exchange, call: Call) -> None:
    """Let the call go on without a document."""
    texml(call).pop(MACHINE, None)
    if call.state == "ringing":  # of one that goes on after an update nothing is played anew
        calls.answer(exchange, call)
        legs.stand_in(exchange, call)


def _end(exchange: Exchange, call: Call, step: End) -> None:
    if texml(call).pop(ASIDE, None) and step.how == "over":
        if rooms.brought_together(exchange, call):
            return
        parent = legs.parent_of(exchange, call)
        if parent and parent.alive:
            calls.bridge(exchange, call, parent)
            return
    if step.how in _REJECTED and call.state == "ringing":
        cause, sip = _REJECTED[step.how]
        calls.end(exchange, call, cause, "callee", sip)
    else:
        calls.hang_up(exchange, call)


def _dial(exchange: Exchange, call: Call, verb: Verb) -> None:
    kind = verb.children[0].name if verb.children else "Number"
    {"Conference": rooms.join, "Queue": rooms.take_first}.get(kind, dials.dial)(exchange, call, verb)


def _comes(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    take(exchange, call, read(arguments))


def _soon(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Take what came of the verb played now. Keys come so from a scenario's caller: whoever listens hears them, too."""
    outcome = read(arguments)
    if isinstance(outcome, Pressed) and call.alive:
        sockets.press(exchange, call, outcome.keys)
    take(exchange, call, outcome)


_PLAYED: dict[str, Callable[[Exchange, Call, Verb], None]] = {
    "Connect": services.connect,
    "Dial": _dial,
    "Enqueue": rooms.enqueue,
    "Gather": prompts.gather,
    "Leave": rooms.leave,
    "Pause": prompts.pause,
    "Play": prompts.play,
    "Record": recording.record,
    "Refer": services.refer,
    "Say": prompts.play,
    "Start": services.start,
    "Stop": services.stop,
}
TIMERS: dict[str, TimerFunction] = {
    legs.BEGIN: begin,
    fetches.REPLY: _answered,
    recording.FINISH: recording.finish,
    rooms.TIMEOUT: rooms.timeout,
    rooms.WHISPER: whisper,
    dials.STAR: dials.let_go,
    services.REFERRED: services.referred,
    SOON: _soon,
    LATER: _comes,
}
