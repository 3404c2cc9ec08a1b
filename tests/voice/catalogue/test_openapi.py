"""The OpenAPI document tells every address of calls, events, commands and flows."""

import json
from pathlib import Path

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
