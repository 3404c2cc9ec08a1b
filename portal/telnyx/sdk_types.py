"""Reads the SDK's TypedDicts: which parameters they hold, and the same as models that pydantic checks values with.

pydantic alone sees neither wire names (``PropertyInfo(alias)``), nor help texts, nor inside ``Iterable[X]``.
"""

import ast
import collections.abc
import inspect
import textwrap
import types
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pydantic
import typing_extensions

CONFIG = pydantic.ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True)
class Parameter:
    """Describes one parameter of a method: ``name`` on the wire, ``argument`` in Python, ``kind`` as in JSON Schema.

    ``choices`` are the enum's values, ``fields`` the members of an object, ``item`` what a list holds; of kind ``any``,
    too, if an object or a list is one of what it takes. ``has_numbers``: a number is one of that.
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
    has_numbers: bool = False


def _merged(shapes: list[tuple[Parameter, ...]]) -> tuple[Parameter, ...]:
    """Return the members of any of these shapes: required where all require it, with the choices of all."""
    merged: dict[str, Parameter] = {}
    for members in shapes:
        for member in members:
            known = merged.get(member.name, member)
            choices = (
                tuple(dict.fromkeys((*known.choices, *member.choices))) if known.choices and member.choices else ()
            )
            required = all(any(other.name == member.name and other.required for other in shape) for shape in shapes)
            told = known.help if member.help in known.help else f"{known.help}\n\n{member.help}"
            merged[member.name] = replace(known, choices=choices, required=required, help=told)
    return tuple(merged.values())


def members(shape: Any) -> tuple[Parameter, ...]:
    """Return the parameters that a TypedDict, or a union of some, holds."""
    if get_origin(shape) in (Union, types.UnionType):  # several shapes of one body: every member of each
        return _merged([members(option) for option in get_args(shape)])
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
    has_numbers = bool(kinds & {"integer", "number", "any"})
    kind: Any = kinds.pop() if len(kinds) == 1 else "any"
    fields = _merged([members(option) for option in options if typing_extensions.is_typeddict(option)])
    item = None
    if lists := [option for option in options if _is_list(get_origin(option))]:
        inner = get_args(lists[0])
        item = _parameter("item", inner[0] if inner else Any, True, "")
    return Parameter(alias or argument, argument, kind, required, nullable, text, choices, fields, item, has_numbers)


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
    """Return a type without ``Required`` and ``Annotated``, and the wire name that ``PropertyInfo`` gives, if any."""
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
def model_of(shape: Any) -> type[pydantic.BaseModel]:
    """Build a pydantic model of a TypedDict: wire names as aliases, strict, nothing extra."""
    if get_origin(shape) in (Union, types.UnionType):
        root: Any = Union[tuple(model_of(option) for option in get_args(shape))]  # noqa: UP007  made at run time
        return pydantic.RootModel[root]
    helps = _docstrings(shape)
    fields: dict[str, Any] = {}
    for argument, hint in typing_extensions.get_type_hints(shape, include_extras=True).items():
        bare, alias = _strip(hint)
        default = ... if _is_required(shape, argument, hint) else None
        # a leading underscore or a BaseModel attribute ("json") is no field name: every field gets a neutral one
        field = pydantic.Field(default, alias=alias or argument, description=helps.get(argument))
        fields[f"p_{argument}"] = (_plain(bare), field)
    return pydantic.create_model(_component(shape), __config__=CONFIG, **fields)


def body_of(shape: Any, name: str) -> Any:
    """Return the type of a member, as what it is: a TypedDict, or a union of some."""
    bare, _ = _strip(typing_extensions.get_type_hints(shape, include_extras=True)[name])
    options = _options(bare)
    return Union[options] if len(options) > 1 else options[0]  # noqa: UP007  made at run time


@cache
def one_model_of(shape: Any, named: Any) -> type[pydantic.BaseModel]:
    """Build one model, of the name of ``named``, of all the shapes of a body: what is wrong is then told once.

    A member is required where all shapes require it. Which go together is another question.
    """
    shapes = get_args(shape) if get_origin(shape) in (Union, types.UnionType) else (shape,)
    made = [model_of(one) for one in shapes]
    fields: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in made for name in one.model_fields):
        found = [one.model_fields[name] for one in made if name in one.model_fields]
        kinds = tuple(dict.fromkeys(field.annotation for field in found))
        required = len(found) == len(made) and all(field.is_required() for field in found)
        told = next((field.description for field in found if field.description), None)
        field = pydantic.Field(... if required else None, alias=found[0].alias, description=told)
        fields[name] = (Union[kinds], field)  # noqa: UP007  made at run time
    return pydantic.create_model(_component(named), __config__=CONFIG, **fields)


_ALIKE = ("conferences", "texml")  # folders with classes that are named as others are


def _component(shape: Any) -> str:
    """Return its name in OpenAPI: the SDK names the parameters of a call's ``speak`` and of a conference's alike."""
    folder = shape.__module__.split(".")[2:-1]
    return "".join(part.capitalize() for part in folder if folder[0] in _ALIKE) + str(shape.__name__)


def _plain(hint: Any) -> Any:
    """Return the same type in terms pydantic looks into: TypedDicts as models, iterables as lists."""
    hint, _ = _strip(hint)
    if isinstance(hint, typing_extensions.TypeAliasType):
        return _plain(hint.__value__)
    if typing_extensions.is_typeddict(hint):
        return model_of(hint)
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
    """Return the string below each member of a TypedDict, bases included: the SDK keeps its help there."""
    helps: dict[str, str] = {}
    for base in getattr(shape, "__orig_bases__", ()):
        if typing_extensions.is_typeddict(base):
            helps |= _docstrings(base)
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(shape))).body[0]
    except OSError:  # made by a call, as for a member named "from": there is no class body to read
        return helps
    assert isinstance(body, ast.ClassDef)
    for member, after in zip(body.body, body.body[1:], strict=False):
        text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else None
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name) and isinstance(text, str):
            helps[member.target.id] = inspect.cleandoc(text).strip()
    return helps
