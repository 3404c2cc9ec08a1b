"""Plans what has to be done so that Telnyx has what a file says: made from a fresh read, carried out step by step.

One engine for the command ``applications``, for CSV and for JSON. A plan writes nothing; its steps name the state they
were made from, and are refused where Telnyx has another one by then.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

from applications.addresses import is_address
from applications.dependents import dependents
from applications.editing.checks import check
from applications.kinds import BY_SLUG, KINDS, Kind, flatten
from applications.mirror.answers import agree, digest, merged
from applications.models import TelnyxApplication
from applications.pulls import listing
from applications.pulls.mass_delete import looks_like_mass_delete
from portal import sql
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.schemas import InvalidParameters

Action = Literal["create", "update", "delete"]
OnRead = Callable[[Kind, int, int | None], None]  # how many of a kind were read, of how many if Telnyx tells

_EMPTY: tuple[Any, ...] = (None, "", [])


@dataclass(frozen=True)
class Entry:
    """Holds one application as a file wants it: flat ``values``, its name among them, and the line of each.

    ``is_twin``: the file says that it is one of several of this name.
    """

    kind: Kind
    line: int
    values: JsonObject
    id: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    is_twin: bool = False

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

    ``changes``: by dotted name the value before and after; ``base``: the digest before; ``dependents``: what a deletion
    would leave behind, in sentences; ``namesakes``: how many of its name were there before a creation.
    """

    kind: Kind
    action: Action
    name: str
    telnyx_id: str
    changes: Mapping[str, tuple[Any, Any]]
    base: str = ""
    line: int = 0
    dependents: tuple[str, ...] = ()
    namesakes: int = 0

    @property
    def values(self) -> JsonObject:
        """Return what is to be set, flat."""
        return {name: after for name, (_, after) in self.changes.items()}

    def as_json(self) -> JsonObject:
        changes = {name: {"before": before, "after": after} for name, (before, after) in self.changes.items()}
        members = {"kind": self.kind.slug, "action": self.action, "name": self.name, "id": self.telnyx_id or None}
        more = {"dependents": [*self.dependents], "namesakes": self.namesakes}
        return {**members, "changes": changes, "base": self.base, "line": self.line, **more}

    @classmethod
    def from_json(cls, data: JsonObject) -> "Step":
        changes = {name: (both["before"], both["after"]) for name, both in data["changes"].items()}
        kind, id, told = BY_SLUG[data["kind"]], data["id"] or "", tuple(data["dependents"])
        return cls(kind, data["action"], data["name"], id, changes, data["base"], data["line"], told, data["namesakes"])


@dataclass(frozen=True)
class Plan:
    """Holds the steps in the order of the file, deletions last. With ``problems`` it is not to be carried out.

    ``known``: how many applications Telnyx has of each kind, by its slug.
    """

    account: TelnyxAccount
    steps: list[Step]
    problems: list[Problem]
    unchanged: int
    made_at: datetime
    known: Mapping[str, int] = field(default_factory=dict)

    @property
    def kinds(self) -> list[Kind]:
        """Return the kinds that something is to be done to."""
        slugs = {step.kind.slug for step in self.steps}
        return [kind for kind in KINDS if kind.slug in slugs]

    @property
    def counts(self) -> dict[str, int]:
        done = Counter(step.action for step in self.steps)
        return {"create": done["create"], "update": done["update"], "delete": done["delete"]} | {
            "unchanged": self.unchanged
        }

    @property
    def mass_deletes(self) -> list[str]:
        """Return a sentence for each kind that would lose so much that a person has to say that it is meant."""
        deleted = Counter(step.kind.slug for step in self.steps if step.action == "delete")
        counted = [(slug, gone, self.known.get(slug, gone)) for slug, gone in deleted.items()]
        return [
            f"It would delete {gone} of {known} {BY_SLUG[slug].resource}."
            for slug, gone, known in counted
            if looks_like_mass_delete(gone, known)
        ]

    def as_json(self) -> JsonObject:
        told = {"account": self.account.name, "made_at": self.made_at.isoformat(), **self.counts}
        steps = [step.as_json() for step in self.steps]
        return {**told, "known": dict(self.known), "looks_like_mass_delete": self.mass_deletes, "steps": steps}


