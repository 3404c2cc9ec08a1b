"""Plans what has to be done so that Telnyx has what a file says: made from a fresh read, carried out step by step.

One engine for the command ``applications``, for CSV and for JSON. A plan writes nothing; its steps name the state they
were made from, and are refused where Telnyx has another one by then.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from applications.editing.checks import check
from applications.kinds import BY_SLUG, Kind, flatten
from applications.mirror import store
from applications.mirror.answers import digest
from portal import sql
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.schemas import InvalidParameters

Action = Literal["create", "update", "delete"]

_EMPTY: tuple[Any, ...] = (None, "", [])


@dataclass(frozen=True)
class Entry:
    """Holds one application as a file wants it: flat ``values``, its name among them, and the line of each."""

    kind: Kind
    line: int
    values: JsonObject
    id: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.values.get(self.kind.model.name_field) or "")


@dataclass(frozen=True)
class Problem:
    """Says why a file cannot be carried out: on which line, in which field, in words."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = ", ".join(part for part in (f"line {self.line}" if self.line else "", self.field) if part)
        return f"{where}: {self.message}" if where else self.message


class Unreadable(Exception):
    """The file holds no plan; ``problems`` say why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True)
class Step:
    """Describes one request to Telnyx.

    ``changes``: by dotted name the value before and after; ``base``: the digest before.
    """

    kind: Kind
    action: Action
    name: str
    telnyx_id: str
    changes: Mapping[str, tuple[Any, Any]]
    base: str = ""
    line: int = 0

    @property
    def values(self) -> JsonObject:
        """Return what is to be set, flat."""
        return {name: after for name, (_, after) in self.changes.items()}

    def as_json(self) -> JsonObject:
        changes = {name: {"before": before, "after": after} for name, (before, after) in self.changes.items()}
        members = {"kind": self.kind.slug, "action": self.action, "name": self.name, "id": self.telnyx_id or None}
        return {**members, "changes": changes, "base": self.base, "line": self.line}

    @classmethod
    def from_json(cls, data: JsonObject) -> "Step":
        changes = {name: (both["before"], both["after"]) for name, both in data["changes"].items()}
        kind, id = BY_SLUG[data["kind"]], data["id"] or ""
        return cls(kind, data["action"], data["name"], id, changes, data["base"], data["line"])


@dataclass(frozen=True)
class Plan:
    """Holds the steps in the order of the file, deletions last. With ``problems`` it is not to be carried out."""

    account: TelnyxAccount
    steps: list[Step]
    problems: list[Problem]
    unchanged: int
    made_at: datetime

    @property
    def counts(self) -> dict[str, int]:
        done = Counter(step.action for step in self.steps)
        return {"create": done["create"], "update": done["update"], "delete": done["delete"]} | {
            "unchanged": self.unchanged
        }

    def as_json(self) -> JsonObject:
        steps = [step.as_json() for step in self.steps]
        return {"account": self.account.name, **self.counts, "steps": steps}


def make(account: TelnyxAccount, entries: Sequence[Entry], kinds: Sequence[Kind], *, prune: bool = False) -> Plan:
    """Compare ``entries`` with what Telnyx has now. ``prune`` plans to delete what of ``kinds`` no entry names.

    Raises a ``TelnyxError``.
    """
    steps: list[Step] = []
    problems: list[Problem] = []
    unchanged, made_at = 0, sql.clock()
    for kind in kinds:
        matching = _Matching(kind, [entry for entry in entries if entry.kind is kind])
        for page in store.pages(kind, account):
            for id, remote in page.remotes.items():
                matching.meet(id, remote, prune=prune)
        steps += matching.steps()
        problems += matching.problems
        unchanged += matching.unchanged
    steps.sort(key=lambda step: step.action == "delete")
    return Plan(account, steps, sorted(problems, key=lambda problem: problem.line), unchanged, made_at)


def outdated(plan: Plan) -> list[str]:
    """Return what changed at Telnyx since the plan was made, in sentences: nothing may be done then.

    Raises as ``make``.
    """
    sentences: list[str] = []
    for kind in {step.kind.slug: step.kind for step in plan.steps}.values():
        bases = {step.telnyx_id: step for step in plan.steps if step.kind is kind and step.telnyx_id}
        names = {step.name: step for step in plan.steps if step.kind is kind and step.action == "create"}
        for page in store.pages(kind, plan.account):
            for id, remote in page.remotes.items():
                step = bases.pop(id, None)
                if step and step.base != digest(remote):
                    sentences.append(f"{step.name} ({id}) was changed at Telnyx.")
                if not step and _name(kind, remote) in names:
                    sentences.append(f"{_name(kind, remote)} ({id}) was created at Telnyx.")
        sentences += [f"{step.name} ({id}) was deleted at Telnyx." for id, step in bases.items()]
    return sentences


def same(value: Any, other: Any) -> bool:
    """Return whether two values are equal, or both empty: Telnyx has null, an empty text or no member for the same
    thing. True is not 1.
    """
    if value in _EMPTY and other in _EMPTY:
        return True
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


class _Matching:
    """Matches the entries of one kind with its applications: by id where it has one, else by name."""

    def __init__(self, kind: Kind, entries: Sequence[Entry]) -> None:
        self.kind, self.entries = kind, entries
        self.problems = [problem for entry in entries for problem in _shape(entry)]
        self.unchanged = 0
        self._by_id: dict[str, int] = {}
        self._by_name: dict[str, int] = {}
        self._met: dict[int, Step | None] = {}
        self._others: list[Step] = []
        self._kept: set[str] = set()
        for at, entry in enumerate(entries):
            self._enter(at, entry)

    def meet(self, id: str, remote: JsonObject, *, prune: bool) -> None:
        at = self._by_id.get(id, self._by_name.get(_name(self.kind, remote)))
        if at is None:
            if prune:
                self._others.append(Step(self.kind, "delete", _name(self.kind, remote), id, {}, digest(remote)))
        elif at in self._met:
            message = "Telnyx has several applications of this name: say which by its id."
            self._problem(self.entries[at], "id", message)
        else:
            self._kept.add(self.entries[at].name or _name(self.kind, remote))
            self._met[at] = self._update(self.entries[at], id, remote)

    def steps(self) -> list[Step]:
        """Return, after everything was met: updates and creates in the order of the file, then deletions."""
        steps = [self._met[at] if at in self._met else self._new(entry) for at, entry in enumerate(self.entries)]
        self.unchanged = sum(1 for step in self._met.values() if step is None)
        return [*(step for step in steps if step), *self._others]

    def _update(self, entry: Entry, id: str, remote: JsonObject) -> Step | None:
        there = flatten(remote)
        changes = {n: (there.get(n), value) for n, value in entry.values.items() if not same(value, there.get(n))}
        self._judge(entry, {name: after for name, (_, after) in changes.items()}, there)
        name = _name(self.kind, remote) or entry.name
        return Step(self.kind, "update", name, id, changes, digest(remote), entry.line) if changes else None

    def _new(self, entry: Entry) -> Step | None:
        if entry.id:
            self._problem(entry, "id", "Telnyx has no application of this id. To create it, leave the id out.")
            return None
        if entry.name in self._kept:
            self._problem(entry, self.kind.model.name_field, "Another entry has the application of this name.")
        changes = {name: (None, value) for name, value in entry.values.items() if value not in (None, [])}
        self._judge(entry, {name: after for name, (_, after) in changes.items()}, None)
        return Step(self.kind, "create", entry.name, "", changes, "", entry.line)

    def _judge(self, entry: Entry, values: JsonObject, there: JsonObject | None) -> None:
        try:
            check(self.kind, values, there)
        except InvalidParameters as invalid:
            for name, messages in invalid.errors.items():
                self._problem(entry, name, " ".join(messages))

    def _enter(self, at: int, entry: Entry) -> None:
        key, known = (entry.id, self._by_id) if entry.id else (entry.name, self._by_name)
        if not key:
            self._problem(entry, self.kind.model.name_field, "An application needs a name.")
        elif key in known:
            message = f"It stands here twice: see line {self.entries[known[key]].line}."
            self._problem(entry, "id" if entry.id else self.kind.model.name_field, message)
        else:
            known[key] = at

    def _problem(self, entry: Entry, name: str, message: str) -> None:
        problem = Problem(_line(entry, name), name, message)
        if problem not in self.problems:
            self.problems.append(problem)


def _shape(entry: Entry) -> Iterator[Problem]:
    """Yield a problem for each name that nothing can be set by.

    Judged here too, since what equals Telnyx's value is judged nowhere else.
    """
    known = entry.kind.settable_flat()
    for name in entry.values:
        if name not in known:
            try:
                check(entry.kind, {name: entry.values[name]}, {})
            except InvalidParameters as invalid:
                message = " ".join(text for messages in invalid.errors.values() for text in messages)
                yield Problem(_line(entry, name), name, message)


def _line(entry: Entry, name: str) -> int:
    """Return the line of the field, else of what it is in, else of the entry."""
    return entry.lines.get(name) or entry.lines.get(name.partition(".")[0]) or entry.line


def _name(kind: Kind, remote: Mapping[str, Any]) -> str:
    return str(remote.get(kind.model.name_field) or "")


def settable_of(kind: Kind, remote: JsonObject) -> JsonObject:
    """Return what of an answer can be set, flat."""
    there = flatten(remote)
    return {name: there[name] for name in kind.settable_flat() if name in there}
