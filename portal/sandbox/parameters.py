"""Judges bodies by what the SDK says of each method, without reading the SDK, which takes seconds and 75 MB.

``parameters.json`` holds it: JSON Schemas of the bodies with the definitions they share, and TeXML's parameters one by
one. ``python -m tests.support.sandbox_parameters`` writes it, and a test compares it with the installed SDK.
"""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from portal.json_types import JsonObject

_FILE = Path(__file__).with_suffix(".json")
_REF = "#/components/schemas/"
_TYPES: dict[str, tuple[type[Any], ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
MISSING, UNKNOWN, TYPE, CHOICE = "missing", "unknown", "type", "choice"


@dataclass(frozen=True)
class Wrong:
    """Says what is wrong with a body, of which ``kind``, and where: names and places in lists, from the outside in."""

    kind: str
    path: tuple[str, ...]
    message: str


def wrongs(method: str, body: JsonObject) -> list[Wrong]:
    """Return everything that is wrong with a body, each place once."""
    found = {wrong.path: wrong for wrong in _judge({"$ref": _REF + _name_of(method)}, body, ())}
    return list(found.values())


def form(method: str) -> list[JsonObject]:
    """Return the parameters of a TeXML method: their ``name`` and ``kind``, ``choices``, ``fields``, ``item``."""
    described: list[JsonObject] = _table()["forms"][method]
    return described


@cache
def _table() -> JsonObject:
    table: JsonObject = json.loads(_FILE.read_text())
    return table


def _name_of(method: str) -> str:
    return str(_table()["bodies"][method]["$ref"]).removeprefix(_REF)


def _resolved(schema: JsonObject) -> JsonObject:
    while "$ref" in schema:
        schema = _table()["shared"][schema["$ref"].removeprefix(_REF)]
    return schema


def _judge(schema: JsonObject, value: Any, path: tuple[str, ...]) -> Iterator[Wrong]:
    schema = _resolved(schema)
    if "anyOf" in schema:
        yield from _judge_options([_resolved(option) for option in schema["anyOf"]], value, path)
    elif "type" in schema and not _is_of(schema["type"], value):
        yield Wrong(TYPE, path, f"Must be a valid {schema['type']}.")
    elif (choices := _choices(schema)) and value not in choices:
        yield Wrong(CHOICE, path, f"Must be {_in_words(choices)}.")
    elif isinstance(value, dict):
        yield from _judge_members(schema, value, path)
    elif isinstance(value, list) and "items" in schema:
        for place, item in enumerate(value):
            yield from _judge(schema["items"], item, (*path, str(place)))


def _judge_members(schema: JsonObject, value: JsonObject, path: tuple[str, ...]) -> Iterator[Wrong]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield Wrong(MISSING, (*path, name), "This parameter is required.")
    for name, inner in value.items():
        if name in known:
            yield from _judge(known[name], inner, (*path, name))
        elif others is False:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            yield Wrong(UNKNOWN, (*path, name), f"Unknown parameter.{hint}")
        elif isinstance(others, dict):
            yield from _judge(others, inner, (*path, name))


def _judge_options(options: list[JsonObject], value: Any, path: tuple[str, ...]) -> Iterator[Wrong]:
    """Judge by the option that comes nearest: of the value's own type, with the fewest things wrong."""
    fitting = [option for option in options if "type" not in option or _is_of(option["type"], value)]
    tried = [list(_judge(option, value, path)) for option in fitting or options]
    best = min(tried, key=len, default=[])
    if best and not fitting:
        kinds = list(dict.fromkeys(str(option["type"]) for option in options if option.get("type") != "null"))
        yield Wrong(TYPE, path, f"Must be a valid {' or '.join(kinds)}.")
    elif best and all(wrong.kind == CHOICE and wrong.path == path for wrongs in tried for wrong in wrongs):
        choices = tuple(choice for option in fitting for choice in _choices(option))
        yield Wrong(CHOICE, path, f"Must be {_in_words(choices)}.")
    else:
        yield from best


def _is_of(kind: str, value: Any) -> bool:
    """Whether a value is of that type: true and false are no numbers."""
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _choices(schema: JsonObject) -> tuple[Any, ...]:
    return (schema["const"],) if "const" in schema else tuple(schema.get("enum", ()))


def _in_words(choices: tuple[Any, ...]) -> str:
    told = [f"'{choice}'" if isinstance(choice, str) else str(choice) for choice in choices]
    return f"{', '.join(told[:-1])} or {told[-1]}" if len(told) > 1 else told[0]
