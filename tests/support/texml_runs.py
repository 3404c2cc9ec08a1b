"""Running documents without a call: a machine, and whoever has the documents."""

from collections.abc import Mapping

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
