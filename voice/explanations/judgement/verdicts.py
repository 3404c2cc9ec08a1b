"""Defines Verdict: why a call ended, in words, with who ended it, how sure that is and what it rests on."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from voice.explanations.judgement.facts import Command, Event

CATEGORIES = (
    *("completed", "not_answered", "busy", "rejected", "unreachable"),
    *("configuration", "carrier", "our_side", "unknown", "running"),
)
PARTIES = ("caller", "callee", "us", "telnyx", "carrier", "nobody", "unknown")
HIGH, MEDIUM, LOW = "high", "medium", "low"
_ORDER = (LOW, MEDIUM, HIGH)
DELIVERIES = "Look at Telnyx's webhook deliveries, and ask for its record of the call."


@dataclass(frozen=True)
class Source:
    """Names where a rule's knowledge comes from, and of when that is."""

    name: str
    date: str


SPEC = Source("Telnyx's OpenAPI specification", "2026-07")
PRACTICE = Source("Calls seen in production", "2026-08")
TELEPHONY = Source("RFC 3261, RFC 3326, Q.850", "")
PORTAL = Source("The portal's own commands", "")


@dataclass(frozen=True)
class Proof:
    """Names one row that the verdict rests on: ``kind`` is event or command, ``what`` its type or action."""

    kind: str
    id: str
    what: str


@dataclass(frozen=True)
class Verdict:
    """Says why a call ended. ``who`` is a party of the session, never Telnyx's word for one side of a leg."""

    code: str
    category: str
    who: str
    sentence: str
    confidence: str = HIGH
    next_step: str = ""
    evidence: tuple[Proof, ...] = ()
    flags: tuple[str, ...] = ()
    source: Source = SPEC

    def capped(self, most: str) -> "Verdict":
        """Return it with no more confidence than ``most``."""
        return replace(self, confidence=least(self.confidence, most))

    def resting_on(self, *facts: Event | Command | None) -> "Verdict":
        """Return it with the rows it rests on added."""
        return replace(self, evidence=tuple(dict.fromkeys((*self.evidence, *proofs(facts)))))

    def flagged(self, flags: Iterable[str]) -> "Verdict":
        """Return it with these remarks added."""
        return replace(self, flags=tuple(dict.fromkeys((*self.flags, *flags))))

    def told(self) -> dict[str, object]:
        """Return it as JSON has it: in files, at the command line, over REST."""
        return {
            "code": self.code,
            "category": self.category,
            "who": self.who,
            "sentence": self.sentence,
            "confidence": self.confidence,
            "next_step": self.next_step,
            "flags": list(self.flags),
        }


@dataclass(frozen=True)
class Row:
    """Holds one line of a table of codes. ``means`` follows a colon or stands alone: it begins with a small letter."""

    category: str
    who: str
    means: str
    next_step: str
    confidence: str = MEDIUM
    source: Source = field(default=TELEPHONY)


def least(*words: str) -> str:
    """Return the least of these confidences."""
    return _ORDER[min(_ORDER.index(word) for word in words)]


def proofs(facts: Iterable[Event | Command | None]) -> list[Proof]:
    """List these facts as proofs, but for what no row tells."""
    return [
        Proof("event", fact.id, fact.type) if isinstance(fact, Event) else Proof("command", fact.id, fact.action)
        for fact in facts
        if fact is not None and not (isinstance(fact, Event) and fact.is_asked)
    ]


def span(seconds: float | None) -> str:
    """Word a length: ``2.8 s``, ``36 s``, ``1:02 min``, ``2:05:00 h``."""
    if seconds is None:
        return "an unknown time"
    if seconds < 10 and round(seconds, 1) != round(seconds):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02} h" if hours else f"{minutes}:{left:02} min"


def after(seconds: float | None, words: str = "after") -> str:
    """Word a length behind ``words``; nothing where it is not known."""
    return "" if seconds is None else f" {words} {span(seconds)}"


def actor(by: str) -> str:
    """Word who asked for a command: ``rule: Menu #4`` is rule 4 of flow Menu."""
    kind, found, name = by.partition(": ")
    if not found:
        return by or "the portal"
    if kind == "rule":
        flow, numbered, number = name.rpartition(" #")
        return f"rule {number} of flow {flow}" if numbered else f"rule {name}"
    return f"API token {name}" if kind == "token" else f"{kind} {name}"
