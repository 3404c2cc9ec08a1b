"""Walks a command's parameters beside the SDK's description of them: what stands where, at every depth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from portal.telnyx.sdk_types import Parameter
from voice.catalogue import actions

Test = Callable[[Parameter], bool]


@dataclass(frozen=True)
class Member:
    """Holds one value by its dotted name. ``parameter`` is None where the SDK leaves open what may stand there."""

    place: str
    parameter: Parameter | None
    value: Any

    @property
    def name(self) -> str:
        return self.place.rpartition(".")[2]


def walk(action: str, parameters: Any) -> Iterator[Member]:
    """Yield every member of ``parameters`` by wire name, what holds it before what it holds.

    Of an action that the SDK has no more (in a rule of before) all is open.
    """
    known = actions.parameters(action) if "." in action or actions.exists(action) else ()
    if isinstance(parameters, dict):
        yield from _inside(parameters, known, None, "")


def cannot_be_walked(member: Member, test: Test) -> bool:
    """Tell whether a text stands where an object or a list holds, by the SDK, something that passes ``test``.

    A placeholder of a rule is such a text: nobody knows before what will stand there.
    """
    parameter = member.parameter
    return (
        parameter is not None
        and not isinstance(member.value, dict | list)
        and any(_reaches(inner, test) for inner in _inner(parameter))
    )


def paths(action: str, test: Test) -> Iterator[str]:
    """Yield the dotted name of each parameter of the action that passes ``test``; members of a list stand under ``*``.

    For tests and documentation: what a new SDK brings shows here.
    """
    yield from _paths(actions.parameters(action), test, "")


def _inside(value: Any, fields: Sequence[Parameter], item: Parameter | None, place: str) -> Iterator[Member]:
    known = {field.name: field for field in fields}
    if isinstance(value, dict):
        pairs = [(str(name), known.get(name), child) for name, child in value.items()]
    elif isinstance(value, list):
        pairs = [(str(at), item, child) for at, child in enumerate(value)]
    else:
        return
    for name, parameter, child in pairs:
        member = Member(f"{place}{name}", parameter, child)
        yield member
        inner = (parameter.fields, parameter.item) if parameter else ((), None)
        yield from _inside(child, *inner, f"{member.place}.")


def _inner(parameter: Parameter) -> tuple[Parameter, ...]:
    return parameter.fields + ((parameter.item,) if parameter.item else ())


def _reaches(parameter: Parameter, test: Test) -> bool:
    return test(parameter) or any(_reaches(inner, test) for inner in _inner(parameter))


def _paths(fields: Sequence[Parameter], test: Test, place: str) -> Iterator[str]:
    for field in fields:
        if test(field):
            yield f"{place}{field.name}"
        yield from _paths(field.fields, test, f"{place}{field.name}.")
        if field.item:
            yield from _paths(field.item.fields, test, f"{place}{field.name}.*.")
