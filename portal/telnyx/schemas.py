"""Reads the parameters of every Telnyx method from the SDK's own ``*Params`` TypedDicts.

One reading serves forms, serializers, OpenAPI and validation, so a new SDK brings its parameters and nobody invents
one. Methods go by dotted SDK name (``calls.actions.transfer``), parameters by wire name (``from``, not ``from_``).
"""

import difflib
import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import httpx
import pydantic
from pydantic.json_schema import models_json_schema
from pydantic_core import ErrorDetails

from portal.json_types import JsonObject
from portal.telnyx.sdk import telnyx
from portal.telnyx.sdk_types import CONFIG, Parameter, body_of, members, model_of, one_model_of


class InvalidParameters(Exception):
    """Carries ``errors``: messages by wire name; nested names are joined by dots (``inbound.channel_limit``)."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items()))
        self.errors = errors


@cache
def parameters(method: str) -> tuple[Parameter, ...]:
    """Return the parameters of ``method``, required ones first, in the SDK's order. Empty for a method without any."""
    shape = _params_type(method)
    read = members(shape) if shape else ()
    return tuple(sorted(read, key=lambda parameter: not parameter.required))


def validate(method: str, values: JsonObject, *, partial: bool = False, open_choices: bool = False) -> JsonObject:
    """Return ``values`` if ``method`` takes them, else raise ``InvalidParameters``.

    Types are strict (``"1"`` is not 1), unknown names refused at every depth; ``partial`` asks for no required ones.
    With ``open_choices`` a text that is none of the SDK's choices is let through: Telnyx's lists grow, and it judges.
    """
    errors: dict[str, list[_Wrong]] = {}
    try:
        model(method).model_validate(values)
    except pydantic.ValidationError as error:
        found = [_Wrong(detail, _steps(detail, parameters(method))) for detail in error.errors(include_url=False)]
        for wrong in _nearest(found):
            kind, value = wrong.detail["type"], wrong.detail["input"]
            is_open = open_choices and kind == "literal_error" and isinstance(value, str)
            if not is_open and not (partial and kind == "missing" and len(wrong.detail["loc"]) == 1):
                errors.setdefault(wrong.name, []).append(wrong)
    if errors:
        raise InvalidParameters({name: _messages(wrongs) for name, wrongs in errors.items()})
    return values


def arguments(method: str, values: JsonObject) -> JsonObject:
    """Turn ``values`` by wire name into keyword arguments of the SDK's method."""
    if _sends_as_is(method):
        apart = {name: value for name, value in values.items() if name.startswith("extra_")}
        return apart | {_WHOLE: {name: value for name, value in values.items() if name not in apart}}
    by_wire_name = {parameter.name: parameter.argument for parameter in parameters(method)}
    return {by_wire_name.get(name, name): value for name, value in values.items()}


def has_parameter(method: str, name: str) -> bool:
    """Return whether ``method`` has a parameter of that wire name."""
    return any(parameter.name == name for parameter in parameters(method))


def json_schemas(methods: Sequence[str]) -> tuple[dict[str, JsonObject], JsonObject]:
    """Return the bodies of ``methods`` as JSON Schemas, and the definitions they share, for OpenAPI's components."""
    given: list[tuple[type[pydantic.BaseModel], Literal["validation"]]] = [
        (model(method), "validation") for method in methods
    ]
    schemas, shared = models_json_schema(given, by_alias=True, ref_template="#/components/schemas/{model}")
    return {method: schemas[key] for method, key in zip(methods, given, strict=True)}, shared.get("$defs", {})


def describe(parameter: Parameter) -> JsonObject:
    """Return the parameter as JSON, for the editor in the browser."""
    description: JsonObject = {"name": parameter.name, "kind": parameter.kind, "required": parameter.required}
    if parameter.choices:
        description["choices"] = list(parameter.choices)
    if parameter.kind == "object" and parameter.fields:
        description["fields"] = [describe(field) for field in parameter.fields]
    if parameter.kind == "array" and parameter.item is not None:
        description["item"] = describe(parameter.item)
    return description


@cache
def methods(resource: str) -> tuple[str, ...]:
    """Return the public methods of a resource (``calls.actions``), sorted; the SDK's own plumbing is of properties."""
    functions = inspect.getmembers(_resource_type(resource), inspect.isfunction)
    return tuple(name for name, _ in functions if not name.startswith("_"))


@cache
def returns_nothing(method: str) -> bool:
    """Return whether a success of ``method`` has no body (204)."""
    return inspect.signature(_function(method)).return_annotation in (None, "None")


def summary(method: str) -> str:
    """Return the first paragraph of what the SDK says of ``method``."""
    return inspect.cleandoc(_function(method).__doc__ or "").split("\n\n")[0].replace("\n", " ")


@cache
def model(method: str) -> type[pydantic.BaseModel]:
    """Build a pydantic model of ``method``'s body: wire names as aliases, strict, nothing extra."""
    shape = _params_type(method)
    if _sends_as_is(method):
        return one_model_of(shape, _named_type(method))
    return model_of(shape) if shape else pydantic.create_model("NoParameters", __config__=CONFIG)


@cache
def _resource_type(resource: str) -> type:
    # the SDK imports a resource's module when its attribute is first read, so only a client can tell the class
    idle = httpx.Client(trust_env=False)  # explicit, though it asks nobody: nothing comes from the environment
    member: Any = telnyx().Telnyx(api_key="", base_url="http://127.0.0.1", http_client=idle)
    for part in resource.split("."):
        member = getattr(member, part)
    return type(member)


