"""Every parameter and every field of the SDK has its place here, or stands below with a reason."""

from typing import Any, get_args

import pytest
import telnyx.types
from pydantic import BaseModel

from applications.kinds import KINDS, NESTED, Kind
from portal.telnyx.schemas import parameters

# Telnyx's name -> why there is no column of that name
ELSEWHERE = {"id": "is the column telnyx_id"}
RESPONSES: dict[str, type[BaseModel]] = {
    "call_control_applications": telnyx.types.CallControlApplication,
    "texml_applications": telnyx.types.TexmlApplication,
}


def _columns(kind: Kind) -> set[str]:
    return {field.name for field in kind.model._meta.concrete_fields}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
@pytest.mark.parametrize("verb", ["create", "update"])
def test_every_parameter_is_a_column_and_can_be_set(kind: Kind, verb: str) -> None:
    for parameter in parameters(kind.method(verb)):
        assert parameter.name in _columns(kind)
        assert parameter.name in kind.settable()
        if parameter.fields:
            assert parameter.name in NESTED
            assert {f"{parameter.name}.{member.name}" for member in parameter.fields} <= set(kind.settable_flat())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_every_field_of_a_response_is_a_column(kind: Kind) -> None:
    fields = RESPONSES[kind.resource].model_fields
    assert set(fields) - set(ELSEWHERE) <= _columns(kind)
    for name in NESTED:
        members = _shape(fields[name].annotation).model_fields
        assert {f"{name}.{member}" for member in members} <= set(kind.settable_flat())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_the_required_parameters_are_the_two_that_every_patch_carries(kind: Kind) -> None:
    required = {parameter.name for parameter in parameters(kind.method("update")) if parameter.required}
    assert required == set(kind.required)


def _shape(annotation: Any) -> type[BaseModel]:
    return next(option for option in get_args(annotation) if isinstance(option, type) and issubclass(option, BaseModel))
