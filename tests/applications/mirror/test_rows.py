"""A row holds all that Telnyx ever told of an application, and people may hold an older state of it as their base."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from applications.mirror.answers import digest
from applications.mirror.store import store
from applications.models import CallControlApplication
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.application_pages import drawn, row_url
from tests.support.applications import CALL_CONTROL, remote_of
from tests.support.telnyx_edits import reasons
from tests.support.under_way import Meanwhile, answers_otherwise


def _tell_a_new_member(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if "applications" not in request.url.path:
            return None
        body = json.loads(answer.content)
        for one in body["data"] if isinstance(body["data"], list) else [body["data"]]:
            one["new_member"] = False
        return httpx.Response(answer.status_code, json=body)

    answers_otherwise(monkeypatch, change)


@pytest.mark.usefixtures("only_account")
def test_the_base_of_a_form_stays_known_when_telnyx_tells_more(
    api: APIClient, mirrored: Any, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored()
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    etag = api.get(url)["ETag"]

    _tell_a_new_member(monkeypatch)
    record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert (record.updated, reasons(row)) == (0, ["pulled (portal)"])
    row.refresh_from_db()
    assert row.remote["new_member"] is False
    assert api.patch(url, {"active": False}, format="json", headers={"If-Match": etag}).status_code == 200


@pytest.mark.usefixtures("only_account")
def test_a_form_drawn_after_telnyx_told_more_undoes_nothing_of_what_is_saved_meanwhile(
    api: APIClient, browser: Client, mirrored: Any, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored(outbound={"channel_limit": 3})
    _tell_a_new_member(monkeypatch)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    form = drawn(browser, row_url("change", row))
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    assert api.patch(url, {"outbound": {"channel_limit": None}}, format="json").status_code == 200
    answer = browser.post(row_url("change", row), form | {"inbound.channel_limit": "5"})
    there = remote_of(row)
    assert (there["outbound"]["channel_limit"], there["inbound"]["channel_limit"]) == (None, 5)
    assert answer.status_code == 302


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


def test_a_value_of_another_type_leaves_its_column_empty_and_a_long_one_is_cut(account: TelnyxAccount) -> None:
    odd: dict[str, Any] = {"active": "yes", "webhook_timeout_secs": True, "first_command_timeout_secs": 2.0}
    odd |= {"dtmf_type": 5, "tags": {}, "inbound": [], "outbound": None, "created_at": "soon"}
    right: dict[str, Any] = {"id": "odd", "application_name": "n" * 501, "anchorsite_override": "x" * 101}
    right |= {"redact_dtmf_debug_logging": False, "updated_at": "2026-11-28T09:30:00Z"}
    store(CALL_CONTROL, account, odd | right, PORTAL, "read")
    row = CallControlApplication.objects.get(account=account)
    empty = {"tags": [], "inbound": {}, "outbound": {}, "dtmf_type": ""}
    assert {name: getattr(row, name) for name in odd} == dict.fromkeys(odd) | empty
    assert (row.application_name, row.anchorsite_override) == ("n" * 500, "x" * 100)
    assert (row.redact_dtmf_debug_logging, row.updated_at) == (False, datetime(2026, 11, 28, 9, 30, tzinfo=UTC))
    assert row.remote == odd | right


@pytest.mark.usefixtures("only_account")
def test_of_several_states_that_people_hold_one_that_agrees_is_enough(
    api: APIClient, mirrored: Any, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored()
    url = f"/api/v1/call-control-applications/{row.telnyx_id}/"
    held = f'"{"f" * 64}", {api.get(url)["ETag"]}'

    _tell_a_new_member(monkeypatch)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    row.refresh_from_db()
    assert row.remote_digest not in held
    assert api.patch(url, {"active": False}, format="json", headers={"If-Match": held}).status_code == 200


@pytest.mark.usefixtures("only_account")
def test_a_create_that_a_pull_brought_first_is_its_creators_by_person_token_and_request(
    api: APIClient, operator: User, sandbox_account: TelnyxAccount, meanwhile: Meanwhile
) -> None:
    meanwhile.do("POST", lambda: pull(CALL_CONTROL, sandbox_account, PORTAL))
    new = {"application_name": "router", "webhook_event_url": "https://portal.example/"}
    answer = api.post("/api/v1/call-control-applications/", new, format="json")
    assert answer.status_code == 201
    first = CallControlApplication.objects.get().history.get()
    assert (first.history_actor, first.history_user, first.history_token.name) == ("token: tests", operator, "tests")
    assert first.history_request_id == answer["X-Request-ID"]


def test_what_is_told_for_the_first_time_stands_in_the_row_and_in_its_last_version_alike(
    account: TelnyxAccount,
) -> None:
    remote = {"id": "7", "application_name": "router"}
    for told in (remote, remote | {"dtmf_type": "Inband"}):
        store(CALL_CONTROL, account, told, PORTAL, "read")
    row = CallControlApplication.objects.get(account=account)
    version = row.history.get()
    assert (row.dtmf_type, row.remote, row.remote_digest) == (
        "Inband",
        remote | {"dtmf_type": "Inband"},
        digest(row.remote),
    )
    assert (version.dtmf_type, version.remote, version.remote_digest) == ("Inband", row.remote, digest(remote))
