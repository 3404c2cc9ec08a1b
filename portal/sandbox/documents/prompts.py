"""Plays what is heard and what is asked: Say, Play, Pause, Gather; and what the caller enters then.

A prompt takes two seconds, a Gather waits five at most, as everywhere in the sandbox: no call is to drag on.
"""

from portal.sandbox.calls.scenarios import SCENARIOS
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.documents.outcomes import comes, texml
from portal.sandbox.services.media import GATHER_SECONDS, SPEECH_SECONDS
from portal.texml.outcomes import Heard, Pressed, Silent, Spoken
from portal.texml.verbs import Verb

_AFTER_PROMPT = 1.0  # seconds after which a caller answers


def play(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Say or play something, as often as the document wants; without an end until something else ends it."""
    seconds = spoken_seconds(verb)
    exchange.tell(call, "speaking")
    if seconds:
        comes(exchange, call, Heard(), seconds)


def pause(exchange: Exchange, call: Call, verb: Verb) -> None:
    comes(exchange, call, Heard(), float(verb.get("length")))


def gather(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Ask, then let the caller enter something, or wait until the time is over."""
    asked = sum(spoken_seconds(prompt) or SPEECH_SECONDS for prompt in verb.children)
    answer = _entered(call, verb)
    texml(call)["asks"] = {"prompt": asked}
    exchange.tell(call, "gathering")
    if answer:
        comes(exchange, call, answer, asked + _AFTER_PROMPT)
    else:
        comes(exchange, call, Silent(), asked + patience(call, verb))


def patience(call: Call, verb: Verb) -> float:
    """Return for how many seconds a Gather waits for the next key."""
    seconds = float(verb.get("timeout"))
    return min(seconds, GATHER_SECONDS) if call.part is None else seconds


def spoken_seconds(verb: Verb) -> float:
    """Return how long a prompt takes; 0 for one without an end."""
    return SPEECH_SECONDS * float(min(verb.get("loop", 1), 10))


def _entered(call: Call, verb: Verb) -> Pressed | Spoken | None:
    """Return what this caller enters at the next question: of the keys those of this one, else what they say."""
    keys = next_keys(call)
    if "dtmf" in verb.get("input") and keys:
        return Pressed(keys)
    says = texml(call)["caller"].get("says")
    return Spoken(says) if "speech" in verb.get("input") and says else None


def next_keys(call: Call) -> str:
    """Return the keys that this caller presses at the next question, if any."""
    caller = texml(call).setdefault("caller", {})
    if call.part is not None:  # they press when their part says so
        return ""
    asked = caller["asked"] = caller.get("asked", 0) + 1
    if "digits" not in caller:
        return SCENARIOS[call.script].digit if call.script else ""
    return next(iter(caller["digits"].split()[asked - 1 : asked]), "")