def make(
    account: TelnyxAccount,
    entries: Sequence[Entry],
    kinds: Sequence[Kind],
    *,
    prune: bool = False,
    targets: Collection[str] = (),
    on_read: OnRead | None = None,
) -> Plan:
    """Compare ``entries`` with what Telnyx has now. ``prune`` plans to delete what of ``kinds`` no entry names.

    With ``targets`` only what has one of these names or ids is planned. Raises a ``TelnyxError``.
    """
    steps: list[Step] = []
    problems: list[Problem] = []
    known: dict[str, int] = {}
    paired: set[str] = set()
    unchanged, made_at = 0, sql.clock()
    for kind in kinds:
        matching = _Matching(kind, [entry for entry in entries if entry.kind is kind], prune=prune)
        try:
            for page in listing.whole(kind, account, matching.ids, partial(on_read, kind) if on_read else None):
                known[kind.slug] = known.get(kind.slug, 0) + len(page.remotes)
                rows = {row.telnyx_id: row for row in kind.rows(account).filter(telnyx_id__in=page.remotes)}
                for id, remote in page.remotes.items():
                    matching.meet(id, remote, base_of(rows.get(id), remote))
        except listing.TooManyUnknown as error:
            problems.append(Problem(0, "", str(error)))
            continue
        steps += matching.steps()
        problems += matching.problems
        unchanged += matching.unchanged
        paired |= matching.paired
    problems += _unknown_targets(targets, steps, entries, paired)
    chosen = [step for step in steps if not targets or _called(step) & {*targets}]
    chosen.sort(key=lambda step: step.action == "delete")
    told = [_with_dependents(account, step) for step in chosen]
    return Plan(account, told, sorted(problems, key=lambda problem: problem.line), unchanged, made_at, known)


def base_of(row: TelnyxApplication | None, remote: JsonObject) -> str:
    """Return what names the state that was listed: the digest that its row has, or gets when that state is kept.

    A single answer tells what the list leaves out, and the row has both.
    """
    if row is None:
        return digest(remote)
    return row.remote_digest if agree(row.remote, remote) else digest(merged(row.remote, remote))


def _unknown_targets(
    targets: Collection[str], steps: Sequence[Step], entries: Sequence[Entry], paired: Collection[str]
) -> Iterator[Problem]:
    """Yield a problem for each target that is nothing the plan is about: it may be a slip of the pen.

    ``paired`` are the names and ids of what entries were paired with, changed or not.
    """
    known = {*paired, *(name for step in steps for name in _called(step))}
    known |= {name for entry in entries for name in (entry.name, entry.id)}
    for target in targets:
        if not target or target not in known:
            yield Problem(0, "targets", f"No application of this plan has the name or id {target!r}.")


def _called(step: Step) -> set[str]:
    """Return by what an application is aimed at: its id, its name, and the one that it is to have."""
    return {step.telnyx_id, step.name, str(step.values.get(step.kind.model.name_field) or step.name)}


def _with_dependents(account: TelnyxAccount, step: Step) -> Step:
    if step.action != "delete":
        return step
    row = step.kind.model(account=account, telnyx_id=step.telnyx_id)  # it may never have been pulled
    return replace(step, dependents=tuple(dependents(row)))


def same(value: Any, other: Any) -> bool:
    """Return whether two values are equal, or both empty: Telnyx has null, an empty text or no member for the same
    thing. True is not 1.
    """
    if value in _EMPTY and other in _EMPTY:
        return True
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)


