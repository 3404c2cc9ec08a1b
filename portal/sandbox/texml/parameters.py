"""Reads the parameters of a TeXML request, sent as JSON or as a form, against what the SDK says of its method.

Ranges and the words of refusals: the public document's schemas and its examples of ``call-scripting`` refusals.
"""

import difflib
import json
import re
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox import parameters as known_parameters
from portal.sandbox.core.deliveries import FORM
from portal.sandbox.core.errors import Problem, Refused
from portal.sandbox.core.requests import Request

_OF_THE_PATH = {"account_sid", "call_sid", "conference_sid"}
_RANGES: dict[str, tuple[int, int]] = {
    "MachineDetectionPromptEndTimeout": (1000, 120_000),
    "MachineDetectionTimeout": (500, 60_000),
    "MaxParticipants": (2, 800),
    "MaxSize": (1, 100_000),
    "RecordingTimeout": (0, 14_400),
    "TimeLimit": (30, 14_400),
    "Timeout": (5, 120),
}
_NUMBERS = ("integer", "number")
_SEND_DIGITS: JsonObject = {"name": "SendDigits", "kind": "string"}  # refusals tell of it, the SDK does not
_DIAL = "texml.accounts.calls.calls"
_DIGITS = re.compile(r"[0-9A-DwW*#]+", re.ASCII)
_PART = re.compile(r"(\w+)\[([^\[\]]*)\]")
_TYPES: dict[str, tuple[type[Any], ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "any": (object,),
}


def read(
    request: Request, method: str, required: tuple[str, ...] = (), choices: dict[str, tuple[str, ...]] | None = None
) -> JsonObject:
    """Return the parameters given, of their types; 422 with one problem for each that is wrong.

    An empty text and null count as not given. ``choices`` are values that the SDK leaves open.
    """
    known = {parameter["name"]: parameter for parameter in _parameters(method)}
    is_form = request.headers.get("content-type", "").lower().startswith(FORM)
    given = _from_form(request.body, known) if is_form else request.body
    given = {name: value for name, value in given.items() if value not in (None, "")}
    problems = [_blank(name) for name in required if name not in given]
    for name, value in given.items():
        if problem := _problem(name, value, known, choices or {}):
            problems.append(problem)
    if problems:
        raise Refused(422, *problems)
    return given


def blank(name: str) -> Refused:
    return Refused(422, _blank(name))


def words(body: JsonObject, name: str, default: str) -> list[str]:
    """Return the words of a list that is separated by spaces."""
    return str(body.get(name, default)).split()


def _parameters(method: str) -> list[JsonObject]:
    every = list(known_parameters.form(method))
    if method == _DIAL:
        every.append(_SEND_DIGITS)
    return [parameter for parameter in every if parameter["name"] not in _OF_THE_PATH]


def _problem(
    name: str, value: Any, known: dict[str, JsonObject], choices: dict[str, tuple[str, ...]]
) -> Problem | None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        return Problem("10015", "Invalid parameter", f"'{name}': Unknown parameter.{hint}", f"/{name}")
    parameter = known[name]
    if not _fits(parameter, value):
        detail = f"The '{name}' parameter must be of type '{parameter['kind']}'"
        return Problem("10026", "Invalid parameter type", detail, f"/{name}")
    allowed = choices.get(name, parameter.get("choices"))
    if allowed and value not in allowed:
        detail = f"{name} must be one of {', '.join(map(str, allowed))}"
        return Problem("10032", "Invalid enumerated value", detail, f"/{name}")
    least, most = _RANGES.get(name, (0, 0))
    if most and not least <= value <= most:
        return Problem("10033", "Value outside of range", f"'{name}' must be from {least} to {most}.", f"/{name}")
    if name == "SendDigits" and not _DIGITS.fullmatch(value):
        detail = (
            "The 'SendDigits' parameter must be a 'string' made of a combination of either "
            "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, A, B, C, D, w, W, * or #"
        )
        return Problem("90014", "Invalid value for SendDigits", detail, "/SendDigits")
    return None


def _fits(parameter: JsonObject, value: Any) -> bool:
    kind = parameter["kind"]
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind in _NUMBERS):
        return False
    if kind == "array" and "item" in parameter:
        return all(_fits(parameter["item"], one) for one in value)
    if kind == "object":
        fields = parameter.get("fields", [])
        return all(field["name"] in value and _fits(field, value[field["name"]]) for field in fields)
    return True


def _from_form(form: JsonObject, known: dict[str, JsonObject]) -> JsonObject:
    """Give the texts of a form their types. What has no such type stays a text, and is refused for it.

    A list is a name that stands several times, with ``[]`` or without; an object ``Name[member]``. Both may be JSON.
    """
    values: JsonObject = {}
    objects: dict[str, JsonObject] = {}
    for name, value in form.items():
        part = _PART.fullmatch(name)
        kind = known[part[1]]["kind"] if part and part[1] in known else ""
        if part and kind == "object" and part[2]:
            objects.setdefault(part[1], {})[part[2]] = value
        elif part and kind == "array":
            values[part[1]] = value if isinstance(value, list) else [value]
        else:
            values[name] = _typed(known[name]["kind"], value) if name in known else value
    return values | objects


def _typed(kind: str, value: Any) -> Any:
    if kind == "array":
        parsed = _parsed(value)
        return parsed if isinstance(parsed, list) else [value] if isinstance(value, str) else value
    if isinstance(value, list):  # of a name that stands twice the last one holds
        value = value[-1]
    if kind == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind == "integer":
        return int(value) if re.fullmatch(r"-?[0-9]{1,9}", value, re.ASCII) else value
    if kind == "number":
        return float(value) if re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", value, re.ASCII) else value
    return _parsed(value) if kind == "object" else value


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return value


def _blank(name: str) -> Problem:
    return Problem("10004", "Missing required parameter", f"Can't be blank: {name}", f"/{name}")
