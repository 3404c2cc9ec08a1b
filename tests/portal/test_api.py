"""The OpenAPI document of REST, and its page."""

import json

from django.core.management import call_command

ACCOUNTS = "/api/v1/accounts/"


def test_the_openapi_document_is_valid_without_warnings_and_has_paths(db, tmp_path):
    file = tmp_path / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    document = json.loads(file.read_text())
    assert ACCOUNTS in document["paths"]
    assert "default" in document["paths"][ACCOUNTS]["get"]["responses"]


def test_the_document_is_served_and_its_page_asks_no_other_host(client, db):
    assert "/api/v1/accounts/" in client.get("/api/schema/", headers={"Accept": "application/json"}).content.decode()
    page = client.get("/api/docs/").content.decode()
    assert "https://" not in page
