"""The parameters of every Telnyx method, read from the SDK's own ``*Params`` TypedDicts.

One reading serves forms, serializers, OpenAPI and validation, so a new SDK brings its parameters and nobody invents
one. Methods go by dotted SDK name (``calls.actions.transfer``), parameters by wire name (``from``, not ``from_``).
"""

import ast
import collections.abc
import difflib
import inspect
import textwrap
import types
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import httpx
import pydantic
import typing_extensions
from pydantic.json_schema import models_json_schema

from portal.sdk import telnyx

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method: ``name`` on the wire, ``argument`` in Python, ``kind`` as in JSON Schema.

    ``choices`` are the enum's values, ``fields`` the members of an object, ``item`` what a list holds.
    """

    name: str
    argument: str
    kind: Literal["string", "integer", "number", "boolean", "array", "object", "any"]
    required: bool
    nullable: bool
    help: str
    choices: tuple[Any, ...] = ()
    fields: tuple["Parameter", ...] = ()
    item: "Parameter | None" = None


class InvalidParameters(Exception):
    """``errors``: messages by wire name; nested names are joined by dots (``inbound.channel_limit``)."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items()))
        self.errors = errors


@cache
def parameters(method: str) -> tuple[Parameter, ...]:
    """The parameters of ``method``, required ones first, in the SDK's order. Empty for a method without any."""
    shape = _params_type(method)
    read = _members(shape) if shape else ()
    return tuple(sorted(read, key=lambda parameter: not parameter.required))


def validate(method: str, values: JsonObject, *, partial: bool = False) -> JsonObject:
    """``values`` if ``method`` takes them, else ``InvalidParameters``.

    Types are strict (``"1"`` is not 1), unknown names refused at every depth; ``partial`` asks for no required ones.
    """
    errors: dict[str, list[str]] = {}
    try:
        model(method).model_validate(values)
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
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
    """``values`` by wire name → keyword arguments of the SDK's method."""
    by_wire_name = {parameter.name: parameter.argument for parameter in parameters(method)}
    return {by_wire_name.get(name, name): value for name, value in values.items()}


def takes(method: str, name: str) -> bool:
    """Whether ``method`` has a parameter of that wire name."""
    return any(parameter.name == name for parameter in parameters(method))


def json_schemas(methods: Sequence[str]) -> tuple[dict[str, JsonObject], JsonObject]:
    """The bodies of ``methods`` as JSON Schemas, and the definitions they share, for OpenAPI's components."""
    given: list[tuple[type[pydantic.BaseModel], Literal["validation"]]] = [
        (model(one), "validation") for one in methods
    ]
    found, shared = models_json_schema(given, by_alias=True, ref_template="#/components/schemas/{model}")
    return {one: found[key] for one, key in zip(methods, given, strict=True)}, shared.get("$defs", {})


def describe(parameter: Parameter) -> JsonObject:
    """The parameter as JSON, for the editor in the browser."""
    told: JsonObject = {"name": parameter.name, "kind": parameter.kind, "required": parameter.required}
    if parameter.choices:
        told["choices"] = list(parameter.choices)
    if parameter.fields:
        told["fields"] = [describe(field) for field in parameter.fields]
    if parameter.item is not None:
        told["item"] = describe(parameter.item)
    return told


@cache
def methods(resource: str) -> tuple[str, ...]:
    """The public methods of a resource (``calls.actions``), sorted, without the SDK's own plumbing."""
    found = _resource_type(resource)
    return tuple(
        name
        for name, _ in inspect.getmembers(found, inspect.isfunction)
        if not name.startswith("_") and name not in {"with_raw_response", "with_streaming_response"}
    )


@cache
def returns_nothing(method: str) -> bool:
    """Whether a success of ``method`` has no body (204)."""
    return inspect.signature(_function(method)).return_annotation in (None, "None")


def summary(method: str) -> str:
    """The first paragraph of what the SDK says of ``method``."""
    return inspect.cleandoc(_function(method).__doc__ or "").split("\n\n")[0].replace("\n", " ")


