"""The pages of the history tell who changed what."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from portal.models import TelnyxAccount
from tests.support.applications import TEXML, change_at_telnyx

pytestmark = pytest.mark.django_db


def _history(api: Any, row: Any, slug: str = "call-control-applications", **query: Any) -> Any:
    answer = api.get(f"/api/v1/{slug}/{row.telnyx_id}/history/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.usefixtures("only_account")
def test_what_a_pull_and_a_command_find_is_told(api: Any, mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row = mirrored(TEXML)
    change_at_telnyx(sandbox_account, row.remote, TEXML, friendly_name="elsewhere")
    call_command("pull_applications", stdout=StringIO())
    newest = _history(api, row, "texml-applications")["results"][0]
    assert newest["actor"] == "command line"
    assert newest["reason"].endswith("pull (command line)")
    assert newest["changes"]["friendly_name"] == {"before": "router", "after": "elsewhere"}


@pytest.mark.usefixtures("only_account")
def test_the_history_page_tells_actor_request_and_values(browser: Client, api: Any, mirrored: Any) -> None:
    row = mirrored()
    address = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    changed = api.patch(address, {"application_name": "desk"}, format="json")
    url = reverse("admin:applications_callcontrolapplication_history", args=[row.pk])
    page = browser.get(url).content.decode()
    assert all(text in page for text in ("token: tests", changed.headers["X-Request-ID"], "application_name", "desk"))


@pytest.mark.parametrize("version", ["abc", "1e3", "99999999999999999999999", "-1", "٣"])
def test_a_version_that_is_no_number_is_not_found(browser: Client, mirrored: Any, version: str) -> None:
    row = mirrored()
    url = reverse("admin:applications_callcontrolapplication_simple_history", args=[row.pk, version])
    assert browser.get(url).status_code == 404


@pytest.mark.parametrize("name", ["history", "simple_history"])
def test_an_application_that_is_no_uuid_is_not_found(browser: Client, name: str) -> None:
    args = ["nonsense"] if name == "history" else ["nonsense", "1"]
    url = reverse(f"admin:applications_callcontrolapplication_{name}", args=args)
    assert browser.get(url).status_code == 404
