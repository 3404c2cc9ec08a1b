"""Numbers and profiles are listed over REST; numbers are assigned there."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from rest_framework.test import APIClient

from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.applications import CALL_CONTROL, TEXML
from tests.support.rest import api_for
from tests.support.telnyx_numbers import number_at, numbers_url

pytestmark = pytest.mark.usefixtures("only_account")

KINDS = pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)


@KINDS
def test_numbers_are_listed_assigned_and_unassigned_over_rest(api: APIClient, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind)
    number = number_at(row.account, 4)
    answer = api.post(numbers_url(row, number["id"], "assign", kind=kind))
    assert (answer.status_code, answer.json()["connection_id"]) == (200, row.telnyx_id)
    listed = api.get(numbers_url(row, kind=kind)).json()
    assert [one["phone_number"] for one in listed["results"]] == ["+13125550104"]
    assert api.get(numbers_url(row, kind=kind), {"search": "0105"}).json()["results"] == []
    assert api.get(numbers_url(row, kind=kind), {"search": "1"}).json()["errors"]["search"]
    assert api.post(numbers_url(row, number["id"], "unassign", kind=kind)).json()["connection_id"] is None
    again = api.post(numbers_url(row, number["id"], "unassign", kind=kind))
    assert (again.status_code, list(again.json()["errors"])) == (400, ["number_id"])
    assert AuditEvent.objects.filter(action="number.assign", actor="token: tests").count() == 1


def test_rest_says_what_telnyx_refused_and_when_it_is_away(api: APIClient, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    number = number_at(row.account)
    assert api.post(numbers_url(row, "4", "assign")).status_code == 404
    for status in (422, 404):  # of which the second may tell of the application, and not of the number
        sandbox.faults.add({"fault": "status", "method": "PATCH", "path": "/phone_numbers", "value": status})
        assert api.post(numbers_url(row, number["id"], "assign")).status_code == 422
    sandbox.faults.add({"fault": "status", "path": "/phone_numbers", "value": 429})
    answer = api.post(numbers_url(row, number["id"], "assign"))
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


def test_rest_asks_for_the_permission_to_assign(user_with: Callable[..., User], mirrored: Any) -> None:
    row = mirrored()
    number = number_at(row.account)
    client = api_for(user_with("applications.view_callcontrolapplication"))
    assert client.get(numbers_url(row)).status_code == 200
    assert client.post(numbers_url(row, number["id"], "assign")).status_code == 403
    reading = api_for(user_with("applications.assign_number", username="reader"), "applications:read")
    assert reading.post(numbers_url(row, number["id"], "assign")).status_code == 403
    assert number_at(row.account)["connection_id"] is None
    both = user_with("applications.view_callcontrolapplication", "applications.assign_number", username="assigner")
    assert api_for(both, "applications:write").post(numbers_url(row, number["id"], "assign")).status_code == 200
    assert number_at(row.account)["connection_id"] == row.telnyx_id


REST = "/api/v1/outbound-voice-profiles/"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def ids(account: TelnyxAccount) -> list[str]:
    return [one["id"] for one in ask(account, "outbound_voice_profiles.list")["data"]]


def test_profiles_over_rest(
    api: APIClient, sandbox_account: TelnyxAccount, user_with: Callable[..., User], sandbox: Sandbox
) -> None:
    answer = api.get(REST, {"account": "sandbox"}).json()
    assert [one["name"] for one in answer["results"]] == ["Domestic", "International"]
    assert {one["id"] for one in answer["results"]} == set(ids(sandbox_account))
    assert answer["results"][0]["enabled"] is True
    assert api.get(REST, {"account": "nope"}).status_code == 400
    assert api_for(user_with(), "applications:read").get(REST).status_code == 403
    cache.clear()
    sandbox.faults.add({"fault": "status", "path": "/outbound_voice_profiles", "value": 429})
    assert api.get(REST).status_code == 503
