"""Running documents without a call: a machine, and whoever has the documents."""

from collections.abc import Mapping
from random import Random
from xml.sax.saxutils import quoteattr

from portal.texml.grammar import GRAMMAR, Value
from portal.texml.interpreter import Machine
from portal.texml.outcomes import Failed, Fetch, Fetched, Outcome, Step
from portal.texml.verbs import Note, Verb

HOME = "https://pbx.example/home"


class Run:
    """A machine whose documents are at once there, if they are among ``documents`` (by the end of their address).

    ``steps`` are those of the last outcome, ``fetches`` all but the first one of ``HOME``.
    """

    def __init__(self, source: str, documents: Mapping[str, str] | None = None, **more: object) -> None:
        self.machine = Machine(**more)  # type: ignore[arg-type]
        self.documents = {"home": source} | dict(documents or {})
        self.steps: list[Step] = []
        self.fetches: list[Fetch] = []
        self._go_on(self.machine.begin(HOME))
        del self.fetches[0]

    def take(self, *outcomes: Outcome) -> list[Step]:
        for outcome in outcomes:
            self._go_on(self.machine.take(outcome))
        return self.steps

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def verbs(self) -> list[str]:
        return [step.name for step in self.steps if isinstance(step, Verb)]

    @property
    def notes(self) -> list[str]:
        return [step.text for step in self.steps if isinstance(step, Note)]

    def _go_on(self, steps: list[Step]) -> None:
        self.steps = list(steps)
        while steps and isinstance(steps[-1], Fetch):
            self.machine = Machine.from_json(self.machine.as_json())  # as a call does that outlives a restart
            self.fetches.append(steps[-1])
            url = steps[-1].url
            source = self.documents.get(url.rpartition("/")[2])
            steps = self.machine.take(Failed("404") if source is None else Fetched(source, url))
            self.steps += steps


def response(verbs: str) -> str:
    return f"<Response>{verbs}</Response>"


def any_document(chosen: Random, origin: str = "https://pbx.example") -> str:
    """A document with any elements, right and wrong, whose addresses lead to ``/a``, ``/b`` and nowhere."""
    return response("".join(_any_element(chosen, chosen.choice(GRAMMAR.verbs), "Response", origin) for _ in range(4)))


def _any_element(chosen: Random, name: str, parent: str, origin: str) -> str:
    known = GRAMMAR.element(name, parent)
    attributes, inner = "", ""
    for attribute, value in known.attributes.items() if known else ():
        if chosen.random() < 0.35:
            written = attribute if chosen.random() < 0.95 else attribute.lower()
            attributes += f" {written}={quoteattr(_any_value(chosen, value, origin))}"
    names = (known.children if chosen.random() < 0.9 else GRAMMAR.names(ssml=True)) if known else ()
    if parent != name:  # of what stands in itself there is no end
        inner = "".join(
            _any_element(chosen, chosen.choice(names), name, origin) for _ in range(chosen.randrange(3)) if names
        )
    text = chosen.choice(["/a", "/b", "some text", "+13125550001", "sip:0001@b.example", "support", "&lt;", ""])
    return f"<{name}{attributes}>{inner}{text}</{name}>"


def _any_value(chosen: Random, value: Value, origin: str) -> str:
    kinds = [
        "",
        "0",
        "1",
        "-1",
        "99999",
        "true",
        "x y",
        f"{origin}/a",
        "/b",
        "::",
        "http://[",
        "sip:a@b",
        "+13125550001",
    ]
    return chosen.choice([value.default or "", *kinds, *value.values[:4], *value.values[-2:]])
