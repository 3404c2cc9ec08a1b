"""Telnyx's own log of changes at the sandbox, and the somebody else who makes some of them."""

from typing import Any

import telnyx

from tests.support.sandbox_http import Http

CC = "/v2/call_control_applications"


def events(http: Http, query: str = "") -> list[dict[str, Any]]:
    return http("GET", f"/v2/audit_events?{query}")[1]["data"]


def test_every_change_is_told_with_who_and_what(http: Http, sdk: telnyx.Telnyx, application: Any) -> None:
    names = {"application_name": "b", "webhook_event_url": "https://example.com"}
    http("PATCH", f"{CC}/{application.id}", names | {"inbound": {"channel_limit": 5}, "tags": ["x", "y"]})
    http("DELETE", f"{CC}/{application.id}")
    deleted, updated, created = list(sdk.audit_events.list())
    assert [one.change_type for one in (deleted, updated, created)] == ["delete", "update", "create"]
    assert {one.resource_id for one in (deleted, updated, created)} == {application.id}
    assert {one.change_made_by for one in (deleted, updated, created)} == {"account_owner"}
    told = {change.field: (change.from_, change.to) for change in updated.changes or []}
    assert told["application_name"] == ("tests", "b")
    assert told["inbound.channel_limit"] == (None, 5)
    assert told["tags"] == ("", "x, y")
    assert "updated_at" not in told


def test_the_log_is_narrowed_by_time_and_sorted_either_way(http: Http, application: Any) -> None:
    http("POST", "/sandbox/edit", edit(application.id, {"application_name": "b"}))
    newest, oldest = events(http)
    assert events(http, "sort=asc") == [oldest, newest]
    assert events(http, f"filter%5Bcreated_after%5D={oldest['created_at']}") == [newest]
    assert events(http, f"filter%5Bcreated_before%5D={newest['created_at']}") == [oldest]
    assert http("GET", "/v2/audit_events?sort=up")[0] == 400
    assert http("GET", "/v2/audit_events?filter%5Bcreated_after%5D=today")[0] == 400


def edit(id: str, changes: Any, **more: str) -> dict[str, Any]:
    return {"resource": "call_control_applications", "id": id, "changes": changes} | more
