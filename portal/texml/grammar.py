"""Reads the grammar of TeXML from ``grammar.toml``: which elements there are, where they stand, what they take."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = "Response"
VALUE_TYPES = {
    "text": "any text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "enum": "one of a list",
    "list": "some of a list, with spaces between",
    "url": "an address",
    "phone": "a phone number with + and country code",
    "sip": "a SIP address",
    "digits": "digits of a phone",
    "pattern": "a text of one form",
    "voice": "the name of a voice",
    "language": "a language, such as en-US",
    "model": "a model, as vendor/name",
    "uuid": "a UUID",
    "json": "JSON",
}


@dataclass(frozen=True)
class Value:
    """Describes what an attribute, or an element's text, may be. Limits are in ``unit``; both ends are allowed."""

    type: str
    values: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # besides what the range allows
    min: float | None = None
    max: float | None = None
    unit: str = ""
    pattern: str = ""
    schemes: tuple[str, ...] = ()
    default: str | None = None  # what Telnyx takes when nothing is written
    twiml_default: str | None = None  # what TwiML takes then
    required: bool = False
    expected: bool = False  # without it little comes of the element
    requires: str = ""  # without this other attribute it is an error
    only_with: str = ""  # without this other attribute it has no effect
    only_when: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # it has an effect with these values of others
    no_effect_with: str = ""  # another attribute
    no_effect_with_child: str = ""
    value_requires: Mapping[str, str] = field(default_factory=dict)  # this value needs that attribute
    value_requires_value: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    role: str = ""  # what a document is fetched for, when this is its address
    telnyx_only: bool = False
    since: str = ""
    source: str = ""
    note: str = ""


@dataclass(frozen=True)
class Element:
    """Describes an element. ``key`` is its name, or ``Parent/Name`` where the name means another thing elsewhere."""

    key: str
    says: str
    text: Value | None = None
    children: tuple[str, ...] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)
    at_least: int = 0  # children
    at_most: int | None = None
    requires_children: tuple[str, ...] = ()
    requires_one_of: tuple[str, ...] = ()  # attributes, "text", "children"
    only_one_of_them: bool = False
    any_attribute: bool = False
    root: bool = False
    ssml: bool = False
    telnyx_only: bool = False
    since: str = ""
    source: str = ""

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


@dataclass(frozen=True)
class TwimlAttribute:
    """Describes an attribute of TwiML that TeXML does not have: its name here and its values', or why there is none."""

    use: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    note: str = "TeXML has nothing like it."


@dataclass(frozen=True)
class Role:
    """Describes what a document is fetched for, and the verbs that it may then hold."""

    says: str
    verbs: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Grammar:
    """Holds the whole table."""

    sources: Mapping[str, str]
    elements: Mapping[str, Element]  # by key
    roles: Mapping[str, Role]
    vendors: Mapping[str, list[str]]  # of the models of an engine
    parameters: frozenset[str]  # that Telnyx sends with a fetch
    twiml_elements: Mapping[str, str]  # what to do instead
    twiml_attributes: Mapping[str, Mapping[str, TwimlAttribute]]
    twiml_scaled: Mapping[str, Mapping[str, int]]  # a number of TwiML's, times this, is TeXML's
    twiml_without: Mapping[str, Mapping[str, str]]  # what TwiML does when an attribute is not written

    def element(self, name: str, parent: str = "") -> Element | None:
        """Return what ``name`` means inside of ``parent``, by their names; None for an element that nobody knows."""
        if not parent:
            return self.elements[ROOT] if name == ROOT else self.elements.get(name)
        return self.elements.get(f"{parent}/{name}") or (self.elements.get(name) if name != ROOT else None)

    def names(self, ssml: bool) -> list[str]:
        """List the names of all elements, those of SSML only if asked for."""
        return sorted({element.name for element in self.elements.values() if ssml or not element.ssml})

    def parents(self, element: Element) -> list[str]:
        """List the keys of the elements that ``element`` may stand in."""
        return [
            key
            for key, other in self.elements.items()
            if element.name in other.children and self.element(element.name, other.name) is element
        ]

    @property
    def verbs(self) -> tuple[str, ...]:
        return self.elements[ROOT].children

    def with_attribute(self, name: str) -> list[str]:
        """List the names of the elements that have an attribute of this name."""
        return list(dict.fromkeys(one.name for one in self.elements.values() if name in one.attributes))


def close(name: str, names: Iterable[str]) -> str:
    """Return the name that ``name`` is most likely a slip of, two letters away at most; empty when none is near."""
    best, nearest = "", 3
    letters = set(name)
    for known in sorted(names):
        if known.lower() == name.lower():
            return known
        allowed = min(2, max(1, min(len(known), len(name)) // 3), nearest - 1)
        if abs(len(known) - len(name)) > allowed or len(letters ^ set(known)) > 2 * allowed:
            continue  # far away, seen at a glance: a document may hold thousands of unknown names
        if (distance := _distance(name, known)) <= allowed:
            best, nearest = known, distance
    return best


def _distance(one: str, other: str) -> int:
    """Count the letters that must be added, dropped, changed or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        new = [at]
        for to, wanted in enumerate(other, start=1):
            cost = min(row[to] + 1, new[to - 1] + 1, row[to - 1] + (letter != wanted))
            if at > 1 and to > 1 and letter == other[to - 2] and one[at - 2] == wanted:
                cost = min(cost, before[to - 2] + 1)
            new.append(cost)
        before, row = row, new
    return row[-1]


def _read(table: Mapping[str, Any]) -> Grammar:
    shared = table["shared"]
    return Grammar(
        sources=table["sources"],
        elements=MappingProxyType({key: _element(key, given, shared) for key, given in table["elements"].items()}),
        roles={
            name: Role(says=given["says"], verbs=tuple(given["verbs"]), source=given["source"])
            for name, given in table["roles"].items()
        },
        vendors=table["vendors"],
        parameters=frozenset(name for names in table["parameters"].values() for name in names),
        twiml_elements=table["twiml"]["elements"],
        twiml_attributes={
            key: {name: TwimlAttribute(**given) for name, given in attributes.items()}
            for key, attributes in table["twiml"]["attributes"].items()
        },
        twiml_scaled=table["twiml"]["scaled"],
        twiml_without=table["twiml"]["without"],
    )


def _element(key: str, given: Mapping[str, Any], shared: Mapping[str, Any]) -> Element:
    rest = {name: _frozen(value) for name, value in given.items() if name not in {"text", "attributes"}}
    inherited = {"source": given["source"], "since": given.get("since", "")}
    return Element(
        key=key,
        text=_value(given["text"], shared, inherited) if "text" in given else None,
        attributes=MappingProxyType(
            {name: _value(value, shared, inherited) for name, value in given.get("attributes", {}).items()}
        ),
        **rest,
    )


def _value(given: Mapping[str, Any], shared: Mapping[str, Any], inherited: Mapping[str, str]) -> Value:
    whole = {**inherited, **shared.get(given.get("like", ""), {}), **given}
    whole.pop("like", None)
    return Value(**{name: _frozen(value) for name, value in whole.items()})


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return {name: _frozen(inner) for name, inner in value.items()} if isinstance(value, dict) else value


GRAMMAR = _read(tomllib.loads(Path(__file__).with_name("grammar.toml").read_text(encoding="utf-8")))
