"""Reads and writes applications as YAML, for people to review: both kinds, by name, with all that can be set.

A document is ``{call_control_applications: {<name>: {id: …, <field>: …}}, texml_applications: …}``. What it does not
name is left as it is. A name that several share gets its own field, since a key stands only once.
"""

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import yaml

from applications.exchange.plans import Entry, Problem, Unreadable, settable_of
from applications.kinds import KINDS, NESTED, Kind, flatten, unflatten
from applications.pulls import listing
from applications.pulls.listing import OnRead
from portal import payloads
from portal.json_types import JsonObject
from portal.models import TelnyxAccount

_BY_RESOURCE = {kind.resource: kind for kind in KINDS}
_DEEPEST = 12
# with C where it is there: ten thousand applications take a minute without
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = type("Dumper", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {"ignore_aliases": lambda *_: True})
_RESOLVER: Any = yaml.resolver.Resolver()
_NODES: dict[type, Any] = {
    yaml.ScalarEvent: yaml.ScalarNode,
    yaml.SequenceStartEvent: yaml.SequenceNode,
    yaml.MappingStartEvent: yaml.MappingNode,
}
_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")}


def dump(account: TelnyxAccount, *, ids: bool = True, on_read: OnRead | None = None) -> Iterator[str]:
    """Write the document of what Telnyx has now, section by section. Raises a ``TelnyxError``."""
    for kind in KINDS:
        read = listing.whole(kind, account, on_read=on_read)
        remotes = [remote for page in read for remote in page.remotes.values()]
        section = {kind.resource: _section(kind, remotes, ids=ids)}
        yield yaml.dump(section, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def load(text: str) -> tuple[list[Entry], list[Kind]]:
    """Read the entries of a document and the kinds it has a section for. Raises ``Unreadable``."""
    try:
        reading = _Reading(_checked(yaml.parse(text, Loader=_Loader)))
        entries, kinds = reading.document()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise Unreadable([Problem(line, "", f"Not valid YAML: {error.problem}.")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Unreadable([Problem(0, "", f"Not valid YAML: {type(error).__name__}.")]) from None
    if reading.problems:
        raise Unreadable(reading.problems)
    return entries, kinds


class _Reading:
    """Reads a document event by event: of ten thousand applications only one is held as nodes at a time.

    Collects what is wrong, with its line, instead of stopping at the first.
    """

    def __init__(self, events: Iterator[Any]) -> None:
        self.problems: list[Problem] = []
        self._events = events

    def document(self) -> tuple[list[Entry], list[Kind]]:
        entries: list[Entry] = []
        kinds: list[Kind] = []
        next(self._events)  # of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return entries, kinds
        for key, first in self._pairs(next(self._events), "", "Must be a mapping of sections."):
            kind = _BY_RESOURCE.get(key.value)
            if kind is None:
                known = " and ".join(_BY_RESOURCE)
                self.problem(key, key.value, f"Unknown section. There are {known}.")
                self._node(first)
                continue
            kinds.append(kind)
            for name, body in self._pairs(first, key.value, "Must be a mapping of names."):
                entries.append(self.entry(kind, name, self._node(body)))
        next(self._events)  # of the document
        if not isinstance(more := next(self._events), yaml.StreamEndEvent):
            self.problem(more, "", "There is a second document in it: a file holds one.")
        return entries, kinds

    def problem(self, node: Any, name: str, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, name, message))

    def mapping(self, node: Any, name: str) -> list[tuple[Any, Any]]:
        if isinstance(node, yaml.MappingNode):
            return list(self._once(node.value, name))
        if not _is_nothing(node):
            self.problem(node, name, "Must be a mapping of names.")
        return []

    def _pairs(self, first: Any, name: str, otherwise: str) -> Iterator[tuple[Any, Any]]:
        """Yield each key of the mapping that begins with ``first``, and the event that its value begins with."""
        if isinstance(first, yaml.MappingStartEvent):
            yield from self._once(self._read_pairs(), name)
        elif not _is_nothing(node := self._node(first)):
            self.problem(node, name, otherwise)

    def _read_pairs(self) -> Iterator[tuple[Any, Any]]:
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            yield self._node(event), next(self._events)

    def _node(self, event: Any) -> Any:
        """Return the node that begins with ``event``, as PyYAML would compose it."""
        kind = _NODES[type(event)]
        value: Any = event.value if kind is yaml.ScalarNode else []
        text = value if kind is yaml.ScalarNode else None
        tag = event.tag if event.tag not in (None, "!") else _RESOLVER.resolve(kind, text, event.implicit)
        if kind is yaml.SequenceNode:
            while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
                value.append(self._node(item))
        if kind is yaml.MappingNode:
            value.extend((key, self._node(first)) for key, first in self._read_pairs())
        return kind(tag, value, event.start_mark, event.end_mark)

    def entry(self, kind: Kind, key: Any, body: Any) -> Entry:
        line, values, lines = key.start_mark.line + 1, {}, {}
        for name, node in self.mapping(body, key.value):
            word = sys.intern(name.value)  # the same few in each of ten thousand
            lines[word] = name.start_mark.line + 1
            values[word] = self._value(node, word)
            if name.value in NESTED and isinstance(node, yaml.MappingNode):
                lines |= {sys.intern(f"{word}.{inner.value}"): inner.start_mark.line + 1 for inner, _ in node.value}
        id = values.pop("id", None)
        named = kind.model.name_field in values  # its key is another one: several may have that name
        flat = {kind.model.name_field: key.value, **flatten(values)}
        return Entry(kind, line, flat, "" if id is None else str(id), lines, is_twin=named)

    def _once(self, pairs: Iterable[tuple[Any, Any]], where: str) -> Iterator[tuple[Any, Any]]:
        seen: set[str] = set()
        for key, value in pairs:
            if isinstance(key, yaml.ScalarNode) and key.value not in seen:
                seen.add(key.value)
                yield key, value
                continue
            if isinstance(key, yaml.ScalarNode):
                self.problem(key, key.value, "It stands here twice.")
            else:
                self.problem(key, where, "A name must be a text.")
            if isinstance(value, yaml.Event):
                self._node(value)  # nobody else reads on

    def _value(self, node: Any, name: str) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, name) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return {key.value: self._value(value, name) for key, value in self._once(node.value, name)}
        return self._scalar(node, name)

    def _scalar(self, node: Any, name: str) -> Any:
        if node.tag == "tag:yaml.org,2002:timestamp":
            return node.value  # nothing here is a date: it is a name that looks like one
        try:
            if node.tag not in _SCALARS:
                raise ValueError
            value = yaml.constructor.SafeConstructor().construct_object(node)
            return payloads.storable(value, replace=False)
        except (ValueError, yaml.YAMLError):
            self.problem(node, name, "This value cannot be read.")
            return None


def _is_nothing(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value in {"", "null", "~"}


def _checked(events: Any) -> Iterator[Any]:
    """Refuse aliases: a few lines of them can stand for more than fits into memory."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _DEEPEST:
            message = "Nested too deep." if depth > _DEEPEST else "Aliases (*name) are not taken."
            raise Unreadable([Problem(event.start_mark.line + 1 if event.start_mark else 0, "", message)])
        yield event


def _section(kind: Kind, remotes: list[JsonObject], *, ids: bool) -> JsonObject:
    names = Counter(str(remote.get(kind.model.name_field) or "") for remote in remotes)
    section: JsonObject = {}
    for remote in sorted(remotes, key=lambda item: (str(item.get(kind.model.name_field) or ""), str(item["id"]))):
        name, id = str(remote.get(kind.model.name_field) or ""), str(remote["id"])
        shared = names[name] > 1 or not name
        key = _free(name, id if ids else "1", {*section, *names}) if shared else name
        section[key] = ({"id": id} if ids else {}) | _body(kind, remote, named=not shared)
    return section


def _free(name: str, mark: str, taken: Collection[str]) -> str:
    """Return a key that nobody has, for one of several of a name: the id tells them apart, without ids a number."""
    key = f"{name} #{mark}"
    while key in taken:
        mark = str(int(mark) + 1) if mark.isdecimal() and len(mark) < 9 else f"{mark} #"
        key = f"{name} #{mark}"
    return key


def _body(kind: Kind, remote: Mapping[str, Any], *, named: bool) -> JsonObject:
    values = settable_of(kind, dict(remote))
    if named:
        values.pop(kind.model.name_field, None)
    return unflatten(values)
