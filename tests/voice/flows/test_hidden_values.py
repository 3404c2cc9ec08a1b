"""A flow whose page hides secrets and numbers: what was left alone is kept, what cannot be kept is told on the form."""

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from portal.sealed_json import unsealed
from tests.support.factories import CONNECTION, make_flow
from tests.support.flows import as_drawn, flow_form, one_rule
from tests.support.rest import FLOWS, api_for, problem
from tests.support.rows import Flow

pytestmark = pytest.mark.django_db
ANSWER: dict[str, Any] = {"action": "answer"}
WORDS = "Enter that value whole"


def transfer(to: str = "sip:ada@pbx.example", password: str = "correct-horse") -> dict[str, Any]:
    return {"action": "transfer", "parameters": {"to": to, "sip_auth_username": "ada", "sip_auth_password": password}}


def page_of(flow: Flow) -> str:
    return f"/admin/voice/flow/{flow.pk}/change/"


def done(flow: Flow) -> list[Any]:
    return [unsealed(rule.do) for rule in flow.rules.all()]


@pytest.fixture
def flow(account: TelnyxAccount) -> Flow:
    """Hangs up, answers, and transfers with a password."""
    rules = ([{"action": "hangup"}], [ANSWER], [transfer()])
    return make_flow(account, *({"event_type": "call.answered", "do": do} for do in rules))


def test_a_rule_that_is_dragged_elsewhere_keeps_its_secret(browser: Client, flow: Flow) -> None:
    drawn = as_drawn(browser.get(page_of(flow)))
    assert "correct-horse" not in str(drawn)
    places = {"rules-2-position": "0", "rules-0-position": "1", "rules-1-position": "2"}
    assert browser.post(page_of(flow), drawn | places).status_code == 302
    assert done(flow) == [[transfer()], [{"action": "hangup"}], [ANSWER]]


def test_a_rule_keeps_its_secret_when_one_above_is_deleted(browser: Client, flow: Flow) -> None:
    drawn = as_drawn(browser.get(page_of(flow))) | {"rules-0-DELETE": "on"}
    assert browser.post(page_of(flow), drawn).status_code == 302
    assert done(flow) == [[ANSWER], [transfer()]]


def test_an_action_put_before_one_with_a_secret_leaves_it_alone(browser: Client, flow: Flow) -> None:
    drawn = as_drawn(browser.get(page_of(flow)))
    drawn["rules-2-do"] = json.dumps([ANSWER, *json.loads(drawn["rules-2-do"])])
    assert browser.post(page_of(flow), drawn).status_code == 302
    assert done(flow)[2] == [ANSWER, transfer()]


def test_rules_that_only_moved_keep_their_secrets_over_rest(api: APIClient, flow: Flow) -> None:
    url = f"{FLOWS}{flow.pk}/"
    rules = api.get(url).json()["rules"]
    assert api.patch(url, {"rules": [rules[2], rules[0]]}, format="json").status_code == 200
    assert done(flow) == [[transfer()], [{"action": "hangup"}]]


def test_an_action_whose_members_come_in_another_order_keeps_its_secret(api: APIClient, flow: Flow) -> None:
    url = f"{FLOWS}{flow.pk}/"
    rules = api.get(url).json()["rules"]
    (action,) = rules[2]["do"]
    turned = {"parameters": dict(reversed(action["parameters"].items())), "action": action["action"]}
    changed = rules[2] | {"do": [turned], "step": "other"}
    assert api.patch(url, {"rules": [*rules[:2], changed]}, format="json").status_code == 200
    assert done(flow) == [[{"action": "hangup"}], [ANSWER], [transfer()]]


def test_a_step_that_was_read_masked_is_not_kept_with_its_dots(user_with: Any, account: TelnyxAccount) -> None:
    flow = make_flow(account, *one_rule(step="call back +13125550188"))
    url = f"{FLOWS}{flow.pk}/"
    blind = api_for(user_with("voice.view_flow", "voice.change_flow", "voice.control_call"))
    (rule,) = blind.get(url).json()["rules"]
    assert "5550188" not in rule["step"]
    whole = {"name": flow.name, "connection_id": flow.connection_id, "rules": [rule]}
    for write, body in ((blind.patch, {"rules": [rule]}), (blind.put, whole)):
        told = problem(write(url, body, format="json"), 400)["errors"]
        assert set(told) == {"rules.0.step"}
        assert WORDS in str(told)
    assert flow.rules.get().step == "call back +13125550188"


