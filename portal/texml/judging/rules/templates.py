"""Judges the placeholders of a template, whose syntax ``portal.texml.templates`` tells: the rules T."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from portal.texml import tree
from portal.texml.findings import Finding, Place, found
from portal.texml.grammar import GRAMMAR, Element, close
from portal.texml.judging.rules.context import Context
from portal.texml.templates import FILTERS, TAG

_NAME = r"[A-Za-z][A-Za-z0-9_]*"
_VALUE = re.compile(rf"(\.|{_NAME})\s*((?:\|[^|]*)*)")
_CONDITION = re.compile(rf"(?:if|elseif)\s+({_NAME})\s*(?:==|!=)\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"']+)")
_RESERVED = {"if", "elseif", "else", "secret", "url_encode", "each", "unless", "with"}
_HOST = re.compile(r"//[^/?#]{0,255}$")


@dataclass
class _Container:
    """Holds where tags stand: an attribute, or the texts of one element, which share their sections."""

    element: tree.Element
    meaning: Element | None
    attribute: tree.Attribute | None
    declared: frozenset[str]
    open: list[tuple[str, Place, bool]] = field(default_factory=list)  # word, place, whether its else was met

    @property
    def type(self) -> str:
        value = None
        if self.meaning:
            value = self.meaning.attributes.get(self.attribute.name) if self.attribute else self.meaning.text
        return value.type if value else ""

    @property
    def is_within_request(self) -> bool:
        at: tree.Element | None = self.element
        while at and at.name != "HttpRequest":
            at = at.parent
        return at is not None


def findings(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the tags of a template."""
    declared = GRAMMAR.parameters | context.surroundings.variables | {"."}
    for element in context.document.walk():
        meaning = context.meaning(element)
        for attribute in element.attributes:
            inside = _Container(element, meaning, attribute, declared)
            yield from _tags(inside, attribute.value, partial(_of_attribute, attribute))
            yield from _left_open(inside)
        inside = _Container(element, meaning, None, declared)
        for text in element.texts:
            yield from _tags(inside, text.data, text.at, text.cdata)
        yield from _left_open(inside)


def _of_attribute(attribute: tree.Attribute, offset: int) -> Place:
    return attribute  # references in its value are read already: an offset says little


def _left_open(inside: _Container) -> Iterator[Finding]:
    where = f"the value of {inside.attribute.name}" if inside.attribute else f"<{inside.element.name}>"
    for word, place, _ in inside.open:
        yield found("T01", place, f"The section {word[:40]} is not closed within {where}.")


def _tags(inside: _Container, text: str, at: Callable[[int], Place], is_cdata: bool = False) -> Iterator[Finding]:
    end = 0
    for tag in TAG.finditer(text):
        place, before = at(tag.start()), text[: tag.start()]
        yield from _unclosed(text, end, tag.start(), at)
        end = tag.end()
        if tag["secret"] is not None:
            if not inside.is_within_request:
                yield found("T08", place, "A secret stands within HttpRequest only: here it is spoken or sent on.")
            continue
        inner = tag["inner"].strip()
        if inner[:1] in {"{", "&"}:
            yield found("T02", place, "A value is always escaped: write {{ Name }}.")
        elif inner[:1] in {">", "=", "!"}:
            yield found("T03", place, "Partials, other delimiters and comments in braces are not there.")
        elif inner[:1] in {"#", "^", "/"}:
            yield from _section(inside, inner, place)
        else:
            yield from _value(inside, inner, place, before, is_cdata)
    yield from _unclosed(text, end, len(text), at)


def _unclosed(text: str, start: int, end: int, at: Callable[[int], Place]) -> Iterator[Finding]:
    if (index := text.find("{{", start, end)) >= 0:
        yield found("T01", at(index), "These braces are not closed.")


