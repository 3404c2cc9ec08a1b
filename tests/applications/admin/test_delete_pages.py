"""Deletion asks for the name and is done at Telnyx."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import row_url
from tests.support.applications import CALL_CONTROL, TEXML
from tests.support.sandbox_ledger import requests

KINDS = [CALL_CONTROL, TEXML]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_deletion_asks_for_the_name_then_is_done_at_telnyx_and_the_row_stays(
    browser: Client, mirrored: Any, sandbox: Sandbox, kind: Any
) -> None:
    row = mirrored(kind)
    page = browser.get(row_url("delete", row)).content.decode()
    assert f"Delete router ({row.telnyx_id}) at Telnyx?" in page
    assert "Nothing that is known here." in page
    for typed in ({}, {"confirmed_name": ""}, {"confirmed_name": "Router"}):
        answer = browser.post(row_url("delete", row), {"post": "yes", **typed})
        assert "This is not its name" in answer.context["error"]
    assert not requests(sandbox, "DELETE")
    assert browser.post(row_url("delete", row), {"confirmed_name": " router "}).status_code == 302
    row.refresh_from_db()
    assert row.missing_since
    assert sandbox.store.applications(kind.resource) == []
    assert LogEntry.objects.get().is_deletion()


def test_it_says_that_numbers_of_a_live_account_stop_working(browser: Client, mirrored: Any) -> None:
    row, words = mirrored(), "numbers that point to this application will stop working"
    assert words not in browser.get(row_url("delete", row)).content.decode()
    type(row.account).objects.filter(pk=row.account_id).update(base_url="https://telnyx.example")
    assert words in browser.get(row_url("delete", row)).content.decode()


def test_a_failed_deletion_is_said(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    sandbox.faults.add({"method": "DELETE", "path": "/call_control_applications", "fault": "status", "value": 422})
    answer = browser.post(row_url("delete", row), {"confirmed_name": "router"})
    assert "router was not deleted." in answer.context["error"]
    row.refresh_from_db()
    assert row.missing_since is None
    assert not LogEntry.objects.exists()