@cache
def model(method: str) -> type[pydantic.BaseModel]:
    """A pydantic model of ``method``'s body: wire names as aliases, strict, nothing extra."""
    shape = _params_type(method)
    return _model(shape) if shape else pydantic.create_model("NoParameters", __config__=_CONFIG)


_CONFIG = pydantic.ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)


@cache
def _resource_type(resource: str) -> type:
    # the SDK imports a resource's module when its attribute is first read, so only a client can tell the class
    idle = httpx.Client(trust_env=False)  # explicit, though it asks nobody: nothing comes from the environment
    found: Any = telnyx().Telnyx(api_key="", base_url="http://127.0.0.1", http_client=idle)
    for part in resource.split("."):
        found = getattr(found, part)
    return type(found)


def _function(method: str) -> Any:
    resource, _, name = method.rpartition(".")
    return inspect.unwrap(getattr(_resource_type(resource), name))


@cache
def _params_type(method: str) -> Any:
    """The TypedDict a method builds its request from: the body of each names it (``maybe_transform(…, X.XParams)``)."""
    function = _function(method)
    names = function.__code__.co_names
    modules = [function.__globals__[name] for name in names if name.endswith("_params")]
    for module in modules:
        for name in names:
            if name.endswith("Params") and hasattr(module, name):
                return getattr(module, name)
    return None


def _merged(shapes: list[tuple[Parameter, ...]]) -> tuple[Parameter, ...]:
    """The members of any of these shapes: required where all require it, with the choices of all."""
    found: dict[str, Parameter] = {}
    for members in shapes:
        for one in members:
            known = found.get(one.name, one)
            choices = tuple(dict.fromkeys((*known.choices, *one.choices))) if known.choices and one.choices else ()
            required = all(any(other.name == one.name and other.required for other in shape) for shape in shapes)
            found[one.name] = replace(known, choices=choices, required=required)
    return tuple(found.values())


def _members(shape: Any) -> tuple[Parameter, ...]:
    if get_origin(shape) in (Union, types.UnionType):  # several shapes of one body: every member of each
        return _merged([_members(option) for option in get_args(shape)])
    helps = _docstrings(shape)
    hints = typing_extensions.get_type_hints(shape, include_extras=True)
    return tuple(
        _parameter(argument, hint, _is_required(shape, argument, hint), helps.get(argument, ""))
        for argument, hint in hints.items()
    )


def _parameter(argument: str, hint: Any, required: bool, text: str) -> Parameter:
    bare, alias = _strip(hint)
    options = [option for option in _options(bare) if option is not type(None)]
    nullable = len(options) < len(_options(bare))
    choices = tuple(value for option in options if get_origin(option) is Literal for value in get_args(option))
    kinds = {_kind(option) for option in options}
    kind: Any = kinds.pop() if len(kinds) == 1 else "any"
    fields: tuple[Parameter, ...] = ()
    item = None
    if kind == "object":
        fields = _merged([_members(option) for option in options if typing_extensions.is_typeddict(option)])
    if kind == "array":
        inner = get_args(options[0])
        item = _parameter("item", inner[0] if inner else Any, True, "")
    return Parameter(alias or argument, argument, kind, required, nullable, text, choices, fields, item)


def _kind(hint: Any) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        return _kind(type(get_args(hint)[0]))
    if typing_extensions.is_typeddict(hint) or origin is dict or hint is dict:
        return "object"
    if _is_list(origin):
        return "array"
    scalar = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return scalar.get(hint, "any") if isinstance(hint, type) else "any"


def _strip(hint: Any) -> tuple[Any, str | None]:
    """Without ``Required`` and ``Annotated``, and the wire name that ``PropertyInfo`` gives, if any."""
    alias = None
    while get_origin(hint) in (typing_extensions.Required, typing_extensions.NotRequired, Annotated):
        for extra in getattr(hint, "__metadata__", ()):
            alias = getattr(extra, "alias", None) or alias
        hint = get_args(hint)[0]
    return hint, alias


