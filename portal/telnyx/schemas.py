"""Reads the parameters of every Telnyx method from the SDK's own ``*Params`` TypedDicts.

One reading serves forms, serializers, OpenAPI and validation, so a new SDK brings its parameters and nobody invents
one. Methods go by dotted SDK name (``calls.actions.transfer``), parameters by wire name (``from``, not ``from_``).
"""

import difflib
import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import httpx
import pydantic
from pydantic.json_schema import models_json_schema

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
    errors: dict[str, list[str]] = {}
    try:
        model(method).model_validate(values)
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False):
            if open_choices and detail["type"] == "literal_error" and isinstance(detail["input"], str):
                continue
            if not (partial and detail["type"] == "missing" and len(detail["loc"]) == 1):
                name, siblings = _wire_name(
                    detail["loc"], parameters(method), unknown=detail["type"] == "extra_forbidden"
                )
                message = _message(detail["type"], detail["msg"], name.rpartition(".")[2], siblings)
                if message not in errors.setdefault(name, []):
                    errors[name].append(message)
    if errors:
        raise InvalidParameters(errors)
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
    """Return the public methods of a resource (``calls.actions``), sorted, without the SDK's own plumbing."""
    resource_type = _resource_type(resource)
    return tuple(
        name
        for name, _ in inspect.getmembers(resource_type, inspect.isfunction)
        if not name.startswith("_") and name not in {"with_raw_response", "with_streaming_response"}
    )


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


def _wire_name(
    loc: tuple[int | str, ...], level: tuple[Parameter, ...], *, unknown: bool
) -> tuple[str, tuple[Parameter, ...]]:
    """Return where an error lies, by wire names and list positions, and the parameters beside it.

    pydantic puts the name of each variant of a union it tried (``to.str``) in between: nobody knows those names.
    """
    parts, inner = [], level
    for at, part in enumerate(loc):
        matching = next((parameter for parameter in inner if parameter.name == part), None)
        if matching:
            level, inner = inner, matching.fields or (matching.item.fields if matching.item else ())
        if matching or isinstance(part, int) or (unknown and at == len(loc) - 1):
            parts.append(str(part))
    return ".".join(parts), inner if unknown else level


def _message(kind: str, message: str, name: str, siblings: tuple[Parameter, ...]) -> str:
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, [parameter.name for parameter in siblings], n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        return f"Unknown parameter.{hint}"
    if kind == "missing":
        return "This parameter is required."
    return message.replace("Input should be", "Must be") + "."
