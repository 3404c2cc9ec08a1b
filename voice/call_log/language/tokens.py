"""Reads the text of the search box into tokens, ``key:value``, and writes them down again. It knows no key.

``-`` before a key turns it round; a value with a space is quoted. What is no token is free text: one bare value,
however many words it has, so that a number may be typed as it is written.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_TOKEN = re.compile(r"(-?)([A-Za-z][A-Za-z_-]*):(.*)", re.DOTALL)
_CODE = re.compile(r"\d{3}")


@dataclass(frozen=True)
class Token:
    """Is one condition as it was typed. Without a ``key`` it is free text."""

    key: str
    value: str
    is_negated: bool = False

    @property
    def text(self) -> str:
        """Write it so that it is read as the same."""
        if not self.key:
            is_bare = self.value and not any(_is_token(word) for word in self.value.split())
            return self.value if is_bare else f'"{self.value}"'
        quoted = f'"{self.value}"' if not self.value or re.search(r"\s", self.value) else self.value
        return f"{'-' if self.is_negated else ''}{self.key}:{quoted}"


def read(text: str) -> tuple[Token, ...]:
    """Read all tokens, each once, free text first: an empty one where quotes alone were typed."""
    bare, found = list[str](), list[Token]()
    for word in _WORD.findall(text.replace("\x00", "")):
        match = _TOKEN.fullmatch(word) if _is_token(word) else None
        if match:
            found.append(Token(match[2].lower(), _plain(match[3]), bool(match[1])))
        else:
            bare.append(_plain(word))
    free = " ".join(" ".join(bare).split())
    return tuple(dict.fromkeys([*([Token("", free)] if bare else []), *found]))


def write(tokens: Iterable[Token]) -> str:
    """Write tokens as the text that is read as these."""
    return " ".join(token.text for token in tokens)


def _plain(text: str) -> str:
    return text.replace('"', "").strip()


def _is_token(word: str) -> bool:
    """Tell a token from a SIP address, which has a colon as well: ``sip:486`` is a code, ``sip:ada`` is somebody."""
    match = _TOKEN.fullmatch(word)
    if match is None or match[2].lower() == "sips":
        return False
    return match[2].lower() != "sip" or bool(_CODE.fullmatch(_plain(match[3])))
