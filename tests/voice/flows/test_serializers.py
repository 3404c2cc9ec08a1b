"""A flow over REST, member by member."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import AuditEvent, TelnyxAccount
from tests.support.flows import EXAMPLE, make, one_rule
from tests.support.rest import FLOWS, problem
from tests.support.rows import Flow, Rule

pytestmark = pytest.mark.django_db


@pytest.mark.alone("it lists what there is, of every account")
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


def test_a_rule_may_move_the_step_and_do_nothing(api: APIClient, account: TelnyxAccount) -> None:
    answer = make(api, rules=[{"event_type": "call.hangup", "step": "over"}])
    assert answer.status_code == 201, answer.content
    (rule,) = answer.json()["rules"]
    wanted = {"event_type": "call.hangup", "step": "over", "do": [], "when": [], "direction": "incoming", "stop": True}
    assert rule == wanted
    assert answer.json()["updated_at"] is not None


def test_a_number_that_was_hidden_is_to_be_entered_whole(api: APIClient, account: TelnyxAccount) -> None:
    hidden = [{"field": "call.from", "op": "eq", "value": "+1312•••0101"}]
    assert set(problem(make(api, rules=one_rule(when=hidden)), 400)["errors"]) == {"rules.0.when"}
    assert not Flow.objects.exists()


def test_what_was_read_can_be_written_back(api: APIClient, account: TelnyxAccount) -> None:
    body = make(api).json()
    url = f"{FLOWS}{body['id']}/"
    answer = api.put(url, body | {"name": "renamed"}, format="json")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["name"], answer.json()["rules"]) == ("renamed", body["rules"])
    assert Rule.history.filter(flow=body["id"]).count() == 2  # nothing of the rules changed


@pytest.mark.parametrize(
    "test",
    [{"op": "eq", "value": None}, {"op": "ne", "value": None}, {"op": "exists"}, {"op": "exists", "value": False}],
)
def test_a_condition_is_told_as_it_was_saved_and_written_back(
    api: APIClient, account: TelnyxAccount, test: dict[str, Any]
) -> None:
    when = [{"field": "event.payload.digits", **test}]
    made = make(api, rules=one_rule(when=when))
    assert made.status_code == 201, made.content
    url = f"{FLOWS}{made.json()['id']}/"
    read = api.get(url).json()
    assert read["rules"][0]["when"] == when
    for write in (api.put, api.patch):
        answer = write(url, read, format="json")
        assert (answer.status_code, answer.json()["rules"]) == (200, read["rules"])


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
