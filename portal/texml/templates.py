"""Reads the template of a hosted TeXML document into a program, which ``rendering`` fills for each fetch.

    {{ Name }}                     a parameter of the fetch, else the declared variable's default, else nothing
    {{ Name | filter | filter }}   changed on the way: url, json, e164, spell, allow A "B C" (one of these, or an error)
    {{#if Name == "x"}} … {{#elseif Name != y}} … {{#else}} … {{/if}}      one word needs no quotes; no other operator
    {{#Name}} … {{/Name}}          where it has a value, {{ . }} is that; of a list (Name[]=a&Name[]=b) once for each
    {{^Name}} … {{/Name}}          where it has none
    {{#secret}}name{{/secret}}     left to Telnyx, which has the secret; only within HttpRequest

A name is a letter, then letters, digits and ``_``. Tags stand in text (CDATA too) and in values of attributes; what one
opens is closed in the same element or attribute. Values become text and nothing else: see ``rendering``. In an address
or a form a value is written as by ``url``, in JSON as by ``json``, in a header without line breaks, whether these
filters are named or not. In the text of Dial, Number and Sip, and as the host of an address, a value decides who is
called: there it takes ``allow``. Source of Telnyx's own syntax, of which this is a part: its knowledge base, "TeXML
interpreter".
"""

import re
from dataclasses import dataclass, field, replace
from xml.parsers import expat

from portal.texml.findings import Finding

MAX_SOURCE = 64 * 1024  # bytes
MAX_BLOCKS = 12  # one within another
FILTERS = ("url", "json", "e164", "spell", "allow")
CALLS = ("dial", "number", "sip")  # elements whose text says who is called

# no braces but single ones within: what is not closed is not looked for to the end of the document, time and again
TAG = re.compile(r"\{\{#secret\}\}(?P<secret>[^{}]*)\{\{/secret\}\}|\{\{(?P<inner>(?:[^{]|\{(?!\{))*?)\}\}")
_NAME = r"[A-Za-z][A-Za-z0-9_]*"
_VALUE = re.compile(rf"\s*(\.|{_NAME})\s*((?:\|[^|]*)*)")
_TEST = re.compile(rf"(?:if|elseif)\s+({_NAME})\s*(==|!=)\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))\s*")
_ARGUMENTS = re.compile(r"\"([^\"]*)\"|'([^']*)'|(\S+)")
_SECRET = re.compile(r"\s*[A-Za-z0-9_\-]{1,255}\s*")
_RESERVED = {"if", "elseif", "else", "secret", "url_encode", "each", "unless", "with"}  # Telnyx's, and Handlebars'
ADDRESS_NAME = re.compile(r"(url|uri|callback|action)$", re.IGNORECASE)  # of an attribute that holds an address
_ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.\-]*:)?//", re.IGNORECASE)
_HOST = re.compile(r"//[^/?#]*$")
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE = _IN_TEXT | str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})


