"""A plan is made over REST and sent back to be carried out: as it was read, or not at all."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from applications.models import ApplyRun
from applications.pulls import listing
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_documents import HOOK, by_name
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx
from tests.support.polling import eventually
from tests.support.rest import api_for, problem
from tests.support.sandbox_ledger import requests
from tests.support.times import ago
from tests.support.under_way import asks_to_wait

URL = "/api/v1/call-control-applications/"
DESK = {"application_name": "desk", "webhook_event_url": HOOK, "inbound": {"channel_limit": 4}}
pytestmark = [pytest.mark.usefixtures("only_account"), pytest.mark.django_db(transaction=True)]


def _plan(api: APIClient, *applications: Any, **more: Any) -> Any:
    return api.post(f"{URL}plan/", {"applications": applications, **more}, format="json")


def _apply(api: APIClient, plan: Any, **more: Any) -> Any:
    return api.post(f"{URL}apply/", {"plan": plan, **more}, format="json")


def test_a_plan_is_carried_out_as_it_was_answered(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    remote = at_telnyx(sandbox_account, name="router")
    plan = _plan(api, {"id": remote["id"], "active": False}, DESK).json()
    assert (plan["create"], plan["update"], plan["delete"]) == (1, 1, 0)
    assert plan["steps"][0]["changes"] == {"active": {"before": True, "after": False}}
    assert len(requests(sandbox, "POST", "PATCH")) == 1, "a plan writes nothing"
    answer = _apply(api, plan)
    told = answer.json()
    assert (answer.status_code, told["state"], told["requested_by"], told["failed"]) == (200, "done", "token: tests", 0)
    assert [(one["action"], one["state"]) for one in told["results"]] == [("update", "done"), ("create", "done")]
    there = by_name(sandbox_account)
    assert (there["router"]["active"], there["desk"]["inbound"]["channel_limit"]) == (False, 4)
    assert api.get(answer["Location"]).json() == told
    again = _apply(api, plan)
    assert (again.status_code, again.json()["code"]) == (412, "stale")
    assert any("router" in change and "was changed at Telnyx" in change for change in again.json()["changes"])


def test_who_comes_second_is_told_who_has_it(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    plan = _plan(api, DESK).json()
    ApplyRun.objects.create(account=sandbox_account, kind=CALL_CONTROL.slug, requested_by="user: ada", total=9)
    answer = _apply(api, plan)
    assert (answer.status_code, answer.json()["code"]) == (409, "busy")
    assert "user: ada has been applying" in answer.json()["detail"]
    assert by_name(sandbox_account) == {}


def test_one_that_takes_long_goes_on_and_is_told_where(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount, gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.exchange.api.APPLY_SECONDS", 0.01)
    plan = _plan(api, DESK).json()
    sandbox.faults.add({"method": "POST", "path": "/call_control_applications", "fault": "drip", "value": 1})
    answer = _apply(api, plan)
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    gate.opened.set()
    eventually(lambda: api.get(answer["Location"]).json()["state"] == "done", "the end of it")
    assert set(by_name(sandbox_account)) == {"desk"}


def test_a_mass_delete_is_refused_until_it_is_accepted(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    for n in range(2):
        at_telnyx(sandbox_account, name=f"number {n}")
    plan = _plan(api, prune=True).json()
    assert plan["looks_like_mass_delete"] == ["It would delete 2 of 2 call_control_applications."]
    refused = _apply(api, plan)
    assert (refused.status_code, refused.json()["code"]) == (409, "looks_like_mass_delete")
    assert len(by_name(sandbox_account)) == 2
    assert _apply(api, plan, accept_deletes=True).status_code == 200
    assert by_name(sandbox_account) == {}


def test_a_plan_of_an_older_state_does_nothing(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    remote = at_telnyx(sandbox_account, name="router")
    plan = _plan(api, {"application_name": "router", "active": False}).json()
    change_at_telnyx(sandbox_account, remote, webhook_timeout_secs=9)
    assert _apply(api, plan).status_code == 412
    assert by_name(sandbox_account)["router"]["active"] is True
    assert not ApplyRun.objects.exists()


def test_no_request_waits_for_telnyx_and_it_says_when_to_come_again(
    api: APIClient, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    at_telnyx(sandbox_account, name="router")
    plan = _plan(api, {"application_name": "router", "active": False}).json()
    with monkeypatch.context() as busy:
        asks_to_wait(busy, "/call_control_applications", 25)
        answers = [_plan(api, DESK), _apply(api, plan)]
    for answer in answers:
        problem(answer, 503, "telnyx_unavailable")
    assert ([answer["Retry-After"] for answer in answers], waits) == (["25", "25"], [])
    assert _apply(api, plan).json()["state"] == "done"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "applications"),
        ({"applications": [{}]}, "applications.0.application_name"),
        ({"applications": [{"application_name": "x", "colour": 1}]}, "applications.0.colour"),
        ({"applications": [{"id": 5}]}, "applications.0.id"),
        ({"applications": [], "colour": 1}, "colour"),
        ({"applications": [], "targets": ["nobody"]}, "targets"),
    ],
)
def test_what_is_wrong_is_told_by_field(
    api: APIClient, sandbox_account: TelnyxAccount, body: dict[str, Any], field: str
) -> None:
    answer = api.post(f"{URL}plan/", body, format="json")
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_a_plan_that_is_none_or_another_kinds_is_told(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    assert "plan.steps" in _apply(api, {"account": "sandbox"}).json()["errors"]
    plan = _plan(api, DESK).json()
    other = api.post("/api/v1/texml-applications/apply/", {"plan": plan}, format="json")
    assert (other.status_code, "plan.steps" in other.json()["errors"]) == (400, True)
    assert _apply(api, {**plan, "account": "nobody"}).status_code == 400
    assert _apply(api, {**plan, "steps": []}).status_code == 400


@pytest.mark.parametrize(("right", "allowed"), [("add", 200), ("change", 403)])
def test_each_step_needs_its_own_permission(
    api: APIClient, user_with: Any, sandbox_account: TelnyxAccount, right: str, allowed: int
) -> None:
    plan = _plan(api, DESK).json()
    one = api_for(user_with(CALL_CONTROL.permission("view"), CALL_CONTROL.permission(right)))
    assert _plan(one, DESK).status_code == 200
    assert _apply(one, plan).status_code == allowed
    assert len(by_name(sandbox_account)) == (allowed == 200)
    stranger = api_for(user_with(TEXML.permission("view"), username="stranger"))
    assert (_plan(stranger, DESK).status_code, _apply(stranger, plan).status_code) == (403, 403)
    run = ApplyRun.objects.first()
    if run:
        assert one.get(f"/api/v1/applies/{run.pk}/").status_code == 403


def test_the_token_of_our_address_is_told_only_to_who_may_see_the_accounts(
    user_with: Any, sandbox_account: TelnyxAccount
) -> None:
    at_telnyx(sandbox_account, name="router")
    api = api_for(user_with(CALL_CONTROL.permission("view")))
    answer = _plan(api, {"application_name": "router", "webhook_event_url": HOOK})
    assert answer.status_code == 200
    assert sandbox_account.webhook_token not in answer.content.decode()


def test_a_plan_with_our_address_is_carried_out_for_who_may_not_see_the_accounts(
    user_with: Any, sandbox_account: TelnyxAccount
) -> None:
    api = api_for(user_with(CALL_CONTROL.permission("view"), CALL_CONTROL.permission("add")))
    url = sandbox_account.webhook_url
    plan = _plan(api, {"application_name": "desk", "webhook_event_url": url}).json()
    assert _apply(api, plan).json()["failed"] == 0
    assert by_name(sandbox_account)["desk"]["webhook_event_url"] == url


@pytest.mark.parametrize("account", ["other", 5])
def test_what_is_another_accounts_is_not_planned_at_this_one(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount, account: Any
) -> None:
    answer = _plan(api, DESK | {"account": sandbox_account.name}, DESK | {"application_name": "x", "account": account})
    assert problem(answer, 400)["errors"] == {
        "applications.1.account": ["This application is of another account than sandbox."]
    }
    assert not requests(sandbox)


def test_ids_that_nobody_knows_are_not_asked_for_by_the_thousand(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount, mirrored: Any
) -> None:
    row, strangers = mirrored(), [{"id": str(10**12 + at), "active": False} for at in range(listing.MOST_UNKNOWN + 1)]
    before, told = len(requests(sandbox)), f"{len(strangers)} ids are neither known here nor in Telnyx's list"
    answer = _plan(api, {"id": row.telnyx_id, "active": False}, *strangers)
    assert told in problem(answer, 400)["errors"]["applications"][0]
    plan = _plan(api, {"id": row.telnyx_id, "active": False}).json()
    steps = [plan["steps"][0] | {"id": one["id"]} for one in strangers]
    stale = _apply(api, plan | {"update": len(steps), "steps": steps})
    assert any(told in sentence for sentence in problem(stale, 412)["changes"])
    assert len(requests(sandbox)) - before < 10
    assert "applications.0.id" in problem(_plan(api, strangers[0]), 400)["errors"]


def test_a_run_that_was_killed_is_told_as_failed(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    run = ApplyRun.objects.create(account=sandbox_account, kind=CALL_CONTROL.slug, requested_by="user: ada", total=3)
    assert api.get(f"/api/v1/applies/{run.pk}/").json()["state"] == "running"
    ApplyRun.objects.filter(pk=run.pk).update(seen_alive_at=ago(61))
    assert api.get(f"/api/v1/applies/{run.pk}/").json()["state"] == "failed"
