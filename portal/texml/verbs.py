"""Reads elements as Telnyx runs them: what it knows is taken, what it does not is left out, and noted.

Telnyx skips what it does not know without an error, so the notes are the only place where a slip shows. What it does
with a value outside of its range is documented nowhere; here the default holds then.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

from portal.texml.grammar import GRAMMAR, ROOT, Element, Value, close
from portal.texml.tree import Element as Node
from portal.texml.tree import parse

_E164 = re.compile(r"\+[1-9][0-9]{1,14}", re.ASCII)


@dataclass(frozen=True)
class Verb:
    """Holds an element ready to be run.

    ``values`` has every attribute that is written or has a default, in the type of the grammar: bool, int, float, a
    tuple for a list, an absolute address, else the text. ``written`` names those that the document gives itself.
    """

    name: str
    line: int
    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    children: tuple["Verb", ...] = ()
    written: frozenset[str] = frozenset()

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)


@dataclass(frozen=True)
class Note:
    """Says what was left out of a document, and where."""

    text: str
    line: int = 0


@dataclass
class Frame:
    """Is a document under way: its source and address, which verb is next, what it was fetched for.

    It is parsed once, and each verb is read once; what is kept of that is no part of its JSON.
    """

    source: str
    url: str
    role: str = ""
    at: int = 0

    @cached_property
    def root(self) -> Node:
        return parse(self.source).root

    @cached_property
    def nodes(self) -> list[Node]:
        return self.root.children

    @cached_property
    def _read(self) -> dict[int, tuple[Verb | None, list[Note]]]:
        return {}

    def read(self, at: int) -> tuple[Verb | None, list[Note]]:
        """Return the verb at a place, and what was left out of it."""
        if at not in self._read:
            self._read[at] = read(self.nodes[at], self.url)
        verb, notes = self._read[at]
        return verb, [*notes]

    @property
    def verb(self) -> Verb | None:
        """The verb that was begun last."""
        return self.read(self.at - 1)[0] if 0 < self.at <= len(self.nodes) else None


def read(node: Node, url: str, parent: str = "Response") -> tuple[Verb | None, list[Note]]:
    """Return the verb that ``node`` is, or None for one that is skipped; and what was left out.

    ``url`` is the document's own: addresses are resolved against it, and stay as they are when it is empty.
    """
    above, known = GRAMMAR.element(parent), GRAMMAR.element(node.name, parent)
    if known is None or (above and node.name not in above.children):
        return None, [Note(f"ignored: {_stranger(node, parent, known)}", node.line)]
    values, notes = _attributes(node, known, url)
    children: list[Verb] = []
    for child in node.children:
        verb, more = read(child, url, node.name)
        notes += more
        if verb and known.at_most is not None and len(children) >= known.at_most:
            notes.append(Note(f"ignored: a further <{child.name}> in <{node.name}>", child.line))
        elif verb and not _is_speech(child, node.name):
            children.append(verb)
    text = " ".join(_words(node).split()) if known.text or known.ssml else ""
    if node.text and not known.text and not known.ssml:
        notes.append(Note(f"ignored: the text in <{node.name}>", node.line))
    if known.text and known.text.type == "url" and not values.get("mediaStorage"):
        text = _address(text, known.text, url) or ""
    verb = Verb(node.name, node.line, text, values, tuple(children), frozenset(one.name for one in node.attributes))
    if lacking := _lacking(verb, known):
        return None, [*notes, Note(f"ignored: <{node.name}>, which lacks {lacking}", node.line)]
    return verb, notes


def around(root: Node) -> list[Note]:
    """Return what is left out of the root itself: its attributes, and text between the verbs."""
    _, notes = _attributes(root, GRAMMAR.elements[ROOT], "")
    return notes + ([Note(f"ignored: the text in <{ROOT}>", root.line)] if root.text else [])


def _words(node: Node) -> str:
    """Return the words directly in an element and in the marks of speech in it."""
    parts = [
        one.data if not isinstance(one, Node) else _words(one) if _is_speech(one, node.name) else ""
        for one in node.content
    ]
    return "".join(parts)


def _is_speech(node: Node, parent: str) -> bool:
    known = GRAMMAR.element(node.name, parent)
    return known is not None and known.ssml


def _lacking(verb: Verb, known: Element) -> str:
    if known.text and known.text.required and not verb.text:
        return "its text"
    for name, value in known.attributes.items():
        if value.required and name not in verb.values:
            return name
    there = {"text": bool(verb.text), "children": bool(verb.children)}
    if known.requires_one_of and not any(there.get(one, one in verb.values) for one in known.requires_one_of):
        return " or ".join(known.requires_one_of)
    return "what stands in it" if len(verb.children) < known.at_least else ""


def _stranger(node: Node, parent: str, known: Element | None) -> str:
    if known is not None:
        return f"<{node.name}>, which does not belong into <{parent}>"
    near = close(node.name, GRAMMAR.names(ssml=False))
    return f"<{node.name[:64]}>, which nobody knows" + (f" (did you mean <{near}>?)" if near else "")


def _attributes(node: Node, known: Element, url: str) -> tuple[dict[str, Any], list[Note]]:
    values = {
        name: converted(value.default, value, url)
        for name, value in known.attributes.items()
        if value.default is not None
    }
    notes = []
    for one in node.attributes:
        value = known.attributes.get(one.name)
        if value is None:
            if not known.any_attribute:
                near = close(one.name, set(known.attributes))
                hint = f" (did you mean {near}?)" if near else ""
                notes.append(Note(f"ignored: {one.name[:64]} of <{node.name}>, which it does not have{hint}", one.line))
            continue
        read_value = converted(one.value, value, url)
        if read_value is None:
            rest = f"; {value.default} holds" if value.default is not None else ""
            told = f'{one.name}="{one.value[:64]}"'
            notes.append(Note(f"ignored: {told} of <{node.name}>, which takes {_wanted(value)}{rest}", one.line))
        else:
            values[one.name] = read_value
    return values, notes


def converted(text: str, value: Value, url: str = "") -> Any:
    """Return what ``text`` says, in the type that ``value`` wants; None if it says no such thing."""
    if value.type in ("integer", "number"):
        return _number(text, value)
    if text in value.also:
        return text
    if value.type == "list":
        words = text.split()
        return tuple(words) if words and all(word in value.values for word in words) else None
    if value.type == "url":
        return _address(text, value, url)
    if value.type == "boolean":
        return {"true": True, "false": False}.get(text)
    return text if _is_of_its_form(text, value) else None


def _number(text: str, value: Value) -> int | float | None:
    form = r"-?[0-9]{1,9}" if value.type == "integer" else r"-?[0-9]{1,9}(\.[0-9]{1,9})?"
    if not re.fullmatch(form, text, re.ASCII):
        return None
    number = int(text) if value.type == "integer" else float(text)
    is_within = (value.min or 0) <= number and (value.max is None or number <= value.max)
    return number if is_within or text in value.also else None


def _is_of_its_form(text: str, value: Value) -> bool:
    if value.type == "enum":
        return text in value.values
    if value.type == "phone":
        return bool(_E164.fullmatch(text)) or text.startswith(("sip:", "sips:"))
    return not value.pattern or bool(re.fullmatch(value.pattern, text))


def _address(text: str, value: Value, url: str) -> str | None:
    """Return the whole address; a relative one only in a document whose own address is not known."""
    try:
        whole = urljoin(url, text.strip())
        scheme, own = urlsplit(whole).scheme, urlsplit(url).scheme
    except ValueError:
        return None
    return whole if text.strip() and (scheme in value.schemes or not (scheme or own)) else None


def _wanted(value: Value) -> str:
    if value.type in ("integer", "number"):
        kind = "a whole number" if value.type == "integer" else "a number"
        most = f" to {value.max:g}" if value.max is not None else " on"
        return f"{kind} from {value.min or 0:g}{most}"
    if value.type in ("enum", "list"):
        return ", ".join(value.values[:8]) + (" …" if len(value.values) > 8 else "")
    return {"boolean": "true or false", "url": "an address", "phone": "a phone number"}.get(value.type, "another form")