def alike(account: TelnyxAccount, *passwords: str) -> Flow:
    """Make a flow that transfers in each rule, alike in all but the rule's step and the password."""
    rules = enumerate(passwords, 1)
    return make_flow(account, *(one_rule(do=[transfer(password=one)], step=f"{at}")[0] for at, one in rules))


def test_of_two_that_look_alike_nobody_guesses_the_secret(api: APIClient, account: TelnyxAccount) -> None:
    flow = make_flow(account, *one_rule(do=[transfer()]), *one_rule(do=[transfer(password="battery")]))
    url = f"{FLOWS}{flow.pk}/"
    rules = api.get(url).json()["rules"]
    moved = problem(api.patch(url, {"rules": [*one_rule(do=[ANSWER]), *rules[:1], *rules[1:]]}, format="json"), 400)
    assert set(moved["errors"]) == {"rules.1.do", "rules.2.do"}
    assert WORDS in str(moved)
    deleted = problem(api.patch(url, {"rules": rules[1:]}, format="json"), 400)
    assert set(deleted["errors"]) == {"rules.0.do"}
    assert WORDS in str(deleted)
    assert api.patch(url, {"rules": rules}, format="json").status_code == 200
    assert done(flow) == [[transfer()], [transfer(password="battery")]]


def test_a_rule_keeps_its_own_secret_when_one_with_the_same_action_goes(api: APIClient, account: TelnyxAccount) -> None:
    flow = alike(account, "correct-horse", "battery")
    url = f"{FLOWS}{flow.pk}/"
    rules = api.get(url).json()["rules"]
    assert api.patch(url, {"rules": rules[::-1]}, format="json").status_code == 200
    assert done(flow) == [[transfer(password="battery")], [transfer()]]
    assert api.patch(url, {"rules": rules[1:]}, format="json").status_code == 200
    assert done(flow) == [[transfer(password="battery")]]


def test_a_changed_rule_takes_no_secret_from_the_place_it_stands_at(api: APIClient, account: TelnyxAccount) -> None:
    flow = alike(account, "correct-horse", "battery")
    url = f"{FLOWS}{flow.pk}/"
    second = api.get(url).json()["rules"][1] | {"step": "other"}
    refused = problem(api.patch(url, {"rules": [second]}, format="json"), 400)
    assert set(refused["errors"]) == {"rules.0.do"}
    assert WORDS in str(refused)
    assert done(flow) == [[transfer()], [transfer(password="battery")]]
    named = second | {"do": [transfer(password="battery")]}
    assert api.patch(url, {"rules": [named]}, format="json").status_code == 200
    assert done(flow) == [[transfer(password="battery")]]


def test_of_two_actions_of_a_rule_the_first_is_not_deleted_with_the_secret_of_the_second(
    api: APIClient, account: TelnyxAccount
) -> None:
    flow = make_flow(account, *one_rule(do=[transfer(), ANSWER, transfer(password="battery")]))
    url = f"{FLOWS}{flow.pk}/"
    (rule,) = api.get(url).json()["rules"]
    assert api.patch(url, {"rules": [rule]}, format="json").status_code == 200
    assert api.patch(url, {"rules": [rule | {"do": rule["do"][2:]}]}, format="json").status_code == 400
    assert done(flow) == [[transfer(), ANSWER, transfer(password="battery")]]


def test_two_actions_with_one_secret_keep_it_wherever_they_go(api: APIClient, account: TelnyxAccount) -> None:
    flow = alike(account, "correct-horse", "correct-horse")
    url = f"{FLOWS}{flow.pk}/"
    second = api.get(url).json()["rules"][1] | {"step": "other"}
    assert api.patch(url, {"rules": [second]}, format="json").status_code == 200
    assert done(flow) == [[transfer()]]


def test_a_secret_that_cannot_be_opened_any_more_is_kept_where_it_is_certain(
    api: APIClient, account: TelnyxAccount, settings: Any
) -> None:
    flow = alike(account, "correct-horse", "battery")
    url, kept = f"{FLOWS}{flow.pk}/", [rule.do for rule in flow.rules.all()]
    settings.PORTAL_ENCRYPTION_KEYS = [b"k" * 32]
    rules = api.get(url).json()["rules"]
    assert api.patch(url, {"rules": rules[1:] + rules[:1]}, format="json").status_code == 200
    assert [rule.do for rule in flow.rules.all()] == kept[::-1]
    assert api.patch(url, {"rules": [rules[0] | {"step": "other"}]}, format="json").status_code == 400