class _Matching:
    """Matches the entries of one kind with its applications: by id where it has one, else by name."""

    def __init__(self, kind: Kind, entries: Sequence[Entry], *, prune: bool) -> None:
        self.kind, self.entries, self.prune = kind, entries, prune
        self.problems = [problem for entry in entries for problem in _shape(entry)]
        self.unchanged = 0
        self.paired: set[str] = set()  # names and ids of what the entries are of
        self._by_id: dict[str, int] = {}
        self._by_name: dict[str, list[int]] = {}
        self._updates: dict[int, Step | None] = {}  # of each entry that was paired; None: nothing is to be changed
        self._twins: dict[str, dict[str, JsonObject]] = {}
        self._named: Counter[str] = Counter()
        self._bases: dict[str, str] = {}
        self._others: list[Step] = []
        self._kept: set[str] = set()
        for at, entry in enumerate(entries):
            self._enter(at, entry)

    @property
    def ids(self) -> Collection[str]:
        """Return the ids that Telnyx should know."""
        return self._by_id.keys()

    def meet(self, id: str, remote: JsonObject, base: str) -> None:
        """Look for the entry that an application is meant by; ``base`` names its state."""
        name = name_of(self.kind, remote)
        self._named[name] += 1
        self._bases[id] = base
        named = [self._by_id[id]] if id in self._by_id else self._by_name.get(name, [])
        if not named:
            self._nobodys(id, remote)
        elif len(named) > 1:
            self._twins.setdefault(name, {})[id] = remote
        elif named[0] in self._updates:
            message = "Telnyx has several applications of this name: say which by its id."
            self._problem(self.entries[named[0]], "id", message)
        else:
            self._pair(named[0], id, remote)

    def steps(self) -> list[Step]:
        """Return, after everything was met: updates and creates in the order of the file, then deletions."""
        for name, remotes in self._twins.items():
            self._pair_twins(self._by_name[name], remotes)
        made = self._updates
        steps = [made[at] if at in made else self._new(entry) for at, entry in enumerate(self.entries)]
        self.unchanged = sum(1 for step in made.values() if step is None)
        return [*(step for step in steps if step), *self._others]

    def _pair(self, at: int, id: str, remote: JsonObject) -> None:
        self.paired |= {id, name_of(self.kind, remote)}
        self._kept.add(self.entries[at].name or name_of(self.kind, remote))
        self._updates[at] = self._update(self.entries[at], id, remote)

    def _pair_twins(self, named: list[int], remotes: dict[str, JsonObject]) -> None:
        """Pair each entry with an application that is as it says; which of the others is which, nobody can tell."""
        left = dict(remotes)
        for at in named:
            if alike := next((id for id, remote in left.items() if not _changes(self.entries[at], remote)), None):
                self._pair(at, alike, left.pop(alike))
        open_ones = [at for at in named if at not in self._updates]
        for at in open_ones if left else ():
            message = "Telnyx has another application of this name: say by their ids which is which."
            self._problem(self.entries[at], "id", message)
        for id, remote in left.items() if not open_ones else ():
            self._nobodys(id, remote)

    def _nobodys(self, id: str, remote: JsonObject) -> None:
        if self.prune:
            self._others.append(Step(self.kind, "delete", name_of(self.kind, remote), id, {}, self._bases[id]))

    def _update(self, entry: Entry, id: str, remote: JsonObject) -> Step | None:
        changes = _changes(entry, remote)
        self._judge(entry, {name: after for name, (_, after) in changes.items()}, flatten(remote))
        name = name_of(self.kind, remote) or entry.name
        return Step(self.kind, "update", name, id, changes, self._bases[id], entry.line) if changes else None

    def _new(self, entry: Entry) -> Step | None:
        if entry.id:
            self._problem(entry, "id", "Telnyx has no application of this id. To create it, leave the id out.")
            return None
        if entry.name in self._kept and not entry.is_twin:
            self._problem(entry, self.kind.model.name_field, "Another entry has the application of this name.")
        changes = {name: (None, value) for name, value in entry.values.items() if value not in _EMPTY}
        self._judge(entry, {name: after for name, (_, after) in changes.items()}, None)
        namesakes = self._named[entry.name]
        return Step(self.kind, "create", entry.name, "", changes, line=entry.line, namesakes=namesakes)

    def _judge(self, entry: Entry, values: JsonObject, there: JsonObject | None) -> None:
        try:
            check(self.kind, values, there)
        except InvalidParameters as invalid:
            for name, messages in invalid.errors.items():
                self._problem(entry, name, " ".join(messages))

    def _enter(self, at: int, entry: Entry) -> None:
        key = entry.id or entry.name
        first = self._by_id.get(key) if entry.id else next(iter(self._by_name.get(key, [])), None)
        if not key:
            self._problem(entry, self.kind.model.name_field, "An application needs a name.")
        elif first is not None and not (entry.is_twin and self.entries[first].is_twin and not entry.id):
            message = f"It stands here twice: see line {self.entries[first].line}."
            self._problem(entry, "id" if entry.id else self.kind.model.name_field, message)
        elif entry.id:
            self._by_id[key] = at
        else:
            self._by_name.setdefault(key, []).append(at)

    def _problem(self, entry: Entry, name: str, message: str) -> None:
        problem = Problem(_line(entry, name), name, message)
        if problem not in self.problems:
            self.problems.append(problem)


def _changes(entry: Entry, remote: JsonObject) -> dict[str, tuple[Any, Any]]:
    """Return what differs, by dotted name: the value at Telnyx and the one to send.

    An address is emptied by null: Telnyx's document takes no empty text for one.
    """
    there = flatten(remote)
    differing = {n: (there.get(n), value) for n, value in entry.values.items() if not same(value, there.get(n))}
    return {n: (old, None if new == "" and is_address(n) else new) for n, (old, new) in differing.items()}


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


def name_of(kind: Kind, remote: Mapping[str, Any]) -> str:
    """Return what an answer calls its application."""
    return str(remote.get(kind.model.name_field) or "")


def settable_of(kind: Kind, remote: JsonObject) -> JsonObject:
    """Return what of an answer can be set, flat."""
    there = flatten(remote)
    return {name: there[name] for name in kind.settable_flat() if name in there}
