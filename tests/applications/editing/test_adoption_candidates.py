"""Which of what Telnyx has may be what a lost create made, how far it is looked for, and how it is told."""

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from rest_framework.test import APIClient

from applications.editing import adoption
from applications.editing.adoption import UncertainCreate
from applications.editing.service import create_application, update_application
from applications.mirror import intents
from applications.models import Intent
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx
from tests.support.under_way import answers_otherwise

ADA = Actor("user: ada")
NEW = {"application_name": "router", "webhook_event_url": "http://127.0.0.1:8000/x/"}


def _fault(sandbox: Sandbox, fault: str, method: str = "POST", path: str = "/call_control_applications") -> None:
    sandbox.faults.add({"method": method, "path": path, "fault": fault})


def _tried_in_vain(sandbox: Sandbox, account: TelnyxAccount, **values: Any) -> None:
    _fault(sandbox, "cut")
    with pytest.raises(UncertainCreate):
        create_application(CALL_CONTROL, account, {**NEW, **values}, ADA)


def _lists(monkeypatch: pytest.MonkeyPatch, listed: Any) -> None:
    """Telnyx's list has what ``listed`` makes of it."""

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.method != "GET":
            return None
        return httpx.Response(200, json={"data": listed(json.loads(answer.content)["data"])})

    answers_otherwise(monkeypatch, change)


def test_it_is_looked_for_on_eight_pages_of_what_was_made_last(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption, "PAGE_SIZE", 1)
    _tried_in_vain(sandbox, sandbox_account)
    late = at_telnyx(sandbox_account, **NEW, webhook_api_version="2")
    others = [at_telnyx(sandbox_account, name=f"another {place}") for place in range(8)]
    with pytest.raises(UncertainCreate) as caught:
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA, retry="look")
    assert caught.value.candidates == []
    sandbox.store.delete_application(others[0]["id"])
    row, _ = create_application(CALL_CONTROL, sandbox_account, NEW, ADA, retry="look")
    assert row.telnyx_id == late["id"]


def test_what_has_the_values_wished_now_is_taken_though_the_lost_try_had_others(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    _tried_in_vain(sandbox, sandbox_account, dtmf_type="Inband")
    made = at_telnyx(sandbox_account, **NEW, webhook_api_version="2", dtmf_type="SIP INFO")
    row, told = create_application(CALL_CONTROL, sandbox_account, {**NEW, "dtmf_type": "SIP INFO"}, ADA)
    assert (row.telnyx_id, "taken over" in told) == (made["id"], True)


@pytest.mark.parametrize("is_adopted", [False, True])
def test_what_was_made_here_since_and_renamed_is_not_taken_for_what_the_lost_try_made(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, is_adopted: bool
) -> None:
    _tried_in_vain(sandbox, sandbox_account)
    if is_adopted:
        _fault(sandbox, "act_then_cut")
    another, _ = create_application(CALL_CONTROL, sandbox_account, {**NEW, "application_name": "another"}, ADA)
    update_application(another, {"application_name": "router"}, ADA)
    with pytest.raises(UncertainCreate) as caught:
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA, retry="look")
    assert caught.value.candidates == []


def test_a_list_is_read_as_far_as_it_can_be(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lists(monkeypatch, lambda listed: [None, "odd", *listed])
    _fault(sandbox, "act_then_cut")
    row, _ = create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    assert [row.telnyx_id] == [one["id"] for one in sandbox.store.applications(CALL_CONTROL.resource)]


def test_what_is_no_list_has_nothing_that_may_be_it(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lists(monkeypatch, lambda listed: "odd")
    _fault(sandbox, "act_then_cut")
    with pytest.raises(UncertainCreate, match="it may still come") as caught:
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    assert caught.value.candidates == []


def test_one_of_which_the_list_does_not_tell_all_that_was_sent_is_taken(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lists(monkeypatch, lambda listed: [_without(one, "dtmf_type") for one in listed])
    _fault(sandbox, "act_then_cut")
    row, _ = create_application(CALL_CONTROL, sandbox_account, {**NEW, "dtmf_type": "Inband"}, ADA)
    assert [row.telnyx_id] == [one["id"] for one in sandbox.store.applications(CALL_CONTROL.resource)]


@pytest.mark.parametrize("untold", ["application_name", "webhook_event_url"])
def test_one_whose_name_or_address_the_list_does_not_tell_is_not_taken(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, untold: str
) -> None:
    _lists(monkeypatch, lambda listed: [_without(one, untold) for one in listed])
    _fault(sandbox, "act_then_cut")
    with pytest.raises(UncertainCreate) as caught:
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    assert caught.value.candidates == []


def _without(told: dict[str, Any], untold: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != untold}


def test_one_of_which_nothing_but_name_and_address_was_sent_is_taken(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    _fault(sandbox, "act_then_cut", path="/texml_applications")
    new = {"friendly_name": "ivr", "voice_url": "http://127.0.0.1:8000/x/"}
    row, _ = create_application(TEXML, sandbox_account, new, ADA)
    assert [row.telnyx_id] == [one["id"] for one in sandbox.store.applications(TEXML.resource)]


def test_a_form_that_is_sent_again_much_later_makes_another(
    sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send() -> str:
        return create_application(CALL_CONTROL, sandbox_account, NEW, ADA, wish="a form")[0].telnyx_id

    first = send()
    assert send() == first
    monkeypatch.setattr(intents, "REMEMBERED", timedelta(0))  # as if it were that long ago
    assert send() != first


@pytest.mark.usefixtures("only_account")
def test_where_the_list_cannot_be_read_no_candidates_are_told_and_when_it_was_asked_is_noted(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    _fault(sandbox, "act_then_cut")
    _fault(sandbox, "cut", "GET")
    answer = api.post("/api/v1/call-control-applications/", NEW, format="json")
    assert (answer.status_code, answer.json()["candidates"]) == (504, [])
    noted = AuditEvent.objects.get(action="application.create").details
    assert datetime.fromisoformat(noted["asked_at"]) == Intent.objects.get().asked_at


@pytest.mark.usefixtures("only_account")
def test_what_telnyx_said_as_it_failed_is_told_of_the_create_that_is_uncertain(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    said = {"errors": [{"code": "10007", "title": "Unexpected error", "detail": "It broke."}]}
    failing = {"method": "POST", "path": "/call_control_applications", "fault": "status", "value": 500, "times": 2}
    sandbox.faults.add(failing | {"body": said})
    told = api.post("/api/v1/call-control-applications/", NEW, format="json").json()
    assert (told["status"], told["telnyx_code"], told["candidates"]) == (504, "10007", [])
    with pytest.raises(UncertainCreate) as caught:
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    assert (caught.value.code, caught.value.http_status) == ("10007", 500)
