"""Makes a TeXML document of a TwiML document, and tells line by line what changes.

What has a counterpart is written by its name; what has none is left out; a default that is not TwiML's is told and left
to the author, since keeping TwiML's may cost money. What is wrong with the result is told at the line it came from.
"""

import re
from dataclasses import dataclass, field
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from portal.texml import tree
from portal.texml.findings import Place
from portal.texml.grammar import GRAMMAR, ROOT, Element, Value
from portal.texml.judging.linter import lint_template
from portal.texml.tree import parse

What = Literal["renamed", "changed", "left out", "differs", "wrong"]
WHATS: tuple[What, ...] = ("renamed", "changed", "left out", "differs", "wrong")
_CLIENT = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_SPACED_NUMBER = re.compile(r"\+[0-9 ().\-]{7,30}")
_HELPER = re.compile(r"\{\{#(e164|url_encode)\}\}\s*\{\{\s*(\w+)\s*\}\}\s*\{\{/\1\}\}", re.ASCII)
_FILTERS = {"e164": "e164", "url_encode": "url"}  # what TwiML's bins, and Telnyx's, write as a section
_INDENT = "  "


@dataclass(frozen=True, order=True)
class Change:
    """Tells one thing that is not as it was, by the place in the TwiML document."""

    line: int
    column: int
    what: What
    message: str


@dataclass(frozen=True)
class Imported:
    """Holds the new document and what changed, in the order of the old one."""

    document: str
    changes: list[Change]


def from_twiml(source: str | bytes) -> Imported:
    """Import a TwiML document. Raises ``Malformed`` of ``tree``, and nothing else."""
    document = parse(source)
    importer = _Importer()
    for comment in document.comments:
        importer.note(comment, "left out", "The comment is not taken over.")
    importer.element(document.root, None)
    text = importer.written()
    for finding in lint_template(text):
        if finding.rule[0] != "F":  # the order of the verbs is the author's as it was
            spot = importer.origins.get(finding.line, document.root)
            importer.note(spot, "wrong", f"{finding.message} ({finding.rule})")
    return Imported(text, sorted(set(importer.changes)))


