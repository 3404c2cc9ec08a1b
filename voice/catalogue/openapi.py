"""Writes the bodies of dial and of every action into the OpenAPI document: a path for each action."""

import copy
from collections.abc import Collection
from typing import Any

from portal.telnyx import schemas
from voice.catalogue import actions, texml_operations

_CALLS = "/api/v1/calls/{call_control_id}/actions/{action_name}/"
_CONFERENCES = "/api/v1/conferences/{conference_id}/actions/{action_name}/"
# what else takes the parameters of one method: path, verb, action, and parameters that the path itself tells
_OTHERS = (
    ("/api/v1/calls/", "post", actions.DIAL),
    ("/api/v1/conferences/", "post", "conferences.create"),
    ("/api/v1/conferences/{conference_id}/participants/{participant_id}/", "patch", "conferences.update_participant"),
    ("/api/v1/queues/", "post", "queues.create"),
    ("/api/v1/queues/{queue_name}/", "patch", "queues.update"),
    ("/api/v1/queues/{queue_name}/calls/{call_control_id}/", "patch", "queues.calls.update"),
)
_TOLD_BY_PATH = {"conferences.update_participant": "id", "queues.calls.update": "queue_name"}
_TEXML = "/api/v1/texml/"
_TEXML_BODIES = (
    ("calls/", "post", ("texml.calls.dial", "texml.calls.create")),
    ("calls/{call_sid}/", "patch", ("texml.calls.redirect",)),
    ("calls/{call_sid}/recordings/", "post", ("texml.calls.record",)),
    ("calls/{call_sid}/recordings/{recording_sid}/", "patch", ("texml.calls.update_recording",)),
    ("calls/{call_sid}/siprec/", "post", ("texml.calls.start_siprec",)),
    ("calls/{call_sid}/siprec/{siprec_sid}/", "patch", ("texml.calls.stop_siprec",)),
    ("calls/{call_sid}/streams/", "post", ("texml.calls.start_stream",)),
    ("calls/{call_sid}/streams/{streaming_sid}/", "patch", ("texml.calls.stop_stream",)),
    ("conferences/{conference_sid}/", "patch", ("texml.conferences.announce",)),
    ("conferences/{conference_sid}/participants/", "post", ("texml.participants.dial",)),
    ("conferences/{conference_sid}/participants/{participant}/", "patch", ("texml.participants.update",)),
    ("queues/", "post", ("texml.queues.create",)),
    ("queues/{queue_sid}/", "patch", ("texml.queues.update",)),
    ("secrets/", "post", ("texml.secrets.save",)),
    ("ai-calls/", "post", ("texml.ai_calls.create",)),
)
_TEXML_LISTS = (
    ("calls/", "texml.calls.list"),
    ("calls/{call_sid}/recordings/", "texml.calls.recordings"),
    ("conferences/", "texml.conferences.list"),
    ("conferences/{conference_sid}/participants/", "texml.participants.list"),
    ("conferences/{conference_sid}/recordings/", "texml.conferences.recordings"),
    ("queues/", "texml.queues.list"),
    ("recordings/", "texml.recordings.list"),
    ("transcriptions/", "texml.transcriptions.list"),
)
_IN_BODY = {"connection_id": {"type": "string", "description": "The TeXML application that dials, by Telnyx's id."}}
_ACCOUNT: dict[str, Any] = {
    "type": "object",
    "properties": {"account": {"type": "string", "description": "While there are several."}},
}


