"""The OpenAPI document tells every address of calls, events, commands and flows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

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
