"""What was changed at Telnyx by others: found by a pull, named in history, told on the page."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from applications.editing.service import update_application
from applications.mirror.drift import drift_of
from applications.mirror.pulls import pull
from applications.models import Pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.resources import editing
from portal.sandbox.server.server import Sandbox
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx
from tests.support.databases import on_sqlite
from tests.support.sandbox_ledger import requests


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def edited(sandbox: Sandbox, row: Any, changes: Any, user: str = "ada@example.com", kind: Any = CALL_CONTROL) -> None:
    with sandbox.exchange.transaction():
        body = {"resource": kind.resource, "id": row.telnyx_id, "changes": changes, "user": user}
        editing.edit(sandbox.exchange, body)


def asked(sandbox: Sandbox, part: str = "audit_events") -> int:
    return sum(part in line["path"] for line in requests(sandbox))


def reasons(row: Any) -> list[str]:
    return [entry.history_change_reason for entry in row.history.all()]


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
def test_a_pull_tells_who_changed_what_and_when(sandbox: Sandbox, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind)
    edited(sandbox, row, {"active": False, "inbound": {"channel_limit": 4}}, kind=kind)
    pull(kind, row.account, PORTAL)
    row.refresh_from_db()
    assert reasons(row)[0] == "changed at Telnyx by ada@example.com, found by pull (portal)"
    (found,) = drift_of(row)
    assert found.fields == {"active": (True, False), "inbound.channel_limit": (None, 4)}
    assert found.changed_at == row.updated_at


def test_a_deletion_at_telnyx_tells_who_did_it(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, None, "eve@example.com")
    pull(CALL_CONTROL, row.account, PORTAL, accept_missing=True)
    assert reasons(row)[0] == "gone at Telnyx by eve@example.com, found by pull (portal)"
    assert drift_of(row)[0].gone


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


def test_a_change_made_here_is_no_drift_and_ends_the_note(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    assert drift_of(row) == []
    edited(sandbox, row, {"active": False})
    pull(CALL_CONTROL, row.account, PORTAL)
    row.refresh_from_db()
    assert len(drift_of(row)) == 1
    row = update_application(row, {"application_name": "ours"}, PORTAL)
    assert drift_of(row) == []


def test_the_page_shows_each_field_before_and_after(browser: Client, sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    address = reverse("admin:applications_callcontrolapplication_change", args=[row.pk])
    assert "Changed at Telnyx</b>" not in browser.get(address).content.decode()
    edited(sandbox, row, {"application_name": "<i>theirs</i>"})
    pull(CALL_CONTROL, row.account, PORTAL)
    page = browser.get(address).content.decode()
    assert "Changed at Telnyx</b>" in page
    assert "by ada@example.com, found by pull" in page
    assert "router → &lt;i&gt;theirs&lt;/i&gt;" in page


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


def test_an_unchanged_pull_writes_no_history(mirrored: Any, django_assert_max_num_queries: Any) -> None:
    row = mirrored()
    change_at_telnyx(row.account, row.remote)  # only updated_at
    pull(CALL_CONTROL, row.account, PORTAL)
    count = row.history.count()
    with django_assert_max_num_queries(40 if on_sqlite() else 60) as queries:
        pull(CALL_CONTROL, row.account, PORTAL)
    assert row.history.count() == count
    assert not [one for one in queries if "UPDATE" in one["sql"] and "historical" in one["sql"]]
