"""Checks what could be sent, before Telnyx is asked."""

from applications import addresses
from applications.kinds import NESTED, Kind, unflatten
from portal.json_types import JsonObject
from portal.telnyx.schemas import InvalidParameters, has_parameter, validate


def check(kind: Kind, values: JsonObject, there: JsonObject | None) -> None:
    """Check whether flat ``values`` could be sent, without asking Telnyx: as a create, or as a change of what is
    ``there``.

    Words that the SDK does not know are let through. Raises ``InvalidParameters``.
    """
    if there is not None:
        return check_update(kind, values, there, open_choices=True)
    return check_create(kind, *in_turn(kind, unflatten(values)), open_choices=True)


def in_turn(kind: Kind, values: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Split a create from what only a PATCH after it takes: the SDK's Call Control create has no tags."""
    later = {name: values[name] for name in values if name == "tags" and not has_parameter(kind.method("create"), name)}
    return {name: value for name, value in values.items() if name not in later}, later


def check_update(kind: Kind, mine: JsonObject, kept: JsonObject, *, open_choices: bool) -> None:
    """Check only what is to change.

    A null clears: the SDK's types know few nulls, Telnyx takes more, so it is the judge.
    """
    known = kind.settable_flat()
    for name, value in mine.items():
        if value is None and (name in NESTED or name in kind.required):
            raise InvalidParameters({name: ["This parameter is required."]})
    checked = {name: value for name, value in mine.items() if value is not None or name not in known}
    validate(kind.method("update"), unflatten(checked), partial=True, open_choices=open_choices)
    if wrong := addresses.problems(mine, kept):
        raise InvalidParameters(wrong)


def check_create(kind: Kind, values: JsonObject, later: JsonObject, *, open_choices: bool) -> None:
    errors: dict[str, list[str]] = {}
    for verb, part in (("create", values), ("update", later)):
        try:
            validate(kind.method(verb), part, partial=part is later, open_choices=open_choices)
        except InvalidParameters as invalid:
            errors |= invalid.errors
    errors = addresses.problems(values, {}) | errors
    if errors:
        raise InvalidParameters(errors)
