"""A refusal of Telnyx stands under the field that it names, and keeps its words and its code."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import drawn, errors_of, page_url
from tests.support.rest import problem

URL = "/api/v1/call-control-applications/"


@pytest.mark.usefixtures("only_account")
def test_a_refusal_of_telnyx_stands_under_its_field(api: APIClient, mirrored: Any) -> None:
    answer = api.patch(f"{URL}{mirrored().telnyx_id}/", {"webhook_timeout_secs": 31}, format="json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert "0 to 30" in answer.json()["errors"]["webhook_timeout_secs"][0]
    assert CallControlApplication.objects.get().webhook_timeout_secs is None


def _not_there(sandbox: Sandbox, method: str) -> None:
    sandbox.faults.add({"method": method, "path": "/call_control_applications", "fault": "status", "value": 404})


@pytest.mark.usefixtures("only_account")
def test_a_404_to_a_create_is_no_404_of_ours_and_keeps_what_telnyx_says(
    api: APIClient, browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    new = {"application_name": "router", "webhook_event_url": "http://127.0.0.1:8000/x/"}
    _not_there(sandbox, "POST")
    told = problem(api.post(URL, new, format="json"), 422, "telnyx_refused")
    assert (told["telnyx_code"], "this fault was asked for" in told["detail"]) == ("10005", True)
    _not_there(sandbox, "POST")
    form = drawn(browser, page_url("add")) | new
    assert "this fault was asked for" in str(errors_of(browser.post(page_url("add"), form)))


@pytest.mark.usefixtures("only_account")
def test_nor_is_one_to_a_change_of_what_telnyx_has_just_told(api: APIClient, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    _not_there(sandbox, "PATCH")
    answer = api.patch(f"{URL}{row.telnyx_id}/", {"active": False}, format="json")
    assert problem(answer, 422, "telnyx_refused")["telnyx_code"] == "10005"
    row.refresh_from_db()
    assert row.missing_since is None
