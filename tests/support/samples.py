"""Values that the SDK's types accept, made from its own description of each parameter."""

from typing import Any

from portal.telnyx import schemas
from portal.telnyx.schemas import InvalidParameters
from portal.telnyx.sdk_types import Parameter

_BY_NAME = {"to": "+13125550001", "from": "+13125550100", "client_state": "aGVsbG8="}
_BY_NAME |= {"To": "+13125550001", "From": "+13125550100"}
_CANDIDATES: tuple[Any, ...] = ("text", 1, 1.5, True, ["text"], {}, [{}], {"key": "text"}, {"key": ["text"]})


def required(method: str) -> dict[str, Any]:
    """Only what must be given."""
    return {one.name: sample(method, one) for one in ours(method) if one.required}


def everything(method: str) -> dict[str, Any]:
    """Every parameter, whether or not Telnyx would take them together."""
    return {one.name: sample(method, one) for one in ours(method)}


def ours(method: str) -> list[Parameter]:
    return [one for one in schemas.parameters(method) if one.name != "command_id"]


def sample(method: str, parameter: Parameter) -> Any:
    """The first guess that the SDK's type takes; a test fails when none fits."""
    for value in (*_guesses(parameter), *_CANDIDATES):
        try:
            schemas.validate(method, {parameter.name: value}, partial=True)
        except InvalidParameters:
            continue
        return value
    raise AssertionError(f"no sample for {method} {parameter}")


def _guesses(parameter: Parameter) -> list[Any]:
    if parameter.name in _BY_NAME:
        return [_BY_NAME[parameter.name]]
    if parameter.choices:
        return [parameter.choices[0]]
    if parameter.kind == "object":
        whole = {field.name: _guess(field) for field in parameter.fields}
        # a union of shapes takes no mixture of them: then what all require, with each choice
        least = {field.name: _guess(field) for field in parameter.fields if field.required}
        kinds = [field for field in parameter.fields if field.name in least and field.choices]
        return [whole, least, *(least | {field.name: one} for field in kinds for one in field.choices)]
    if parameter.kind == "array" and parameter.item:
        return [[one] for one in _guesses(parameter.item)]
    return [{"string": "text", "integer": 1, "number": 1.5, "boolean": True}.get(parameter.kind, "text")]


def _guess(parameter: Parameter) -> Any:
    return _guesses(parameter)[0]
