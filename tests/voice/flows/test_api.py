"""Flows over REST, and the document that describes all of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_flow
from tests.support.rest import api_for, problem
from voice.models import Flow, Rule

pytestmark = pytest.mark.django_db
FLOWS = "/api/v1/flows/"
# The interface page's example
EXAMPLE: dict[str, Any] = {
    "name": "greeting",
    "account": "main",
    "connection_id": CONNECTION,
    "active": True,
    "rules": [
        {
            "event_type": "call.initiated",
            "when": [{"field": "event.payload.direction", "op": "eq", "value": "incoming"}],
            "do": [{"action": "answer", "parameters": {}}],
            "step": "menu",
            "stop": True,
        },
        {
            "event_type": "call.gather.ended",
            "when": [
                {"field": "event.payload.digits", "op": "eq", "value": "1"},
                {"field": "call.step", "op": "eq", "value": "menu"},
            ],
            "do": [{"action": "transfer", "parameters": {"to": "{{ event.payload.from }}"}}],
            "step": "transferred",
            "stop": True,
        },
    ],
}


def make(api: APIClient, **changes: Any) -> Any:
    return api.post(FLOWS, EXAMPLE | changes, format="json")


def one_rule(**members: Any) -> list[dict[str, Any]]:
    return [{"event_type": "call.initiated", "do": [{"action": "answer"}]} | members]


def test_the_example_of_the_interface_page_is_created_and_told_as_it_is(api: APIClient, account: TelnyxAccount) -> None:
    answer = make(api)
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert {name: body[name] for name in EXAMPLE if name != "rules"} == {
        name: EXAMPLE[name] for name in EXAMPLE if name != "rules"
    }
    for told, wanted in zip(body["rules"], EXAMPLE["rules"], strict=True):
        assert {name: told[name] for name in wanted} == wanted
    assert api.get(f"{FLOWS}{body['id']}/").json() == body
    assert api.get(FLOWS).json()["results"] == [body]
    note = AuditEvent.objects.get(action="flow.create")
    assert (note.actor, note.object_id) == ("token: tests", body["id"])


def test_what_was_read_can_be_written_back(api: APIClient, account: TelnyxAccount) -> None:
    body = make(api).json()
    url = f"{FLOWS}{body['id']}/"
    answer = api.put(url, body | {"name": "renamed"}, format="json")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["name"], answer.json()["rules"]) == ("renamed", body["rules"])
    assert Rule.history.count() == 2  # nothing of the rules changed


def test_a_patch_of_the_name_keeps_the_rules(api: APIClient, account: TelnyxAccount) -> None:
    body = make(api).json()
    answer = api.patch(f"{FLOWS}{body['id']}/", {"name": "renamed", "active": False}, format="json")
    assert (answer.json()["name"], answer.json()["active"], len(answer.json()["rules"])) == ("renamed", False, 2)


def test_a_patch_of_the_rules_replaces_them(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{FLOWS}{make(api).json()['id']}/"
    answer = api.patch(url, {"rules": one_rule(direction="any")}, format="json")
    assert [(rule["event_type"], rule["direction"]) for rule in answer.json()["rules"]] == [("call.initiated", "any")]
    assert Rule.objects.count() == 1


def test_a_put_needs_everything(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{FLOWS}{make(api).json()['id']}/"
    assert set(problem(api.put(url, {"name": "x"}, format="json"), 400)["errors"]) == {"connection_id", "rules"}


def test_a_flow_is_deleted(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{FLOWS}{make(api).json()['id']}/"
    assert api.delete(url).status_code == 204
    problem(api.get(url), 404)
    assert AuditEvent.objects.filter(action="flow.delete").count() == 1


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"rules": one_rule(do=[{"action": "fly"}])}, "rules.0.do.0.action"),
        ({"rules": one_rule(do=[{"action": "answer", "parameters": {"nope": 1}}])}, "rules.0.do.0.parameters.nope"),
        ({"rules": one_rule(do=[{"action": "speak", "parameters": {"voice": 7}}])}, "rules.0.do.0.parameters.payload"),
        ({"rules": one_rule(do=[{"action": "answer", "paramters": {}}])}, "rules.0.do.0.paramters"),
        ({"rules": one_rule(do=[{}])}, "rules.0.do.0.action"),
        ({"rules": one_rule(when=[{"field": "call.nobody", "op": "eq", "value": 1}])}, "rules.0.when.0"),
        ({"rules": one_rule(when=[{"field": "call.from", "op": "like", "value": 1}])}, "rules.0.when.0.op"),
        ({"rules": one_rule(when=[{"field": "call.from", "op": "eq", "valu": 1}])}, "rules.0.when.0.valu"),
        ({"rules": one_rule(actions=[])}, "rules.0.actions"),
        ({"rules": one_rule(direction="sideways")}, "rules.0.direction"),
        ({"rules": one_rule(event_type="")}, "rules.0.event_type"),
        ({"rules": [one_rule()[0], {"do": []}]}, "rules.1.event_type"),
        ({"name": ""}, "name"),
        ({"aktiv": True}, "aktiv"),
        ({"account": "nobody"}, "account"),
    ],
)
def test_what_cannot_be_carried_out_is_400_at_its_place(
    api: APIClient, account: TelnyxAccount, changes: dict[str, Any], place: str
) -> None:
    assert place in problem(make(api, **changes), 400)["errors"]
    assert not Flow.objects.exists()


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


@pytest.mark.parametrize(
    ("method", "permission"),
    [("post", "add_flow"), ("put", "change_flow"), ("patch", "change_flow"), ("delete", "delete_flow")],
)
def test_each_change_takes_its_permission(account: TelnyxAccount, user_with: Any, method: str, permission: str) -> None:
    flow = make_flow(account, active=False)
    url = FLOWS if method == "post" else f"{FLOWS}{flow.pk}/"
    others = {"voice.view_flow", "voice.add_flow", "voice.change_flow", "voice.delete_flow", "voice.dial"} - {
        f"voice.{permission}"
    }
    problem(getattr(api_for(user_with(*others)), method)(url, EXAMPLE, format="json"), 403)
    assert list(Flow.objects.all()) == [flow]
    allowed = api_for(user_with(f"voice.{permission}", "voice.dial", username="other"))
    assert getattr(allowed, method)(url, EXAMPLE, format="json").status_code in {200, 201, 204}


def test_the_openapi_document_tells_every_address_without_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    arguments = ("--api-version", "v1", "--validate", "--fail-on-warn", "--format", "openapi-json")
    call_command("spectacular", *arguments, "--file", str(file))
    paths = json.loads(file.read_text())["paths"]
    assert len(paths) > 15
    for path in (
        "/api/v1/calls/",
        "/api/v1/calls/{call_control_id}/",
        "/api/v1/calls/{call_control_id}/events/",
        "/api/v1/calls/{call_control_id}/commands/",
        "/api/v1/calls/{call_control_id}/refresh/",
        "/api/v1/active-calls/",
        "/api/v1/sessions/{call_session_id}/",
        "/api/v1/call-events/",
        "/api/v1/commands/{id}/",
        "/api/v1/flows/{id}/",
    ):
        assert path in paths
    assert [path for path in paths if path.startswith("/api/v1/calls/{call_control_id}/actions/")]
    filters = {parameter["name"] for parameter in paths["/api/v1/calls/"]["get"]["parameters"]}
    wanted = "application connection_id direction state number from to hangup_cause call_session_id started_after"
    assert filters >= {*wanted.split(), "started_before", "has_recording", "cursor", "page_size"}
