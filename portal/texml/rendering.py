"""Fills a TeXML template, as ``templates`` has read it, with the values of one fetch.

Whatever a caller sends becomes text: characters of XML's own, and ``{`` and ``}``, of which Telnyx may make its own
templates afterwards, are character references; what XML 1.0 forbids falls away. In addresses, forms, JSON and headers
no value begins another part.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from portal.texml.templates import Body, Branch, Program, Value

MAX_OUTPUT = 256 * 1024  # characters
MAX_ITEMS = 100  # of a list
_MAX_STEPS = 20_000  # lists within lists
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAKS = re.compile(r"[\t\r\n\x85\u2028\u2029]+")
_MARKUP = str.maketrans({mark: f"&#{ord(mark)};" for mark in "&<>\"'{}\t\r\n"})
_NUMBER = re.compile(r"\s*(?:\+|00)?([1-9](?:[\s().\-/]*[0-9]){6,14})\s*", re.ASCII)
_OF_A_PLACE = {"url": "url", "json": "json", "quoted": "json"}

Values = Mapping[str, str | list[str]]


class RenderError(ValueError):
    """Says why these values do not fill the template. ``str()`` holds none of them."""


def sent(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Read what is sent with a fetch, query before form: of one name the last value counts; ``Name[]`` is a list."""
    found: dict[str, Any] = {}
    for written, value in pairs:
        name = written.removesuffix("[]")
        if name == written:
            found[name] = value
        elif isinstance(known := found.get(name), list):
            known.append(value)
        else:
            found[name] = [value]
    return found


def render(program: Program, values: Values) -> str:
    """Return the document. Raises ``RenderError``: a value that is not allowed, or far too much of them."""
    run = _Run(values)
    run.draw(program.body, "")
    return "".join(run.pieces)


class _Run:
    """Draws one document, in bounds: what a caller sends must not cost more than a document may."""

    def __init__(self, values: Values) -> None:
        self.pieces: list[str] = []
        self._values, self._size, self._steps = values, 0, 0

    def draw(self, body: Body, item: str) -> None:
        """Append what ``body`` says. ``item`` is what {{ . }} stands for."""
        self._count(0)  # an empty body, too
        for node in body:
            if isinstance(node, list):
                self._choose(node, item)
            else:
                piece = node if isinstance(node, str) else self._written(node, item)
                self._count(len(piece))
                self.pieces.append(piece)

    def _count(self, size: int) -> None:
        self._steps, self._size = self._steps + 1, self._size + size
        if self._size > MAX_OUTPUT or self._steps > _MAX_STEPS:
            raise RenderError("With these values the document gets too long.")

    def _choose(self, branches: list[Branch], item: str) -> None:
        for branch in branches:
            found = self._items(branch.name)
            text = ", ".join(found)
            if branch.test == "#" and any(found):
                for one in found:
                    self.draw(branch.body, one)
                return
            holds = {"==": text == branch.operand, "!=": text != branch.operand, "^": not any(found), "": True}
            if holds.get(branch.test):
                self.draw(branch.body, item)
                return

    def _items(self, name: str) -> list[str]:
        value = self._values.get(name) or []
        items = [value] if isinstance(value, str) else value[:MAX_ITEMS]
        return [_FORBIDDEN.sub("", one) for one in items]

    def _written(self, value: Value, item: str) -> str:
        text = item if value.name == "." else ", ".join(self._items(value.name))
        return changed(value, text).translate(_MARKUP)


def changed(value: Value, text: str) -> str:
    """Write a text as a value has it: by its filters, and as its place asks. Raises ``RenderError`` for ``allow``."""
    own = _OF_A_PLACE.get(value.place)
    for name, allowed in value.filters:
        text = _filtered(name, allowed, text)
    if own and value.filters[-1:] != ((own, ()),):  # not twice
        text = _filtered(own, (), text)
    if value.place == "header":
        text = _BREAKS.sub(" ", text)
    elif value.place == "json":
        text = f'"{text}"'
    return text


def _filtered(name: str, allowed: tuple[str, ...], text: str) -> str:
    match name:
        case "url":
            return quote(text, safe="")
        case "json":
            return _in_json(text)
        case "e164":
            return f"+{re.sub(r'[^0-9]', '', found[1])}" if (found := _NUMBER.fullmatch(text)) else ""
        case "spell":
            return " ".join(text.replace(" ", ""))
        case _:
            if text not in allowed:
                raise RenderError("A value that decides who is called is none of those allowed.")
            return text


def _in_json(text: str) -> str:
    """Write the inside of a JSON text, without braces: Telnyx may read templates when the XML is parsed already."""
    return json.dumps(text)[1:-1].replace("{", "\\u007b").replace("}", "\\u007d")
