"""Who may write rules: whoever may do by hand what they do. A token's own limits are not left behind by a rule."""

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import ApiToken, TelnyxAccount
from tests.support.factories import CONNECTION, make_flow
from tests.support.flows import flow_form
from tests.support.rest import FLOWS, api_for, problem
from tests.support.rows import Flow, Limits
from voice.flows.service import save_flow
from voice.flows.versions import newest_of

pytestmark = pytest.mark.django_db
TRANSFER = {"event_type": "call.initiated", "do": [{"action": "transfer", "parameters": {"to": "+13125550001"}}]}
HANGUP = {"event_type": "call.answered", "do": [{"action": "hangup"}]}
STEP: dict[str, Any] = {"event_type": "call.hangup", "do": [], "step": "over"}
WRITER = ("voice.view_flow", "voice.add_flow", "voice.change_flow")


def body(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "greeting", "account": "main", "connection_id": CONNECTION, "rules": list(rules)} | more


def at(flow: Flow) -> str:
    return f"{FLOWS}{flow.pk}/"


def test_a_rule_that_acts_takes_the_permission_to_control_calls(account: TelnyxAccount, user_with: Any) -> None:
    writer = api_for(user_with(*WRITER))
    refused = problem(writer.post(FLOWS, body(HANGUP), format="json"), 403, "permission_denied")
    assert "voice.control_call" in refused["detail"]
    assert writer.post(FLOWS, body(STEP), format="json").status_code == 201


def test_a_secret_that_the_page_hides_is_no_change_of_the_rule(account: TelnyxAccount, signed_in: Any) -> None:
    secret = {"action": "transfer", "parameters": {"to": "+13125550001", "sip_auth_password": "correct-horse"}}
    flow = make_flow(account, {"event_type": "call.initiated", "do": [secret]})
    shown = secret | {"parameters": secret["parameters"] | {"sip_auth_password": "•••"}}
    rule = {"id": str(flow.rules.get().pk), "do": json.dumps([shown])}
    page, writer = f"/admin/voice/flow/{flow.pk}/change/", signed_in(*WRITER)
    kept = flow.rules.get().do
    values = flow_form(rule, known=1, of=flow, name="renamed", application=f"{account.pk} {CONNECTION}")
    assert writer.post(page, values).status_code == 302
    flow.refresh_from_db()
    assert (flow.name, flow.rules.get().do) == ("renamed", kept)


TOOL = {"type": "webhook", "webhook": {"name": "x", "description": "y", "url": "https://crm.example/hook"}}
TOOL["webhook"]["headers"] = [{"name": "Authorization", "value": "Bearer correct-horse"}]
ASSISTED = {"action": "start_ai_assistant", "parameters": {"assistant": {"id": "assistant-1", "tools": [TOOL]}}}
TRANSFERRED = {
    "action": "transfer",
    "parameters": {"to": "sip:ada@pbx.example", "sip_auth_username": "ada", "sip_auth_password": "correct-horse"},
}


@pytest.mark.parametrize(
    ("entry", "here", "elsewhere"),
    [(ASSISTED, "crm.example", "evil.example"), (TRANSFERRED, "pbx.example", "evil.example")],
)
def test_a_hidden_secret_goes_nowhere_else(
    account: TelnyxAccount, api: APIClient, entry: dict[str, Any], here: str, elsewhere: str
) -> None:
    """Who may write rules and not see the secret would have it sent to a host of their own."""
    flow = make_flow(account, {"event_type": "call.answered", "do": [entry]})
    kept = flow.rules.get().do
    shown = api.get(at(flow)).json()["rules"]
    assert "correct-horse" not in json.dumps(shown)
    assert "•••" in str(shown)
    moved = json.loads(json.dumps(shown).replace(here, elsewhere))
    refused = problem(api.patch(at(flow), {"rules": moved}, format="json"), 400)
    assert "Enter that value whole" in json.dumps(refused)
    assert flow.rules.get().do == kept
    assert api.patch(at(flow), {"rules": shown}, format="json").status_code == 200
    assert flow.rules.get().do == kept


@pytest.mark.parametrize("change", [{"active": True}, {"connection_id": "88"}, {"rules": [TRANSFER, HANGUP]}])
def test_switching_on_moving_and_changing_a_flow_that_dials_takes_the_permission(
    account: TelnyxAccount, user_with: Any, change: dict[str, Any]
) -> None:
    flow = make_flow(account, TRANSFER, active=False)
    writer = api_for(user_with(*WRITER, "voice.control_call"))
    refused = problem(writer.patch(at(flow), change, format="json"), 403)
    assert "voice.dial" in refused["detail"]
    flow.refresh_from_db()
    assert (flow.active, flow.connection_id, flow.rules.count()) == (False, CONNECTION, 1)
    dialler = api_for(user_with(*WRITER, "voice.control_call", "voice.dial", username="dialler"))
    assert dialler.patch(at(flow), change, format="json").status_code == 200


