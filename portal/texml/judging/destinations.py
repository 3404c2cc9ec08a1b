"""Tells whom a TeXML template can call and which hosts it can ask, before anybody fetches it.

``judged`` writes down each text that may be served there, whatever sections and values of ``allow`` the fetch chooses.
Of a path, a query or another word nothing has to be known: there a sign stands for it.
"""

import re
from collections.abc import Iterable, Iterator
from html import escape

from portal.texml.rendering import RenderError, changed
from portal.texml.templates import ADDRESS_NAME, CALLS, Body, Branch, TemplateError, Text, Value, texts

_MOST = 1_000_000  # characters that are written down of all that a document can say
_LONGEST = 30_000  # of one text, and of one document to judge but for its last text: the parser takes twice as many
_MOST_TEXTS = 900  # of one document to judge
_ASKED = {"play", "redirect"}  # elements whose text is an address
_SCHEME = r"[a-z][a-z0-9+.\-]*"
# what an address begins with, up to its host; what follows its host; and what has a scheme and no host
_HEAD = re.compile(rf"\s*({_SCHEME}|({_SCHEME}:)?([/\\]|[/\\]{{2}}[^/\\?#]*)?)", re.IGNORECASE)
_WHOLE = re.compile(rf"(\s*({_SCHEME}:)?[/\\]{{2}}[^/\\?#]*[/\\?#])(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(rf"\s*{_SCHEME}", re.IGNORECASE)
_NO_HOST = re.compile(rf"\s*{_SCHEME}:", re.IGNORECASE)
_IN_THE_HOST = re.compile(r"[/\\]{2}[^/\\?#]*$")
_ODD = re.compile(r"[\x00-\x1f\\]")  # in what follows the host
_NO_ADDRESS, _UNREADABLE = "-", "\\\\"

_Facts = frozenset[tuple[str, str, str]]  # what holds where a text is served: name, == or !=, operand
_Said = dict[str, _Facts]


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
        """Draw ``body`` for no item of a list, for one, and for any number of them if that makes no difference.

        Of letters alone it makes none: a longer word is no host either, and a scheme that is none is judged as one.
        """
        once = {text: self._after(body, {text: frozenset()}) for text in said}
        if all(after.keys() == {text} for text, after in once.items()):
            return said
        found = self._kept([*said.items(), *(one for after in once.values() for one in after.items())])
        new = self._after(body, dict.fromkeys(found.keys() - said.keys(), frozenset())).keys() - found.keys()
        if new and (self._is_called or not all(text == _NO_ADDRESS or _WORD.fullmatch(text) for text in new)):
            raise self._wrong('A list may repeat this, and it says who is called or asked: write {{#if Name != ""}}.')
        return dict.fromkeys([*found, *sorted(new)], frozenset())

    def _possible(self, value: Value, text: str) -> Iterator[str]:
        """Yield what a value can be behind ``text``; of one that says nothing about the host an x is enough."""
        allowed = next((allowed for name, allowed in value.filters if name == "allow"), None)
        if allowed is not None:
            before = next(at for at, (name, _) in enumerate(value.filters) if name == "allow")
            after = Value(value.name, value.filters[before:], value.place)
            for one in allowed:
                try:
                    yield changed(after, one)
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
