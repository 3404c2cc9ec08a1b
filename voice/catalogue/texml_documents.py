"""Reads from a TeXML document what it would do: whom it calls, who would hear the call, what it would ask.

A document that Telnyx fetches from an address is never seen here.
"""

import re
from dataclasses import replace

from portal.texml.templates import ADDRESS_NAME
from portal.texml.tree import Element, Malformed, parse

PARAMETER = "Texml"  # that holds one
_CALLED = {"dial", "number", "sip"}  # whose text is whom to call; a conference's or a queue's is a name
_BY_AN_ASSISTANT = {"aiassistant", "tool"}  # which may transfer the call by itself
_HEARS = {"record", "recording", "stream", "siprec", "conversationrelay"}
_FETCHED = {"play", "redirect"}  # whose text may be an address
_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.\-]*:)?[/\\]{2}", re.IGNORECASE)
_FILLED = re.compile(r"\s*([a-z][a-z0-9+.\-]*:?)?[/\\]{0,2}[^/\\?#]*\{\{", re.IGNORECASE)  # before its host is known
_OFF = {"", "false", "do-not-record"}


class Unreadable(ValueError):
    """Says in words, with line and column, why a document cannot be read."""


def called(document: str) -> list[tuple[str, str]]:
    """List whom the document would call: the element, in lower case, and its text. Raises ``Unreadable``."""
    return [(one.name, one.text) for one in _read(document) if one.name in _CALLED and one.text]


def has_assistant(document: str) -> bool:
    """Tell whether an assistant of it may call whom nobody here knows. Raises ``Unreadable``."""
    return any(one.name in _BY_AN_ASSISTANT for one in _read(document))


def may_call(document: str) -> bool:
    """Tell whether it may have somebody called, by itself or by an assistant. Raises ``Unreadable``."""
    return has_assistant(document) or bool(called(document))


def is_heard(document: str) -> bool:
    """Tell whether it would have the call recorded, or what is said sent elsewhere. Raises ``Unreadable``."""
    return any(
        (one.name in _HEARS and one.parent_name != "stop")
        or any(attribute.name == "record" and attribute.value not in _OFF for attribute in one.attributes)
        for one in _read(document)
    )


def addresses(document: str) -> list[str]:
    """List the addresses that it names: fetched from, told of the call, sent its sound. Raises ``Unreadable``.

    One without a host belongs to where the document came from. What Telnyx would fill before the host is one, too.
    """
    found = list[str]()
    for one in _read(document):
        texts = [(attribute.value, bool(ADDRESS_NAME.search(attribute.name))) for attribute in one.attributes]
        texts += [(one.text, True)] if one.name in _FETCHED else []
        found += [text for text, is_one in texts if _ADDRESS.match(text) or (is_one and _FILLED.match(text))]
    return found


def _read(document: str) -> list[Element]:
    """List all elements, their names and their attributes' in lower case. Raises ``Unreadable``.

    Telnyx ignores an element of another case; here it counts. What declares another encoding is refused: read by that
    one, it may say something else.
    """
    try:
        read = parse(document)
    except Malformed as malformed:
        found = malformed.finding
        raise Unreadable(f"{found.message} It stands in line {found.line}, column {found.column}.") from None
    if read.encoding not in {"", "utf-8"}:
        raise Unreadable(f"The declared encoding {read.encoding} is not allowed: use UTF-8.")
    elements = list(read.walk())
    for one in elements:
        one.name = one.name.rpartition(":")[2].lower()
        one.attributes = tuple(replace(attribute, name=attribute.name.lower()) for attribute in one.attributes)
    return elements
