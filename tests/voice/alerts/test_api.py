"""Alerts over REST: read with filters, by those who may."""

import uuid
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from portal.times import read_time
from tests.support.alerts import alert
from tests.support.rest import api_for
from tests.support.rows import AlertMute
from tests.support.times import ago

pytestmark = pytest.mark.django_db
API = "/api/v1/alerts/"


def test_over_rest_they_are_read_with_filters(user_with: Any, account: TelnyxAccount) -> None:
    row = alert(account, link="/admin/voice/callevent/", details={"count": 3})
    alert(None, "events", kind="backlog", closed_at=timezone.now())
    AlertMute.objects.create(subject="main", created_at=timezone.now(), reason="x", by="y")
    api = api_for(user_with("voice.view_alert"), "events:read")
    told = api.get(f"{API}{row.pk}/").json()
    assert told == api.get(API, {"open": "true"}).json()["results"][0]
    assert (told["kind"], told["subject"], told["account"], told["muted"]) == ("dead_events", "main", "main", True)
    assert (told["link"], told["closed_at"]) == ("http://127.0.0.1:8000/admin/voice/callevent/", None)
    for query, subjects in (
        ({}, {"main", "events"}),
        ({"open": "false"}, {"events"}),
        ({"kind": "backlog"}, {"events"}),
        ({"account": "main"}, {"main"}),
        ({"subject": "main"}, {"main"}),
    ):
        assert {one["subject"] for one in api.get(API, query).json()["results"]} == subjects
    for wrong in ({"open": "maybe"}, {"kind": "nothing"}, {"opened": "true"}):
        assert api.get(API, wrong).status_code == 400
    assert api.post(API, {}).status_code == 403


def test_over_rest_an_alert_tells_all_that_was_promised_of_it(user_with: Any, account: TelnyxAccount) -> None:
    row = alert(account, link="/admin/voice/callevent/", details={"count": 3}, closed_at=timezone.now())
    told = api_for(user_with("voice.view_alert"), "events:read").get(f"{API}{row.pk}/").json()
    times = {name: read_time(told.pop(name)) for name in ("opened_at", "seen_at", "closed_at")}
    assert times == {"opened_at": row.opened_at, "seen_at": row.seen_at, "closed_at": row.closed_at}
    assert told == {
        "id": str(row.pk),
        "kind": "dead_events",
        "subject": "main",
        "account": "main",
        "summary": "3 events were given up (main).",
        "link": "http://127.0.0.1:8000/admin/voice/callevent/",
        "details": {"count": 3},
        "muted": False,
    }


@pytest.mark.parametrize("named", ["", "main"])
def test_over_rest_an_alert_of_no_account_and_without_a_page_says_so(user_with: Any, named: str) -> None:
    row = alert(None, "events", kind="backlog")
    AlertMute.objects.create(kind="backlog", subject=named, created_at=timezone.now(), reason="x", by="y")
    told = api_for(user_with("voice.view_alert"), "events:read").get(f"{API}{row.pk}/").json()
    assert (told["account"], told["link"], told["muted"]) == (None, None, not named)


def test_over_rest_the_one_that_opened_last_comes_first(user_with: Any) -> None:
    for hours in (2, 3, 1):
        at = ago(hours * 3600)
        columns: dict[str, Any] = {"id": uuid.UUID(int=hours), "opened_at": at, "closed_at": at if hours == 1 else None}
        alert(subject=f"{hours} hours ago", **columns)
    told = api_for(user_with("voice.view_alert"), "events:read").get(API).json()["results"]
    assert [one["subject"] for one in told] == [f"{hours} hours ago" for hours in (1, 2, 3)]


def test_the_openapi_document_says_that_nothing_of_an_alert_is_written(api: APIClient) -> None:
    schemas = api.get("/api/schema/?format=json").json()["components"]["schemas"]
    members = schemas["Alert"]["properties"]
    assert [name for name, told in members.items() if not told.get("readOnly")] == []
    assert {"muted", "summary", "details"} <= set(members)


def test_over_rest_scope_and_permission_are_asked_for(user_with: Any) -> None:
    row = alert()
    for url in (API, f"{API}{row.pk}/"):
        assert api_for(user_with("voice.view_alert", username=f"a{len(url)}"), "calls:read").get(url).status_code == 403
        assert api_for(user_with("voice.view_call", username=f"b{len(url)}")).get(url).status_code == 403


def test_over_rest_one_mute_that_covers_an_alert_is_enough(user_with: Any, account: TelnyxAccount) -> None:
    row = alert(account)
    for subject in ("main", "other"):
        AlertMute.objects.create(subject=subject, created_at=timezone.now(), reason="x", by="y")
    told = api_for(user_with("voice.view_alert"), "events:read").get(f"{API}{row.pk}/").json()
    assert told["muted"] is True
