"""What several people changed at Telnyx is put to each of them by field, or to nobody."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from django.core.cache import cache

from applications.editing.service import update_application
from applications.mirror.drift import drift_of
from applications.mirror.store import changes, digest
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, remote_of
from tests.support.telnyx_edits import edited, reasons
from tests.support.under_way import answers_otherwise

ADAS = "changed at Telnyx by ada@example.com, found by pull (portal)"
NOBODYS = "changed at Telnyx, found by pull (portal)"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


def _by_reason(row: Any) -> dict[str, set[str]]:
    """What each version changed, by its reason."""
    entries = list(row.history.all())
    return {
        new.history_change_reason: set(changes(old.remote, new.remote)) - {"updated_at"}
        for new, old in pairwise(entries)
    }


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
def test_drift_of_two_people_is_put_to_each_by_field(sandbox: Sandbox, mirrored: Any, kind: Any) -> None:
    row, other = mirrored(kind), mirrored(kind, name="other")
    edited(sandbox, row, {"active": False, "dtmf_type": "Inband", "tags": ["a", "b"]}, kind=kind)
    edited(sandbox, row, {"dtmf_type": "SIP INFO", "inbound": {"channel_limit": 4}}, "bob@example.com", kind=kind)
    edited(sandbox, other, {"active": False}, "eve@example.com", kind=kind)
    pull(kind, row.account, PORTAL)
    row.refresh_from_db()
    assert _by_reason(row) == {
        "changed at Telnyx by ada@example.com, found by pull (portal)": {"active", "tags"},
        "changed at Telnyx by bob@example.com, found by pull (portal)": {"dtmf_type", "inbound.channel_limit"},
    }
    newest = row.history.first()
    assert (newest.remote, newest.remote_digest, row.remote) == (row.remote, row.remote_digest, remote_of(row, kind))
    assert [set(drift.fields) for drift in drift_of(row)] == [
        {"dtmf_type", "inbound.channel_limit"},
        {"active", "tags"},
    ]
    assert reasons(other)[0] == "changed at Telnyx by eve@example.com, found by pull (portal)"


def test_a_field_that_the_log_names_nobody_for_is_put_to_nobody(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False, "dtmf_type": "Inband"})
    edited(sandbox, row, {"dtmf_type": "SIP INFO", "webhook_timeout_secs": 7}, "eve@example.com")
    edited(sandbox, row, {"inbound": {"channel_limit": 4}}, "bob@example.com")
    for event in sandbox.store.all("audit_events"):  # it is best-effort: the middle one never comes
        if any(change["to"] == "SIP INFO" for change in event["changes"]):
            sandbox.store.put("audit_events", event["id"], event | {"resource_id": "another"})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert _by_reason(row) == {
        "changed at Telnyx, found by pull (portal)": {"dtmf_type", "webhook_timeout_secs"},
        "changed at Telnyx by ada@example.com, found by pull (portal)": {"active"},
        "changed at Telnyx by bob@example.com, found by pull (portal)": {"inbound.channel_limit"},
    }


def test_our_own_last_change_is_nobodys_drift(sandbox: Sandbox, mirrored: Any) -> None:
    row = update_application(mirrored(), {"dtmf_type": "Inband", "active": False}, PORTAL)
    edited(sandbox, row, {"dtmf_type": "SIP INFO"}, "bob@example.com")
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[0] == "changed at Telnyx by bob@example.com, found by pull (portal)"


def test_each_version_is_whole_and_the_last_is_his_who_was_there_last(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    edited(sandbox, row, {"dtmf_type": "Inband"}, "bob@example.com")
    edited(sandbox, row, {"webhook_timeout_secs": 7})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row) == [ADAS, ADAS.replace("ada", "bob"), "pulled (portal)"]
    for version in row.history.all():
        told = (version.remote["active"], version.remote["dtmf_type"], version.remote["webhook_timeout_secs"])
        assert (version.active, version.dtmf_type, version.webhook_timeout_secs) == told
        assert version.remote_digest == digest(version.remote)


def test_the_log_is_read_back_to_the_oldest_of_what_was_found(sandbox: Sandbox, mirrored: Any) -> None:
    first, last = mirrored(name="first"), mirrored(name="last")
    edited(sandbox, first, {"active": False})
    update_application(last, {"webhook_timeout_secs": 7}, PORTAL)
    edited(sandbox, last, {"active": False}, "bob@example.com")
    pull(CALL_CONTROL, first.account, PORTAL)
    assert [reasons(row)[0] for row in (first, last)] == [ADAS, ADAS.replace("ada", "bob")]


def test_who_changed_it_last_is_not_told_as_who_deleted_it(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    edited(sandbox, row, None, "eve@example.com")
    for event in sandbox.store.all("audit_events"):  # it is best-effort: the last one never comes
        if event["change_type"] == "delete":
            sandbox.store.put("audit_events", event["id"], event | {"resource_id": "another"})
    pull(CALL_CONTROL, row.account, PORTAL, accept_missing=True)
    assert reasons(row)[0] == "gone at Telnyx, found by pull (portal)"


ACTIVE = {"field": "active", "from": "true", "to": "false"}


@pytest.mark.parametrize(
    ("entries", "shares"),
    [
        ([{}], {ADAS: {"active", "dtmf_type"}}),
        ([{"changes": [ACTIVE]}], {NOBODYS: {"dtmf_type"}, ADAS: {"active"}}),
        ([{}, {}], {NOBODYS: {"active", "dtmf_type"}}),
        ([{}, {"change_type": "delete"}], {ADAS: {"active", "dtmf_type"}}),
    ],
    ids=["one without a field", "one with one field", "two without a field", "one, and who deletes it just now"],
)
def test_an_entry_that_tells_no_field_is_believed_when_it_is_the_only_one(
    sandbox: Sandbox, mirrored: Any, entries: list[dict[str, Any]], shares: dict[str, set[str]]
) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False, "dtmf_type": "Inband"})
    (event,) = (one for one in sandbox.store.all("audit_events") if one["change_type"] == "update")
    for place, told in enumerate(entries):
        id = event["id"] if place == 0 else f"another-{place}"
        sandbox.store.put("audit_events", id, event | {"id": id, "changes": []} | told)
    pull(CALL_CONTROL, row.account, PORTAL)
    assert _by_reason(row) == shares


@pytest.mark.parametrize(
    ("untold", "shares"),
    [
        ({}, {NOBODYS: {"webhook_timeout_secs"}, ADAS: {"active"}}),
        ({"updated_at": None}, {NOBODYS: {"active", "webhook_timeout_secs"}}),
    ],
    ids=["Telnyx tells when it was changed", "Telnyx never tells"],
)
def test_of_one_that_had_no_time_its_author_is_known_by_the_time_of_the_change(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, untold: dict[str, None], shares: dict[str, set[str]]
) -> None:
    kind, timeout = CALL_CONTROL, "webhook_timeout_secs"
    sandbox.store.save_application(kind.resource, at_telnyx(sandbox_account) | {"updated_at": None})
    pull(kind, sandbox_account, PORTAL)
    row = kind.rows(sandbox_account).get()
    (made,) = sandbox.store.all("audit_events")
    old = {"id": "old", "created_at": "2020-01-01T00:00:00.000000Z", "change_type": "update"}
    old |= {"user_id": "eve", "changes": [{"field": timeout, "from": None, "to": 7}]}
    sandbox.store.put("audit_events", "old", made | old)
    edited(sandbox, row, {"active": False})
    sandbox.store.save_application(kind.resource, remote_of(row) | {timeout: 7} | untold)
    pull(kind, sandbox_account, PORTAL)
    assert _by_reason(row) == shares


def test_who_changed_it_long_before_the_last_one_did_is_found_as_well(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    kind = CALL_CONTROL
    long_ago = at_telnyx(sandbox_account) | {"updated_at": "2020-01-01T00:00:00.000Z"}
    sandbox.store.save_application(kind.resource, long_ago)
    pull(kind, sandbox_account, PORTAL)
    row = kind.rows(sandbox_account).get()
    edited(sandbox, row, {"active": False})
    edited(sandbox, row, {"dtmf_type": "Inband"}, "bob@example.com")
    for event in sandbox.store.all("audit_events"):
        if event["change_type"] == "update" and any(change["field"] == "active" for change in event["changes"]):
            early = event | {"created_at": "2020-01-02T00:00:00.000000Z"}
            sandbox.store.put("audit_events", event["id"], early)
    pull(kind, sandbox_account, PORTAL)
    assert _by_reason(row) == {ADAS: {"active"}, ADAS.replace("ada", "bob"): {"dtmf_type"}}


def _changes_of(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The log's entries of changes, the oldest first."""
    changes = [one for one in sandbox.store.all("audit_events") if one["change_type"] == "update"]
    return sorted(changes, key=lambda one: str(one["created_at"]))


