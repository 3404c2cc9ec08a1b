"""Brings back to a leg's document what came of its verbs, always by a timer: no step runs in the midst of another."""

from dataclasses import asdict

from portal.json_types import JsonObject
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.texml import outcomes
from portal.texml.outcomes import Outcome

SOON = "texml_soon"  # of the verb that is played now: the next one drops it
ASIDE = "aside"  # where a leg keeps what it hears before it is put through, beside its own document
LATER = "texml_later"  # of a verb below it: the end of a queue or of a call that was put through


def comes(exchange: Exchange, call: Call, outcome: Outcome, seconds: float = 0.0, name: str = SOON) -> None:
    """Let ``outcome`` come in so many seconds."""
    exchange.after(seconds, call, name, kind=type(outcome).__name__, values=asdict(outcome))


def read(arguments: JsonObject) -> Outcome:
    """Return the outcome that a timer brings."""
    outcome: Outcome = getattr(outcomes, arguments["kind"])(**arguments["values"])
    return outcome


def texml(call: Call) -> JsonObject:
    """Return what a leg keeps as one of TeXML."""
    assert call.texml is not None
    return call.texml


def enter(exchange: Exchange, call: Call, line: str) -> None:
    """Write into the ledger what a document did."""
    at = timestamp(exchange.now())
    exchange.store.enter("documents", {"call_control_id": call.call_control_id, "at": at, "line": line})