def _section(inside: _Container, inner: str, place: Place) -> Iterator[Finding]:
    sign, words = inner[0], inner[1:].strip()
    word = words.split(maxsplit=1)[0] if words else ""
    if sign == "/":
        last = inside.open.pop()[0] if inside.open else None
        if last != words:
            yield found("T01", place, f"{{{{/{words[:40]}}}}} closes nothing that was opened here.")
    elif sign == "#" and word in {"else", "elseif"}:
        yield from _alternative(inside, word, place)
    elif sign == "#" and word == "if":
        inside.open.append(("if", place, False))
    else:
        inside.open.append((words, place, False))  # also an unknown one, whose end is not reported as well
        if re.fullmatch(_NAME, words) and words not in _RESERVED:
            yield from _unknown(inside, words, place)
        else:
            hint = " Write {{ Name | url }}." if words == "url_encode" else ""
            yield found("T03", place, f"There is no section {{{{{sign}{words[:40]}}}}}.{hint}")
    if sign == "#" and word in {"if", "elseif"}:
        if condition := _CONDITION.fullmatch(words):
            yield from _unknown(inside, condition[1], place)
        else:
            yield found("T03", place, 'A condition is {{#if Name == "x"}} or {{#if Name != "x"}}.')


def _alternative(inside: _Container, word: str, place: Place) -> Iterator[Finding]:
    last = inside.open[-1] if inside.open else None
    if last is None or last[0] != "if" or last[2]:
        yield found("T01", place, f"{{{{#{word}}}}} stands in no {{{{#if}}}}, or behind its {{{{#else}}}}.")
    else:
        inside.open[-1] = (*last[:2], word == "else")


def _value(inside: _Container, inner: str, place: Place, before: str, is_cdata: bool) -> Iterator[Finding]:
    match = _VALUE.fullmatch(inner)
    if not match or match[1] in _RESERVED:
        yield found("T03", place, "A value is {{ Name }} or {{ Name | filter }}.")
        return
    filters = [one.strip() for one in match[2].split("|")[1:]]
    names = {one.partition(" ")[0] for one in filters}
    for one in filters:
        name, _, allowed = one.partition(" ")
        if name not in FILTERS:
            near = close(name, FILTERS)
            hint = f" Did you mean {near}?" if near else ""
            yield found("T03", place, f"There is no filter {name[:40]}: {', '.join(FILTERS)}.{hint}")
        elif (name == "allow") != bool(allowed.strip()):
            yield found("T03", place, "allow names what is allowed; the other filters stand alone.")
    yield from _unknown(inside, match[1], place)
    if match[1] == "RecordingUrl" and not (inside.element.name == "Play" and inside.attribute is None):
        yield found("T10", place, "This link holds for ten minutes: hand on RecordingSid, or fetch the recording now.")
    if "allow" in names:
        return
    is_called = not inside.attribute and inside.type in {"phone", "sip"}
    if is_called or (inside.type == "url" and (not before.strip() or _HOST.search(before[-300:]))):
        what = "whom the call goes to" if is_called else "which host is asked"
        yield found("T04", place, f"This value decides {what}: write {{{{ {match[1]} | allow … }}}} with what may be.")
    elif inside.type == "url" and "url" not in names:
        yield found(
            "T06", place, f"In an address write {{{{ {match[1]} | url }}}}: a + or a & would mean another thing."
        )
    beginning = before.lstrip()[:2]
    is_json = is_cdata or inside.type == "json" or (beginning[:1] in {"{", "["} and beginning != "{{")
    if is_json and "json" not in names:
        yield found("T05", place, f"In JSON write {{{{ {match[1]} | json }}}}: a quote would end the text.")


def _unknown(inside: _Container, name: str, place: Place) -> Iterator[Finding]:
    if name not in inside.declared:
        near = close(name, inside.declared)
        hint = f" Did you mean {near}?" if near else ""
        yield found("T07", place, f"{name[:40]} is neither sent by Telnyx nor declared: it is empty.{hint}")
