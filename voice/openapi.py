"""The bodies of dial and of every action in the OpenAPI document, from the catalogue: a path for each action."""

import copy
from typing import Any

from portal import schemas
from voice import actions

_GENERIC = "/api/v1/calls/{call_control_id}/actions/{action_name}/"
_DIAL = "/api/v1/calls/"


def document_actions(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A drf-spectacular hook: the one generic path becomes 41 exact ones, with components read from the SDK."""
    paths, known = result["paths"], [*actions.names(), actions.DIAL]
    if _GENERIC not in paths:
        return result
    bodies, shared = schemas.json_schemas([actions.method(name) for name in known])
    dial = bodies[actions.method(actions.DIAL)]
    opened = dial["$ref"].rpartition("/")[2]  # "account" stands beside a dial's own members
    result["components"]["schemas"] |= {name: _ours(schema, opened=name == opened) for name, schema in shared.items()}
    generic = paths.pop(_GENERIC)["post"]
    for name in actions.names():
        operation = copy.deepcopy(generic)
        operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "action_name"]
        operation |= {
            "operationId": f"calls_actions_{name}",
            "summary": actions.label(name),
            "requestBody": _body(
                bodies[actions.method(name)], required=any(one.required for one in actions.parameters(name))
            ),
        }
        paths[_GENERIC.replace("{action_name}", name)] = {"post": operation}
    account = {
        "type": "object",
        "properties": {"account": {"type": "string", "description": "While there are several."}},
    }
    paths[_DIAL]["post"]["requestBody"] = _body({"allOf": [dial, account]}, required=True)
    return result


def _body(schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}, "required": required}


def _ours(schema: dict[str, Any], *, opened: bool) -> dict[str, Any]:
    """Without ``command_id``, which the portal sets."""
    kept = {name: value for name, value in schema.items() if not (opened and name == "additionalProperties")}
    if "properties" in kept:
        kept["properties"] = {name: value for name, value in kept["properties"].items() if name != "command_id"}
    return kept
