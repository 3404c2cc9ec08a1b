"""Describes the control addresses in OpenAPI, from the table that serves them."""

import re

from portal.json_types import JsonObject
from portal.sandbox.control.operations import Member, Operation
from portal.sandbox.control.table import OPERATIONS

_REFUSED = {"description": "Refused, with a pointer to what is wrong", "content": {"application/json": {}}}


def document() -> JsonObject:
    """Return the whole document."""
    paths: dict[str, JsonObject] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sandbox control",
            "version": "1",
            "description": "Who calls, what goes wrong, what happened. An API key KEY-world-NAME means that world.",
        },
        "components": {"securitySchemes": {"world": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"world": []}],
        "paths": paths,
    }


def _describe(operation: Operation) -> JsonObject:
    described: JsonObject = {
        "operationId": re.sub(r"\W+", "_", f"{operation.method} {operation.path}".lower()).strip("_"),
        "summary": operation.summary,
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}},
            "422": _REFUSED,
        },
    }
    named = re.findall(r"\{(\w+)\}", operation.path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in named]
    parameters += [
        {"name": one.name, "in": "query", "description": one.help, "schema": {"type": one.kind}}
        for one in operation.query
    ]
    if named:
        described["responses"]["404"] = {"description": "There is none of this id"}
    if parameters:
        described["parameters"] = parameters
    if operation.members:
        schema = {
            "type": "object",
            "additionalProperties": False,
            "properties": {one.name: _schema(one) for one in operation.members},
            "required": [one.name for one in operation.members if one.required],
        }
        described["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return described


def _schema(member: Member) -> JsonObject:
    if not member.kind:
        return {"description": member.help}
    return {"description": member.help, "type": [member.kind, "null"] if member.nullable else member.kind}
