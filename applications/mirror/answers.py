"""Compares answers of Telnyx about one application: what differs, what a later one adds, which of two is the older.

A member that an answer leaves out is not told, which is another thing than null: a list and a single answer need not
hold the same members. So two answers are compared by what both have, and what only one tells is kept.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from applications.kinds import NESTED, Kind, flatten
from portal.json_types import JsonObject
from portal.times import read_time

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))  # kept: making one costs as much as its work


def canonical(value: Any) -> str:
    """Return a value as JSON that is the same for equal values: 0 and false are two, as they are for Telnyx."""
    return _CANONICAL.encode(value)


def digest(remote: JsonObject) -> str:
    """Return the SHA-256 of an answer as canonical JSON: equal answers have equal ones."""
    return hashlib.sha256(canonical(remote).encode()).hexdigest()


def same(one: Any, other: Any) -> bool:
    """Return whether two values of JSON are equal."""
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return canonical(one) == canonical(other)
    return bool(one == other and isinstance(one, bool) == isinstance(other, bool))


def merged(before: JsonObject, after: JsonObject) -> JsonObject:
    """Return the later answer, with what only the earlier one tells."""
    whole = {**before, **after}
    for name in NESTED:
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            whole[name] = {**old, **new}
    return whole


def differing(before: JsonObject, after: JsonObject) -> list[str]:
    """Return the dotted names of what both answers tell, and tell differently."""
    old, new = flatten(before), flatten(after)
    names = [name for name in new if name in old and not same(old[name], new[name])]
    return names + [name for name in NESTED if _other_type(name, before, after)]


def agree(one: JsonObject, other: JsonObject) -> bool:
    """Return whether two answers say the same of all that both tell."""
    return not differing(one, other)


def only_in(after: JsonObject, before: JsonObject) -> list[str]:
    """Return the dotted names of what the later answer tells, and the earlier one does not."""
    old, new = flatten(before), flatten(after)
    retyped = {name for name in NESTED if _other_type(name, before, after)}
    return [name for name in new if name not in old and name.partition(".")[0] not in retyped]


def with_those(before: JsonObject, after: JsonObject, names: Iterable[str]) -> JsonObject:
    """Return the earlier answer with the members ``names`` (dotted) as the later one has them."""
    values = dict(before)
    for name in names:
        outer, dot, inner = name.partition(".")
        if dot and outer in NESTED and isinstance(after.get(outer), dict):
            kept = values.get(outer)
            values[outer] = {**(kept if isinstance(kept, dict) else {}), inner: after[outer].get(inner)}
        elif outer in after:
            values[outer] = after[outer]
    return values


def has_all(kind: Kind, remote: JsonObject, sent: Mapping[str, Any]) -> bool:
    """Return whether an application has every value of a create. A null asks for Telnyx's default, whatever that is.

    Name and address have to be told; another member that the list leaves out says nothing.
    """
    there, wanted = flatten(remote), flatten(sent)
    told = {name: value for name, value in wanted.items() if value is not None and name in there}
    return told.keys() >= set(kind.required) and all(same(there[name], value) for name, value in told.items())


def is_older(remote: JsonObject, than: JsonObject) -> bool:
    """Return whether Telnyx itself dates an answer before another one: it was long under way, or came from a copy."""
    at, known_at = read_time(remote.get("updated_at")), read_time(than.get("updated_at"))
    return at is not None and known_at is not None and at < known_at


def _other_type(name: str, before: JsonObject, after: JsonObject) -> bool:
    """Return whether one of them has an object there, and the other has something else, such as null."""
    told = name in before and name in after
    return told and isinstance(before[name], dict) != isinstance(after[name], dict)