def test_people_whom_telnyx_tells_by_their_role_alone_are_told_apart(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    for values in ({"active": False}, {"dtmf_type": "Inband"}):
        edited(sandbox, row, values)
    for event, role in zip(_changes_of(sandbox), ("telnyx", "account_owner"), strict=True):
        sandbox.store.put("audit_events", event["id"], event | {"user_id": None, "change_made_by": role})
    pull(CALL_CONTROL, row.account, PORTAL)
    by = "changed at Telnyx by {}, found by pull (portal)".format
    assert _by_reason(row) == {by("the account owner"): {"dtmf_type"}, by("Telnyx"): {"active"}}


def test_who_is_somebody_is_another_than_nobody(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False, "dtmf_type": "Inband"})
    (event,) = _changes_of(sandbox)
    unnamed = {"user_id": None, "change_made_by": None, "changes": [ACTIVE]}
    sandbox.store.put("audit_events", event["id"], event | unnamed)
    pull(CALL_CONTROL, row.account, PORTAL)
    assert _by_reason(row) == {NOBODYS: {"dtmf_type"}, ADAS.replace("ada@example.com", "somebody"): {"active"}}


@pytest.mark.parametrize(("seconds", "reason"), [(50, ADAS), (70, NOBODYS)])
def test_an_entry_may_be_a_minute_younger_than_its_change(
    sandbox: Sandbox, mirrored: Any, seconds: float, reason: str
) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    (event,) = _changes_of(sandbox)
    at = datetime.fromisoformat(remote_of(row)["updated_at"]) + timedelta(seconds=seconds)
    sandbox.store.put("audit_events", event["id"], event | {"created_at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[0] == reason


def test_an_entry_without_a_time_names_nobody(sandbox: Sandbox, mirrored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if "audit_events" not in request.url.path:
            return None
        listed = [one | {"created_at": None} for one in json.loads(answer.content)["data"]]
        return httpx.Response(200, json={"data": listed})

    row = mirrored()
    edited(sandbox, row, {"active": False})
    answers_otherwise(monkeypatch, change)
    record = pull(CALL_CONTROL, row.account, PORTAL)
    assert (record.state, reasons(row)[0]) == ("done", NOBODYS)
