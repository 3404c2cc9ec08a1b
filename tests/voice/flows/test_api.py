"""Flows over REST, and the document that describes all of it."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_flow
from tests.support.flows import EXAMPLE, make, one_rule
from tests.support.rest import FLOWS, api_for, problem
from tests.support.rows import Flow, Rule

pytestmark = pytest.mark.django_db


def test_a_flow_that_was_made_tells_where_it_is(api: APIClient, account: TelnyxAccount) -> None:
    made = make(api)
    assert (made.status_code, made["Location"]) == (201, f"{FLOWS}{made.json()['id']}/")
    assert api.get(made["Location"]).json() == made.json()


def test_a_patch_of_the_name_keeps_the_rules(api: APIClient, account: TelnyxAccount) -> None:
    body = make(api).json()
    answer = api.patch(f"{FLOWS}{body['id']}/", {"name": "renamed", "active": False}, format="json")
    assert (answer.json()["name"], answer.json()["active"], len(answer.json()["rules"])) == ("renamed", False, 2)


def test_a_patch_of_the_rules_replaces_them(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{FLOWS}{make(api).json()['id']}/"
    answer = api.patch(url, {"rules": one_rule(direction="any")}, format="json")
    assert [(rule["event_type"], rule["direction"]) for rule in answer.json()["rules"]] == [("call.initiated", "any")]
    assert Rule.objects.count() == 1


def test_the_audit_trail_counts_the_rules_of_a_change_that_wrote_them_alone(
    api: APIClient, account: TelnyxAccount
) -> None:
    url = f"{FLOWS}{make(api).json()['id']}/"
    for sent in ({"name": "renamed"}, {"rules": one_rule()}, {"rules": []}):
        assert api.patch(url, sent, format="json").status_code == 200
    notes = AuditEvent.objects.filter(action="flow.update").order_by("id")
    assert [note.details for note in notes] == [{}, {"rules": 1}, {"rules": 0}]


def test_a_put_needs_everything(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{FLOWS}{make(api).json()['id']}/"
    assert set(problem(api.put(url, {"name": "x"}, format="json"), 400)["errors"]) == {"connection_id", "rules"}


def test_a_rule_that_names_no_event_is_refused_by_a_patch_as_by_a_put(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{FLOWS}{make(api).json()['id']}/"
    before, sent = api.get(url).json(), EXAMPLE | {"rules": [*one_rule(), {"do": [{"action": "hangup"}]}]}
    for write in (api.patch, api.put):
        assert set(problem(write(url, sent, format="json"), 400)["errors"]) == {"rules.1.event_type"}
    assert api.get(url).json() == before


def test_a_flow_is_deleted(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{FLOWS}{make(api).json()['id']}/"
    assert api.delete(url).status_code == 204
    problem(api.get(url), 404)
    assert AuditEvent.objects.filter(action="flow.delete").count() == 1


def test_a_second_active_flow_is_400(api: APIClient, account: TelnyxAccount) -> None:
    make(api)
    body = problem(make(api, name="second"), 400)
    assert "another active flow" in json.dumps(body["errors"])
    assert make(api, name="second", active=False).status_code == 201


def test_a_flow_stays_with_its_account(api: APIClient, account: TelnyxAccount) -> None:
    make_account("second")
    url = f"{FLOWS}{make(api).json()['id']}/"
    assert set(problem(api.patch(url, {"account": "second"}, format="json"), 400)["errors"]) == {"account"}


def test_with_several_accounts_a_flow_names_one(api: APIClient, account: TelnyxAccount) -> None:
    make_account("second")
    body = {name: value for name, value in EXAMPLE.items() if name != "account"}
    assert set(problem(api.post(FLOWS, body, format="json"), 400)["errors"]) == {"account"}


@pytest.mark.alone("it lists what there is, of every account")
def test_every_filter_of_flows_finds_what_it_names(api: APIClient, account: TelnyxAccount) -> None:
    make_flow(account)
    make_flow(account, name="drawer", active=False, connection_id="88")
    for query, count in (
        ({"connection_id": "88"}, 1),
        ({"active": "true"}, 1),
        ({"name": "drawer"}, 1),
        ({"account": "main"}, 2),
        ({"account": "nobody"}, 0),
    ):
        assert len(api.get(FLOWS, query).json()["results"]) == count, query


def test_flows_are_listed_by_name(api: APIClient, account: TelnyxAccount) -> None:
    for number, name in enumerate(("night", "day", "lunch")):
        make_flow(account, name=name, connection_id=str(number))
    listed = api.get(FLOWS, {"account": account.name}).json()["results"]
    assert [row["name"] for row in listed] == ["day", "lunch", "night"]


@pytest.mark.parametrize(
    ("method", "permission", "status"),
    [
        ("post", "add_flow", 201),
        ("put", "change_flow", 200),
        ("patch", "change_flow", 200),
        ("delete", "delete_flow", 204),
    ],
)
def test_each_change_takes_its_permission(
    account: TelnyxAccount, user_with: Any, method: str, permission: str, status: int
) -> None:
    flow = make_flow(account, active=False)
    url = FLOWS if method == "post" else f"{FLOWS}{flow.pk}/"
    flows = {"voice.view_flow", "voice.add_flow", "voice.change_flow", "voice.delete_flow"}
    others = (flows | {"voice.dial", "voice.control_call"}) - {f"voice.{permission}"}
    problem(getattr(api_for(user_with(*others)), method)(url, EXAMPLE, format="json"), 403)
    assert list(Flow.objects.all()) == [flow]
    allowed = api_for(user_with(f"voice.{permission}", "voice.dial", "voice.control_call", username="other"))
    assert getattr(allowed, method)(url, None if method == "delete" else EXAMPLE, format="json").status_code == status


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"op": "lt", "value": ["1"]}, 'The value of "lt" must be a number, or a text that is one.'),
        ({"op": "gt", "value": "abc"}, 'The value of "gt" must be a number, or a text that is one.'),
        ({"op": "lt", "value": ""}, 'The value of "lt" must be a number, or a text that is one.'),
        ({"op": "lt", "value": "nan"}, 'The value of "lt" must be a number, or a text that is one.'),
        ({"op": "gt", "value": True}, 'The value of "gt" must be a number, or a text that is one.'),
        ({"op": "lt"}, 'The value of "lt" must be a number, or a text that is one.'),
        ({"op": "in", "value": "1"}, 'The value of "in" must be a list, as ["1", "2"].'),
        ({"op": "in"}, 'The value of "in" must be a list, as ["1", "2"].'),
        ({"op": "starts_with", "value": 1}, 'The value of "starts_with" must be a text.'),
        ({"op": "exists", "value": "yes"}, 'The value of "exists" must be true or false.'),
        ({"op": "exists", "value": None}, 'The value of "exists" must be true or false.'),
        ({"op": "eq"}, 'Give the value that "eq" compares with.'),
        ({"op": "ne"}, 'Give the value that "ne" compares with.'),
    ],
)
def test_a_condition_that_cannot_hold_is_refused_when_it_is_saved(
    api: APIClient, account: TelnyxAccount, condition: dict[str, Any], words: str
) -> None:
    when = [{"field": "event.payload.digits", **condition}]
    assert problem(make(api, rules=one_rule(when=when)), 400)["errors"] == {"rules.0.when.0": [words]}


@pytest.mark.parametrize(
    "condition",
    [{"op": "lt", "value": "2.5"}, {"op": "gt", "value": -1}, {"op": "exists"}, {"op": "eq", "value": ""}],
)
def test_a_condition_that_may_hold_is_saved(api: APIClient, account: TelnyxAccount, condition: dict[str, Any]) -> None:
    assert make(api, rules=one_rule(when=[{"field": "event.payload.digits", **condition}])).status_code == 201


@pytest.mark.parametrize(
    ("parameters", "place"),
    [
        ({"to": "{{ event.payload.from "}, "to"),
        ({"to": "{{ event.payload.from }"}, "to"),
        ({"to": "{{ call.from }} {{"}, "to"),
        ({"to": "+13125550001", "custom_headers": [{"name": "X-Of", "value": "{{call.from"}]}, "custom_headers"),
    ],
)
def test_a_placeholder_without_an_end_is_refused_when_it_is_saved(
    api: APIClient, account: TelnyxAccount, parameters: dict[str, Any], place: str
) -> None:
    rules = one_rule(do=[{"action": "transfer", "parameters": parameters}])
    (where, words), *others = problem(make(api, rules=rules), 400)["errors"].items()
    assert (where, others) == (f"rules.0.do.0.parameters.{place}", [])
    assert "has no end" in words[0]
    closed = one_rule(do=[{"action": "speak", "parameters": {"payload": "}} {{{call.from}}}", "voice": "female"}}])
    assert make(api, rules=closed).status_code == 201


@pytest.mark.alone("it lists what there is, of every account")
def test_flows_that_are_off_are_told_from_the_active_one_and_those_of_one_name_have_one_order(
    api: APIClient, account: TelnyxAccount
) -> None:
    active, *off = [make_flow(account, name="same", active=at == 0, connection_id=str(at)) for at in range(6)]
    found = [api.get(FLOWS, {"active": word}).json()["results"] for word in ("true", "false")]
    assert [[one["id"] for one in results] for results in found] == [
        [str(active.pk)],
        sorted(str(flow.pk) for flow in off),
    ]


@pytest.mark.alone("an account need not be named while there is only one")
def test_a_flow_of_the_only_account_need_not_name_it(api: APIClient, account: TelnyxAccount) -> None:
    body = {name: value for name, value in EXAMPLE.items() if name != "account"}
    made = api.post(FLOWS, body, format="json")
    assert (made.status_code, made.json()["account"]) == (201, account.name)
