"""Two who edit one flow: neither undoes unseen what the other one did."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.connected_threads import PATIENCE, others, wait_for
from tests.support.databases import TWO_WRITERS, somebody_waits_for_a_lock
from tests.support.factories import CONNECTION, make_flow
from tests.support.flows import as_drawn, flow_form, make
from tests.support.polling import eventually
from tests.support.rest import FLOWS, problem
from tests.support.rows import Flow
from voice.flows import admin, service

pytestmark = pytest.mark.django_db


def dials(number: int) -> dict[str, Any]:
    return {
        "event_type": "call.initiated",
        "do": [{"action": "transfer", "parameters": {"to": f"+1312555000{number}"}}],
    }


def at(flow: Flow) -> str:
    return f"{FLOWS}{flow.pk}/"


def page_of(flow: Flow) -> str:
    return f"/admin/voice/flow/{flow.pk}/change/"


def state(api: APIClient, flow: Flow) -> tuple[str, bool, list[str]]:
    body = api.get(at(flow)).json()
    return body["name"], body["active"], [rule["do"][0]["parameters"]["to"][-1] for rule in body["rules"]]


@pytest.fixture
def flow(account: TelnyxAccount) -> Flow:
    return make_flow(account, dials(1), dials(2), dials(3))


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator[None]:
    """Has somebody do ``work`` as soon as somebody else has read a flow with its rules, and written nothing yet."""
    owed = [work]

    def after_reading(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("SELECT") and 'FROM "voice_rule"' in sql and owed:
            owed.pop()()
        return result

    with connection.execute_wrapper(after_reading):
        yield
    assert not owed


# --- In the browser --------------------------------------------------------------------------------------------------


def test_a_page_that_was_opened_before_somebody_else_saved_overwrites_nothing(
    browser: Client, api: APIClient, flow: Flow
) -> None:
    mine = as_drawn(browser.get(page_of(flow))) | {"name": "renamed"}
    theirs = {"active": False, "rules": [dials(7), dials(2), dials(3), dials(4)]}
    assert api.patch(at(flow), theirs, format="json").status_code == 200
    refused = browser.post(page_of(flow), mine)
    assert refused.status_code == 200
    assert "was changed meanwhile, and nothing was saved" in refused.content.decode()
    assert state(api, flow) == ("greeting", False, ["7", "2", "3", "4"])
    again = as_drawn(refused)
    assert again | {"seen": ""} == mine | {"seen": ""}  # what was typed is still there
    assert browser.post(page_of(flow), again).status_code == 302
    assert state(api, flow) == ("renamed", True, ["1", "2", "3"])


def test_whose_page_is_an_old_one_is_told_that_what_he_typed_is_still_there(
    browser: Client, api: APIClient, flow: Flow
) -> None:
    mine = as_drawn(browser.get(page_of(flow)))
    assert api.patch(at(flow), {"active": False}, format="json").status_code == 200
    told = browser.post(page_of(flow), mine).context["adminform"].form.non_field_errors()
    assert ["was changed meanwhile" in words for words in told] == [True, False]
    assert ["What you typed is still here" in words for words in told] == [False, True]


def test_a_page_that_is_drawn_while_somebody_else_saves_undoes_nothing(
    browser: Client, api: APIClient, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    owed = [lambda: api.patch(at(flow), {"name": "theirs"}, format="json")]

    def newest(row: Flow) -> str:
        found = newest_of(row)
        if owed:  # they save between the two
            assert owed.pop()().status_code == 200
        return found

    newest_of = admin.newest_of
    monkeypatch.setattr(admin, "newest_of", newest)
    drawn = browser.get(page_of(flow)).context["adminform"].form
    assert (drawn.instance.name, drawn["seen"].value() == newest_of(flow)) == ("theirs", False)


def test_rules_that_are_gone_meanwhile_come_back_by_a_second_save(browser: Client, api: APIClient, flow: Flow) -> None:
    mine = as_drawn(browser.get(page_of(flow)))
    assert api.patch(at(flow), {"rules": [dials(3)]}, format="json").status_code == 200
    refused = browser.post(page_of(flow), mine)
    assert (refused.status_code, state(api, flow)) == (200, ("greeting", True, ["3"]))
    assert browser.post(page_of(flow), as_drawn(refused)).status_code == 302
    assert state(api, flow) == ("greeting", True, ["1", "2", "3"])


def test_a_page_whose_flow_is_gone_saves_nothing(browser: Client, api: APIClient, flow: Flow) -> None:
    mine = as_drawn(browser.get(page_of(flow)))
    assert api.delete(at(flow)).status_code == 204
    assert browser.post(page_of(flow), mine).status_code == 302
    assert not Flow.objects.exists()


@pytest.mark.parametrize("seen", ["", "x", "0", "9" * 30])
def test_who_does_not_tell_what_they_saw_saves_nothing(browser: Client, flow: Flow, seen: str) -> None:
    values = flow_form(name="renamed", application=f"{flow.account_id} {CONNECTION}", seen=seen)
    assert "was changed meanwhile" in browser.post(page_of(flow), values).content.decode()
    assert Flow.objects.get().name == "greeting"


def test_who_may_only_look_is_asked_for_nothing(signed_in: Any, flow: Flow) -> None:
    text = signed_in("voice.view_flow").get(page_of(flow)).content.decode()
    assert "Seen" not in text
    assert 'name="seen"' not in text


# --- Over REST -------------------------------------------------------------------------------------------------------


def test_rules_of_two_writers_are_not_mixed(api: APIClient, flow: Flow) -> None:
    """Each has the first or the second rule as it was, and another one in its place."""
    theirs, mine = {"rules": [dials(7), dials(2)]}, {"rules": [dials(1), dials(8)]}
    with meanwhile(lambda: api.patch(at(flow), theirs, format="json")):
        assert api.patch(at(flow), mine, format="json").status_code == 200
    assert state(api, flow) == ("greeting", True, ["1", "8"])


def test_who_renames_a_flow_does_not_switch_it_on_again(api: APIClient, flow: Flow) -> None:
    with meanwhile(lambda: api.patch(at(flow), {"active": False}, format="json")):
        assert api.patch(at(flow), {"name": "renamed"}, format="json").json()["active"] is False
    assert state(api, flow) == ("renamed", False, ["1", "2", "3"])


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [({"name": "theirs"}, {"active": False}), ({"connection_id": "88"}, {"name": "mine"}), ({"active": False}, {})],
)
def test_who_changes_one_thing_leaves_what_somebody_else_has_changed(
    api: APIClient, flow: Flow, theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    with meanwhile(lambda: api.patch(at(flow), theirs, format="json")):
        assert api.patch(at(flow), mine, format="json").status_code == 200
    now = api.get(at(flow)).json()
    assert {name: now[name] for name in theirs | mine} == theirs | mine


def test_nor_is_a_flow_moved_back_to_the_account_it_was_of(api: APIClient, flow: Flow) -> None:
    other = make_account("other")
    with meanwhile(lambda: Flow.objects.filter(pk=flow.pk).update(account=other)):
        assert api.patch(at(flow), {"name": "renamed"}, format="json").status_code == 200
    flow.refresh_from_db()
    assert (flow.name, flow.account) == ("renamed", other)


def test_who_changes_a_flow_does_not_bring_it_back(api: APIClient, flow: Flow) -> None:
    with meanwhile(lambda: api.delete(at(flow))):
        problem(api.patch(at(flow), {"name": "renamed"}, format="json"), 404)
    assert not Flow.objects.exists()


def test_a_flow_that_two_delete_is_deleted_once(api: APIClient, flow: Flow) -> None:
    with meanwhile(lambda: api.delete(at(flow))):
        assert api.delete(at(flow)).status_code == 204
    assert AuditEvent.objects.filter(action="flow.delete").count() == 1
    assert Flow.history.filter(history_type="-").count() == 1  # type: ignore[attr-defined]


# --- Two active ones at once -----------------------------------------------------------------------------------------


@contextmanager
def another_is_switched_on(drawer: Flow) -> Iterator[None]:
    """Between the look whether there is another active flow and the row of this one."""
    owed = [drawer]

    def switch_on(flow: Flow) -> None:
        Flow.objects.filter(pk=flow.pk).update(active=True)

    def before_writing(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith('INSERT INTO "voice_flow"') and owed:
            elsewhere(switch_on, owed.pop()).result(PATIENCE)
        return execute(sql, params, many, context)

    with others() as elsewhere, connection.execute_wrapper(before_writing):
        yield
    assert not owed


@pytest.mark.django_db(transaction=True)
@TWO_WRITERS
def test_of_two_active_flows_made_at_once_one_is_refused_in_words(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    CallControlApplication.objects.create(account=account, application_name="desk", telnyx_id=CONNECTION)
    drawer = make_flow(account, active=False, name="drawer")
    with another_is_switched_on(drawer):
        assert "another active flow" in str(problem(make(api), 400)["errors"])
    Flow.objects.update(active=False)
    values = flow_form({"do": '[{"action": "answer"}]'}, application=f"{account.pk} {CONNECTION}", name="mine")
    with another_is_switched_on(drawer):
        refused = browser.post("/admin/voice/flow/add/", values)
    assert "another active flow" in refused.content.decode()
    assert as_drawn(refused)["name"] == "mine"
    assert [flow.name for flow in Flow.objects.all()] == ["drawer"]


# --- Two saves at once -----------------------------------------------------------------------------------------------


@pytest.fixture
def saving(monkeypatch: pytest.MonkeyPatch) -> Callable[[], threading.Event]:
    """From the call on, whoever saves rules says so by the event, and commits once somebody waits for the flow."""
    really, saved = service._replace_rules, threading.Event()

    def slowly(*values: Any) -> None:
        really(*values)
        saved.set()
        eventually(somebody_waits_for_a_lock, "waiting for the flow")

    def begin() -> threading.Event:
        monkeypatch.setattr(service, "_replace_rules", slowly)
        return saved

    return begin


@pytest.mark.django_db(transaction=True)
@TWO_WRITERS
@pytest.mark.parametrize("done", ["saved", "restored"])
def test_who_saves_a_flow_at_the_same_moment_waits_and_overwrites_nothing(
    browser: Client, api: APIClient, flow: Any, saving: Callable[[], threading.Event], done: str
) -> None:
    assert api.patch(at(flow), {"name": "second"}, format="json").status_code == 200
    newest, first = flow.history.order_by("-history_id")
    if done == "saved":
        address, mine = page_of(flow), as_drawn(browser.get(page_of(flow))) | {"name": "mine"}
    else:
        address, mine = f"/admin/voice/flow/{flow.pk}/history/{first.history_id}/", {"seen": newest.history_id}
    theirs, saved = {"name": "theirs", "rules": [dials(7)]}, saving()
    with others() as elsewhere:
        other = elsewhere(partial(api.patch, at(flow), theirs, format="json"))
        wait_for(saved, "their save")
        refused = browser.post(address, mine, follow=True)
    assert other.result(PATIENCE).status_code == 200
    assert f"was changed meanwhile, and nothing was {done}" in refused.content.decode()
    assert state(api, flow) == ("theirs", True, ["7"])
    assert flow.history.count() == 3
