"""Parses JSON from outside strictly.

Python's parser takes NaN, keeps the last of two equal keys, recurses until it dies and builds integers of any length;
PostgreSQL's jsonb refuses NUL and lone surrogates. What passes here can be stored everywhere.
"""

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 32
_MAX_DIGITS = 19  # what fits into 64 bits; Telnyx sends longer numbers as strings
# The closing quote is optional: without it a string that never ends would be tried anew from each of its quotes.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_PLAIN_STRING = re.compile(rb'"[^"]*"')
_BRACKET = re.compile(rb"[\[\]{}]")
_NO_BRACKETS, _ONE_KIND = bytes(set(range(256)) - set(b'"[]{}')), bytes.maketrans(b"[]", b"{}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAY_BE_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")  # as UTF-8 they are no JSON: only escapes bring them


class Unreadable(ValueError):
    """The bytes are not JSON that this house accepts. ``str()`` says why and echoes nothing of them."""

    code = "unreadable"


def loads(body: bytes, *, replace: bool = False) -> Any:
    """Parse ``body``: UTF-8, depth at most 32, no duplicate keys, no NaN or infinity, integers up to 19 digits.

    NUL and lone surrogates are refused, or with ``replace`` become U+FFFD (for a copy whose raw bytes are kept).
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8 at byte {error.start}") from None
    _check_depth(body)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_bounded_int,
            parse_float=_finite_float,
        )
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"not valid JSON{where}") from None
    return storable(value, replace=replace) if _MAY_BE_UNSTORABLE.search(body) else value


def storable(value: Any, *, replace: bool = True) -> Any:
    """Replace each NUL and lone surrogate in ``value`` by U+FFFD, or refuse it."""
    if isinstance(value, str):
        if not _UNSTORABLE.search(value):
            return value
        if not replace:
            raise Unreadable("a text holds a NUL or half a surrogate pair")
        return _UNSTORABLE.sub("�", value)
    if isinstance(value, list):
        return [storable(item, replace=replace) for item in value]
    if isinstance(value, dict):
        return {storable(key, replace=replace): storable(item, replace=replace) for key, item in value.items()}
    return value


def _check_depth(body: bytes) -> None:
    if b"\\" not in body and _is_shallow(body):
        return
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", body)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH}")


def _is_shallow(body: bytes) -> bool:
    """Tell whether no brackets are left when the innermost pairs are taken away as often as they may be nested.

    Of a body without a backslash: what stands between two quotes is a string. A page of a list has thirty thousand
    brackets, too many to look at each; whether they match is the parser's to say.
    """
    brackets = _PLAIN_STRING.sub(b"", body.translate(_ONE_KIND, _NO_BRACKETS))
    for _ in range(MAX_DEPTH):
        if not brackets:
            break
        brackets = brackets.replace(b"{}", b"")
    return not brackets


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Unreadable("a key stands twice in one object")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is not JSON")


def _bounded_int(digits: str) -> int:
    if len(digits.lstrip("-")) > _MAX_DIGITS:
        raise Unreadable(f"an integer has more than {_MAX_DIGITS} digits")
    return int(digits)


def _finite_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Unreadable("a number is too large")
    return value
