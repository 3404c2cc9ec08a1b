"""Reads from a TeXML document what it would do: whom it calls, who would hear the call, what it would ask.

A document that Telnyx fetches from an address is never seen here.
"""

import re
from dataclasses import dataclass
from xml.parsers import expat

PARAMETER = "Texml"  # that holds one
_CALLED = {"dial", "number", "sip"}  # whose text is whom to call; a conference's or a queue's is a name
_HEARS = {"record", "recording", "stream", "siprec", "conversationrelay"}
_FETCHED = {"play", "redirect"}  # whose text may be an address
_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.\-]*:)?[/\\]{2}", re.IGNORECASE)
_OFF = {"", "false", "do-not-record"}


class Unreadable(ValueError):
    """Says in words, with line and column, why a document cannot be read."""


@dataclass
class _Element:
    """Holds one element: its name and its attributes' in lower case, the name of what it stands in, its own text."""

    name: str
    attributes: dict[str, str]
    parent: str
    text: str = ""


def called(document: str) -> list[tuple[str, str]]:
    """List whom the document would call: the element, in lower case, and its text. Raises ``Unreadable``."""
    return [(one.name, text) for one in _read(document) if one.name in _CALLED and (text := one.text.strip())]


def is_heard(document: str) -> bool:
    """Tell whether it would have the call recorded, or what is said sent elsewhere. Raises ``Unreadable``."""
    return any(
        (one.name in _HEARS and one.parent != "stop") or one.attributes.get("record", "") not in _OFF
        for one in _read(document)
    )


def addresses(document: str) -> list[str]:
    """List the addresses that it names: fetched from, told of the call, sent its sound. Raises ``Unreadable``.

    One without a host belongs to where the document came from.
    """
    found = list[str]()
    for one in _read(document):
        texts = [*one.attributes.values(), *([one.text] if one.name in _FETCHED else [])]
        found += [text for text in texts if _ADDRESS.match(text)]
    return found


def _read(document: str) -> list[_Element]:
    """List all elements. Raises ``Unreadable``.

    Telnyx ignores an element of another case; here it counts. Declarations are refused: an entity can hide a number.
    """
    parser = expat.ParserCreate("utf-8")  # whatever it declares: a text in JSON has no other
    open_elements: list[_Element] = []
    found: list[_Element] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        lower = {attribute.lower(): value for attribute, value in attributes.items()}
        parent = open_elements[-1].name if open_elements else ""
        open_elements.append(_Element(name.rpartition(":")[2].lower(), lower, parent))
        found.append(open_elements[-1])

    def end(name: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        if open_elements:
            open_elements[-1].text += data

    def declaration(version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.lower() != "utf-8":
            raise Unreadable(f"The declared encoding {encoding} is not allowed: use UTF-8.")

    def doctype(*_: object) -> None:
        raise Unreadable("A document type declaration is not allowed.")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, doctype
    parser.XmlDeclHandler = declaration
    try:
        parser.Parse(document.encode(), True)
    except expat.ExpatError as error:
        why = expat.errors.messages.get(error.code, "it cannot be parsed")
        raise Unreadable(f"Not well-formed XML, line {error.lineno}, column {error.offset + 1}: {why}.") from None
    return found