class TemplateError(ValueError):
    """Says what is wrong with a template, and where. ``rule`` is the linter's."""

    def __init__(self, line: int, column: int, rule: str, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.rule = line, column, rule

    @property
    def finding(self) -> Finding:
        """Return it as the linter tells it: such a document is not published."""
        return Finding(self.line, self.column, self.rule, "error", str(self))


@dataclass(frozen=True)
class Value:
    """Stands for a value. ``place``: ``text``, ``header``, ``url``, ``json``, or ``quoted`` for within a JSON text."""

    name: str
    filters: tuple[tuple[str, tuple[str, ...]], ...]
    place: str


@dataclass(frozen=True)
class Branch:
    """Is drawn if ``test`` holds: ``==`` or ``!=`` of ``name`` and ``operand``, ``#`` a value, ``^`` none, ``""``."""

    test: str
    name: str
    operand: str
    body: list["str | Value | list[Branch]"] = field(default_factory=list)


Body = list[str | Value | list[Branch]]  # of a list of branches the first one that holds is drawn


@dataclass(frozen=True)
class Program:
    """Holds a template that was read. ``names`` are the parameters and variables that it asks for."""

    body: Body
    names: frozenset[str]


@dataclass(frozen=True)
class Text:
    """Holds what stands directly in an element, or in its ``attribute``, as it is written. Names are in small letters.

    A secret is a value of the place ``secret``: Telnyx writes it as it is.
    """

    parent: str
    element: str
    attribute: str
    line: int
    column: int
    body: Body = field(default_factory=list)


def read(source: str) -> Program:
    """Read a template. Raises ``TemplateError`` and nothing else, whatever the text."""
    reader = _read(source)
    return Program(reader.bodies[0], frozenset(reader.names - {"", "."}))


def _read(source: str) -> "_Reader":
    data = source.encode("utf-8", "surrogatepass")
    if len(data) > MAX_SOURCE:
        raise TemplateError(1, 1, "X03", f"The document has more than {MAX_SOURCE // 1024} KiB.")
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        why = expat.errors.messages.get(error.code, "it cannot be parsed")
        raise TemplateError(error.lineno, error.offset + 1, "X01", f"Not well-formed: {why}.") from None
    return reader


def texts(source: str) -> list[Text]:
    """List what stands in elements and attributes, in the order of the document. Raises ``TemplateError``."""
    return _read(source).texts


@dataclass
class _Open:
    """Holds a block that is open: the word that closes it, how deep in the document it began.

    ``written`` are its branches once more, with what stands in them in the one text alone.
    """

    word: str
    depth: int
    branches: list[Branch]
    written: list[Branch]


class _Reader:
    """Writes the document anew while it is parsed, so that only what is markup in the source ever is."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
        self.parser.CharacterDataHandler, self.parser.StartDoctypeDeclHandler = self._characters, self._doctype
        self.bodies: list[Body] = [['<?xml version="1.0" encoding="UTF-8"?>\n']]
        self.names: set[str] = set()
        self.texts: list[Text] = []
        self._bodies: list[list[Body]] = []  # of each text under way, with the branches open in it
        self._open: list[_Open] = []
        self._path: list[str] = []  # elements in small letters; an attribute, last, begins with @
        self._text, self._at, self._tag_is_open = "", (1, 1), False

    def _doctype(self, *_: object) -> None:
        self._at = self._here()
        raise self._wrong("X02", "A document type declaration is not allowed.")

    def _characters(self, text: str) -> None:
        if not self._text:
            self._at = self._here()
        self._text += text

    def _here(self) -> tuple[int, int]:
        return self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._flush()
        self._at = self._here()
        self._enter(name.lower())
        self._put(f"<{name}")
        for attribute, value in attributes.items():
            self._at = self._here()
            self._enter(f"@{attribute}")
            self._put(f' {attribute}="')
            self._take(value)
            self._leave(f"the value of {attribute}")
            self._put('"')
        self._tag_is_open = True

    def _end(self, name: str) -> None:
        self._flush()
        self._leave(f"<{name}>")
        was_empty, self._tag_is_open = self._tag_is_open, False
        self._put("/>" if was_empty else f"</{name}>")

    def _enter(self, name: str) -> None:
        self._path.append(name)
        parent, element = ["", "", *(one for one in self._path if one[0] != "@")][-2:]
        self.texts.append(Text(parent, element, name[1:].lower() if name[0] == "@" else "", *self._at))
        self._bodies.append([self.texts[-1].body])

    def _leave(self, what: str) -> None:
        if self._open and self._open[-1].depth == len(self._path):
            raise self._wrong("T01", f"{{{{#{self._open[-1].word}}}}} is not closed within {what}.")
        self._path.pop()
        self._bodies.pop()

    def _flush(self) -> None:
        text, self._text = self._text, ""
        if text:
            self._take(text)

    def _put(self, node: str | Value | list[Branch]) -> None:
        if self._tag_is_open:
            self._tag_is_open = False
            self._put(">")
        body = self.bodies[-1]
        if body and isinstance(node, str) and isinstance(last := body[-1], str):
            body[-1] = last + node
        else:
            body.append(node)

    def _take(self, text: str) -> None:
        """Read the tags of a text. ``before`` is what stands before one of them, with an x for each value."""
        before, at = "", 0
        for tag in TAG.finditer(text):
            literal = text[at : tag.start()]
            self._literal(literal)
            before += literal + self._tag(tag, before + literal)
            self._move(tag.group())
            at = tag.end()
        self._literal(text[at:])

    def _literal(self, text: str) -> None:
        if (at := text.find("{{")) >= 0:
            self._move(text[:at])
            raise self._wrong("T01", "These braces are not closed.")
        self._move(text)
        if text:
            self._bodies[-1][-1].append(text)
            self._put(text.translate(_IN_ATTRIBUTE if self._path[-1][0] == "@" else _IN_TEXT))

    def _move(self, text: str) -> None:
        """Go on to behind ``text``; of an attribute the parser tells where its element begins, and no more."""
        if self._path[-1][0] == "@":
            return
        line, column = self._at
        lines = text.count("\n")
        self._at = line + lines, len(text) - text.rfind("\n") if lines else column + len(text)

    def _tag(self, tag: re.Match[str], before: str) -> str:
        if (secret := tag["secret"]) is not None:
            return self._secret(tag.group(), secret)
        inner = tag["inner"].strip()
        if inner.startswith(("{", "&")):
            raise self._wrong("T02", "A value is always escaped: write {{ Name }}.")
        if inner[:1] in {">", "=", "!"}:
            raise self._wrong("T03", "Partials, other delimiters and comments in braces are unknown here.")
        if inner[:1] in {"#", "^"}:
            self._block(inner[0], inner[1:].strip())
        elif inner[:1] == "/":
            self._end_block(inner[1:].strip())
        else:
            self._put(value := self._value(inner, before))
            self._bodies[-1][-1].append(value)
            return "x"
        return ""

    def _secret(self, whole: str, name: str) -> str:
        if "httprequest" not in self._path:
            raise self._wrong("T08", "A secret stands within HttpRequest only: elsewhere it would be spoken or sent.")
        if not _SECRET.fullmatch(name):
            raise self._wrong("T03", "A secret has a name of letters, digits, dashes and underscores.")
        self._put(whole)
        self._bodies[-1][-1].append(Value(name.strip(), (), "secret"))
        return "x"

    def _block(self, sign: str, words: str) -> None:
        if sign == "#" and re.match(r"else$|elseif\b", words):
            return self._next_branch(words)
        word = "if" if sign == "#" and re.match(r"if\b", words) else words
        if word != "if" and (not re.fullmatch(_NAME, word) or word in _RESERVED):
            raise self._wrong("T03", f"There is no section {{{{{sign}{word[:40]}}}}}.")
        if len(self._open) == MAX_BLOCKS:
            raise self._wrong("T01", f"More than {MAX_BLOCKS} blocks lie within one another.")
        branches = [self._test(words) if word == "if" else Branch(sign, word, "")]
        self.names.add(branches[0].name)
        self._put(branches)
        self._open.append(_Open(word, len(self._path), branches, [replace(branches[0], body=[])]))
        self.bodies.append(branches[0].body)
        self._bodies[-1][-1].append(self._open[-1].written)
        self._bodies[-1].append(self._open[-1].written[0].body)
        return None

    def _next_branch(self, words: str) -> None:
        block = self._closable("if", f"{{{{#{words[:40]}}}}}")
        if not block.branches[-1].test:
            raise self._wrong("T01", "Nothing comes after {{#else}} but {{/if}}.")
        block.branches.append(Branch("", "", "") if words == "else" else self._test(words))
        self.names.add(block.branches[-1].name)
        self.bodies[-1] = block.branches[-1].body
        block.written.append(replace(block.branches[-1], body=[]))
        self._bodies[-1][-1] = block.written[-1].body

    def _end_block(self, word: str) -> None:
        self._closable(word, f"{{{{/{word[:40]}}}}}")
        self._open.pop()
        self.bodies.pop()
        self._bodies[-1].pop()

    def _closable(self, word: str, what: str) -> _Open:
        block = self._open[-1] if self._open else None
        if block is None or block.word != word or block.depth != len(self._path):
            raise self._wrong("T01", f"{what} closes nothing that was opened here.")
        return block

    def _test(self, words: str) -> Branch:
        if not (found := _TEST.fullmatch(words)):
            raise self._wrong("T03", 'A condition is {{#if Name == "x"}} or {{#if Name != "x"}}.')
        return Branch(found[2], found[1], found[3] or found[4] or found[5] or "")

    def _value(self, inner: str, before: str) -> Value:
        if not (found := _VALUE.fullmatch(inner)) or found[1] in _RESERVED:
            raise self._wrong("T03", "A value is {{ Name }} or {{ Name | filter }}.")
        filters = tuple(self._filter(text.strip()) for text in found[2].split("|")[1:])
        place, is_allowed = self._place(before), any(name == "allow" for name, _ in filters)
        if (self._path[-1] in CALLS or (place == "url" and _HOST.search(before))) and not is_allowed:
            raise self._wrong("T04", f"This value decides who is called: write {{{{ {found[1]} | allow … }}}}.")
        self.names.add(found[1])
        return Value(found[1], filters, "text" if is_allowed and place == "url" else place)

    def _filter(self, text: str) -> tuple[str, tuple[str, ...]]:
        name, _, rest = text.partition(" ")
        arguments = tuple("".join(found) for found in _ARGUMENTS.findall(rest))
        if name not in FILTERS or (name == "allow") != bool(arguments):
            raise self._wrong("T03", f"The filters are {', '.join(FILTERS[:-1])}, and allow with what it allows.")
        return name, arguments

    def _place(self, before: str) -> str:
        """Tell what a value is a part of. One in JSON may stand within quotes or for a whole text."""
        here = self._path[-1]
        if before.lstrip()[:1] in {"{", "["}:
            return "quoted" if len(re.findall(r'(?<!\\)"', before)) % 2 else "json"
        if here in {"play", "redirect", "body"} or ADDRESS_NAME.search(here) or _ADDRESS.match(before):
            return "url"
        return "header" if "headers" in self._path or here in {"@fromDisplayName", "@callerId"} else "text"

    def _wrong(self, rule: str, message: str) -> TemplateError:
        return TemplateError(*self._at, rule, message)
