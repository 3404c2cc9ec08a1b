"""Runs a document as Telnyx does: says what happens next, and takes what comes back. No network, no clock.

``Machine.begin`` and ``Machine.take`` return steps in order: notes, verbs and fetches. The last one is what is waited
for, unless it is an ``End``; ``waits`` names the outcomes that go on from there. Everything of a machine is plain JSON
(``as_json``, ``Machine.from_json``), so that a call outlives whoever plays it.

    machine = Machine()
    steps = machine.begin("https://pbx.example/menu")               # [Fetch(url="https://pbx.example/menu")]
    steps = machine.take(Fetched(source, "https://pbx.example/menu"))  # [Verb("Gather", …)]
    steps = machine.take(Pressed("1"))                              # [Fetch(url=…, fields={"Digits": "1"})]
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from portal.json_types import JsonObject
from portal.texml.grammar import GRAMMAR, ROOT
from portal.texml.outcomes import (
    End,
    Failed,
    Fetch,
    Fetched,
    Fields,
    Heard,
    HungUp,
    Outcome,
    Over,
    Pressed,
    Silent,
    Spoken,
    Step,
    Taken,
    Tell,
    Waits,
)
from portal.texml.tree import Malformed, parse
from portal.texml.verbs import Frame, Note, Verb, around

MOST_DOCUMENTS = 100  # of one call; Telnyx tells no figure
MOST_UNHEARD = 10  # documents one after the other in which nothing takes time
APOLOGY = "We're sorry, an application error has occurred."  # what Telnyx says exactly is written down nowhere
PLAYED = {
    "Say": "heard",
    "Play": "heard",
    "Pause": "heard",
    "Gather": "input",
    "Dial": "over",
    "Record": "over",
    "Refer": "over",
    "Connect": "over",
    "Enqueue": "queue",
}
_GOES_ON = ("Start", "Stop")
_IMPATIENT = ("Redirect", "Reject", "Hangup", "Leave")
_UNPLAYED = {  # what would change a call, or be told, and is not played here; how things sound is no matter
    "Dial": ("answerOnBridge", "recordMaxLength"),
    "Number": ("sendDigits", "deepfakeDetection"),
    "Transcription": ("transcriptionCallback",),
}
_UNTOLD = ("absent", "deepfake", "dtmf", "speaker")  # in a list of events


@dataclass
class Machine:
    """Runs the documents of one leg.

    ``method`` is the application's, which a Gather's action uses; ``fallback`` is asked when a document does not come
    or is none. With ``strict`` whatever would be left out ends the call instead. A machine that begins with a ``role``
    runs a document of that role alone (what a called party hears): its end is ``End("over")``.
    """

    strict: bool = False
    method: str = "POST"
    fallback: str = ""
    fallback_method: str = "POST"
    role: str = ""
    frames: list[Frame] = field(default_factory=list)
    waits: str = ""  # document, heard, input, over, queue; empty when it is over
    digits: str = ""
    documents: int = 0
    unheard: int = 0
    asked: JsonObject = field(default_factory=dict)  # of the fetch under way: its role, whether it is the fallback's
    queued: JsonObject = field(default_factory=dict)  # of what is waited in: where its document lies

    def as_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: JsonObject) -> "Machine":
        return cls(**kept | {"frames": [Frame(**frame) for frame in kept["frames"]]})

    @property
    def is_over(self) -> bool:
        return not self.waits

    @property
    def is_last(self) -> bool:
        """Whether no verb is left in the document under way."""
        return not self.frames or self.frames[-1].at >= len(self.frames[-1].nodes)

    def begin(self, url: str, method: str = "POST", fields: Fields | None = None) -> list[Step]:
        """Ask for the first document."""
        return self._fetch(Fetch(url, method, fields or {}, role=self.role))

    def replace(self, url: str, method: str = "POST") -> list[Step]:
        """Leave what is under way for another document, as an update of the call does."""
        self.frames, self.queued = [], {}
        return self.begin(url, method)

    def verb(self) -> Verb | None:
        """Return the verb that is waited for."""
        if not self.frames or self.waits == "document":
            return None
        return self.frames[-1].verb

    def take(self, outcome: Outcome) -> list[Step]:
        """Go on with what came back; an outcome that nothing waits for changes nothing."""
        if isinstance(outcome, HungUp):
            self.waits, self.frames = "", []
            return []
        if isinstance(outcome, Fetched | Failed):
            return self._take_document(outcome) if self.asked else []
        if isinstance(outcome, Heard):
            return self._go_on([]) if self.waits == "heard" else []
        if isinstance(outcome, Pressed | Spoken | Silent):
            return self._take_input(outcome) if self.waits == "input" else []
        if isinstance(outcome, Waits):
            return self._take_waiting()
        return self._take_end(outcome)

    # documents

    def _fetch(self, fetch: Fetch, before: list[Step] | None = None) -> list[Step]:
        steps = before or []
        self.documents += 1
        self.unheard += 1
        if self.documents > MOST_DOCUMENTS or self.unheard > MOST_UNHEARD:
            if fetch.role == "wait":  # whoever waits goes on waiting, in silence
                self._wait_in_silence()
                return [*steps, Note("stopped: what is heard meanwhile is not asked for any more")]
            many = f"more than {MOST_DOCUMENTS} documents" if self.unheard <= MOST_UNHEARD else "documents in a circle"
            return self._end(steps, "error", many)
        self.waits = "document"
        self.asked = {"role": fetch.role, "is_fallback": fetch.is_fallback, "why": fetch.why}
        return [*steps, fetch]

    def _take_document(self, outcome: Fetched | Failed) -> list[Step]:
        asked, self.asked = self.asked, {}
        reason = outcome.reason if isinstance(outcome, Failed) else _fault(outcome.source)
        if isinstance(outcome, Failed) or reason:
            return self._fail(asked, reason)
        source = outcome.source if isinstance(outcome.source, str) else outcome.source.decode("utf-8-sig")
        frame = Frame(source, outcome.url, asked.get("role", ""))
        if frame.role != "wait":
            self.queued = {}
            self.frames = [frame]
        else:
            self.frames = [*self.frames[:1], frame]
        notes: list[Step] = [*around(frame.root)]
        return self._end(notes, "error", _refusal(notes)) if notes and self.strict else self._go_on(notes)

    def _fail(self, asked: JsonObject, reason: str) -> list[Step]:
        note = Note(f"failed: {reason}")
        if asked.get("role") == "wait":  # whoever waits hears nothing
            self._wait_in_silence()
            return [note]
        if self.fallback and not asked.get("is_fallback") and not self.role:
            fetch = Fetch(self.fallback, self.fallback_method, role=self.role, is_fallback=True)
            return self._fetch(fetch, [note])
        if self.role:
            return self._end([note], "over", reason)
        self.frames = [Frame(f"<Response><Say>{APOLOGY}</Say></Response>", "")]
        return self._go_on([note])

    # verbs

    def _go_on(self, steps: list[Step]) -> list[Step]:
        """Run the next verbs until one is to be waited for."""
        while self.frames:
            frame = self.frames[-1]
            if frame.at >= len(frame.nodes):
                return self._finish(frame, steps)
            verb, notes = frame.read(frame.at)
            frame.at += 1
            if verb and (told := _unplayed(verb, frame.role, self.below().name)):
                notes.append(Note(told, verb.line))
                verb = None
            if verb:
                verb, more = _one_kind(verb)
                notes += more + _left_out(verb)
            steps += notes
            if notes and self.strict:
                return self._end(steps, "error", _refusal(notes))
            if verb and (done := self._run(verb, frame, steps)) is not None:
                return done
        return self._end(steps, "over")

    def _run(self, verb: Verb, frame: Frame, steps: list[Step]) -> list[Step] | None:
        """Begin one verb; None when the next one follows at once."""
        if verb.name in _GOES_ON:
            steps.append(verb)
            return None
        if verb.name in _IMPATIENT:
            return self._leave(verb, frame, steps)
        self.waits, self.unheard, self.digits = PLAYED[verb.name], 0, ""
        steps.append(verb)
        if verb.name == "Enqueue" and verb.get("waitUrl"):
            self.queued = {"url": verb.get("waitUrl"), "method": verb.get("waitUrlMethod", "POST")}
            return self._wait(steps)
        return steps

    def _leave(self, verb: Verb, frame: Frame, steps: list[Step]) -> list[Step] | None:
        if verb.name == "Redirect":
            return self._fetch(Fetch(verb.text, verb.get("method"), why="Redirect", role=frame.role), steps)
        if verb.name != "Leave":
            reason = {"busy": "busy"}.get(verb.get("reason"), "rejected") if verb.name == "Reject" else "hangup"
            return self._end(steps, reason)
        steps.append(verb)
        return steps + self._take_end(Over({"QueueResult": "leave", "QueueSid": self.below().text}))

    def _wait(self, steps: list[Step]) -> list[Step]:
        """Ask for what is heard by whoever waits, at the beginning and whenever that is over."""
        return self._fetch(Fetch(self.queued["url"], self.queued["method"], why="waitUrl", role="wait"), steps)

    def _wait_in_silence(self) -> None:
        self.frames, self.asked = self.frames[:1], {}
        self.waits = PLAYED[self.below().name]

    def _finish(self, frame: Frame, steps: list[Step]) -> list[Step]:
        if frame.role == "wait":
            self.frames.pop()
            return self._wait(steps)
        return self._end(steps, "over")

    def _end(self, steps: list[Step], how: str, reason: str = "") -> list[Step]:
        self.waits, self.frames, self.asked = "", [], {}
        return [*steps, End(how, reason)]

    # what comes back

    def _take_input(self, outcome: Pressed | Spoken | Silent) -> list[Step]:
        verb = self.verb() or Verb("", 0)
        if isinstance(outcome, Silent):
            return self._entered(verb) if self.digits else self._go_on([])
        kind = "speech" if isinstance(outcome, Spoken) else "dtmf"
        if kind not in verb.get("input"):
            return [Note(f"ignored: {kind}, for which the <Gather> does not listen", verb.line)]
        if isinstance(outcome, Spoken):
            fields = {"SpeechResult": outcome.text, "Confidence": f"{outcome.confidence:g}"}
            return _partly(verb, outcome) + self._gathered(
                verb, fields | ({"Digits": self.digits} if self.digits else {})
            )
        return self._pressed(verb, outcome.keys)

    def _pressed(self, verb: Verb, keys: str) -> list[Step]:
        for key in keys:
            if key in verb.get("finishOnKey"):
                return self._entered(verb)
            self.digits += key
            if len(self.digits) >= (verb.get("numDigits") or verb.get("maxDigits")):
                return self._entered(verb)
        return []

    def _entered(self, verb: Verb) -> list[Step]:
        """Judge the digits. What Telnyx does with invalid ones that no address is given for is written down nowhere."""
        digits = self.digits
        least, valid = verb.get("numDigits") or verb.get("minDigits"), verb.get("validDigits") or digits
        if digits and len(digits) >= min(least, verb.get("maxDigits")) and set(digits) <= set(valid):
            return self._gathered(verb, {"Digits": digits})
        if digits and verb.get("invalidDigitsAction"):
            return self._fetch(
                Fetch(verb.get("invalidDigitsAction"), self.method, {"Digits": digits}, "Gather", self.frames[-1].role)
            )
        return self._go_on([Note("ignored: digits that the <Gather> does not take", verb.line)] if digits else [])

    def _gathered(self, verb: Verb, fields: dict[str, str]) -> list[Step]:
        if not verb.get("action"):
            is_told = "SpeechResult" in fields and verb.get("partialResultCallback")
            lost = Note("lost: what was entered, since the <Gather> has no action", verb.line)
            return self._go_on([] if is_told else [lost])
        return self._fetch(Fetch(verb.get("action"), self.method, fields, "Gather", self.frames[-1].role))

    def _take_waiting(self) -> list[Step]:
        rooms = self.below().children if self.waits == "over" else ()
        room = next((child for child in rooms if child.name == "Conference"), None)
        if room is None or not room.get("waitUrl"):
            return []
        self.queued = {"url": room.get("waitUrl"), "method": room.get("waitMethod", "POST")}
        return self._wait([])

    def _take_end(self, outcome: Over | Taken) -> list[Step]:
        is_queued = self.waits == "queue" or len(self.frames) > 1 or self.asked.get("role") == "wait"
        if self.waits != "over" and not is_queued:
            return []
        self.frames, self.queued, self.asked = self.frames[:1], {}, {}
        if isinstance(outcome, Taken):
            self._wait_in_silence()
            return []
        verb = self.below()
        if not verb.get("action") or (verb.name == "Connect" and verb.children[0].name == "Stream"):
            return self._go_on([])
        return self._fetch(Fetch(verb.get("action"), verb.get("method", "POST"), outcome.fields, verb.name))

    def below(self) -> Verb:
        """Return the verb that the leg's own document is at, whatever is heard meanwhile."""
        return self.frames[0].verb or Verb("", 0)


