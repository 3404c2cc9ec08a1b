"""The numbers of an application stand on its page, asked of Telnyx each time."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from portal.models import AuditEvent
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL, TEXML
from tests.support.html_forms import hidden_fields
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_numbers import assigned, number_at, numbers_url

KINDS = pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)


@KINDS
def test_the_panel_lists_its_numbers_and_assigns_another(browser: Client, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind)
    assigned(row.account, row, 1)
    other = number_at(row.account, 2)
    shown = browser.get(page_url("numbers", row.pk, kind=kind)).content.decode()
    assert "+13125550101" in shown
    assert "+13125550102" not in shown
    offered = browser.get(page_url("numbers", row.pk, kind=kind), {"of": "account"}).content.decode()
    assert "+13125550102" in offered
    answer = browser.post(page_url("assign", row.pk, other["id"], kind=kind))
    assert f"its connection is now {row}" in answer.content.decode()
    assert number_at(row.account, 2)["connection_id"] == row.telnyx_id
    noted = AuditEvent.objects.get(action="number.assign")
    assert (noted.object_id, noted.details["number"], noted.details["was"]) == (str(row.pk), "+13125550102", None)


def test_unassigning_shows_what_telnyx_answered(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    number = assigned(row.account, row)
    answer = browser.post(page_url("unassign", row.pk, number["id"]))
    assert "its connection is now none" in answer.content.decode()
    assert number_at(row.account)["connection_id"] is None
    assert AuditEvent.objects.filter(action="number.unassign", details__was=row.telnyx_id).exists()


def test_a_number_of_another_application_is_not_unassigned_from_here(browser: Client, mirrored: Any) -> None:
    here, there = mirrored(name="here"), mirrored(name="there")
    number = assigned(here.account, there)
    answer = browser.post(page_url("unassign", here.pk, number["id"]))
    assert "not assigned to this application" in answer.content.decode()
    assert number_at(here.account)["connection_id"] == there.telnyx_id


@pytest.mark.parametrize("drawn_at", [None, "first"])
def test_a_number_that_was_given_away_since_the_page_was_drawn_is_not_taken(
    browser: Client, mirrored: Any, drawn_at: str | None
) -> None:
    here, first, second = (mirrored(name=name) for name in ("here", "first", "second"))
    number = assigned(here.account, first) if drawn_at else number_at(here.account)
    at, page = page_url("assign", here.pk, number["id"]), browser.get(page_url("numbers", here.pk), {"of": "account"})
    form = hidden_fields(page.content.decode(), at)
    assert form == {"connection_id": first.telnyx_id if drawn_at else ""}
    assigned(here.account, second)
    assert "second has this number now. Nothing was sent." in browser.post(at, form).content.decode()
    assert number_at(here.account)["connection_id"] == second.telnyx_id
    form = hidden_fields(browser.get(page_url("numbers", here.pk), {"of": "account"}).content.decode(), at)
    for _ in range(2):  # a second press finds it where it is to be
        assert "its connection is now here" in browser.post(at, form).content.decode()
    assert number_at(here.account)["connection_id"] == here.telnyx_id


def test_a_refusal_and_an_outage_stand_in_the_panel(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    number = number_at(row.account)
    sandbox.faults.add({"fault": "status", "method": "PATCH", "path": "/phone_numbers", "value": 422})
    assert "Answered so because" in browser.post(page_url("assign", row.pk, number["id"])).content.decode()
    assert number_at(row.account)["connection_id"] is None
    assert not AuditEvent.objects.filter(action="number.assign").exists()
    sandbox.faults.add({"fault": "status", "method": "GET", "path": "/phone_numbers", "value": 429})
    assert "too many requests" in browser.get(page_url("numbers", row.pk)).content.decode()


def test_an_answer_that_got_lost_is_in_the_trail_as_uncertain(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    sandbox.faults.add({"fault": "act_then_cut", "method": "PATCH", "path": "/phone_numbers"})
    browser.post(page_url("assign", row.pk, number_at(row.account)["id"]))
    assert AuditEvent.objects.get(action="number.assign").details["outcome"] == "uncertain"


def test_the_page_of_an_application_asks_telnyx_for_nothing(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    before = len(requests(sandbox))
    page = browser.get(page_url("change", row.pk)).content.decode()
    assert len(requests(sandbox)) == before
    assert page_url("numbers", row.pk) in page
    assert "number is assigned" not in page


def test_search_narrows_and_needs_three_digits(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    found = browser.get(page_url("numbers", row.pk), {"of": "account", "q": "(312) 555-0103"}).content.decode()
    assert "+13125550103" in found
    assert "+13125550102" not in found
    assert "at least three digits" in browser.get(page_url("numbers", row.pk), {"q": "1x2"}).content.decode()


@pytest.mark.usefixtures("only_account")
def test_ten_thousand_numbers_are_paged(browser: Client, mirrored: Any, sandbox: Sandbox, api: APIClient) -> None:
    row = mirrored()
    with sandbox.exchange.transaction():
        for place in range(60):
            sandbox.store.put("phone_numbers", f"n{place}", _number(f"n{place}", row.telnyx_id))
    page = browser.get(page_url("numbers", row.pk), {"page": "3"}).content.decode()
    assert page.count('class="portal-number"') == 10
    assert "page=2" in page
    assert "page=4" not in page
    first = api.get(numbers_url(row), {"page_size": 50}).json()
    second = api.get(first["next"]).json()
    assert (len(first["results"]), len(second["results"]), second["next"]) == (50, 10, None)
    assert api.get(second["previous"]).json()["results"] == first["results"]


def _number(id: str, connection_id: str) -> dict[str, Any]:
    return {"id": id, "phone_number": f"+1{id}", "connection_id": connection_id, "tags": [], "status": "active"}


def test_who_may_look_may_not_assign(client: Client, user_with: Callable[..., User], mirrored: Any) -> None:
    row = mirrored()
    number = assigned(row.account, row)
    client.force_login(user_with("applications.view_callcontrolapplication"))
    shown = client.get(page_url("numbers", row.pk))
    assert number["phone_number"].encode() in shown.content
    assert b"Unassign" not in shown.content
    assert client.post(page_url("unassign", row.pk, number["id"])).status_code == 403
    assert number_at(row.account)["connection_id"] == row.telnyx_id
    client.force_login(user_with(CALL_CONTROL.permission("view"), "applications.assign_number", username="assigner"))
    assert b"Unassign" in client.get(page_url("numbers", row.pk)).content
    assert client.post(page_url("unassign", row.pk, number["id"])).status_code == 200
    assert number_at(row.account)["connection_id"] is None


def test_who_may_not_look_gets_no_numbers(client: Client, user_with: Callable[..., User], mirrored: Any) -> None:
    row = mirrored()
    client.force_login(user_with("applications.assign_number"))
    number_id = number_at(row.account)["id"]
    assert client.get(page_url("numbers", row.pk)).status_code == 403
    assert client.post(page_url("assign", row.pk, number_id)).status_code == 403
    assert number_at(row.account)["connection_id"] is None
    client.force_login(user_with(CALL_CONTROL.permission("view"), "applications.assign_number", username="assigner"))
    assert client.get(page_url("numbers", row.pk)).status_code == 200
    assert client.post(page_url("assign", row.pk, number_id)).status_code == 200
    assert number_at(row.account)["connection_id"] == row.telnyx_id


def test_assigning_is_a_post_with_a_token_of_the_form(operator: User, mirrored: Any) -> None:
    row, strict = mirrored(), Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    at = page_url("assign", row.pk, number_at(row.account)["id"])
    assert strict.get(at).status_code == 405
    assert strict.post(at).status_code == 403
    assert number_at(row.account)["connection_id"] is None
    strict.get(page_url("change", row.pk))
    assert strict.post(at, headers={"X-CSRFToken": strict.cookies["csrftoken"].value}).status_code == 200
    assert number_at(row.account)["connection_id"] == row.telnyx_id


def test_behind_the_last_number_it_is_not_said_that_there_is_none(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    number = assigned(row.account, row)
    beyond = browser.get(page_url("numbers", row.pk), {"page": "2"}).content.decode()
    assert ("No number is on this page any more." in beyond, "No number is assigned to it." in beyond) == (True, False)
    assert "Previous" in beyond
    assert "No number is assigned to it." in browser.post(page_url("unassign", row.pk, number["id"])).content.decode()
