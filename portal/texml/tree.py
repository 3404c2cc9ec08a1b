"""Reads a document into a tree that knows lines and columns, and refuses what no document needs.

Whatever bytes it is given, ``parse`` answers with a document or raises ``Malformed``, within milliseconds: declarations
of types and entities are refused where they begin, and size, depth and counts have limits.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, islice
from xml.parsers import expat

from portal.texml.findings import Finding, found

LARGEST = 64 * 1024  # bytes; Telnyx tells no figure, TwiML's is the same
LARGE = LARGEST // 2
DEEPEST = 12
MOST_ELEMENTS = 2000
MOST_ATTRIBUTES = 64  # of one element
_ATTRIBUTE = re.compile(rb"""([^\s=<>"'/]+)\s*=\s*("[^"]*"|'[^']*')""")
_TAG_NAME = re.compile(rb"<[^\s/>]+")
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
_DECLARATION = re.compile(rb"<\?xml[\s?]")
_BARE_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_ODD_QUOTE = re.compile("=\\s*[“”„’‘]")
_LIKE_UTF_8 = re.compile(r"(utf8|iso-?8859-\d+|windows-125\d|latin-?1|us-ascii|ascii)", re.IGNORECASE)
_INVALID_TOKEN, _UNDEFINED_ENTITY, _NO_ELEMENT = 4, 11, 3  # codes of expat's errors
_MISMATCHED, _UNCLOSED_TOKEN, _MISPLACED_DECLARATION = 7, 5, 17


class Malformed(ValueError):
    """Says why a document cannot be read, as a finding with line and column; ``more`` are of the same place."""

    def __init__(self, finding: Finding, *more: Finding) -> None:
        super().__init__(finding.message)
        self.finding, self.more = finding, more


@dataclass(frozen=True)
class Spot:
    """Is a place in a document; both count from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True)
class Attribute:
    """Holds one attribute of an element."""

    name: str
    value: str
    line: int
    column: int


@dataclass
class Text:
    """Holds a text between two tags, or a comment, in the pieces that the parser gave it in."""

    line: int
    column: int
    cdata: bool = False
    pieces: list[tuple[Spot, str]] = field(default_factory=list)

    @cached_property
    def data(self) -> str:
        return "".join(piece for _, piece in self.pieces)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(piece) for _, piece in self.pieces[:-1])]

    def at(self, offset: int) -> Spot:
        """Return where the character ``offset`` of ``data`` stands."""
        piece = bisect_right(self._starts, offset) - 1
        spot = self.pieces[piece][0]
        return Spot(spot.line, spot.column + offset - self._starts[piece])


@dataclass
class Element:
    """Holds one element with what stands in it, in order."""

    name: str
    line: int
    column: int
    attributes: tuple[Attribute, ...] = ()
    parent: "Element | None" = field(default=None, repr=False, compare=False)
    content: "list[Element | Text]" = field(default_factory=list)

    @property
    def children(self) -> "list[Element]":
        return [one for one in self.content if isinstance(one, Element)]

    @property
    def texts(self) -> list[Text]:
        return [one for one in self.content if isinstance(one, Text)]

    @property
    def text(self) -> str:
        """The text that stands directly in it, without the breaks around it: Telnyx's own examples have them."""
        return "".join(one.data for one in self.texts).strip()

    @property
    def parent_name(self) -> str:
        return self.parent.name if self.parent else ""

    def get(self, name: str) -> str | None:
        """Return the value of an attribute; None when it is not there."""
        return next((one.value for one in self.attributes if one.name == name), None)

    def walk(self) -> "Iterator[Element]":
        """Yield the element and all in it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class Document:
    """Holds what was read: its root, its comments, the encoding that it declares, and what is odd about its XML."""

    root: Element
    comments: list[Text]
    encoding: str  # lower case; empty when none is declared
    findings: list[Finding]
    size: int  # bytes

    def walk(self) -> Iterator[Element]:
        return self.root.walk()


def parse(source: str | bytes) -> Document:
    """Read ``source``. Raises ``Malformed``, and nothing else."""
    return _Reader(_bytes(source)).document()


def _bytes(source: str | bytes) -> bytes:
    """Return ``source`` in UTF-8, without a byte order mark. Raises ``Malformed``."""
    if len(source) <= LARGEST:
        source = _encoded(source) if isinstance(source, str) else source
    if len(source) > LARGEST:
        beginning = source[:LARGEST]
        text = beginning if isinstance(beginning, str) else beginning.decode("utf-8", "replace")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        spot = Spot(text.count("\n") + 1, len(text) - text.rfind("\n"))
        raise Malformed(found("X03", spot, f"The document has more than the {LARGEST:,} bytes that are allowed."))
    assert isinstance(source, bytes)
    try:
        source.decode("utf-8")
    except UnicodeDecodeError as error:
        spot = _spot(source, error.start)
        message = f"Byte 0x{source[error.start]:02x} cannot be read: write the document in UTF-8."
        raise Malformed(found("X05", spot, message, "fatal")) from None
    return source.removeprefix(b"\xef\xbb\xbf")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        before = text[: error.start].encode()
        message = f"U+{ord(text[error.start]):04X} is half a character: it cannot be written in UTF-8."
        raise Malformed(found("X05", _spot(before, len(before)), message, "fatal")) from None


def _spot(data: bytes, index: int) -> Spot:
    breaks = [match.end() for match in _LINE_BREAK.finditer(data, 0, index)]
    return Spot(len(breaks) + 1, len(data[breaks[-1] if breaks else 0 : index].decode("utf-8", "replace")) + 1)


class _Reader:
    """Reads one document with expat, whose handlers count and refuse."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lines = [0, *(match.end() for match in _LINE_BREAK.finditer(data))]
        self.counted = (0, 1)  # the last place asked for, and its column
        self.open: list[Element] = []
        self.root: Element | None = None
        self.count = 0
        self.encoding: str | None = None  # None before a declaration
        self.in_cdata = False
        self.comments: list[Text] = []
        self.findings: list[Finding] = []
        self.parser = expat.ParserCreate("utf-8")  # whatever it declares: the bytes are UTF-8
        self.parser.ordered_attributes = True
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.CharacterDataHandler, self.parser.CommentHandler = self._text, self._comment
        self.parser.StartCdataSectionHandler, self.parser.EndCdataSectionHandler = self._cdata, self._cdata_end
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.XmlDeclHandler, self.parser.ProcessingInstructionHandler = self._declaration, self._instruction

    def document(self) -> Document:
        try:
            self.parser.Parse(self.data, True)
        except expat.ExpatError as error:
            raise Malformed(self._not_well_formed(error), *self._in_a_name()) from None
        assert self.root is not None  # expat refuses a document without one
        if len(self.data) > LARGE:
            message = f"The document has more than {LARGE:,} bytes. Telnyx tells no limit: make several of it."
            self.findings.append(found("X03", self.root, message, "warning"))
        return Document(self.root, self.comments, self.encoding or "", self.findings, len(self.data))

    def spot(self, index: int) -> Spot:
        line = bisect_right(self.lines, index)
        start, column = self.lines[line - 1], 1
        if start <= self.counted[0] <= index:  # a long line is counted once, not anew for each attribute
            start, column = self.counted
        column += len(self.data[start:index].decode("utf-8", "replace"))
        self.counted = (index, column)
        return Spot(line, column)

    def here(self) -> Spot:
        return self.spot(max(self.parser.CurrentByteIndex, 0))

    def _start(self, name: str, given: list[str]) -> None:
        spot = self.here()
        self.count += 1
        count = len(given) // 2
        if self.count > MOST_ELEMENTS:
            raise Malformed(found("X03", spot, f"The document has more than the {MOST_ELEMENTS:,} elements allowed."))
        if len(self.open) >= DEEPEST:
            raise Malformed(found("X03", spot, f"<{name}> stands {len(self.open) + 1} deep: {DEEPEST} are allowed."))
        if count > MOST_ATTRIBUTES:
            message = f"<{name}> has {count:,} attributes: {MOST_ATTRIBUTES} are allowed."
            raise Malformed(found("X03", spot, message))
        parent = self.open[-1] if self.open else None
        element = Element(name, spot.line, spot.column, self._attributes(given), parent)
        if parent:
            parent.content.append(element)
        self.root = self.root or element
        self.open.append(element)

    def _attributes(self, given: list[str]) -> tuple[Attribute, ...]:
        if not given:
            return ()
        start = self.parser.CurrentByteIndex
        name = _TAG_NAME.match(self.data, start)
        matches = _ATTRIBUTE.finditer(self.data, name.end() if name else start)
        spots = [self.spot(match.start()) for match in islice(matches, len(given) // 2)]
        return tuple(
            Attribute(name, value, spot.line, spot.column)
            for name, value, spot in zip(given[::2], given[1::2], spots, strict=True)
        )

    def _end(self, name: str) -> None:
        self.open.pop()

    def _text(self, data: str) -> None:
        if not self.open:
            return
        spot, content = self.here(), self.open[-1].content
        last = content[-1] if content else None
        if not isinstance(last, Text) or last.cdata != self.in_cdata:
            last = Text(spot.line, spot.column, self.in_cdata)
            content.append(last)
        last.pieces.append((spot, data))

    def _cdata(self) -> None:
        self.in_cdata = True

    def _cdata_end(self) -> None:
        self.in_cdata = False

    def _comment(self, data: str) -> None:
        spot = self.here()
        self.comments.append(Text(spot.line, spot.column, pieces=[(Spot(spot.line, spot.column + 4), data)]))

    def _doctype(self, *_: object) -> None:
        spot = self.spot(max(self.data.rfind(b"<!DOCTYPE", 0, self.parser.CurrentByteIndex + 1), 0))
        raise Malformed(found("X02", spot, "A document type declaration is not allowed: remove it."))

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.encoding = (encoding or "").lower()
        if self.encoding in {"", "utf-8"}:
            return
        if not _LIKE_UTF_8.fullmatch(self.encoding):
            message = f"The document declares {self.encoding[:40]}, but it is written in UTF-8: declare that."
            raise Malformed(found("X05", self.here(), message, "fatal"))
        self.findings.append(found("X05", self.here(), f"The document declares {self.encoding}: declare UTF-8."))

    def _instruction(self, target: str, data: str) -> None:
        self.findings.append(found("X06", self.here(), f"Telnyx ignores <?{target[:40]}?>: remove it."))

    def _not_well_formed(self, error: expat.ExpatError) -> Finding:
        spot = self.spot(max(self.parser.ErrorByteIndex, 0))
        declaration = _DECLARATION.search(self.data)
        if declaration and declaration.start() and self.encoding is None and self.root is None:
            return found("X04", Spot(1, 1), "Remove what stands before <?xml: an empty line, a space, another text.")
        why = expat.errors.messages.get(error.code, "it cannot be parsed")
        return found("X01", spot, f"This is not well-formed XML: {why}.{self._hint(error.code, spot)}")

    def _in_a_name(self) -> list[Finding]:
        """Tell of braces in the name of an element or an attribute: only there does XML stumble over them."""
        index = max(self.parser.ErrorByteIndex, 0)
        if not self.data.startswith((b"{{", b"<{{"), index) or self.data[index - 1 : index] == b"&":
            return []
        return [found("T09", self.spot(index), "No value is filled into a name: write each name out, in sections.")]

    def _hint(self, code: int, spot: Spot) -> str:
        start = self.lines[spot.line - 1]
        line = self.data[start : self.lines[spot.line] if spot.line < len(self.lines) else None].decode()
        if code == _UNDEFINED_ENTITY:
            return " XML knows only &amp; &lt; &gt; &quot; and &apos;: write the character itself."
        if code == _MISPLACED_DECLARATION:
            return " The XML declaration stands there a second time: remove it."
        if code in {_INVALID_TOKEN, _UNCLOSED_TOKEN} and _ODD_QUOTE.search(line):
            return ' Write straight quotes: ".'
        if code in {_INVALID_TOKEN, _UNCLOSED_TOKEN} and _BARE_AMPERSAND.search(line[: spot.column]):
            return " Write & as &amp;."
        if code in {_MISMATCHED, _NO_ELEMENT, _UNCLOSED_TOKEN} and self.open:
            last = self.open[-1]
            return f" <{last.name[:40]}> of line {last.line} is not closed."
        return ""
