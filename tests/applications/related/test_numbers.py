"""The numbers of an application: on its page and over REST, asked of Telnyx each time."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from applications.related.panels import dependents
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.applications import CALL_CONTROL, TEXML
from tests.support.rest import api_for
from tests.support.sandbox_ledger import requests

KINDS = pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)


def number_at(account: TelnyxAccount, last: int = 0) -> dict[str, Any]:
    query = {"filter[phone_number]": f"1312555010{last}"}
    found: dict[str, Any] = ask(account, "phone_numbers.list", extra_query=query)["data"][0]
    return found


def assigned(account: TelnyxAccount, application: Any, last: int = 0) -> dict[str, Any]:
    number = number_at(account, last)
    ask(account, "phone_numbers.update", number["id"], connection_id=application.telnyx_id)
    return number


def url(name: str, *args: Any, kind: Any = CALL_CONTROL) -> str:
    return reverse(f"admin:applications_{kind.model._meta.model_name}_{name}", args=args)


def rest(application: Any, *more: str, kind: Any = CALL_CONTROL) -> str:
    return "/".join(["/api/v1", kind.slug, application.telnyx_id, "phone-numbers", *more, ""])


# the page


@KINDS
def test_the_panel_lists_its_numbers_and_assigns_another(browser: Client, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind)
    assigned(row.account, row, 1)
    other = number_at(row.account, 2)
    shown = browser.get(url("numbers", row.pk, kind=kind)).content.decode()
    assert "+13125550101" in shown
    assert "+13125550102" not in shown
    offered = browser.get(url("numbers", row.pk, kind=kind), {"of": "account"}).content.decode()
    assert "+13125550102" in offered
    answer = browser.post(url("assign", row.pk, other["id"], kind=kind))
    assert f"its connection is now {row}" in answer.content.decode()
    assert number_at(row.account, 2)["connection_id"] == row.telnyx_id
    noted = AuditEvent.objects.get(action="number.assign")
    assert (noted.object_id, noted.details["number"], noted.details["was"]) == (str(row.pk), "+13125550102", None)


def test_unassigning_shows_what_telnyx_answered(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    number = assigned(row.account, row)
    answer = browser.post(url("unassign", row.pk, number["id"]))
    assert "its connection is now none" in answer.content.decode()
    assert number_at(row.account)["connection_id"] is None
    assert AuditEvent.objects.filter(action="number.unassign", details__was=row.telnyx_id).exists()


def test_a_number_of_another_application_is_not_unassigned_from_here(browser: Client, mirrored: Any) -> None:
    here, there = mirrored(name="here"), mirrored(name="there")
    number = assigned(here.account, there)
    answer = browser.post(url("unassign", here.pk, number["id"]))
    assert "not assigned to this application" in answer.content.decode()
    assert number_at(here.account)["connection_id"] == there.telnyx_id


def test_a_refusal_and_an_outage_stand_in_the_panel(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    number = number_at(row.account)
    sandbox.faults.add({"fault": "status", "method": "PATCH", "path": "/phone_numbers", "value": 422})
    assert "Answered so because" in browser.post(url("assign", row.pk, number["id"])).content.decode()
    assert number_at(row.account)["connection_id"] is None
    assert not AuditEvent.objects.filter(action="number.assign").exists()
    sandbox.faults.add({"fault": "status", "method": "GET", "path": "/phone_numbers", "value": 429})
    assert "too many requests" in browser.get(url("numbers", row.pk)).content.decode()


def test_an_answer_that_got_lost_is_in_the_trail_as_uncertain(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    sandbox.faults.add({"fault": "act_then_cut", "method": "PATCH", "path": "/phone_numbers"})
    browser.post(url("assign", row.pk, number_at(row.account)["id"]))
    assert AuditEvent.objects.get(action="number.assign").details["outcome"] == "uncertain"


def test_the_page_of_an_application_asks_telnyx_for_nothing(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    before = len(requests(sandbox))
    page = browser.get(url("change", row.pk)).content.decode()
    assert len(requests(sandbox)) == before
    assert url("numbers", row.pk) in page
    assert "number is assigned" not in page


def test_search_narrows_and_needs_three_digits(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    found = browser.get(url("numbers", row.pk), {"of": "account", "q": "(312) 555-0103"}).content.decode()
    assert "+13125550103" in found
    assert "+13125550102" not in found
    assert "at least three digits" in browser.get(url("numbers", row.pk), {"q": "1x2"}).content.decode()


def test_ten_thousand_numbers_are_paged(browser: Client, mirrored: Any, sandbox: Sandbox, api: APIClient) -> None:
    row = mirrored()
    with sandbox.exchange.transaction():
        for place in range(60):
            sandbox.store.put("phone_numbers", f"n{place}", _number(f"n{place}", row.telnyx_id))
    page = browser.get(url("numbers", row.pk), {"page": "3"}).content.decode()
    assert page.count('class="portal-number"') == 10
    assert "page=2" in page
    assert "page=4" not in page
    first = api.get(rest(row), {"page_size": 50}).json()
    second = api.get(first["next"]).json()
    assert (len(first["results"]), len(second["results"]), second["next"]) == (50, 10, None)
    assert api.get(second["previous"]).json()["results"] == first["results"]


def _number(id: str, connection_id: str) -> dict[str, Any]:
    return {"id": id, "phone_number": f"+1{id}", "connection_id": connection_id, "tags": [], "status": "active"}


def test_who_may_look_may_not_assign(client: Client, user_with: Callable[..., User], mirrored: Any) -> None:
    row = mirrored()
    number = assigned(row.account, row)
    client.force_login(user_with("applications.view_callcontrolapplication"))
    shown = client.get(url("numbers", row.pk))
    assert number["phone_number"].encode() in shown.content
    assert b"Unassign" not in shown.content
    assert client.post(url("unassign", row.pk, number["id"])).status_code == 403
    assert number_at(row.account)["connection_id"] == row.telnyx_id


def test_who_may_not_look_gets_no_numbers(client: Client, user_with: Callable[..., User], mirrored: Any) -> None:
    row = mirrored()
    client.force_login(user_with("applications.assign_number"))
    assert client.get(url("numbers", row.pk)).status_code == 403
    assert client.post(url("assign", row.pk, number_at(row.account)["id"])).status_code == 403
    assert number_at(row.account)["connection_id"] is None


def test_assigning_is_a_post_with_a_token_of_the_form(operator: User, mirrored: Any) -> None:
    row, strict = mirrored(), Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    at = url("assign", row.pk, number_at(row.account)["id"])
    assert strict.get(at).status_code == 405
    assert strict.post(at).status_code == 403
    assert number_at(row.account)["connection_id"] is None


def test_a_deletion_says_how_many_numbers_hang_on_it(rf: Any, operator: User, mirrored: Any, sandbox: Sandbox) -> None:
    row, request = mirrored(), rf.get("/")
    assert dependents(request, row) == []
    assigned(row.account, row)
    assert dependents(request, row)[0].startswith("1 phone number is assigned to it")
    sandbox.faults.add({"fault": "cut", "path": "/phone_numbers"})
    assert "could not be asked" in dependents(request, row)[0]


# REST


@KINDS
def test_numbers_are_listed_assigned_and_unassigned_over_rest(api: APIClient, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind)
    number = number_at(row.account, 4)
    answer = api.post(rest(row, number["id"], "assign", kind=kind))
    assert (answer.status_code, answer.json()["connection_id"]) == (200, row.telnyx_id)
    listed = api.get(rest(row, kind=kind)).json()
    assert [one["phone_number"] for one in listed["results"]] == ["+13125550104"]
    assert api.get(rest(row, kind=kind), {"search": "0105"}).json()["results"] == []
    assert api.get(rest(row, kind=kind), {"search": "1"}).json()["errors"]["search"]
    assert api.post(rest(row, number["id"], "unassign", kind=kind)).json()["connection_id"] is None
    again = api.post(rest(row, number["id"], "unassign", kind=kind))
    assert (again.status_code, list(again.json()["errors"])) == (400, ["number_id"])
    assert AuditEvent.objects.filter(action="number.assign", actor="token: tests").count() == 1


def test_rest_says_what_telnyx_refused_and_when_it_is_away(api: APIClient, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    number = number_at(row.account)
    assert api.post(rest(row, "4", "assign")).status_code == 404
    sandbox.faults.add({"fault": "status", "method": "PATCH", "path": "/phone_numbers", "value": 422})
    assert api.post(rest(row, number["id"], "assign")).status_code == 422
    sandbox.faults.add({"fault": "status", "path": "/phone_numbers", "value": 429})
    answer = api.post(rest(row, number["id"], "assign"))
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


def test_a_number_that_telnyx_keeps_where_it_is_is_a_conflict(
    api: APIClient, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored()
    number = assigned(row.account, row)
    monkeypatch.setattr(
        "portal.sandbox.resources.numbers.check", lambda method, body: body.clear()
    )  # takes it and does nothing
    answer = api.post(rest(row, number["id"], "unassign"))
    assert (answer.status_code, answer.json()["code"]) == (409, "still_assigned")


def test_rest_asks_for_the_permission_to_assign(user_with: Callable[..., User], mirrored: Any) -> None:
    row = mirrored()
    number = number_at(row.account)
    client = api_for(user_with("applications.view_callcontrolapplication"))
    assert client.get(rest(row)).status_code == 200
    assert client.post(rest(row, number["id"], "assign")).status_code == 403
    reading = api_for(user_with("applications.assign_number", username="reader"), "applications:read")
    assert reading.post(rest(row, number["id"], "assign")).status_code == 403
    assert number_at(row.account)["connection_id"] is None


def test_a_missing_application_takes_no_number(browser: Client, api: APIClient, mirrored: Any) -> None:
    row = mirrored()
    CallControlApplication.objects.filter(pk=row.pk).update(missing_since=row.pulled_at)
    assert b"Assign a number" not in browser.get(url("numbers", row.pk)).content
    assert api.post(rest(row, number_at(row.account)["id"], "assign")).status_code == 404
