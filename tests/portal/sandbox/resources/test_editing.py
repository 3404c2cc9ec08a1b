"""Somebody else edits at Telnyx."""

from typing import Any

import telnyx

from tests.support.sandbox_http import Http

CC = "/v2/call_control_applications"


def events(http: Http, query: str = "") -> list[dict[str, Any]]:
    return http("GET", f"/v2/audit_events?{query}")[1]["data"]


def edit(id: str, changes: Any, **more: str) -> dict[str, Any]:
    return {"resource": "call_control_applications", "id": id, "changes": changes} | more


def test_somebody_else_changes_and_deletes(http: Http, sdk: telnyx.Telnyx, application: Any) -> None:
    http("POST", "/sandbox/edit", edit(application.id, {"application_name": "b"}, user="ada@example.com"))
    assert sdk.call_control_applications.retrieve(application.id).data.application_name == "b"  # type: ignore[union-attr]
    latest = events(http)[0]
    assert latest["change_made_by"] == "organization_member"
    person = sdk.organizations.users.retrieve(latest["user_id"]).data
    assert person
    assert person.email == "ada@example.com"
    assert http("POST", "/sandbox/edit", edit(application.id, None))[0] == 200
    assert http("GET", f"{CC}/{application.id}")[0] == 404
    assert events(http)[0]["change_type"] == "delete"


def test_somebody_else_moves_a_number(http: Http, application: Any) -> None:
    number = http("GET", "/v2/phone_numbers")[1]["data"][0]
    body = {"resource": "phone_numbers", "id": number["id"], "changes": {"connection_id": application.id}}
    assert http("POST", "/sandbox/edit", body)[1]["data"]["connection_id"] == application.id
    assert events(http)[0]["alternate_resource_id"] == number["phone_number"]


def test_an_edit_that_makes_no_sense_is_refused(http: Http, application: Any) -> None:
    assert http("POST", "/sandbox/edit", {"resource": "calls", "id": "1", "changes": {}})[0] == 422
    assert http("POST", "/sandbox/edit", {"resource": "call_control_applications", "id": application.id})[0] == 422
    assert http("POST", "/sandbox/edit", edit("4", {}))[0] == 404