def _function(method: str) -> Any:
    resource, _, name = method.rpartition(".")
    return inspect.unwrap(getattr(_resource_type(resource), name))


_WHOLE = "body"  # the only parameter of a method that sends what it is given, untouched


@cache
def _params_type(method: str) -> Any:
    """Return the TypedDict (or the union of some) that holds the parameters of ``method``."""
    shape = _named_type(method)
    return body_of(shape, _WHOLE) if _sends_as_is(method) else shape


def _sends_as_is(method: str) -> bool:
    return getattr(_named_type(method), "__annotations__", {}).keys() == {_WHOLE}


@cache
def _named_type(method: str) -> Any:
    """Return the TypedDict a method builds its request from: its body names it (``maybe_transform(…, X.XParams)``)."""
    function = _function(method)
    names = function.__code__.co_names
    modules = [function.__globals__[name] for name in names if name.endswith("_params")]
    for module in modules:
        for name in names:
            if name.endswith("Params") and hasattr(module, name):
                return getattr(module, name)
    return None


@dataclass(frozen=True)
class _Step:
    """Leads one deeper into a value: into a member or an item, or (nothing a caller wrote) into a variant of its type.

    ``beside`` are the parameters of the object that the member is of.
    """

    part: str
    is_variant: bool = False
    beside: tuple[Parameter, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class _Wrong:
    detail: ErrorDetails
    steps: tuple[_Step, ...]

    @property
    def name(self) -> str:
        """Where it lies, by wire names and list positions."""
        return ".".join(step.part for step in self.steps if not step.is_variant)


def _steps(detail: ErrorDetails, inner: tuple[Parameter, ...]) -> tuple[_Step, ...]:
    """Return the way to an error.

    pydantic puts the name of each variant of a union it tried (``to.str``) in between: nobody knows those names.
    """
    steps = []
    for at, part in enumerate(detail["loc"]):
        matching = next((parameter for parameter in inner if parameter.name == part), None)
        is_unknown = detail["type"] == "extra_forbidden" and at == len(detail["loc"]) - 1
        is_variant = not (matching or isinstance(part, int) or is_unknown)
        steps.append(_Step(str(part), is_variant, inner))
        if matching:
            inner = matching.fields or (matching.item.fields if matching.item else ())
    return tuple(steps)


def _nearest(found: list[_Wrong], depth: int = 0) -> list[_Wrong]:
    """Return of each union only what is wrong with the variants that the value may be meant for.

    It is not meant for one of another JSON type, nor for one whose constant member (``type``) it has otherwise.
    """
    groups: dict[_Step, list[_Wrong]] = {}
    for wrong in found:
        if len(wrong.steps) > depth:
            groups.setdefault(wrong.steps[depth], []).append(wrong)
    variants = [group for step, group in groups.items() if step.is_variant]
    members = [group for step, group in groups.items() if not step.is_variant]
    nearest = [wrong for wrong in found if len(wrong.steps) == depth]
    for group in [*members, *_meant(variants, depth)]:
        nearest += _nearest(group, depth + 1)
    return nearest


def _meant(variants: list[list[_Wrong]], depth: int) -> list[list[_Wrong]]:
    of_type = [group for group in variants if all(len(wrong.steps) > depth + 1 for wrong in group)] or variants
    if meant := [group for group in of_type if not _constants(group, depth)]:
        return meant
    return [_constants(group, depth) for group in of_type]  # which one it shall be has to be said first


def _constants(group: list[_Wrong], depth: int) -> list[_Wrong]:
    """Return what is wrong with members that have one value alone: of several the value may be meant for the others."""
    return [
        wrong
        for wrong in group
        if wrong.detail["type"] == "literal_error"
        and len(wrong.steps) == depth + 2
        and len(_CHOICES.findall(wrong.detail["ctx"]["expected"])) == 1
    ]


# how pydantic lists them: as Python writes them
_CHOICES = re.compile(r"""'(?:[^'\\]|\\.)*'|"[^"]*"|\b(?!or\b)[\w.-]+""")
_TYPES = {
    "string_type": "string",
    "int_type": "integer",
    "float_type": "number",
    "bool_type": "boolean",
    "list_type": "list",
    "dict_type": "object",
    "model_type": "object",
}


def _messages(wrongs: list[_Wrong]) -> list[str]:
    """Return what is wrong at one place: what would be right in one sentence."""
    right, others = [], []
    for wrong in wrongs:
        kind = wrong.detail["type"]
        if kind == "literal_error":
            right += _CHOICES.findall(wrong.detail["ctx"]["expected"])
        elif kind in _TYPES:
            right.append(f"a valid {_TYPES[kind]}")
        else:
            others.append(_message(wrong))
    sentence = [f"Must be {_joined(list(dict.fromkeys(right)))}."] if right else []
    return [*sentence, *dict.fromkeys(others)]


def _joined(choices: list[str]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def _message(wrong: _Wrong) -> str:
    if wrong.detail["type"] == "extra_forbidden":
        step = wrong.steps[-1]
        near = difflib.get_close_matches(step.part, [parameter.name for parameter in step.beside], n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        return f"Unknown parameter.{hint}"
    if wrong.detail["type"] == "missing":
        return "This parameter is required."
    return wrong.detail["msg"].replace("Input should be", "Must be") + "."
