"""*Look again* makes nothing, also where the try whose answer was lost is not looked for any more."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.models import CallControlApplication, Intent
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL, at_telnyx
from tests.support.sandbox_ledger import requests
from tests.support.times import ago

NEW = {"application_name": "twin", "webhook_event_url": "http://127.0.0.1:8000/x/", "dtmf_type": "Inband"}


def _ids(remotes: list[dict[str, Any]]) -> list[str]:
    return [remote["id"] for remote in remotes]


@pytest.fixture
def carried(browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount) -> dict[str, str]:
    """What the page of an uncertain create carries on, of which Telnyx has made nothing."""
    sandbox.faults.add({"method": "POST", "path": "/call_control_applications", "fault": "cut"})
    answer = browser.post(page_url("add"), {**NEW, "account": str(sandbox_account.pk)})
    assert answer.context["candidates"] == []
    return dict(answer.context["carried"])


@pytest.mark.usefixtures("only_account")
def test_after_a_colleague_has_made_one_it_is_shown_and_no_second_one_is_made(
    browser: Client, api: APIClient, sandbox: Sandbox, carried: dict[str, str]
) -> None:
    made = api.post("/api/v1/call-control-applications/", NEW, format="json").json()
    answer = browser.post(page_url("add"), carried | {"retry": "look"})
    assert _ids(sandbox.store.applications(CALL_CONTROL.resource)) == [made["id"]]
    assert _ids(answer.context["candidates"]) == [made["id"]]
    assert "1 application of this name and address, known here or not" in answer.content.decode()


def test_after_an_hour_none_is_made_and_what_is_there_by_then_is_shown(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, carried: dict[str, str]
) -> None:
    Intent.objects.update(asked_at=ago(3601))
    answer = browser.post(page_url("add"), carried | {"retry": "look"})
    assert (len(requests(sandbox, "POST")), sandbox.store.applications(CALL_CONTROL.resource)) == (1, [])
    assert answer.context["candidates"] == []
    assert "Telnyx lists none of this name and address" in answer.content.decode()

    late = at_telnyx(sandbox_account, **NEW)
    at_telnyx(sandbox_account, **{**NEW, "webhook_event_url": "http://127.0.0.1:8000/other/"})
    sandbox.store.save_application(CALL_CONTROL.resource, late | {"created_at": "2020-01-01T00:00:00.000Z"})
    assert _ids(browser.post(page_url("add"), carried | {"retry": "look"}).context["candidates"]) == [late["id"]]
    assert not CallControlApplication.objects.exists()
    assert browser.post(page_url("add"), carried | {"retry": "anyway"}).status_code == 302
    assert len(sandbox.store.applications(CALL_CONTROL.resource)) == 3