def test_a_rule_that_is_edited_keeps_its_own_secret_when_one_above_is_deleted(
    browser: Client, account: TelnyxAccount
) -> None:
    flow = alike(account, "correct-horse", "battery")
    drawn = as_drawn(browser.get(page_of(flow))) | {"rules-0-DELETE": "on"}
    drawn["rules-1-do"] = json.dumps([*json.loads(drawn["rules-1-do"]), ANSWER])
    assert browser.post(page_of(flow), drawn).status_code == 302
    assert done(flow) == [[transfer(password="battery"), ANSWER]]


def test_an_action_pasted_from_another_rule_beside_one_that_looks_alike_is_not_guessed(
    browser: Client, account: TelnyxAccount
) -> None:
    flow = alike(account, "correct-horse", "battery")
    drawn = as_drawn(browser.get(page_of(flow)))
    drawn["rules-1-do"] = json.dumps(json.loads(drawn["rules-1-do"]) + json.loads(drawn["rules-0-do"]))
    _, wrong = told(browser.post(page_of(flow), drawn))
    assert WORDS in str(wrong["do"])
    assert done(flow) == [[transfer()], [transfer(password="battery")]]


def told(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200
    (inline,) = answer.context["inline_admin_formsets"]
    errors: list[dict[str, Any]] = inline.formset.errors
    return errors


def test_a_secret_that_would_go_elsewhere_is_told_beside_its_rule(browser: Client, flow: Flow) -> None:
    drawn = as_drawn(browser.get(page_of(flow))) | {"rules-2-position": "0", "rules-0-position": "2"}
    drawn["rules-2-do"] = drawn["rules-2-do"].replace("pbx.example", "evil.example")
    answer = browser.post(page_of(flow), drawn | {"name": "renamed"})
    first, second, third = told(answer)
    assert (first, second, list(third)) == ({}, {}, ["do"])
    assert WORDS in str(third["do"])
    assert as_drawn(answer)["rules-2-do"] == drawn["rules-2-do"]
    assert (Flow.objects.get().name, done(flow)[2]) == ("greeting", [transfer()])


def test_a_secret_of_another_flow_is_told_beside_its_rule(browser: Client, account: TelnyxAccount, flow: Flow) -> None:
    other = make_flow(account, name="other", connection_id="88")
    pasted = {"do": as_drawn(browser.get(page_of(flow)))["rules-2-do"]}
    (wrong,) = told(browser.post(page_of(other), flow_form(pasted, of=other, application=f"{account.pk} 88")))
    assert WORDS in str(wrong["do"])
    assert not other.rules.exists()


def test_more_rules_than_a_flow_has_are_told_on_the_form(browser: Client, account: TelnyxAccount) -> None:
    flow = make_flow(account)
    rules = ({"do": '[{"action": "answer"}]', "position": str(at)} for at in range(101))
    answer = browser.post(page_of(flow), flow_form(*rules, of=flow, application=f"{account.pk} {CONNECTION}"))
    assert "A flow has at most 100 rules." in str(answer.context["errors"])
    assert not flow.rules.exists()


def test_who_sees_no_whole_number_renames_a_flow_that_has_one(signed_in: Any, account: TelnyxAccount) -> None:
    starts = {"field": "call.from", "op": "eq", "value": "+493012345678"}
    rule = {"event_type": "call.answered", "when": [starts], "do": [transfer("+13125550001"), ANSWER]}
    flow = make_flow(account, rule)
    writer = signed_in("voice.view_flow", "voice.change_flow")
    drawn = as_drawn(writer.get(page_of(flow)))
    assert "+13125550001" not in str(drawn)
    assert "+493012345678" not in str(drawn)
    assert writer.post(page_of(flow), drawn | {"name": "renamed"}).status_code == 302
    assert (Flow.objects.get().name, done(flow), flow.rules.get().when) == ("renamed", [rule["do"]], [starts])
    changed = as_drawn(writer.get(page_of(flow)))
    changed["rules-0-do"] = changed["rules-0-do"].replace("ada", "bob")
    (wrong,) = told(writer.post(page_of(flow), changed))
    assert WORDS in str(wrong["do"])
