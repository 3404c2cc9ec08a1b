"""Describes an operation of the control addresses, checks what it is given by that, and names what is wrong."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.control.worlds import World, Worlds
from portal.sandbox.core.errors import wrong

# JSON Schema's names of what Python reads
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}
_WORDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}


@dataclass(frozen=True)
class Member:
    """Describes a member of a body, or of a query. ``kind`` is JSON Schema's type, "" anything."""

    name: str
    kind: str
    help: str
    required: bool = False
    nullable: bool = False


@dataclass(frozen=True)
class Asked:
    """Holds what was asked: of which world, with which id in the path, with what."""

    world: World
    worlds: Worlds
    id: str = ""
    body: JsonObject = None  # type: ignore[assignment]
    query: Mapping[str, str] = None  # type: ignore[assignment]
    public_key: str = ""


@dataclass(frozen=True)
class Operation:
    """Describes one operation. Of ``path`` one part may be a name in braces.

    ``alone`` runs it within a transaction of its world; what waits, or has transactions of its own, is not.
    """

    method: str
    path: str
    summary: str
    run: Callable[[Asked], JsonObject]
    members: tuple[Member, ...] = ()
    query: tuple[Member, ...] = ()
    alone: bool = True

    @cached_property
    def pattern(self) -> "re.Pattern[str]":
        return re.compile(re.sub(r"\{\w+\}", "([^/]+)", self.path))

    def check(self, body: JsonObject, query: Mapping[str, str]) -> None:
        """Return when body and query are what this operation takes; else 422 with a pointer to the first that is not.

        What there is to a value beside its type is checked by whoever uses it.
        """
        _check_names(body, self.members)
        _check_names(query, self.query)
        for member in self.members:
            _check(body, member)


def number(query: Mapping[str, str], name: str, default: float, most: float, digits: int = 6) -> float:
    """Return the number in a query under ``name``, which may have so many digits behind the point."""
    text = query.get(name)
    if text is None:
        return default
    after_point = f"(\\.[0-9]{{1,{digits}}})?" if digits else ""
    if not re.fullmatch(f"[0-9]{{1,9}}{after_point}", text, re.ASCII) or float(text) > most:
        raise wrong(name, f"A {'' if digits else 'whole '}number from 0 to {most:g}.")
    return float(text)


def _check_names(given: Mapping[str, Any], members: tuple[Member, ...]) -> None:
    if unknown := sorted(set(given) - {member.name for member in members}):
        names = ", ".join(member.name for member in members) or "none"
        raise wrong(unknown[0], f"Unknown member; there are {names}.")


def _check(body: JsonObject, member: Member) -> None:
    if member.name not in body:
        if member.required:
            raise wrong(member.name, f"Needed: {member.help}.")
        return
    value = body[member.name]
    if not member.kind or (value is None and member.nullable):
        return
    is_bool = isinstance(value, bool) and member.kind != "boolean"
    if is_bool or not isinstance(value, KINDS[member.kind]):
        raise wrong(member.name, f"Must be {_WORDS[member.kind]}.")