@dataclass
class _Importer:
    """Writes the new document while it goes through the old one."""

    changes: list[Change] = field(default_factory=list)
    origins: dict[int, Place] = field(default_factory=dict)  # by line of the new document
    _lines: list[str] = field(default_factory=list)

    def note(self, at: Place, what: What, message: str) -> None:
        self.changes.append(Change(at.line, at.column, what, message))

    def written(self) -> str:
        return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *self._lines, ""])

    def element(self, element: tree.Element, parent: Element | None, depth: int = 0) -> None:
        """Write an element on lines of its own, if TeXML has it there."""
        meaning = self._meaning(element, parent)
        if meaning is None:
            return
        start = self._start(element, meaning)
        if element.text or not element.children or meaning.name == "Say":
            inside = self._inside(element, meaning)
            self._line(element, depth, f"<{start}>{inside}</{meaning.name}>" if inside else f"<{start}/>")
        else:
            self._line(element, depth, f"<{start}>")
            for child in element.children:
                self.element(child, meaning, depth + 1)
            self._line(element, depth, f"</{meaning.name}>")

    def _line(self, at: Place, depth: int, text: str) -> None:
        for part in f"{_INDENT * depth}{text}".split("\n"):
            self._lines.append(part)
            self.origins[len(self._lines) + 1] = at  # one for the declaration

    def _inside(self, element: tree.Element, meaning: Element) -> str:
        """Write text and elements among each other, as they stand."""
        parts = []
        for one in element.content:
            if isinstance(one, tree.Text):
                parts.append(self._text(one, element, meaning))
            elif inner := self._meaning(one, meaning):
                start, content = self._start(one, inner), self._inside(one, inner)
                parts.append(f"<{start}>{content}</{inner.name}>" if content else f"<{start}/>")
            elif meaning.ssml or meaning.name == "Say":  # its words are spoken all the same
                parts.append(escape(one.text))
        text = "".join(parts)
        return text if meaning.ssml or element.children else text.strip()

    def _text(self, text: tree.Text, element: tree.Element, meaning: Element) -> str:
        data = self._template(text.data, text)
        if element.name == "Client":
            data = f"sip:{data.strip()}@sip.telnyx.com"
        elif meaning.text and meaning.text.type == "phone":
            data = self._number(data, text)
        return escape(data).replace("\r", "&#13;")

    def _template(self, data: str, at: Place) -> str:
        if "{{" not in data:
            return data
        for helper in _HELPER.finditer(data):
            self.note(at, "changed", f"A helper of templates is written as a filter: {_as_filter(helper)}.")
        return _HELPER.sub(lambda helper: f"{{{{ {_as_filter(helper)} }}}}", data)

    def _number(self, data: str, at: Place) -> str:
        text = data.strip()
        plain = "+" + re.sub(r"[^0-9]", "", text)
        if plain == text or not _SPACED_NUMBER.fullmatch(text):
            return data
        self.note(at, "changed", "The number is written without spaces, brackets and dashes.")
        return plain

    # --- Elements ---

    def _meaning(self, element: tree.Element, parent: Element | None) -> Element | None:
        """Return what TeXML makes of an element; None, once it is told why, when it is left out."""
        name = element.name
        if parent is None:
            if name != ROOT:
                self.note(element, "changed", f"The root <{name[:40]}> is written as <{ROOT}>.")
            return GRAMMAR.elements[ROOT]
        if name == "Client" and parent.name == "Dial" and _CLIENT.fullmatch(element.text) and not element.children:
            self.note(
                element, "changed", f"<Client> is dialled as a SIP user of Telnyx: sip:{element.text}@sip.telnyx.com."
            )
            return GRAMMAR.elements["Sip"]
        if name in parent.children:
            return GRAMMAR.element(name, parent.name)
        if name in GRAMMAR.twiml_elements:
            self.note(element, "left out", f"TeXML has no <{name}>. {GRAMMAR.twiml_elements[name]}")
        elif name in GRAMMAR.names(ssml=True):
            allowed = ", ".join(parent.children) or "no element"
            self.note(element, "left out", f"<{name}> is not allowed in <{parent.name}>. Allowed: {allowed}.")
        else:
            self.note(element, "left out", f"TeXML has no <{name[:40]}>.")
        return None

    def _start(self, element: tree.Element, meaning: Element) -> str:
        attributes: dict[str, str] = {}
        for attribute in element.attributes:
            if kept := self._attribute(attribute, meaning):
                attributes.setdefault(*kept)
        self._differences(element, attributes, meaning)
        return meaning.name + "".join(f" {name}={_quoted(value)}" for name, value in attributes.items())

    def _differences(self, element: tree.Element, attributes: dict[str, str], meaning: Element) -> None:
        for name, value in meaning.attributes.items():
            if name not in attributes and value.twiml_default is not None:
                message = f"Without {name} TeXML takes {value.default}, where TwiML takes {value.twiml_default}."
                self.note(element, "differs", f"{message} {value.note}".strip())
        for name, words in GRAMMAR.twiml_without.get(meaning.key, {}).items():
            if name not in attributes:
                self.note(element, "differs", words)

    # --- Attributes ---

    def _attribute(self, attribute: tree.Attribute, meaning: Element) -> tuple[str, str] | None:
        """Return name and value as TeXML writes them; None, once it is told why, when it is left out."""
        name, given = attribute.name, self._template(attribute.value, attribute)
        twiml = GRAMMAR.twiml_attributes.get(meaning.key, {}).get(name)
        if twiml and not twiml.use:
            self.note(attribute, "left out", f"<{meaning.name}> has no {name}. {twiml.note}")
            return None
        if twiml:
            self.note(attribute, "renamed", f"{name} is {twiml.use} in TeXML.")
            name = twiml.use
            if given in twiml.values:
                self.note(attribute, "changed", f"{given} is {twiml.values[given]} in TeXML.")
                given = twiml.values[given]
        if meaning.any_attribute:
            return name, given
        if name not in meaning.attributes:
            elsewhere = ", ".join(f"<{one}>" for one in GRAMMAR.with_attribute(name))
            where = f" It stands on {elsewhere}." if elsewhere else ""
            self.note(attribute, "left out", f"<{meaning.name}> has no {name[:40]}: Telnyx would ignore it.{where}")
            return None
        value = self._value(given, meaning.attributes[name], attribute, meaning)
        return None if value is None else (name, value)

    def _value(self, given: str, value: Value, at: tree.Attribute, meaning: Element) -> str | None:
        if "{{" in given:
            return given
        factor = GRAMMAR.twiml_scaled.get(meaning.key, {}).get(at.name)
        if factor and re.fullmatch("[0-9]{1,2}", given, re.ASCII):
            self.note(at, "changed", f"{at.name} counts {value.unit}: {given} is {int(given) * factor}.")
            return str(int(given) * factor)
        if value.type == "list":
            return self._list(given, value, at)
        if value.type == "phone":
            return self._number(given, at)
        same = next((one for one in value.values if one.lower() == given.lower()), given)
        if value.type == "boolean" and given.lower() in {"true", "false"}:
            same = given.lower()
        if same != given:
            self.note(at, "changed", f"{given} is written {same}.")
        return same

    def _list(self, given: str, value: Value, at: tree.Attribute) -> str | None:
        words = given.replace(",", " ").split()
        kept = [word for word in words if word in value.values]
        for word in words:
            if word not in value.values:
                self.note(at, "left out", f"{at.name} has no {word[:40]}: {', '.join(value.values)}.")
        if "," in given and kept:
            self.note(at, "changed", f"{at.name} is separated by spaces.")
        return " ".join(kept) or None


def _as_filter(helper: re.Match[str]) -> str:
    return f"{helper[2]} | {_FILTERS[helper[1]]}"


def _quoted(value: str) -> str:
    return quoteattr(value, {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