def document_actions(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Make exact paths of a generic one, one an action, with components read from the SDK: a drf-spectacular hook."""
    paths, others = result["paths"], [action for _, _, action in _OTHERS]
    if _CALLS not in paths:
        return result
    known = [*actions.names(), *actions.conference_names(), *others]
    bodies, shared = schemas.json_schemas([actions.method(name) for name in known])
    left_out = {_component(bodies, action): ("command_id", _TOLD_BY_PATH.get(action, "")) for action in others}
    # "account" stands beside the members of what has no call or conference in its path
    opened = {_component(bodies, action) for path, verb, action in _OTHERS if verb == "post"}
    result["components"]["schemas"] |= {
        name: _ours(schema, left_out.get(name, ("command_id",)), opened=name in opened)
        for name, schema in shared.items()
    }
    _spread(paths, _CALLS, {name: name for name in actions.names()}, bodies)
    _spread(paths, _CONFERENCES, {name.partition(".")[2]: name for name in actions.conference_names()}, bodies)
    for path, verb, action in _OTHERS:
        body = bodies[actions.method(action)]
        paths[path][verb]["requestBody"] = _body({"allOf": [body, _ACCOUNT]} if verb == "post" else body, required=True)
    return result


def document_texml(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Write TeXML's bodies and filters, read from the SDK, into the document: a drf-spectacular hook."""
    paths = result["paths"]
    if f"{_TEXML}calls/" not in paths:
        return result
    methods = [actions.method(action) for _, _, names in _TEXML_BODIES for action in names]
    bodies, shared = schemas.json_schemas(methods)
    in_address = {name for one in texml_operations.COMMANDS.values() for name in one.address_names}
    result["components"]["schemas"] |= {name: _ours(schema, in_address, opened=True) for name, schema in shared.items()}
    for path, verb, names in _TEXML_BODIES:
        shapes = [{"allOf": [bodies[actions.method(name)], _beside(name)]} for name in names]
        body = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
        paths[_TEXML + path][verb]["requestBody"] = _body(body, required=True)
    for path, name in _TEXML_LISTS:
        choices = {one.name: list(one.choices) for one in texml_operations.READS[name].parameters() if one.choices}
        paths[_TEXML + path]["get"]["parameters"] += [
            {"in": "query", "name": wanted, "description": "Telnyx's filter.", "schema": _text(choices.get(wanted))}
            for wanted in texml_operations.filters(name)
        ]
    return result


def _text(choices: list[Any] | None) -> dict[str, Any]:
    return {"type": "string", "enum": choices} if choices else {"type": "string"}


def _beside(action: str) -> dict[str, Any]:
    """Describe the members that stand beside Telnyx's: the account, and the application in the address of a dial."""
    ids = {name: schema for name, schema in _IN_BODY.items() if name in texml_operations.COMMANDS[action].ids}
    return {**_ACCOUNT, "properties": {**_ACCOUNT["properties"], **ids}, "required": list(ids)}


def _spread(paths: dict[str, Any], generic_path: str, named: dict[str, str], bodies: dict[str, Any]) -> None:
    """Replace the generic path by one path for each action."""
    generic = paths.pop(generic_path)["post"]
    resource = generic_path.split("/")[3]
    for word, action in named.items():
        operation = copy.deepcopy(generic)
        operation["parameters"] = [
            parameter for parameter in operation["parameters"] if parameter["name"] != "action_name"
        ]
        needed = any(parameter.required for parameter in actions.parameters(action))
        operation |= {
            "operationId": f"{resource}_actions_{word}",
            "summary": actions.label(action),
            "requestBody": _body(bodies[actions.method(action)], required=needed),
        }
        paths[generic_path.replace("{action_name}", word)] = {"post": operation}


def _component(bodies: dict[str, Any], action: str) -> str:
    return str(bodies[actions.method(action)]["$ref"]).rpartition("/")[2]


def _body(schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}, "required": required}


def _ours(schema: dict[str, Any], left_out: Collection[str], *, opened: bool) -> dict[str, Any]:
    """Leave out what the portal sets itself."""
    kept = {name: value for name, value in schema.items() if not (opened and name == "additionalProperties")}
    if "properties" in kept:
        named = {name: value for name, value in kept["properties"].items() if name not in left_out}
        kept["properties"] = {name: _of_one_case(value) for name, value in named.items()}
    if "required" in kept:
        kept["required"] = [name for name in kept["required"] if name not in left_out]
    return kept


def _of_one_case(schema: dict[str, Any]) -> dict[str, Any]:
    """Keep of values that differ by case alone (``USD``, ``usd``) the first: generators name constants in capitals.

    The others are taken all the same.
    """
    if "enum" not in schema:
        return schema
    first: dict[str, Any] = {}
    for value in schema["enum"]:
        first.setdefault(str(value).upper(), value)
    return schema | {"enum": list(first.values())}
