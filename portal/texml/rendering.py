"""Fills a TeXML template, as ``templates`` has read it, with the values of one fetch; or tells all that it can say.

Whatever a caller sends becomes text: characters of XML's own, and ``{`` and ``}``, of which Telnyx may make its own
templates afterwards, are character references; what XML 1.0 forbids falls away. In addresses, forms, JSON and headers
no value begins another part.

Whom a document calls and which host it asks is judged before anybody fetches it: ``judged`` writes down each text that
may be served there, whatever sections and values of ``allow`` the fetch chooses. Of a path, a query or another word
nothing has to be known: there a sign stands for it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from urllib.parse import quote

from portal.texml.templates import ADDRESS_NAME, CALLS, Body, Branch, Program, TemplateError, Text, Value, texts

MAX_OUTPUT = 256 * 1024  # characters
MAX_ITEMS = 100  # of a list
_MAX_STEPS = 20_000  # lists within lists
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAKS = re.compile(r"[\t\r\n\x85\u2028\u2029]+")
_MARKUP = str.maketrans({mark: f"&#{ord(mark)};" for mark in "&<>\"'{}\t\r\n"})
_NUMBER = re.compile(r"\s*(?:\+|00)?([1-9](?:[\s().\-/]*[0-9]){6,14})\s*", re.ASCII)
_OF_A_PLACE = {"url": "url", "json": "json", "quoted": "json"}

_MOST = 1_000_000  # characters that are written down of all that a document can say
_LONGEST = 30_000  # of one text, and of one document to judge but for its last text: the parser takes twice as many
_MOST_TEXTS = 900  # of one document to judge
_ASKED = {"play", "redirect"}  # elements whose text is an address
_SCHEME = r"[a-z][a-z0-9+.\-]*"
# what an address begins with, up to its host; what follows its host; and what has a scheme and no host
_HEAD = re.compile(rf"\s*({_SCHEME}|({_SCHEME}:)?([/\\]|[/\\]{{2}}[^/\\?#]*)?)", re.IGNORECASE)
_WHOLE = re.compile(rf"(\s*({_SCHEME}:)?[/\\]{{2}}[^/\\?#]*[/\\?#])(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_NO_HOST = re.compile(rf"\s*{_SCHEME}:", re.IGNORECASE)
_IN_THE_HOST = re.compile(r"[/\\]{2}[^/\\?#]*$")
_ODD = re.compile(r"[\x00-\x1f\\]")  # in what follows the host
_NO_ADDRESS, _UNREADABLE = "-", "\\\\"

Values = Mapping[str, str | list[str]]
_Facts = frozenset[tuple[str, str, str]]  # what holds where a text is served: name, == or !=, operand
_Said = dict[str, _Facts]


class RenderError(ValueError):
    """Says why these values do not fill the template. ``str()`` holds none of them."""


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
            if branch.test == "#" and found:
                for one in found:
                    self.draw(branch.body, one)
                return
            holds = {"==": text == branch.operand, "!=": text != branch.operand, "^": not found, "": True}
            if holds.get(branch.test):
                self.draw(branch.body, item)
                return

    def _items(self, name: str) -> list[str]:
        value = self._values.get(name) or []
        items = [value] if isinstance(value, str) else value[:MAX_ITEMS]
        return [_FORBIDDEN.sub("", one) for one in items]

    def _written(self, value: Value, item: str) -> str:
        text = item if value.name == "." else ", ".join(self._items(value.name))
        return _changed(value, text).translate(_MARKUP)


def _changed(value: Value, text: str) -> str:
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


def judged(source: str) -> list[str]:
    """Write documents in which stands whatever the template can say of whom it calls and whom it asks.

    Each element and attribute is there by itself, as often as it can be another one. Raises ``TemplateError``.
    """
    left, written, size = [_MOST], list[list[str]](), _LONGEST
    for text in texts(source):
        for said in _Variants(text, left).all():
            piece = _alone(text, said)
            if len(piece) > _LONGEST:
                raise _too_much(text)
            if size + len(piece) > _LONGEST or len(written[-1]) == _MOST_TEXTS:
                written.append([])
                size = 0
            written[-1].append(piece)
            size += len(piece)
    return [f"<Response>{''.join(pieces)}</Response>" for pieces in written]


def _alone(text: Text, said: str) -> str:
    name = text.element
    inner = f'<{name} {text.attribute}="{escape(said)}"/>' if text.attribute else f"<{name}>{escape(said)}</{name}>"
    return f"<{text.parent}>{inner}</{text.parent}>" if text.parent else inner


def _too_much(text: Text) -> TemplateError:
    words = "What is called or asked here can be too much to judge it: write fewer sections and values into one text."
    return TemplateError(text.line, text.column, "T04", words)


class _Variants:
    """Follows one text through its sections, and keeps what it can be, each with what holds then.

    ``left`` are the characters that may still be written down.
    """

    def __init__(self, text: Text, left: list[int]) -> None:
        name = text.attribute or text.element.rpartition(":")[2]
        self._text, self._left = text, left
        self._is_called = not text.attribute and name in CALLS
        self._is_address = bool(ADDRESS_NAME.search(name)) if text.attribute else name in _ASKED

    def all(self) -> list[str]:
        if not (self._text.attribute or self._is_called or self._is_address):
            return [""]  # spoken, say: that it is there is enough
        return list(self._after(self._text.body, {"": frozenset()}))

    def _after(self, body: Body, said: _Said) -> _Said:
        for node in body:
            if isinstance(node, str):
                said = self._kept((text + node, facts) for text, facts in said.items())
            elif isinstance(node, Value):
                said = self._kept(
                    (text + one, facts) for text, facts in said.items() for one in self._possible(node, text)
                )
            elif node[0].test == "#":
                said = self._repeated(node[0].body, said)
            else:
                said = self._chosen(node, said)
        return said

    def _kept(self, found: Iterable[tuple[str, _Facts]]) -> _Said:
        """Keep each text once. One that is served in two cases has in common what holds in both."""
        kept: _Said = {}
        for text, facts in found:
            self._left[0] -= len(text) + len(facts) + 1
            if self._left[0] < 0:
                raise _too_much(self._text)
            cut = self._cut(text)
            kept[cut] = kept[cut] & facts if cut in kept else facts
        return kept

    def _cut(self, text: str) -> str:
        """Leave what is judged: all of a number, of an address its host and whether the rest is readable."""
        if self._is_called:
            return re.sub(r"\s+", " ", text).lstrip()
        if whole := _WHOLE.fullmatch(text):
            rest = whole["rest"].rstrip()
            odd, space = "\\" if _ODD.search(rest) else "", whole["rest"][len(rest) :]
            return whole[1] + odd + ("\n" if _ODD.search(space) else "")
        if _HEAD.fullmatch(text):
            return text
        return _UNREADABLE if self._is_address and (_NO_HOST.match(text) or text == _UNREADABLE) else _NO_ADDRESS

    def _chosen(self, branches: list[Branch], said: _Said) -> _Said:
        found, rest = list[tuple[str, _Facts]](), said
        for branch in branches:
            holds = _holding(rest, branch.name, branch.test, branch.operand)
            found += self._after(branch.body, holds).items()
            opposite = {"==": "!=", "!=": "=="}.get(branch.test, branch.test)
            rest = _holding(rest, branch.name, opposite, branch.operand) if branch.test else {}
        return self._kept([*found, *rest.items()])

    def _repeated(self, body: Body, said: _Said) -> _Said:
        """Draw ``body`` for no item of a list, for one, and for any number of them if that makes no difference."""
        once = {text: self._after(body, {text: frozenset()}) for text in said}
        if all(after.keys() == {text} for text, after in once.items()):
            return said
        found = self._kept([*said.items(), *(one for after in once.values() for one in after.items())])
        if self._after(body, dict.fromkeys(found.keys() - said.keys(), frozenset())).keys() - found.keys():
            raise self._wrong('A list may repeat this, and it says who is called or asked: write {{#if Name != ""}}.')
        return dict.fromkeys(found, frozenset())

    def _possible(self, value: Value, text: str) -> Iterator[str]:
        """Yield what a value can be behind ``text``; of one that says nothing about the host an x is enough."""
        allowed = next((allowed for name, allowed in value.filters if name == "allow"), None)
        if allowed is not None:
            before = next(at for at, (name, _) in enumerate(value.filters) if name == "allow")
            after = Value(value.name, value.filters[before:], value.place)
            for one in allowed:
                try:
                    yield _changed(after, one)
                except RenderError:  # a second allow
                    continue
            return
        if self._is_called:
            raise self._wrong(f"The value {value.name} decides who is called: write {{{{ {value.name} | allow … }}}}.")
        is_open = bool(_HEAD.fullmatch(text))
        if is_open and self._is_address and (value.place != "url" or _IN_THE_HOST.search(text)):
            raise self._wrong(f"The value {value.name} decides which host is asked: write it behind the host.")
        yield "x"
        if is_open:
            yield ""

    def _wrong(self, words: str) -> TemplateError:
        return TemplateError(self._text.line, self._text.column, "T04", words)


def _holding(said: _Said, name: str, sign: str, operand: str) -> _Said:
    """Leave out the texts that are never served where this holds. Of ``^`` and ``else`` nothing is known."""
    if sign not in {"==", "!="}:
        return said
    fact, found = (name, sign, operand), _Said()
    for text, facts in said.items():
        clash = (name, "!=" if sign == "==" else "==", operand) in facts
        if sign == "==":
            clash |= any(one[:2] == (name, "==") and one[2] != operand for one in facts)
        if not clash:
            found[text] = facts | {fact}
    return found
