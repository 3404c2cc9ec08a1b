"""Tries a document in words: what the caller hears, and what comes of what they do; and runs such tries again.

Interface (others build on it)::

    load = lambda url, fields: source or None   # the document at an address; "" is the one that is tried
    talk = Conversation(load)
    talk.lines                                  # ['Caller hears: "Press 1 for sales."', "Waits for keys: 1, for 5 s"]
    talk.choices                                # what may be done now: ["press …", "wait", "hang up"]
    talk.do("press 1")                          # the lines that follow; raises ``NotNow`` with a sentence
    talk.is_over                                # nothing more can happen
    talk.case()                                 # [{"do": "call", "lines": […]}, {"do": "press 1", "lines": […]}]
    run_case(case, load)                        # [Difference(at=1, do="press 1", expected=[…], found=[…])]

``load`` is given the fields that Telnyx sends with the request (``CallSid``, ``From``, ``To``, ``Digits`` …), so it can
fill a template. It returns None for a document that is not there; nothing else is ever asked of it, and no network.
A case is plain JSON: a list of objects with the texts ``do`` and ``lines``; ``check_case`` says what is wrong with one.

What can be done (``choices`` tells which of these now):

* ``press 12#``: keys; ``say I want sales``: speech; ``wait``: nothing, until the time is over or somebody else acts
* after ``Calls …``: ``answer`` (talks, then the called party hangs up), ``busy``, ``no answer``, ``reject``
* in a queue: ``taken`` (somebody takes the caller, talks, hangs up)
* in a conference: ``begin`` (somebody comes for whom it had to wait), ``end`` (it ends)
* always: ``hang up``
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.texml.interpreter import Machine
from portal.texml.outcomes import (
    End,
    Failed,
    Fetch,
    Fetched,
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
from portal.texml.verbs import Note, Verb

Load = Callable[[str, Mapping[str, str]], str | bytes | None]
Case = Sequence[Mapping[str, Any]]
CALL = "call"
MOST_STEPS = 200  # of one case
LONGEST_STEP = 500  # characters
MOST = 500_000  # characters of the documents of one try, whatever its steps are; a line that is said counts as 100
_LINE = 100
_MOST_TURNS = 500  # what follows by itself from one step
_TOO_MUCH = "Too much is said and asked for: this try ends here."
FIELDS = {
    "AccountSid": "00000000-0000-0000-0000-000000000000",
    "CallSid": "v3:try",
    "CallSidLegacy": "v3:try",
    "CallStatus": "in-progress",
    "From": "+13125550143",
    "To": "+13125550100",
    "CallerId": "+13125550143",
    "CallingPartyType": "pstn",
    "FromSipUri": "sip:+13125550143@sip.telnyx.com",
    "ToSipUri": "sip:+13125550100@sip.telnyx.com",
    "ConnectionId": "0",
    "Direction": "inbound",
    "ApiVersion": "2010-04-01",
}
_KEYS = set("0123456789*#")
_RECORDED = {
    "RecordingSid": "recording",
    "RecordingUrl": "https://sandbox.example/recording",
    "RecordingDuration": "10",
}
_DIALLED = {"answer": "completed", "busy": "busy", "no answer": "no-answer", "reject": "failed"}
_CHOICES = {
    "Record": ["press …", "wait"],
    "Dial": list(_DIALLED),
    "Queue": ["answer", "no answer"],
    "Conference": ["end"],
    "Connect": ["end"],
    "Refer": ["answer", "reject"],
    "Enqueue": ["wait", "taken"],
}
_ENDS = {
    "hangup": "The call is hung up.",
    "over": "The document is over: the call ends.",
    "rejected": "The call is rejected.",
    "busy": "The call is refused as busy.",
    "error": "The call ends.",
}


class NotNow(ValueError):
    """Says why a step cannot be taken now."""


@dataclass(frozen=True)
class Difference:
    """Holds a step of a case after which something else was said; ``at`` counts from 0."""

    at: int
    do: str
    expected: list[str]
    found: list[str]


class Conversation:
    """Talks through a document and whatever it leads to. ``url`` is its address, against which others are resolved.

    ``fields`` are those of the caller, over the invented ones. ``strict`` ends the call at what Telnyx would leave out.
    """

    def __init__(
        self,
        load: Load,
        *,
        url: str = "",
        fallback: str = "",
        strict: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        self._load, self._fields = load, FIELDS | dict(fields or {})
        self._machine = Machine(strict=strict, fallback=fallback)
        self._steps: list[tuple[str, list[str]]] = []
        self._left = MOST
        self._go_on(CALL, self._machine.begin(url))

    @property
    def lines(self) -> list[str]:
        """All that was said, from the beginning."""
        return [line for _, lines in self._steps for line in lines]

    @property
    def is_over(self) -> bool:
        return self._machine.is_over or self._left < 0

    @property
    def choices(self) -> list[str]:
        """What may be done now; three dots stand for a text."""
        if self.is_over:
            return []
        verb = self._machine.verb() or Verb("", 0)
        choices = _CHOICES.get(_kind(verb), [])
        if verb.name == "Gather":
            heard = [word for word, kind in (("press …", "dtmf"), ("say …", "speech")) if kind in verb.get("input")]
            choices = [*heard, "wait"]
        if self._is_queued and verb.name != "Enqueue":
            waits = [] if "wait" in choices or _is_endless(verb) else ["wait"]
            choices = [*choices, *waits, "begin" if _kind(self._machine.below()) == "Conference" else "taken"]
        return [*choices, "hang up"]

    def do(self, step: str) -> list[str]:
        """Let the caller, or whoever is called, do something; return the lines that follow."""
        step = step.strip()[:LONGEST_STEP]
        if self.is_over:
            raise NotNow("The call is over.")
        if len(self._steps) > MOST_STEPS:
            raise NotNow(f"A try has at most {MOST_STEPS} steps.")
        outcomes = self._outcomes(step)
        verb = self._machine.verb() or Verb("", 0)
        steps: list[Step] = [] if outcomes else [Note(f"ignored: keys that do not end the <{verb.name}>", verb.line)]
        for outcome in outcomes:  # the next one only if nothing followed
            steps = steps or self._machine.take(outcome)
        return self._go_on(step, steps)

    def case(self) -> list[dict[str, Any]]:
        """Return what was done and said as a test case."""
        return [{"do": step, "lines": list(lines)} for step, lines in self._steps]

    def _outcomes(self, step: str) -> list[Outcome]:
        """Return what a step brings back, nothing for keys that nobody hears.

        The second outcome only counts if nothing follows from the first.
        """
        word, _, rest = step.partition(" ")
        is_text = word in ("press", "say")
        if (f"{word} …" if is_text else step) not in self.choices or (is_text and not rest.strip()):
            raise NotNow(f"{step[:60]!r} is not possible now, but: {', '.join(self.choices)}.")
        if word == "press" and not set(rest.strip()) <= _KEYS:
            raise NotNow("Keys are 0 to 9, * and #.")
        verb = self._machine.verb() or Verb("", 0)
        if verb.name == "Record" and step != "hang up":
            key = next((key for key in rest if key in verb.get("finishOnKey")), "")
            is_over = key or word != "press"
            return [Over(_RECORDED | ({"Digits": key} if key else {}))] if is_over else []
        found: dict[str, list[Outcome]] = {
            "hang": [HungUp()],
            "press": [Pressed(rest.strip()), Silent()],  # nobody presses more than they said
            "say": [Spoken(rest.strip())],
            "begin": [Taken()],
            "taken": [Taken(), Over({"QueueResult": "bridged", "QueueTime": "10"})],
            "wait": [self._waited(verb)],
        }
        return found.get(word) or [Over(_over(verb, step))]

    def _waited(self, verb: Verb) -> Outcome:
        if self._machine.waits == "queue":
            return Over({"QueueResult": "timeout", "QueueTime": str(verb.get("maxWaitTimeSecs"))})
        return Silent() if self._machine.waits == "input" else Heard()

    def _go_on(self, step: str, steps: list[Step]) -> list[str]:
        """Say what the steps bring, and let pass what needs nobody: speech, silence, a document that is asked for."""
        lines = ["The caller hangs up."] if step == "hang up" else []
        for _ in range(_MOST_TURNS):
            said = [line for one in steps for line in in_words(one)]
            lines += said
            self._left -= len(said) * _LINE
            if self._left < 0:
                lines.append(_TOO_MUCH)
                break
            outcome = self._follows(steps)
            if outcome is None:
                break
            steps = self._machine.take(outcome)
        else:
            self._left = -1
            lines.append(_TOO_MUCH)
        self._steps.append((step, lines))
        return lines

    @property
    def _is_queued(self) -> bool:
        return self._machine.waits == "queue" or len(self._machine.frames) > 1

    def _follows(self, steps: list[Step]) -> Outcome | None:
        last = steps[-1] if steps else None
        if isinstance(last, Fetch):
            return self._document(last)
        if (
            isinstance(last, Verb)
            and _kind(last) == "Conference"
            and not last.children[0].get("startConferenceOnEnter")
        ):
            return Waits()  # nobody is there yet
        if self._machine.waits != "heard" or not isinstance(last, Verb) or _is_endless(last):
            return None
        # after its last verb the document of a queue begins anew: whether the caller waits on is theirs to say
        return None if self._is_queued and self._machine.is_last else Heard()

    def _document(self, fetch: Fetch) -> Outcome:
        try:
            source = self._load(fetch.url, self._fields | dict(fetch.fields))
        except Exception as error:  # whoever gives documents is not ours: a try must not end in it
            return Failed(f"the document cannot be read ({type(error).__name__})")
        if source is None:
            return Failed("there is no such document")
        self._left -= len(source)
        return Fetched(source, fetch.url)


def run_case(case: Case, load: Load, **more: Any) -> list[Difference]:
    """Do again what a case did; return where something else was said. ``more`` as for ``Conversation``.

    After the first step that is not possible any more, nothing else is tried.
    """
    talk = Conversation(load, **more)
    differences: list[Difference] = []
    for at, step in enumerate(case):
        expected = list(step["lines"])
        try:
            found = talk.lines if at == 0 else talk.do(step["do"])
        except NotNow as error:
            return [*differences, Difference(at, step["do"], expected, [str(error)])]
        if found != expected:
            differences.append(Difference(at, step["do"], expected, found))
    return differences


def check_case(case: Any) -> str:
    """Say what is wrong with a case that somebody gives; empty if nothing is."""
    if not isinstance(case, list) or not 1 <= len(case) <= MOST_STEPS:
        return f"A case is a list of 1 to {MOST_STEPS} steps."
    for at, step in enumerate(case, start=1):
        if not isinstance(step, dict) or set(step) != {"do", "lines"}:
            return f"Step {at} must be an object with 'do' and 'lines'."
        if not isinstance(step["do"], str) or not 0 < len(step["do"].strip()) <= LONGEST_STEP:
            return f"'do' of step {at} must be a text of at most {LONGEST_STEP} characters."
        if not isinstance(step["lines"], list) or not all(isinstance(line, str) for line in step["lines"]):
            return f"'lines' of step {at} must be a list of texts."
    return "" if case[0]["do"] == CALL else f"The first step must be '{CALL}'."


def _kind(verb: Verb) -> str:
    if verb.name == "Dial" and verb.children and verb.children[0].name in ("Conference", "Queue"):
        return verb.children[0].name
    return verb.name


def _is_endless(verb: Verb) -> bool:
    return verb.name in ("Say", "Play") and verb.get("loop") == 0


def _over(verb: Verb, step: str) -> dict[str, str]:
    if verb.name == "Refer":
        return {"ReferCallStatus": "in-progress" if step == "answer" else "failed"}
    if verb.name == "Connect":
        return {}
    status = _DIALLED.get(step, "completed")
    answered = status == "completed"
    return {"DialCallStatus": status, "DialCallDuration": "10" if answered else "0"} | (
        {"DialCallSid": "v3:dialled"} if _kind(verb) == "Dial" else {}
    )


def in_words(step: Step) -> list[str]:
    """Say a step in words; of one that nobody notices, nothing."""
    if isinstance(step, Note):
        return [step.text[:1].upper() + step.text[1:] + (f" (line {step.line})" if step.line else "")]
    if isinstance(step, End):
        return [_ENDS[step.how] + (f" ({step.reason})" if step.reason else "")]
    if isinstance(step, Fetch):
        if not step.url:
            return []
        given = ", ".join(f"{name}={value}" for name, value in step.fields.items())
        what = "Asks the fallback" if step.is_fallback else "Asks"
        return [f"{what} {step.url}" + (f" with {given}" if given else "")]
    if isinstance(step, Tell):
        return [f"Tells {step.url} {', '.join(f'{name}={value}' for name, value in step.fields.items())}"]
    return _of_verb(step)


def _of_verb(verb: Verb) -> list[str]:
    if verb.name in ("Start", "Stop", "Connect"):
        did = {"Start": "Starts", "Stop": "Stops"}.get(verb.name, "Connects the call with")
        return [f"{did} {child.name}{_named(child)}" for child in verb.children]
    return _WORDS[verb.name](verb)


def _named(verb: Verb) -> str:
    found = next((str(verb.get(one)) for one in ("name", "url", "connectorName", "id", "join") if verb.get(one)), "")
    return f" {found}" if found else ""


def _heard(verb: Verb) -> str:
    loop = verb.get("loop")
    times = " without an end" if loop == 0 else f", {loop} times" if loop != 1 else ""
    if verb.name == "Say":
        return f'Caller hears: "{verb.text}"{times}'
    if verb.get("digits"):
        return f"Sends the keys {verb.get('digits')}"
    what = f"the ring tone {verb.get('ringTone')}" if verb.get("ringTone") else verb.text
    return f"Caller hears: {what}{times}"


def _gathers(verb: Verb) -> str:
    parts = []
    if "dtmf" in verb.get("input"):
        count = verb.get("numDigits") or verb.get("maxDigits")
        key = verb.get("finishOnKey")
        parts.append(f"keys: {count}" if count != 128 else f"keys, {key} ends" if key else "keys")
    parts += ["speech"] if "speech" in verb.get("input") else []
    return f"Waits for {' or '.join(parts)}, for {verb.get('timeout')} s"


def _dials(verb: Verb) -> list[str]:
    kind = _kind(verb)
    if kind == "Conference":
        return [f"The caller joins the conference {verb.children[0].text}"]
    if kind == "Queue":
        queue = verb.children[0]
        first = [f"Who waits there first hears {queue.get('url')}"] if queue.get("url") else []
        return [f"The caller is put through to the first in the queue {queue.text}", *first]
    names = [child.text for child in verb.children] or [verb.text]
    between = ", then " if verb.get("sequential") else " and "
    heard = [f"{child.text} first hears {child.get('url')}" for child in verb.children if child.get("url")]
    return [f"Calls {between.join(names)}, for {verb.get('timeout')} s", *heard]


_WORDS: dict[str, Callable[[Verb], list[str]]] = {
    "Say": lambda verb: [_heard(verb)],
    "Play": lambda verb: [_heard(verb)],
    "Pause": lambda verb: [f"Silence for {verb.get('length')} s"],
    "Gather": lambda verb: [*map(_heard, verb.children), _gathers(verb)],
    "Dial": _dials,
    "Record": lambda verb: [f"Records for at most {verb.get('maxLength')} s"],
    "Enqueue": lambda verb: [f"The caller waits in the queue {verb.text}"],
    "Leave": lambda verb: ["The caller leaves the queue"],
    "Refer": lambda verb: [f"Refers the call to {verb.children[0].text}"],
}
