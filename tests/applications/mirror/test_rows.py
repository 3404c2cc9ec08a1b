"""A row holds all that Telnyx ever told of an application, and people may hold an older state of it as their base."""

import json
from typing import Any

import httpx
import pytest
from rest_framework.test import APIClient

from applications.mirror.store import store
from applications.models import CallControlApplication
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.applications import CALL_CONTROL
from tests.support.telnyx_edits import reasons
from tests.support.under_way import answers_otherwise


@pytest.mark.usefixtures("only_account")
def test_the_base_of_a_form_stays_known_when_telnyx_tells_more(
    api: APIClient, mirrored: Any, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored()
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    etag = api.get(url)["ETag"]

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if "applications" not in request.url.path:
            return None
        body = json.loads(answer.content)
        for one in body["data"] if isinstance(body["data"], list) else [body["data"]]:
            one["new_member"] = False
        return httpx.Response(answer.status_code, json=body)

    answers_otherwise(monkeypatch, change)
    record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert (record.updated, reasons(row)) == (0, ["pulled (portal)"])
    row.refresh_from_db()
    assert row.remote["new_member"] is False
    assert api.patch(url, {"active": False}, format="json", headers={"If-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("number", "column"), [(2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (2**63, None), (-(2**63) - 1, None)]
)
def test_a_number_that_no_column_holds_leaves_its_column_empty(
    account: TelnyxAccount, number: int, column: int | None
) -> None:
    remote = {"id": "huge", "application_name": "huge", "webhook_timeout_secs": number}
    store(CALL_CONTROL, account, remote, PORTAL, "pulled")
    row = CallControlApplication.objects.get(account=account)
    assert (row.webhook_timeout_secs, row.remote["webhook_timeout_secs"]) == (column, number)
