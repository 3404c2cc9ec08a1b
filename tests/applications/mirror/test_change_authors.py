"""Telnyx's own log tells who changed something there."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from applications.mirror import change_authors
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


@pytest.mark.parametrize("body", [{}, {"data": "odd"}, {"data": [1, None, {"changes": "odd"}, {"changes": [5]}]}])
def test_a_log_that_is_none_fails_no_pull(sandbox: Sandbox, mirrored: Any, body: dict[str, Any]) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    sandbox.faults.add({"fault": "status", "path": "/audit_events", "value": 200, "body": body})
    record = pull(CALL_CONTROL, row.account, PORTAL)
    assert (record.state, record.updated, sandbox.faults.as_json()) == (Pull.State.DONE, 1, [])
    assert reasons(row)[0] == "changed at Telnyx, found by pull (portal)"


@pytest.mark.parametrize("body", [{}, {"data": ["odd"]}, {"data": {}}, {"data": {"email": None}}])
def test_a_person_without_an_address_is_told_by_the_role(sandbox: Sandbox, mirrored: Any, body: dict[str, Any]) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    sandbox.faults.add({"fault": "status", "path": "/organizations", "value": 200, "body": body})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[0].startswith("changed at Telnyx by a member of the organization, found")
    assert sandbox.faults.as_json() == []


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
    assert ("ada@example.com" in page, "are shown" in page) == (True, False)
    assert "not-here@example.com" not in page
    sandbox.faults.add({"fault": "cut", "path": "/audit_events"})
    assert "portal-note-bad" in browser.get(address).content.decode()


def test_of_one_application_the_twenty_newest_entries_are_shown(
    browser: Client, sandbox: Sandbox, mirrored: Any
) -> None:
    row = mirrored()
    for seconds in range(21):
        edited(sandbox, row, {"webhook_timeout_secs": seconds})
    shown, is_cut = change_authors.edits_of(row.account, row.telnyx_id)
    assert [edit.fields["webhook_timeout_secs"][1] for edit in shown] == [*range(20, 0, -1)]
    page = browser.get(reverse("admin:applications_callcontrolapplication_edits", args=[row.pk])).content.decode()
    assert (is_cut, "The newest 20 are shown" in page) == (True, True)
    whole, _ = change_authors.edits_of(row.account, row.telnyx_id, most=100)
    fitting = [change_authors.edits_of(row.account, row.telnyx_id, most=len(whole) - less)[1] for less in (0, 1)]
    assert fitting == [False, True]


def test_three_pages_of_the_log_are_read_the_newest_and_who_stands_further_back_stays_unknown(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_authors, "_PAGE_SIZE", 2)
    for name in "abcdefg":
        at_telnyx(sandbox_account, name=name)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    rows = list(CALL_CONTROL.rows(sandbox_account).order_by("application_name"))
    for row in rows:
        edited(sandbox, row, {"active": False})
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    by = "changed at Telnyx{}, found by pull (portal)".format
    assert [reasons(row)[0] for row in rows] == [by(""), *[by(" by ada@example.com")] * 6]
    assert asked(sandbox) == 3


def test_who_is_known_is_not_looked_up_again(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    for seconds in (7, 8):
        edited(sandbox, row, {"webhook_timeout_secs": seconds})
        pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[:2] == ["changed at Telnyx by ada@example.com, found by pull (portal)"] * 2
    assert (asked(sandbox), asked(sandbox, "organizations/users")) == (2, 1)


@pytest.mark.parametrize(
    ("user", "role", "who"),
    [
        ("", "telnyx", "Telnyx"),
        ("", "account_manager", "the account manager"),
        ("", "account_owner", "the account owner"),
        ("nobody-knows", "organization_member", "a member of the organization"),
        ("nobody-knows", "robot", "nobody-knows"),
        (None, None, "somebody"),
    ],
)
def test_whoever_has_no_address_is_told_by_what_telnyx_calls_him(
    sandbox: Sandbox, mirrored: Any, user: str | None, role: str | None, who: str
) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    (event,) = (one for one in sandbox.store.all("audit_events") if one["change_type"] == "update")
    sandbox.store.put("audit_events", event["id"], event | {"user_id": user, "change_made_by": role})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[0] == f"changed at Telnyx by {who}, found by pull (portal)"


def test_where_one_cannot_be_looked_up_nobody_else_is_asked_for(sandbox: Sandbox, mirrored: Any) -> None:
    rows = [mirrored(name="one"), mirrored(name="two")]
    for row in rows:
        edited(sandbox, row, {"active": False}, f"{row.name}@example.com")
    sandbox.faults.add({"fault": "status", "path": "/organizations", "value": 403, "times": None})
    pull(CALL_CONTROL, rows[0].account, PORTAL)
    told = "changed at Telnyx by a member of the organization, found by pull (portal)"
    assert ([reasons(row)[0] for row in rows], asked(sandbox, "organizations/users")) == ([told, told], 1)
