"""Names what a running document brings about, and what may come back: the two languages of the interpreter."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.texml.verbs import Note, Verb

Fields = Mapping[str, str]


@dataclass(frozen=True)
class Fetch:
    """Asks for a document. ``fields`` are sent beside those of every request; ``role`` is that of the grammar.

    ``why`` is document, or the name of the verb whose action or address it is. Who asks answers with ``Fetched`` or
    ``Failed``.
    """

    url: str
    method: str = "POST"
    fields: Fields = field(default_factory=dict)
    why: str = "document"
    role: str = ""
    is_fallback: bool = False


@dataclass(frozen=True)
class Tell:
    """Tells an address something, whose answer does not matter."""

    url: str
    method: str = "POST"
    fields: Fields = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class End:
    """Ends the document, and with it the call: ``how`` is hangup, rejected, busy, over (no verb is left) or error."""

    how: str
    reason: str = ""


Step = Verb | Fetch | Tell | End | Note


@dataclass(frozen=True)
class Fetched:
    """Brings the document asked for, as it came."""

    source: str | bytes
    url: str


@dataclass(frozen=True)
class Failed:
    """Says that no document came, and why."""

    reason: str


@dataclass(frozen=True)
class Heard:
    """Says that what was said or played, or a silence, is over."""


@dataclass(frozen=True)
class Pressed:
    """Brings keys, one or several, in order."""

    keys: str


@dataclass(frozen=True)
class Spoken:
    """Brings what somebody said when asked."""

    text: str
    confidence: float = 0.95


@dataclass(frozen=True)
class Silent:
    """Says that the time to press or say something is over."""


@dataclass(frozen=True)
class Over:
    """Says that a Dial, Record, Enqueue, Refer or Connect is over; ``fields`` go to its action."""

    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True)
class Waits:
    """Says that the conference which somebody joined has not begun: they hear what is meant for that time."""


@dataclass(frozen=True)
class Taken:
    """Says that somebody was taken out of the queue they wait in, or that their conference begins: what they heard
    until then stops.
    """


@dataclass(frozen=True)
class HungUp:
    """Says that the call is over."""


Outcome = Fetched | Failed | Heard | Pressed | Spoken | Silent | Over | Waits | Taken | HungUp
