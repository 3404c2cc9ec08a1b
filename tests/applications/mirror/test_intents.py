"""Whose request it was stays known when its answer is lost or its process dies; what is read later settles it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from applications.editing.service import create_application, delete_application, update_application
from applications.mirror.drift import drift_of
from applications.models import EditLock, Intent
from applications.pulls.pulls import pull
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import InsideTransaction
from portal.telnyx.errors import TelnyxUncertain
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, remote_of
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_edits import edited, reasons
from tests.support.under_way import Dying

pytestmark = pytest.mark.usefixtures("only_account")
ADA = Actor("user: ada")
BOB = Actor("user: bob")
NEW = {"application_name": "router", "webhook_event_url": "https://portal.example/"}


def _fault(sandbox: Sandbox, method: str, fault: str, times: int = 1) -> None:
    sandbox.faults.add({"method": method, "path": "/call_control_applications", "fault": fault, "times": times})


def _noted(action: str) -> list[tuple[str, str | None]]:
    events = AuditEvent.objects.filter(action=action).order_by("id")
    return [(event.actor, event.details.get("outcome")) for event in events]


def _long_ago() -> None:
    """As if what is open had been asked ten minutes ago."""
    for intent in Intent.objects.all():
        Intent.objects.filter(pk=intent.pk).update(asked_at=intent.asked_at - timedelta(minutes=10))


def test_a_change_whose_answer_was_lost_is_found_and_is_a_change_like_any_other(
    api: APIClient, sandbox: Sandbox, mirrored: Any
) -> None:
    row = mirrored()
    _fault(sandbox, "PATCH", "act_then_cut")
    answer = api.patch(
        f"/api/v1/call-control-applications/{row.telnyx_id}/", {"webhook_timeout_secs": 9}, format="json"
    )
    assert (answer.status_code, answer.json()["webhook_timeout_secs"]) == (200, 9)
    assert reasons(row) == ["changed (token: tests)", "pulled (portal)"]
    assert _noted("application.update") == [("token: tests", "uncertain"), ("token: tests", "found carried out")]
    assert len(requests(sandbox, "PATCH")) == 1
    assert not Intent.objects.exists()


def test_a_change_that_is_not_there_stays_uncertain_and_tells_who_asked(
    api: APIClient, sandbox: Sandbox, mirrored: Any
) -> None:
    row = mirrored()
    _fault(sandbox, "PATCH", "cut")
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    assert api.patch(url, {"webhook_timeout_secs": 9}, format="json").status_code == 504
    (noted,) = AuditEvent.objects.filter(action="application.update")
    assert (noted.actor, noted.object_id, noted.details["outcome"]) == ("token: tests", str(row.pk), "uncertain")
    told = {"account": "sandbox", "kind": "call-control-applications", "telnyx_id": row.telnyx_id}
    assert noted.details == {"outcome": "uncertain", **told, "changed": ["webhook_timeout_secs"]}
    pull(CALL_CONTROL, row.account, PORTAL)
    assert Intent.objects.count() == 1  # Telnyx may still do it
    _long_ago()
    pull(CALL_CONTROL, row.account, PORTAL)
    assert _noted("application.update")[1:] == [("token: tests", "not seen")]
    assert (Intent.objects.count(), reasons(row)) == (0, ["pulled (portal)"])


@pytest.mark.parametrize("is_long_ago", [False, True])  # of the two Telnyx dates the last one alone
def test_what_telnyx_does_late_is_his_who_asked(sandbox: Sandbox, mirrored: Any, is_long_ago: bool) -> None:
    row = mirrored()
    _fault(sandbox, "PATCH", "cut")
    with pytest.raises(TelnyxUncertain):
        update_application(row, {"webhook_timeout_secs": 9}, ADA)
    if is_long_ago:
        _long_ago()
    edited(sandbox, row, {"webhook_timeout_secs": 9})  # so it comes about
    edited(sandbox, row, {"dtmf_type": "Inband"}, "eve@example.com")
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row) == [
        "changed at Telnyx by eve@example.com, found by pull (portal)",
        "changed (user: ada)",
        "pulled (portal)",
    ]
    theirs, ours, _ = row.history.all()
    assert (ours.history_actor, theirs.remote) == ("user: ada", remote_of(row))
    assert [set(drift.fields) for drift in drift_of(row)] == [{"dtmf_type"}]


def test_who_asked_is_known_by_token_and_request_when_it_is_found_late(
    api: APIClient, operator: User, sandbox: Sandbox, mirrored: Any
) -> None:
    row = mirrored()
    _fault(sandbox, "PATCH", "cut")
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    asked = api.patch(url, {"webhook_timeout_secs": 9}, format="json")
    assert asked.status_code == 504
    edited(sandbox, row, {"webhook_timeout_secs": 9})
    pull(CALL_CONTROL, row.account, PORTAL)
    found = row.history.first()
    noted = AuditEvent.objects.get(action="application.update", details__outcome="found carried out")
    assert (found.history_actor, found.history_user, found.history_token.name) == ("token: tests", operator, "tests")
    assert (noted.actor, noted.user, noted.address) == ("token: tests", operator, "127.0.0.1")
    assert found.history_request_id == noted.request_id == asked["X-Request-ID"]


def test_of_two_who_asked_for_the_same_it_is_the_last_ones(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    _fault(sandbox, "PATCH", "cut", times=2)
    for person in (ADA, BOB):
        with pytest.raises(TelnyxUncertain):
            update_application(row, {"webhook_timeout_secs": 9}, person)
    edited(sandbox, row, {"webhook_timeout_secs": 9})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row) == ["changed (user: bob)", "pulled (portal)"]
    assert _noted("application.update")[2:] == [("user: bob", "found carried out")]
    assert Intent.objects.get().actor == "user: ada"


def test_the_same_change_made_much_later_is_not_put_to_who_had_asked(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    _fault(sandbox, "PATCH", "cut")
    with pytest.raises(TelnyxUncertain):
        update_application(row, {"webhook_timeout_secs": 9}, ADA)
    _long_ago()
    edited(sandbox, row, {"webhook_timeout_secs": 9}, "eve@example.com")
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[0] == "changed at Telnyx by eve@example.com, found by pull (portal)"
    assert _noted("application.update")[-1] == ("user: ada", "not seen")


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
def test_a_change_whose_process_died_is_found_by_the_next_pull(mirrored: Any, dying: Dying, kind: Any) -> None:
    row = mirrored(kind)
    dying.after("PATCH")
    with pytest.raises(SystemExit):
        update_application(row, {"tags": ["a"], "inbound": {"channel_limit": 4}}, ADA)
    assert reasons(row) == ["pulled (portal)"]
    pull(kind, row.account, PORTAL)
    assert reasons(row) == ["changed (user: ada)", "pulled (portal)"]
    assert _noted("application.update") == [("user: ada", "found carried out")]


def test_the_next_save_finds_whose_change_it_was_too(mirrored: Any, dying: Dying) -> None:
    row = mirrored()
    dying.after("PATCH")
    with pytest.raises(SystemExit):
        update_application(row, {"tags": ["a"]}, ADA)
    update_application(row, {"active": False}, BOB)
    assert reasons(row) == ["changed (user: bob)", "changed (user: ada)", "pulled (portal)"]


def test_a_deletion_whose_answer_was_lost_is_done(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    _fault(sandbox, "DELETE", "act_then_cut")
    delete_application(row, ADA)
    row.refresh_from_db()
    assert row.missing_since
    assert reasons(row)[0] == "deleted (user: ada)"
    assert not Intent.objects.exists()
    uncertain, done = AuditEvent.objects.filter(action="application.delete").order_by("id")
    told = {"account": "sandbox", "kind": "call-control-applications", "telnyx_id": row.telnyx_id}
    assert (uncertain.details, done.details) == ({"outcome": "uncertain", **told}, {"telnyx_id": row.telnyx_id})


def test_a_deletion_that_came_late_or_whose_process_died_is_his_who_asked(
    mirrored: Any, sandbox: Sandbox, dying: Dying
) -> None:
    late, died = mirrored(name="late"), mirrored(name="died")
    _fault(sandbox, "DELETE", "cut")
    with pytest.raises(TelnyxUncertain):
        delete_application(late, ADA)
    assert _noted("application.delete") == [("user: ada", "uncertain")]
    sandbox.store.delete_application(late.telnyx_id)
    dying.after("DELETE")
    with pytest.raises(SystemExit):
        delete_application(died, BOB)
    pull(CALL_CONTROL, late.account, PORTAL, accept_missing=True)
    assert (reasons(late)[0], reasons(died)[0]) == ("deleted (user: ada)", "deleted (user: bob)")
    assert not Intent.objects.exists()


def test_a_deletion_that_is_found_late_is_noted_as_his_and_one_by_others_is_not_put_to_who_asked_for_a_change(
    mirrored: Any, sandbox: Sandbox
) -> None:
    late, changed = mirrored(name="late"), mirrored(name="changed")
    _fault(sandbox, "DELETE", "cut")
    with pytest.raises(TelnyxUncertain):
        delete_application(late, ADA)
    _fault(sandbox, "PATCH", "cut")
    with pytest.raises(TelnyxUncertain):
        update_application(changed, {"webhook_timeout_secs": 9}, BOB)
    for row in (late, changed):
        edited(sandbox, row, None, "eve@example.com")
    pull(CALL_CONTROL, late.account, PORTAL, accept_missing=True)
    assert [reasons(row)[0] for row in (late, changed)] == [
        "deleted (user: ada)",
        "gone at Telnyx by eve@example.com, found by pull (portal)",
    ]
    assert _noted("application.delete") == [("user: ada", "uncertain"), ("user: ada", "found carried out")]
    assert _noted("application.update") == [("user: bob", "uncertain")]


def test_a_save_gives_up_what_was_asked_of_its_own_application_alone(mirrored: Any, sandbox: Sandbox) -> None:
    mine, other = mirrored(name="mine"), mirrored(name="other")
    _fault(sandbox, "PATCH", "cut", times=2)
    for row in (mine, other):
        with pytest.raises(TelnyxUncertain):
            update_application(row, {"webhook_timeout_secs": 9}, ADA)
    _long_ago()
    update_application(mine, {"active": False}, BOB)
    assert [intent.telnyx_id for intent in Intent.objects.all()] == [other.telnyx_id]
    assert [outcome for _, outcome in _noted("application.update")] == ["uncertain", "uncertain", "not seen", None]


def test_who_asked_by_one_account_is_not_told_by_another_that_has_the_same_application(
    mirrored: Any, sandbox: Sandbox
) -> None:
    mine, other = mirrored(), make_account("other", sandbox.base_url, sandbox.public_key)
    pull(CALL_CONTROL, other, PORTAL)
    _fault(sandbox, "PATCH", "cut")
    with pytest.raises(TelnyxUncertain):
        update_application(mine, {"webhook_timeout_secs": 9}, ADA)
    edited(sandbox, mine, {"webhook_timeout_secs": 9}, "eve@example.com")
    for account in (other, mine.account):
        pull(CALL_CONTROL, account, PORTAL)
    by_eve = "changed at Telnyx by eve@example.com, found by pull (portal)"
    assert reasons(CALL_CONTROL.rows(other).get()) == [by_eve, "pulled (portal)"]
    assert reasons(mine) == ["changed (user: ada)", "pulled (portal)"]


@pytest.mark.parametrize(("seconds", "updated"), [(30, 0), (-1, 1)])
def test_a_pull_passes_by_what_somebody_is_changing_and_nothing_that_a_lock_was_left_on(
    mirrored: Any, sandbox: Sandbox, seconds: int, updated: int
) -> None:
    row, until = mirrored(), timezone.now() + timedelta(seconds=seconds)
    EditLock.objects.create(subject=EditLock.subject_of(row), until=until)
    edited(sandbox, row, {"dtmf_type": "Inband"})
    record = pull(CALL_CONTROL, row.account, PORTAL)
    row.refresh_from_db()
    assert (record.updated, row.dtmf_type == "Inband") == (updated, bool(updated))


def test_one_that_was_gone_already_was_not_deleted_by_who_came_second(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    edited(sandbox, row, None)
    delete_application(row, ADA)
    assert reasons(row)[0] == "gone at Telnyx, seen by user: ada"


def test_a_refusal_leaves_no_intent(mirrored: Any, api: APIClient, sandbox: Sandbox) -> None:
    row = mirrored()
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    assert api.patch(url, {"webhook_timeout_secs": 77}, format="json").status_code in {400, 422}
    assert api.patch(url, {"application_name": "a\u0000b"}, format="json").status_code < 500
    sandbox.faults.add({"method": "DELETE", "path": "/call_control_applications", "fault": "status", "value": 422})
    assert api.delete(url).status_code == 422
    refused = api.post("/api/v1/call-control-applications/", {**NEW, "webhook_timeout_secs": 77}, format="json")
    assert refused.status_code == 400
    row.refresh_from_db()
    assert (row.missing_since, len(requests(sandbox, "DELETE", "POST"))) == (None, 3)  # one made the row
    assert not Intent.objects.exists()


def test_a_create_whose_process_died_is_its_creators_when_nobody_tries_again(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, dying: Dying
) -> None:
    dying.after("POST")
    with pytest.raises(SystemExit):
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    row = CALL_CONTROL.rows(sandbox_account).get()
    assert reasons(row) == ["pulled (portal)"]
    Intent.objects.update(asked_at=Intent.objects.get().asked_at - timedelta(hours=2))
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert reasons(row) == ["created (user: ada)"]
    assert _noted("application.create") == [("user: ada", "found carried out")]
    assert not Intent.objects.exists()


def test_what_was_given_up_is_noted_once_though_the_database_goes_away(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    _fault(sandbox, "PATCH", "cut")
    with pytest.raises(TelnyxUncertain):
        update_application(row, {"webhook_timeout_secs": 9}, ADA)
    _long_ago()

    def going_away(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith('DELETE FROM "applications_intent"'):
            raise OperationalError("the connection is lost")
        return execute(sql, *args)

    with connection.execute_wrapper(going_away), pytest.raises(OperationalError):
        pull(CALL_CONTROL, row.account, PORTAL)
    assert _noted("application.update") == [("user: ada", "uncertain")]
    pull(CALL_CONTROL, row.account, PORTAL)
    assert _noted("application.update") == [("user: ada", "uncertain"), ("user: ada", "not seen")]


def test_a_create_looks_for_and_settles_no_wish_but_the_last_hours_of_its_own_account(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, mirrored: Any
) -> None:
    row, other = mirrored(name="another"), make_account("other", sandbox.base_url, sandbox.public_key)
    _fault(sandbox, "POST", "cut", times=2)
    _fault(sandbox, "PATCH", "cut")
    for account in (sandbox_account, other):
        with pytest.raises(TelnyxUncertain):
            create_application(CALL_CONTROL, account, NEW, ADA)
    mine = Intent.objects.filter(account=sandbox_account)
    mine.update(asked_at=mine.get().asked_at - timedelta(minutes=61))
    with pytest.raises(TelnyxUncertain):
        update_application(row, NEW, ADA)
    left, read = set(Intent.objects.all()), len(requests(sandbox, "GET"))
    _, told = create_application(CALL_CONTROL, sandbox_account, NEW, BOB)
    assert (told, len(requests(sandbox, "GET")) - read) == ("", 0)
    assert (set(Intent.objects.all()), len(left)) == (left, 3)
    assert reasons(CALL_CONTROL.rows(sandbox_account).get(application_name="router")) == ["created (user: bob)"]


def test_what_somebody_else_is_known_to_have_created_is_not_given_to_who_tried_in_vain(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row, _ = create_application(CALL_CONTROL, sandbox_account, NEW, BOB)
    _fault(sandbox, "POST", "cut")
    with pytest.raises(TelnyxUncertain):
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    Intent.objects.update(asked_at=Intent.objects.get().asked_at - timedelta(hours=2))
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert reasons(row) == ["created (user: bob)"]
    assert _noted("application.create") == [
        ("user: bob", "done"),
        ("user: ada", "uncertain"),
        ("user: ada", "not seen"),
    ]
    assert not Intent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_not_to_be_asked_inside_a_transaction_is_not_kept_as_asked(
    sandbox_account: TelnyxAccount, mirrored: Any
) -> None:
    row = mirrored()
    with transaction.atomic():
        with pytest.raises(InsideTransaction):
            create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
        with pytest.raises(InsideTransaction):
            delete_application(row, ADA)
    assert not Intent.objects.exists()


@pytest.mark.parametrize("is_older", [True, False])
def test_a_create_that_nobody_tried_again_is_found_if_only_one_can_be_it(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, dying: Dying, is_older: bool
) -> None:
    twin = at_telnyx(sandbox_account, **NEW, webhook_api_version="2")
    dying.after("POST")
    with pytest.raises(SystemExit):
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    rows = CALL_CONTROL.rows(sandbox_account)
    Intent.objects.update(asked_at=Intent.objects.get().asked_at - timedelta(hours=2))
    if is_older:
        rows.filter(telnyx_id=twin["id"]).update(created_at=Intent.objects.get().asked_at - timedelta(seconds=11))
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    (row,) = rows.exclude(telnyx_id=twin["id"])
    assert reasons(rows.get(telnyx_id=twin["id"])) == ["pulled (portal)"]
    outcome, reason = ("found carried out", "created (user: ada)") if is_older else ("not seen", "pulled (portal)")
    assert (reasons(row), _noted("application.create")) == ([reason], [("user: ada", outcome)])