def test_taking_away_the_rule_that_keeps_calls_from_another_takes_it_too(
    account: TelnyxAccount, user_with: Any
) -> None:
    flow = make_flow(account, HANGUP | {"event_type": "call.initiated"}, TRANSFER)
    writer = api_for(user_with(*WRITER, "voice.control_call"))
    assert "voice.dial" in problem(writer.patch(at(flow), {"rules": [TRANSFER]}, format="json"), 403)["detail"]
    assert flow.rules.count() == 2


def test_renaming_and_switching_off_takes_no_more(account: TelnyxAccount, user_with: Any) -> None:
    flow = make_flow(account, TRANSFER)
    writer = api_for(user_with(*WRITER))
    assert writer.patch(at(flow), {"name": "off", "active": False}, format="json").status_code == 200
    assert writer.put(at(flow), body(TRANSFER, name="same", active=False), format="json").status_code == 200
    flow.refresh_from_db()
    assert (flow.name, flow.active) == ("same", False)


def test_whatever_other_flows_there_are_renaming_one_takes_no_more(account: TelnyxAccount, user_with: Any) -> None:
    make_flow(account, HANGUP, connection_id="77", name="before it", active=False)
    flow = make_flow(account, TRANSFER)
    assert api_for(user_with(*WRITER)).patch(at(flow), {"name": "same"}, format="json").status_code == 200


def test_a_token_for_flows_alone_writes_no_rule_that_acts(account: TelnyxAccount, user_with: Any) -> None:
    everything = user_with(*WRITER, "voice.control_call", "voice.dial")
    narrow = api_for(everything, "flows:read", "flows:write")
    refused = problem(narrow.post(FLOWS, body(TRANSFER), format="json"), 403, "permission_denied")
    assert "calls:write" in refused["detail"]
    assert "calls:write" in problem(narrow.post(FLOWS, body(HANGUP), format="json"), 403)["detail"]
    assert narrow.post(FLOWS, body(STEP), format="json").status_code == 201
    assert narrow.delete(at(Flow.objects.get()), format="json").status_code in {204, 403}
    wide = api_for(everything, "flows:write", "calls:write")
    assert wide.post(FLOWS, body(TRANSFER, connection_id="88"), format="json").status_code == 201


@pytest.mark.parametrize("change", [{"active": True}, {"connection_id": "88"}])
def test_a_token_with_limits_of_its_own_writes_no_rule_that_dials(
    account: TelnyxAccount, user_with: Any, change: dict[str, Any]
) -> None:
    api = api_for(user_with(*WRITER, "voice.control_call", "voice.dial"))
    Limits.objects.create(token=ApiToken.objects.get(), dials_per_day=1)
    flow = make_flow(account, TRANSFER, active=False)
    assert "limits of its own" in problem(api.post(FLOWS, body(TRANSFER), format="json"), 403)["detail"]
    assert "limits of its own" in problem(api.patch(at(flow), change, format="json"), 403)["detail"]
    assert api.post(FLOWS, body(HANGUP), format="json").status_code == 201


def test_the_page_tells_it_on_the_form(account: TelnyxAccount, signed_in: Any) -> None:
    flow = make_flow(account, TRANSFER, active=False)
    rule = flow.rules.get()
    names = ("id", "flow", "position", "event_type", "direction", "when", "do", "step", "stop")
    values = (
        rule.pk,
        flow.pk,
        0,
        "call.initiated",
        "incoming",
        "",
        '[{"action": "transfer", "parameters": {"to": "+13125550001"}}]',
        "",
        "on",
    )
    sent = {f"rules-0-{name}": str(value) for name, value in zip(names, values, strict=True)}
    sent |= {"rules-TOTAL_FORMS": "1", "rules-INITIAL_FORMS": "1", "name": "greeting"}
    sent |= {"application": f"{account.pk} {CONNECTION}", "seen": newest_of(flow)}
    url = f"/admin/voice/flow/{flow.pk}/change/"
    rules = ("voice.view_rule", "voice.change_rule")
    writer: Client = signed_in(*WRITER, *rules, "voice.control_call")
    page = writer.post(url, sent | {"active": "on"})
    assert page.status_code == 200
    assert "voice.dial" in page.content.decode()
    assert not Flow.objects.get().active
    assert writer.post(url, sent | {"name": "renamed"}).status_code == 302
    sent |= {"seen": newest_of(flow)}
    dialler = signed_in(
        *WRITER, "voice.view_rule", "voice.change_rule", "voice.control_call", "voice.dial", username="d"
    )
    assert dialler.post(url, sent | {"active": "on"}).status_code == 302
    assert Flow.objects.get().active


def test_the_portal_itself_is_not_asked(account: TelnyxAccount) -> None:
    assert save_flow(Flow(account=account, name="sample", connection_id=CONNECTION), [TRANSFER], PORTAL).active
