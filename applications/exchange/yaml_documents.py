"""Reads and writes applications as YAML, for people to review: both kinds, by name, with all that can be set.

A document is ``{call_control_applications: {<name>: {id: …, <field>: …}}, texml_applications: …}``. What it does not
name is left as it is. A name that several share gets its own field, since a key stands only once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from applications.exchange.plans import Entry, Problem, Unreadable, settable_of
from applications.kinds import KINDS, NESTED, Kind, flatten, unflatten
from applications.mirror import store
from portal import payloads
from portal.json_types import JsonObject
from portal.models import TelnyxAccount

_BY_RESOURCE = {kind.resource: kind for kind in KINDS}
_DEEPEST = 12
# with C where it is there: ten thousand applications take a minute without
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = type("Dumper", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), {"ignore_aliases": lambda *_: True})
_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")}


def dump(account: TelnyxAccount, *, ids: bool = True) -> Iterator[str]:
    """Write the document of what Telnyx has now, section by section. Raises a ``TelnyxError``."""
    for kind in KINDS:
        remotes = [remote for page in store.pages(kind, account) for remote in page.remotes.values()]
        section = {kind.resource: _section(kind, remotes, ids=ids)}
        yield yaml.dump(section, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def load(text: str) -> tuple[list[Entry], list[Kind]]:
    """Read the entries of a document and the kinds it has a section for. Raises ``Unreadable``."""
    reading = _Reading()
    root = reading.mapping(_composed(text), "", top=True)
    entries: list[Entry] = []
    kinds: list[Kind] = []
    for key, node in root:
        kind = _BY_RESOURCE.get(key.value)
        if kind is None:
            known = " and ".join(_BY_RESOURCE)
            reading.problem(key, key.value, f"Unknown section. There are {known}.")
            continue
        kinds.append(kind)
        for name, body in reading.mapping(node, key.value):
            entries.append(reading.entry(kind, name, body))
    if reading.problems:
        raise Unreadable(reading.problems)
    return entries, kinds


class _Reading:
    """Collects what is wrong, with its line, instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, node: Any, name: str, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, name, message))

    def mapping(self, node: Any, name: str, *, top: bool = False) -> list[tuple[Any, Any]]:
        if node is None or (isinstance(node, yaml.ScalarNode) and node.value in {"", "null", "~"}):
            return []
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, name, "Must be a mapping of names." if not top else "Must be a mapping of sections.")
            return []
        return list(self._once(node, name))

    def entry(self, kind: Kind, key: Any, body: Any) -> Entry:
        line, values, lines = key.start_mark.line + 1, {}, {}
        for name, node in self.mapping(body, key.value):
            lines[name.value] = name.start_mark.line + 1
            values[name.value] = self._value(node, name.value)
            if name.value in NESTED and isinstance(node, yaml.MappingNode):
                lines |= {f"{name.value}.{inner.value}": inner.start_mark.line + 1 for inner, _ in node.value}
        id = values.pop("id", None)
        flat = {kind.model.name_field: key.value, **flatten(values)}
        return Entry(kind, line, flat, "" if id is None else str(id), lines)

    def _once(self, node: Any, where: str) -> Iterator[tuple[Any, Any]]:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.problem(key, where, "A name must be a text.")
            elif key.value in seen:
                self.problem(key, key.value, "It stands here twice.")
            else:
                seen.add(key.value)
                yield key, value

    def _value(self, node: Any, name: str) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, name) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return {key.value: self._value(value, name) for key, value in self._once(node, name)}
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


def _composed(text: str) -> Any:
    """Return the document's nodes.

    Aliases are refused: a few lines of them can stand for more than fits into memory.
    """
    try:
        _check_events(yaml.parse(text, Loader=_Loader))
        return yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise Unreadable([Problem(line, "", f"Not valid YAML: {error.problem}.")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Unreadable([Problem(0, "", f"Not valid YAML: {type(error).__name__}.")]) from None


def _check_events(events: Any) -> None:
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _DEEPEST:
            message = "Nested too deep." if depth > _DEEPEST else "Aliases (*name) are not taken."
            raise Unreadable([Problem(event.start_mark.line + 1 if event.start_mark else 0, "", message)])


def _section(kind: Kind, remotes: list[JsonObject], *, ids: bool) -> JsonObject:
    names = Counter(str(remote.get(kind.model.name_field) or "") for remote in remotes)
    section: JsonObject = {}
    for remote in sorted(remotes, key=lambda item: (str(item.get(kind.model.name_field) or ""), str(item["id"]))):
        name = str(remote.get(kind.model.name_field) or "")
        shared = names[name] > 1 or not name
        body = _body(kind, remote, named=not shared)
        section[f"{name} #{remote['id']}" if shared else name] = ({"id": str(remote["id"])} if ids else {}) | body
    return section


def _body(kind: Kind, remote: Mapping[str, Any], *, named: bool) -> JsonObject:
    values = settable_of(kind, dict(remote))
    if named:
        values.pop(kind.model.name_field, None)
    return unflatten(values)
