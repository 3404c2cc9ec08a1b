"""Telnyx's own log tells who changed something there."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from applications.models import Pull
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.applications import CALL_CONTROL, at_telnyx
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_edits import edited, reasons


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def asked(sandbox: Sandbox, part: str = "audit_events") -> int:
    return sum(part in line["path"] for line in requests(sandbox))


def test_a_pull_that_finds_nothing_asks_nobody_who(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    mirrored(name="another")
    pull(CALL_CONTROL, row.account, PORTAL)
    assert asked(sandbox) == 0


def test_many_changes_cost_few_requests(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    remotes = [at_telnyx(sandbox_account, name=f"app {place}") for place in range(12)]
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    rows = list(CALL_CONTROL.rows(sandbox_account))
    assert len(rows) == len(remotes)
    for place, row in enumerate(rows):
        edited(sandbox, row, {"active": False}, f"person{place}@example.com")
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert (asked(sandbox), asked(sandbox, "organizations/users")) == (1, 5)
    told = [reasons(row)[0] for row in rows]
    assert sum("@example.com" in reason for reason in told) == 5
    assert sum("a member of the organization" in reason for reason in told) == 7


@pytest.mark.parametrize("fault", ["cut", "status"])
def test_a_log_that_cannot_be_read_fails_no_pull(sandbox: Sandbox, mirrored: Any, fault: str) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    sandbox.faults.add({"fault": fault, "path": "/audit_events", "value": 403, "times": None})
    record = pull(CALL_CONTROL, row.account, PORTAL)
    assert (record.state, record.updated, record.errors) == (Pull.State.DONE, 1, [])
    assert reasons(row)[0] == "changed at Telnyx, found by pull (portal)"


def test_people_who_cannot_be_looked_up_are_told_by_their_role(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    sandbox.faults.add({"fault": "status", "path": "/organizations", "value": 403, "times": None})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[0].startswith("changed at Telnyx by a member of the organization, found")


def test_somebody_who_changed_it_long_before_is_not_blamed(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    for event in sandbox.store.all("audit_events"):
        sandbox.store.put("audit_events", event["id"], event | {"created_at": "2020-01-01T00:00:00.000000Z"})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[0] == "changed at Telnyx, found by pull (portal)"


def test_telnyxs_own_log_is_asked_on_a_click(browser: Client, sandbox: Sandbox, mirrored: Any) -> None:
    row, other = mirrored(), mirrored(name="other")
    edited(sandbox, row, {"active": False})
    edited(sandbox, other, {"active": False}, "not-here@example.com")
    address = reverse("admin:applications_callcontrolapplication_edits", args=[row.pk])
    page = browser.get(address).content.decode()
    assert "ada@example.com" in page
    assert "not-here@example.com" not in page
    sandbox.faults.add({"fault": "cut", "path": "/audit_events"})
    assert "portal-note-bad" in browser.get(address).content.decode()
