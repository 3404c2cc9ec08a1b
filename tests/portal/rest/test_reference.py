"""The REST reference: every request is on a page, and what it shows can be run."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils.html import escape

from applications.models import CallControlApplication
from portal.models import ApiToken, TelnyxAccount
from portal.rest import reference
from tests.support.factories import CONNECTION

EXAMPLES = Path(settings.BASE_DIR) / "templates/portal/reference/examples"
CALL_CONTROL_ID = "v3:U70o8JxUsew9tZLexaoilK0oavcDYom-QrRo6Y3hGSab-6GoAusQJg"


def test_every_request_of_the_document_is_on_the_page_of_its_resource(client: Client, db: None) -> None:
    document = client.get("/api/schema/", headers={"Accept": "application/json"}).json()
    wanted = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    shown: set[tuple[str, str]] = set()
    for slug in reference.resources():
        page = client.get(f"/api/docs/{slug}/").content.decode()
        assert f'href="/api/docs/{slug}/" aria-current="page"' in page
        shown |= set(re.findall(r'<h2 [^>]*><b class="\w+">(\w+)</b> <code>([^<]+)</code>', page))
    assert shown == wanted


def test_the_introduction_leads_to_every_resource_and_shows_the_examples_as_they_are(client: Client, db: None) -> None:
    page = client.get("/api/docs/").content.decode()
    assert "https://" not in page
    for slug in reference.resources():
        assert f'href="/api/docs/{slug}/"' in page
    files = sorted(EXAMPLES.iterdir())
    assert len(files) == 8
    for file in files:
        assert escape(file.read_text()).strip() in page


def test_a_resource_that_there_is_not_is_not_found(client: Client, db: None) -> None:
    assert client.get("/api/docs/nothing/").status_code == 404


def test_an_operation_tells_what_it_takes_and_what_comes_back(client: Client, db: None) -> None:
    (begin,) = [one for one in reference.resources()["dial-batches"].operations if one.id == "dial-batches-create"]
    assert {one.name for one in begin.members if one.required} == {"connection_id", "from", "numbers"}
    assert '"to": "+13125550001"' in begin.body
    assert begin.curl.startswith(
        'curl -s -H "Authorization: Bearer $TOKEN" "$PORTAL/api/v1/dial-batches/" \\\n  -X POST'
    )
    assert begin.status == "201"
    (alive,) = reference.resources()["active-calls"].operations
    assert '/api/v1/active-calls/?connection_id=…"' in alive.curl
    (dial,) = [one for one in reference.resources()["calls"].operations if one.id == "calls-create"]
    assert "answering_machine_detection" in {one.name for one in dial.members}


def made_of(schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch, **named: dict[str, Any]) -> reference.Operation:
    """The request that takes such a body and answers with one."""
    content = {"content": {"application/json": {"schema": schema}}}
    post = {"operationId": "toys_create", "requestBody": content, "responses": {"201": content}}
    whole = {"components": {"schemas": named}, "paths": {"/api/v1/toys/": {"post": post}}}
    monkeypatch.setattr(reference, "document", lambda: whole)
    (made,) = reference.resources.__wrapped__()["toys"].operations
    return made


def test_a_member_is_told_and_shown_by_what_its_schema_says(monkeypatch: pytest.MonkeyPatch) -> None:
    members: dict[str, tuple[dict[str, Any], str, Any]] = {
        "colour": ({"type": "string", "enum": ["", "red", "blue", None]}, '"red", "blue"', "red"),
        "dozen": ({"enum": [*range(1, 13)]}, ", ".join(map(str, range(1, 13))), 1),
        "more": ({"enum": [*range(1, 14)]}, ", ".join(map(str, range(1, 13))) + " … (13 in all)", 1),
        "anything": ({}, "any value", None),
        "text": ({"type": ["string", "null"]}, "string", "text"),
        "either": ({"type": ["integer", "boolean"]}, "integer or boolean", 1),
        "several": ({"type": "array", "items": {}}, "list of any value", [None]),
        "none": ({"type": "array", "items": {"type": "integer"}, "default": []}, "list of integer", [1]),
        "limit": ({"type": "integer", "minimum": 5}, "integer", 5),
        "day": ({"type": "string", "format": "date"}, "string (date)", "2026-11-28"),
        "opened_at": ({"type": "string"}, "string", "2026-11-28T09:30:00Z"),
        "queue_id": ({"type": "string"}, "string", "1838259600345370018"),
        "their_call_control_id": ({"type": "string"}, "string", CALL_CONTROL_ID),
        "row_id": ({"type": "string", "format": "uuid"}, "string (uuid)", "422c5d69-ef2b-4d99-ba97-c0666d884198"),
        "page_url": ({"type": "string"}, "string", "https://example.com/"),
        "team_name": ({"type": "string"}, "string", "Support line"),
        "own_number": ({"type": "string"}, "string", "+13125550100"),
        "from": ({"type": "string", "default": "given"}, "string", "+13125550100"),
        "connection_id": ({"type": "string"}, "string", "1838259600345370018"),
        "account": ({"type": "string"}, "string", "sandbox"),
        "webhook_event_url": ({"type": "string"}, "string", "https://example.com/telnyx"),
        "begun": ({"type": "string", "format": "date-time"}, "string (date-time)", "2026-11-28T09:30:00Z"),
        "page": ({"type": "string", "format": "uri"}, "string (uri)", "https://example.com/"),
        "mail": ({"type": "string", "format": "email"}, "string (email)", "ada@example.com"),
        "share": ({"type": "number"}, "number", 1.5),
        "is_on": ({"type": "boolean"}, "boolean", True),
        "nothing": ({"type": "null"}, "null", None),
        "name": ({"type": "string", "default": "given"}, "string", "given"),
        "fixed": ({"type": "string", "const": "always"}, "string", "always"),
        "sample": ({"type": "string", "default": "given", "example": "shown"}, "string", "shown"),
    }
    schema = {"properties": {name: one for name, (one, *_) in members.items()}, "required": [*members]}
    made = made_of(schema, monkeypatch)
    assert {one.name: one.type for one in made.members} == {name: words for name, (_, words, _) in members.items()}
    example = {name: value for name, (*_, value) in members.items()}
    assert (json.loads(made.body), json.loads(made.answer)) == (example, example)


def test_what_a_schema_names_elsewhere_is_told_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    part = {"type": "object", "properties": {"size": {"type": "integer"}, "way": {"type": "string"}}}
    wheel = {"allOf": [{"$ref": "#/components/schemas/Part"}], "required": ["way"], "description": "It turns."}
    properties = {
        "wheel": wheel,
        "spare": {"oneOf": [{"$ref": "#/components/schemas/Part"}, {"type": "integer"}]},
        "spokes": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
    }
    made = made_of({"type": "object", "properties": properties}, monkeypatch, Part=part)
    assert [(one.name, one.type, one.required, one.text) for one in made.members] == [
        ("wheel", "object", False, "It turns."),
        ("wheel.size", "integer", False, ""),
        ("wheel.way", "string", True, ""),
        ("spare", "object or integer", False, ""),
        ("spokes", "list of object", False, ""),
    ]
    assert json.loads(made.body) == {"wheel": {"way": "text"}}  # nothing is required, and of it the first
    shown = {"size": 1, "way": "text"}
    assert json.loads(made.answer) == {"wheel": shown, "spare": shown, "spokes": [shown]}


def test_a_body_is_quoted_so_that_a_shell_sends_it_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = {"type": "string", "default": "it's so"}
    made = made_of({"properties": {"text": text}, "required": ["text"]}, monkeypatch)
    assert json.loads(shlex.split(made.curl)[-1]) == {"text": "it's so"}


def test_of_an_address_the_parameters_that_are_required_are_shown_and_those_within_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = [("id", "path", True), ("size", "query", True), ("page", "query", False), ("way", "query", True)]
    told = [{"name": name, "in": place, "required": required} for name, place, required in places]
    get = {"operationId": "toys_retrieve", "parameters": told, "responses": {"200": {}}}
    whole = {"components": {"schemas": {}}, "paths": {"/api/v1/toys/{id}/": {"get": get}}}
    monkeypatch.setattr(reference, "document", lambda: whole)
    (made,) = reference.resources.__wrapped__()["toys"].operations
    assert made.curl == 'curl -s -H "Authorization: Bearer $TOKEN" "$PORTAL/api/v1/toys/{id}/?size=…&way=…"'
    assert (made.body, made.answer) == ("", "")


def test_an_object_of_which_no_member_is_told_is_shown_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    bags = {"bag": {"type": "object"}, "none": {"type": ["object", "null"], "additionalProperties": {}}}
    made = made_of({"properties": bags, "required": [*bags]}, monkeypatch)
    assert json.loads(made.body) == json.loads(made.answer) == {"bag": {}, "none": {}}


def test_what_is_within_itself_is_told_to_a_depth_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    made = made_of(node, monkeypatch, Node=node)
    assert [one.name for one in made.members] == [".".join(["next"] * depth) for depth in range(1, 6)]
    assert json.loads(made.answer) == {"next": {"next": {"next": {"next": {"next": {}}}}}}


@pytest.mark.django_db(transaction=True)
def test_the_examples_in_python_run_as_they_stand(
    live_server: Any, account: TelnyxAccount, operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="ivr")
    monkeypatch.setenv("PORTAL", live_server.url)
    monkeypatch.setenv("TOKEN", ApiToken.make(operator, "tests", [])[1])
    said = {file.stem: _run(file) for file in EXAMPLES.glob("*.py")}
    assert said["tokens"] == f"{account.name}\n"
    assert said["paging"] == ""
    assert said["idempotency"] == "201 true True\n"
    assert said["errors"] == "400 invalid nummer There is no such filter.\n"


def _run(file: Path) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(file.read_text(), str(file), "exec"), {})
    return said.getvalue()


def test_requests_are_put_to_their_resource_and_that_is_named_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"operationId": "x_list", "responses": {"200": {}}}
    paths = {
        "toys/": {"get": one, "post": one},
        **{path: {"get": one} for path in ("toys/{id}/", "texml/toys/{id}/", "texml/calls/", "texml/calls/{id}/")},
        **{path: {"get": one} for path in ("call-control-toys/", "ai-toys/", "siprec/", "twiml-toys/")},
    }
    whole = {"components": {"schemas": {}}, "paths": {f"/api/v1/{path}": told for path, told in paths.items()}}
    monkeypatch.setattr(reference, "document", lambda: whole)
    made = reference.resources.__wrapped__()
    assert {slug: resource.title for slug, resource in made.items()} == {
        "ai-toys": "AI toys",
        "call-control-toys": "Call Control toys",
        "siprec": "SIPREC",
        "texml-calls": "TeXML calls",
        "texml-toys": "TeXML toys",
        "toys": "Toys",
        "twiml-toys": "TwiML toys",
    }
    of_toys = [(operation.method, operation.path) for operation in made["toys"].operations]
    assert of_toys == [("GET", "/api/v1/toys/"), ("POST", "/api/v1/toys/"), ("GET", "/api/v1/toys/{id}/")]
    assert [operation.path for operation in made["texml-calls"].operations] == [
        "/api/v1/texml/calls/",
        "/api/v1/texml/calls/{id}/",
    ]


def test_all_that_is_said_of_a_request_and_of_its_parameters_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    size = {"name": "size", "in": "query", "required": True, "schema": {"type": "integer"}, "description": "How big."}
    said = {
        "summary": "Lists toys.",
        "description": "Of a ``size``.",
        "parameters": [{"name": "id", "in": "path"}, size],
    }
    get = {"operationId": "toys_all_list", "responses": {"200": {}, "default": {}}, **said}
    whole = {"components": {"schemas": {}}, "paths": {"/api/v1/toys/": {"get": get}}}
    monkeypatch.setattr(reference, "document", lambda: whole)
    (made,) = reference.resources.__wrapped__()["toys"].operations
    assert (made.id, made.status, made.text) == ("toys-all-list", "200", "Lists toys.\n\nOf a size.")
    assert made.parameters == [
        reference.Member("id", "any value", False, "", "path"),
        reference.Member("size", "integer", True, "How big.", "query"),
    ]
