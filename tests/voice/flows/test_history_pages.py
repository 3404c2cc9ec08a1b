"""The pages of a flow's history: each save with its rules, one beside another, and back to it."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.sealed_json import unsealed
from portal.view_times import TimePreference
from tests.support.accounts import make_account
from tests.support.clocks import set_wrong
from tests.support.factories import make_flow
from tests.support.flows import make, one_rule
from tests.support.rest import FLOWS
from tests.support.rows import Flow
from voice.flows.service import save_flow
from voice.flows.versions import ChangedMeanwhile, held, newest_of, restore, states, versions_of
from voice.models import Rule

pytestmark = pytest.mark.django_db
_SEEN = re.compile(r'name="seen" value="(\d+)"')
WELCOME = {"action": "speak", "parameters": {"payload": "Welcome", "voice": "female"}}


def history_url(flow: Any, save: Any = None) -> str:
    return f"/admin/voice/flow/{flow.pk}/history/" + (f"{save.history_id}/" if save else "")


def words(page: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", page[page.index("<h2") :]).split()))


def told(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


def changed(api: APIClient, flow: Any, **members: Any) -> None:
    answer = api.patch(f"{FLOWS}{flow.pk}/", members, format="json")
    assert answer.status_code == 200, answer.content


@pytest.fixture
def flow(api: APIClient, account: TelnyxAccount) -> Any:
    """Made over REST, and changed twice."""
    assert make(api, rules=one_rule()).status_code == 201
    flow = Flow.objects.get()
    changed(api, flow, rules=one_rule(do=[{"action": "answer"}, WELCOME], step="menu"))
    changed(api, flow, name="night", rules=[*one_rule(event_type="call.answered"), *one_rule(do=[WELCOME])])
    return flow


def state(api: APIClient, flow: Any) -> dict[str, Any]:
    body = api.get(f"{FLOWS}{flow.pk}/").json()
    return {name: value for name, value in body.items() if name != "updated_at"}


def test_each_save_is_told_with_who_and_what_of_the_flow_and_its_rules(browser: Client, flow: Any) -> None:
    page = words(browser.get(history_url(flow)).content.decode())
    assert "made (operator)" in page
    assert page.count("changed (operator)") == 2
    assert "Name before: greeting → after: night" in page
    assert "Rule 1, step before: empty → after: menu" in page
    assert "Rule 1, do before: answer → after: answer speak payload: Welcome voice: female" in page
    assert "Rule 1, event before: call.initiated → after: call.answered" in page
    assert "before: empty → after: empty" not in page
    assert "&quot;" not in page


def test_a_version_is_offered_with_its_time_as_its_reader_writes_it(browser: Client, operator: User, flow: Any) -> None:
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin", order="american")
    newest, older, _ = flow.history.order_by("-history_id")
    flow.history.filter(pk=older.pk).update(history_date=datetime(2025, 7, 1, 21, 30, 5, tzinfo=UTC))
    page = browser.get(history_url(flow, newest)).content.decode()
    assert ">07/01/2025 11:30:05 PM CEST</option>" in page


def test_each_page_of_a_long_history_tells_what_its_last_save_changed(
    browser: Client, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.admin.pages._PER_PAGE", 1)
    newest, second, first = (
        words(browser.get(history_url(flow), {"p": page}).content.decode()) for page in ("1", "2", "3")
    )
    assert "Name before: greeting → after: night" in newest
    assert "Rule 1, step before: empty → after: menu" in second
    assert "Name before" not in second
    assert ("made (operator)" in first, "before:" in first) == (True, False)


def test_a_rule_put_before_others_changes_none_of_them(browser: Client, api: APIClient, flow: Any) -> None:
    rules = state(api, flow)["rules"]
    changed(api, flow, rules=[*one_rule(event_type="call.bridged"), *rules])
    newest, before = flow.history.order_by("-history_id")[:2]
    page = words(browser.get(history_url(flow, before), {"with": newest.history_id}).content.decode())
    assert "Rule 1, event before: empty → after: call.bridged" in page
    assert "Rule 2" not in page
    assert "Rule 3" not in page


def test_a_version_is_restored_with_its_rules_as_an_edit(browser: Client, api: APIClient, flow: Any) -> None:
    newest, second, first = flow.history.order_by("-history_id")
    page = browser.get(history_url(flow, second)).content.decode()
    assert "Name before: greeting → after: night" in words(page)
    answer = browser.post(history_url(flow, second), {"seen": _SEEN.findall(page)[0]})
    assert answer["Location"] == f"/admin/voice/flow/{flow.pk}/change/"
    now = state(api, flow)
    assert now["name"] == "greeting"
    assert [(rule["step"], rule["do"]) for rule in now["rules"]] == [("menu", [{"action": "answer"}, WELCOME])]
    assert AuditEvent.objects.filter(action="flow.update", object_id=str(flow.pk)).count() == 3
    page = words(browser.get(history_url(flow)).content.decode())
    assert f"restored as of {second.history_date:%Y-%m-%d %H:%M:%S} UTC (operator)" in page
    answer = browser.post(history_url(flow, newest), {"seen": flow.history.order_by("-history_id")[0].history_id})
    assert answer.status_code == 302
    assert state(api, flow)["name"] == "night"
    assert len(state(api, flow)["rules"]) == 2
    assert first.history_type == "+"


def test_on_a_host_whose_clock_is_wrong_each_save_has_its_own_rules(
    browser: Client, api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as ahead:
        set_wrong(ahead, 120)
        assert make(api, rules=one_rule(step="first")).status_code == 201
    flow = Flow.objects.get()
    changed(api, flow, rules=one_rule(step="second"))
    newest, first = flow.history.order_by("-history_id")
    assert "Rule 1, step before: first → after: second" in words(browser.get(history_url(flow)).content.decode())
    assert browser.post(history_url(flow, first), {"seen": newest.history_id}).status_code == 302
    assert [rule["step"] for rule in state(api, flow)["rules"]] == ["first"]


def test_rules_of_saves_that_did_not_tell_which_are_found_by_their_time(browser: Client, flow: Any) -> None:
    page = words(browser.get(history_url(flow)).content.decode())
    assert Rule.history.filter(flow_id=flow.pk).update(history_change_reason=None) > 3
    assert words(browser.get(history_url(flow)).content.decode()) == page


def test_a_flow_that_was_saved_meanwhile_is_not_overwritten(browser: Client, api: APIClient, flow: Any) -> None:
    second = flow.history.order_by("-history_id")[1]
    seen = _SEEN.findall(browser.get(history_url(flow, second)).content.decode())[0]
    changed(api, flow, name="somebody else's")
    for typed in (seen, "", "x"):
        answer = browser.post(history_url(flow, second), {"seen": typed})
        assert answer["Location"] == history_url(flow, second)
        assert "was changed meanwhile, and nothing was restored" in told(answer)[-1]
        assert state(api, flow)["name"] == "somebody else's"


def test_what_cannot_be_any_more_is_told(browser: Client, api: APIClient, account: TelnyxAccount, flow: Any) -> None:
    """Active it was; meanwhile another one is."""
    changed(api, flow, active=False)
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]}, name="other")
    second = flow.history.order_by("-history_id")[1]
    page = browser.get(history_url(flow, second)).content.decode()
    answer = browser.post(history_url(flow, second), {"seen": _SEEN.findall(page)[0]})
    assert "another active flow" in told(answer)[-1]
    assert not state(api, flow)["active"]


def test_it_takes_the_right_to_change_flows_and_to_do_what_the_rules_do(
    client: Client, api: APIClient, user_with: Any, flow: Any
) -> None:
    second, now = flow.history.order_by("-history_id")[1], state(api, flow)
    seen = {"seen": flow.history.order_by("-history_id")[0].history_id}
    client.force_login(user_with(username="nobody"))
    assert client.get(history_url(flow)).status_code == client.get(history_url(flow, second)).status_code == 403
    client.force_login(user_with("voice.view_flow", username="reader"))
    assert "Restore" not in client.get(history_url(flow, second)).content.decode()
    assert client.post(history_url(flow, second), seen).status_code == 403
    client.force_login(user_with("voice.view_flow", "voice.change_flow", username="writer"))
    answer = client.post(history_url(flow, second), seen)
    assert answer["Location"] == history_url(flow, second)
    assert told(answer)
    assert state(api, flow) == now


def test_a_secret_in_a_rule_is_hidden_in_its_history_and_restored_whole(
    browser: Client, api: APIClient, flow: Any
) -> None:
    dial = {"action": "transfer", "parameters": {"to": "sip:a@b.example", "sip_auth_password": "the-secret"}}
    changed(api, flow, rules=one_rule(do=[dial]))
    with_it = flow.history.order_by("-history_id")[0]
    changed(api, flow, rules=one_rule())
    pages = [browser.get(history_url(flow)), browser.get(history_url(flow, with_it))]
    assert all("the-secret" not in page.content.decode() and "nacl1:" not in page.content.decode() for page in pages)
    newest = flow.history.order_by("-history_id")[0]
    browser.post(history_url(flow, with_it), {"seen": newest.history_id})
    assert "the-secret" not in str(flow.rules.get().do)
    assert unsealed(flow.rules.get().do) == [dial]


@pytest.mark.parametrize("number", ["0", "x", "99999999999999999999", "٣"])
def test_a_version_that_is_none_of_the_flow_is_not_found(browser: Client, flow: Any, number: str) -> None:
    assert browser.get(f"{history_url(flow)}{number}/").status_code == 404
    assert browser.post(f"{history_url(flow)}{number}/", {"seen": "1"}).status_code == 404


def test_every_member_of_a_flow_and_its_rules_is_told_and_restored(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    asked = [{"field": "call.step", "op": "eq", "value": "menu"}]
    rules = [*one_rule(direction="any", when=asked, stop=False), *one_rule(event_type="call.hangup", do=[WELCOME])]
    assert make(api, connection_id="88", rules=rules).status_code == 201
    flow = Flow.objects.get()
    before = state(api, flow)
    changed(api, flow, connection_id="77", active=False, rules=one_rule())
    newest, first = browser.get(history_url(flow)).context["entries"]
    assert first["changes"] == []
    assert [(change.label, change.old, change.new) for change in newest["changes"]] == [
        ("Application", "88", "77"),
        ("Active", "yes", "no"),
        ("Rule 1, legs", "any", "incoming"),
        ("Rule 1, when", "call.step eq menu", ""),
        ("Rule 1, stop", "no", "yes"),
        ("Rule 2, event", "call.hangup", ""),
        ("Rule 2, legs", "incoming", ""),
        ("Rule 2, do", "speak\n  payload: Welcome\n  voice: female", ""),
        ("Rule 2, stop", "yes", ""),
    ]
    answer = browser.post(history_url(flow, first["version"]), {"seen": newest["version"].history_id})
    assert answer["Location"] == f"/admin/voice/flow/{flow.pk}/change/"
    assert state(api, flow) == before


def test_a_page_of_a_long_history_has_each_of_its_saves_once_with_what_it_changed(
    browser: Client, flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.admin.pages._PER_PAGE", 2)
    pages = [browser.get(history_url(flow), {"p": page}).context["entries"] for page in ("1", "2")]
    told = [[(entry["said"], bool(entry["changes"])) for entry in entries] for entries in pages]
    assert told == [[("changed (operator)", True)] * 2, [("made (operator)", False)]]


def test_a_flow_is_restored_at_the_account_that_it_was_of(account: TelnyxAccount) -> None:
    flow = make_flow(account, connection_id="88")
    flow.account, flow.connection_id = make_account("other"), "77"
    save_flow(flow, None, PORTAL)
    newest, first = versions_of(flow)
    restore(flow, first, str(newest.history_id), PORTAL)
    flow.refresh_from_db()
    assert (flow.account, flow.connection_id) == (account, "88")


def test_a_version_of_an_account_that_is_deleted_is_not_restored_and_says_why(
    browser: Client, account: TelnyxAccount
) -> None:
    other = make_account("other")
    flow = make_flow(other, connection_id="88")
    flow.account, flow.connection_id = account, "77"
    save_flow(flow, None, PORTAL)
    newest, first = versions_of(flow)
    other.delete()
    assert browser.get(history_url(flow, first)).status_code == 200
    answer = browser.post(history_url(flow, first), {"seen": newest.history_id})
    assert answer["Location"] == history_url(flow, first)
    assert "is deleted, and nothing was restored" in told(answer)[-1]
    flow.refresh_from_db()
    assert (flow.account, flow.connection_id) == (account, "77")


def test_a_flow_that_is_gone_is_not_as_anybody_saw_it(account: TelnyxAccount) -> None:
    flow = make_flow(account)
    seen = newest_of(flow)
    Flow.objects.filter(pk=flow.pk).delete()
    with pytest.raises(ChangedMeanwhile, match="nothing was saved"):
        held(flow, seen, "saved")


def test_a_rule_that_did_not_tell_its_save_is_of_its_own_flow_s_and_not_of_another_that_was_saved_between(
    account: TelnyxAccount,
) -> None:
    flow = make_flow(account)
    make_flow(account, name="other", connection_id="88")
    flow.rules.create(position=0, event_type="call.answered", do=[WELCOME])
    (state,) = states(list(versions_of(flow)))
    assert [(rule["event_type"], rule["do"]) for rule in state["rules"]] == [("call.answered", [WELCOME])]
