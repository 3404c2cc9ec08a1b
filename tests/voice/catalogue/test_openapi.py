"""The OpenAPI document tells every address of calls, events, commands and flows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from voice.catalogue import actions, texml_operations

pytestmark = pytest.mark.django_db


def test_the_openapi_document_tells_every_address_without_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    arguments = ("--api-version", "v1", "--validate", "--fail-on-warn", "--format", "openapi-json")
    call_command("spectacular", *arguments, "--file", str(file))
    paths = json.loads(file.read_text())["paths"]
    assert len(paths) > 15
    for path in (
        "/api/v1/calls/",
        "/api/v1/calls/{call_control_id}/",
        "/api/v1/calls/{call_control_id}/events/",
        "/api/v1/calls/{call_control_id}/commands/",
        "/api/v1/calls/{call_control_id}/refresh/",
        "/api/v1/active-calls/",
        "/api/v1/sessions/{call_session_id}/",
        "/api/v1/call-events/",
        "/api/v1/commands/{id}/",
        "/api/v1/flows/{id}/",
    ):
        assert path in paths
    assert [path for path in paths if path.startswith("/api/v1/calls/{call_control_id}/actions/")]
    filters = {parameter["name"] for parameter in paths["/api/v1/calls/"]["get"]["parameters"]}
    wanted = "application connection_id direction state number from to hangup_cause call_session_id started_after"
    assert filters >= {*wanted.split(), "started_before", "has_recording", "cursor", "page_size"}


def test_no_enum_has_two_values_that_differ_by_case_alone(tmp_path: Path) -> None:
    """openapi-python-client makes constants of them, and stops at the second ``USD`` of ``USD`` and ``usd``."""
    file = tmp_path / "schema.json"
    call_command("spectacular", "--api-version", "v1", "--format", "openapi-json", "--file", str(file))
    document = json.loads(file.read_text())
    enums = list(enums_of(document))
    assert len(enums) > 50
    names = [[re.sub(r"\W", "_", str(value)).upper() for value in enum] for enum in enums]
    assert [enum for enum, named in zip(enums, names, strict=True) if len(set(named)) < len(named)] == []
    assert document["components"]["schemas"]["ActionPayParams"]["properties"]["currency"]["enum"] == ["USD"]


def enums_of(value: Any) -> Iterator[list[Any]]:
    """Every enum, wherever it stands."""
    if isinstance(value, dict) and isinstance(value.get("enum"), list):
        yield value["enum"]
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from enums_of(part)


def body_of(document: Any, path: str, verb: str) -> tuple[list[Any], bool]:
    """The schemas that a body is made of, and whether one must be given."""

    def within(schema: Any) -> Iterator[Any]:
        if "$ref" in schema:
            yield from within(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
            return
        yield schema
        for inner in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
            yield from within(inner)

    body = document["paths"][path][verb]["requestBody"]
    return list(within(body["content"]["application/json"]["schema"])), body.get("required", False)


def members(schemas: list[Any]) -> set[str]:
    return {name for schema in schemas for name in schema.get("properties", {})}


def test_each_action_has_a_path_of_its_own_with_its_parameters(client: Client) -> None:
    document = client.get("/api/schema/?format=json").json()
    for generic, prefix, names in (
        ("/api/v1/calls/{call_control_id}/actions/", "", actions.names()),
        ("/api/v1/conferences/{conference_id}/actions/", "conferences.", actions.conference_names()),
    ):
        listed = {path for path in document["paths"] if path.startswith(generic)}
        assert listed == {f"{generic}{name.removeprefix(prefix)}/" for name in names}
        for name in names:
            path, parameters = f"{generic}{name.removeprefix(prefix)}/", actions.parameters(name)
            schemas, required = body_of(document, path, "post")
            assert members(schemas) == {one.name for one in parameters}, path
            assert required == any(one.required for one in parameters), path
            assert all(one.get("additionalProperties") is False for one in schemas if "properties" in one), path
            told = {one["name"] for one in document["paths"][path]["post"]["parameters"]}
            assert told >= {"account", generic.partition("{")[2].partition("}")[0]}, path
            assert "action_name" not in told, path


# path, verb, action, and what the path tells
ELSE: list[tuple[str, str, str, set[str]]] = [
    ("calls/", "post", "dial", set()),
    ("conferences/", "post", "conferences.create", set()),
    (
        *("conferences/{conference_id}/participants/{participant_id}/", "patch"),
        *("conferences.update_participant", {"id"}),
    ),
    ("queues/", "post", "queues.create", set()),
    ("queues/{queue_name}/", "patch", "queues.update", set()),
    ("queues/{queue_name}/calls/{call_control_id}/", "patch", "queues.calls.update", {"queue_name"}),
]


def test_what_else_acts_takes_the_parameters_of_its_method_and_the_account_where_no_path_tells_it(
    client: Client,
) -> None:
    document = client.get("/api/schema/?format=json").json()
    for path, verb, action, told_by_path in ELSE:
        schemas, required = body_of(document, f"/api/v1/{path}", verb)
        beside = {"account"} if verb == "post" else set()
        assert members(schemas) == {one.name for one in actions.parameters(action)} - told_by_path | beside, path
        assert required, path
        assert not told_by_path & {name for schema in schemas for name in schema.get("required", ())}, path
        closed = [schema for schema in schemas if schema.get("additionalProperties") is False]
        assert bool(closed) is (verb != "post"), path  # else nobody could say the account


OF_TEXML = [
    ("calls/", "post", {"To", "From", "ApplicationSid", "connection_id"}),
    ("calls/{call_sid}/", "patch", {"Status", "Url", "Texml"}),
    ("calls/{call_sid}/recordings/", "post", {"RecordingChannels", "PlayBeep"}),
    ("calls/{call_sid}/recordings/{recording_sid}/", "patch", {"Status"}),
    ("calls/{call_sid}/siprec/", "post", {"ConnectorName", "Track"}),
    ("calls/{call_sid}/siprec/{siprec_sid}/", "patch", {"Status"}),
    ("calls/{call_sid}/streams/", "post", {"Url", "Track"}),
    ("calls/{call_sid}/streams/{streaming_sid}/", "patch", {"Status"}),
    ("conferences/{conference_sid}/", "patch", {"AnnounceUrl", "Status"}),
    ("conferences/{conference_sid}/participants/", "post", {"To", "Label"}),
    ("conferences/{conference_sid}/participants/{participant}/", "patch", {"Muted", "Hold"}),
    ("queues/", "post", {"FriendlyName", "MaxSize"}),
    ("queues/{queue_sid}/", "patch", {"MaxSize"}),
    ("ai-calls/", "post", {"AIAssistantId", "connection_id"}),
]
LISTS = {
    "calls/": "texml.calls.list",
    "calls/{call_sid}/recordings/": "texml.calls.recordings",
    "conferences/": "texml.conferences.list",
    "conferences/{conference_sid}/participants/": "texml.participants.list",
    "conferences/{conference_sid}/recordings/": "texml.conferences.recordings",
    "queues/": "texml.queues.list",
    "recordings/": "texml.recordings.list",
    "transcriptions/": "texml.transcriptions.list",
}


def test_what_texml_takes_has_the_parameters_and_the_filters_of_its_method(client: Client) -> None:
    document = client.get("/api/schema/?format=json").json()
    in_address = {name for one in texml_operations.COMMANDS.values() for name in one.address_names}
    for path, verb, names in OF_TEXML:
        schemas, required = body_of(document, f"/api/v1/texml/{path}", verb)
        assert members(schemas) >= names | {"account"}, path
        assert not members(schemas) & (in_address - {"connection_id"}), path
        assert required, path
    for path, name in LISTS.items():
        told = document["paths"][f"/api/v1/texml/{path}"]["get"]["parameters"]
        assert {one["name"] for one in told if one["in"] == "query"} >= set(texml_operations.filters(name)), path
        choices = {one.name: list(one.choices) for one in texml_operations.READS[name].parameters() if one.choices}
        assert {one["name"]: one["schema"].get("enum") for one in told if one["name"] in choices} == choices, path