def _refusal(notes: Sequence[Step]) -> str:
    note = next(one for one in notes if isinstance(one, Note))
    return f"strict: {note.text}, line {note.line}"


def _fault(source: Any) -> str:
    """Say why this is no document; empty if it is one."""
    try:
        root = parse(source).root
    except Malformed as malformed:
        return f"line {malformed.finding.line}: {malformed.finding.message}"
    return "" if root.name == ROOT else f"<{root.name[:64]}> is no <{ROOT}>"


def _unplayed(verb: Verb, role: str, below: str) -> str:
    """Say why a verb is not played; empty if it is. ``below`` is the verb that the leg's own document is at."""
    allowed = GRAMMAR.roles[role].verbs if role else GRAMMAR.verbs
    if verb.name not in allowed:
        return f"ignored: <{verb.name}>, which does not belong into {GRAMMAR.roles[role].says}"
    if verb.name == "Leave" and (role != "wait" or below != "Enqueue"):
        return "ignored: <Leave>, since nobody waits in a queue"
    is_played = verb.name in PLAYED or verb.name in _GOES_ON or verb.name in _IMPATIENT
    return "" if is_played else f"skipped: <{verb.name}>, which is not played here"


def _left_out(verb: Verb) -> list[Note]:
    """Say of what is written in a verb that nobody plays it here."""
    names = [name for name in _UNPLAYED.get(verb.name, ()) if name in verb.written and verb.get(name)]
    for name in verb.written:
        value = verb.get(name)
        names += [f"{word} in {name}" for word in _UNTOLD if isinstance(value, tuple) and word in value]
    notes = [Note(f"skipped: {name} of <{verb.name}>, which is not played here", verb.line) for name in sorted(names)]
    return notes + [note for child in verb.children for note in _left_out(child)]


def _partly(verb: Verb, said: Spoken) -> list[Step]:
    """Tell what was said so far when half of it was, where that is wanted.

    When Telnyx tells it, and in which fields, is written down nowhere.
    """
    words = said.text.split()
    if not words or not verb.get("partialResultCallback"):
        return []
    fields = {"SpeechResult": " ".join(words[: (len(words) + 1) // 2])}
    return [Tell(verb.get("partialResultCallback"), verb.get("partialResultCallbackMethod", "POST"), fields, "Partial")]


def _one_kind(verb: Verb) -> tuple[Verb, list[Note]]:
    """Leave one conference or one queue in a Dial, or the numbers."""
    if verb.name != "Dial":
        return verb, []
    rooms = [child for child in verb.children if child.name in ("Conference", "Queue")]
    kept = tuple(rooms[:1]) or verb.children
    notes = [
        Note(f"ignored: <{child.name}>, since a <Dial> has one kind of them", child.line)
        for child in verb.children
        if child not in kept
    ]
    return Verb(verb.name, verb.line, "" if kept else verb.text, verb.values, kept, verb.written), notes