def _is_required(shape: Any, argument: str, hint: Any) -> bool:
    # the SDK's annotations are strings, so ``__required_keys__`` does not see the ``Required`` inside them
    if get_origin(hint) in (typing_extensions.Required, typing_extensions.NotRequired):
        return get_origin(hint) is typing_extensions.Required
    return argument in shape.__required_keys__


def _options(hint: Any) -> tuple[Any, ...]:
    if isinstance(hint, typing_extensions.TypeAliasType):
        return _options(hint.__value__)
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _is_list(origin: Any) -> bool:
    # ``Iterable[X]`` and the SDK's ``SequenceNotStr[X]`` protocol are lists on the wire; pydantic would not look inside
    return origin in (list, collections.abc.Iterable, collections.abc.Sequence) or (
        getattr(origin, "__name__", "") == "SequenceNotStr"
    )


@cache
def _model(shape: Any) -> type[pydantic.BaseModel]:
    if get_origin(shape) in (Union, types.UnionType):
        root: Any = Union[tuple(_model(option) for option in get_args(shape))]  # noqa: UP007  made at run time
        return pydantic.RootModel[root]
    helps = _docstrings(shape)
    fields: dict[str, Any] = {}
    for argument, hint in typing_extensions.get_type_hints(shape, include_extras=True).items():
        bare, alias = _strip(hint)
        default = ... if _is_required(shape, argument, hint) else None
        # a leading underscore or a BaseModel attribute ("json") is no field name: every field gets a neutral one
        field = pydantic.Field(default, alias=alias or argument, description=helps.get(argument))
        fields[f"p_{argument}"] = (_plain(bare), field)
    return pydantic.create_model(_component(shape), __config__=_CONFIG, **fields)


def _component(shape: Any) -> str:
    """Its name in OpenAPI: the SDK names the parameters of a call's ``speak`` and of a conference's alike."""
    folder = shape.__module__.split(".")[2:-1]
    return "".join(part.capitalize() for part in folder if folder[0] == "conferences") + str(shape.__name__)


def _plain(hint: Any) -> Any:
    """The same type in terms pydantic looks into: TypedDicts as models, iterables as lists."""
    hint, _ = _strip(hint)
    if isinstance(hint, typing_extensions.TypeAliasType):
        return _plain(hint.__value__)
    if typing_extensions.is_typeddict(hint):
        return _model(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return Union[tuple(_plain(option) for option in inner)]  # noqa: UP007  made at run time
    if _is_list(origin):
        return list[_plain(inner[0])]  # type: ignore[misc]
    if origin is dict:
        return dict[inner[0], _plain(inner[1])]  # type: ignore[misc,valid-type]
    return Any if hint is object else hint


@cache
def _docstrings(shape: Any) -> dict[str, str]:
    """The string below each member of a TypedDict, bases included: the SDK keeps its help there."""
    found: dict[str, str] = {}
    for base in getattr(shape, "__orig_bases__", ()):
        if typing_extensions.is_typeddict(base):
            found |= _docstrings(base)
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(shape))).body[0]
    except OSError:  # made by a call, as for a member named "from": there is no class body to read
        return found
    assert isinstance(body, ast.ClassDef)
    for member, after in zip(body.body, body.body[1:], strict=False):
        text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else None
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name) and isinstance(text, str):
            found[member.target.id] = inspect.cleandoc(text).strip()
    return found


def _wire_name(
    loc: tuple[int | str, ...], level: tuple[Parameter, ...], *, unknown: bool
) -> tuple[str, tuple[Parameter, ...]]:
    """Where an error lies, by wire names and list positions, and the parameters beside it.

    pydantic puts the name of each variant of a union it tried (``to.str``) in between: nobody knows those names.
    """
    parts, inner = [], level
    for at, part in enumerate(loc):
        found = next((parameter for parameter in inner if parameter.name == part), None)
        if found:
            level, inner = inner, found.fields or (found.item.fields if found.item else ())
        if found or isinstance(part, int) or (unknown and at == len(loc) - 1):
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
