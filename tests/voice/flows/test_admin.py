"""Flows edited in the browser: saved in the order of the page, or told on the form what is wrong."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from tests.support.factories import CONNECTION, make_flow
from tests.support.flows import flow_form
from tests.support.rows import Flow, Rule

pytestmark = pytest.mark.django_db
ANSWER, HANGUP = '[{"action": "answer"}]', '[{"action": "hangup"}]'


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    told = {"application_name": "front desk", "telnyx_id": CONNECTION, "active": True}
    return CallControlApplication.objects.create(account=account, **told)


def test_a_flow_is_made_with_its_rules_in_the_order_of_the_page(
    browser: Client, application: CallControlApplication
) -> None:
    chosen = f"{application.account_id} {CONNECTION}"
    rules = {"do": HANGUP, "position": "1"}, {"do": ANSWER, "position": "0", "step": "menu"}
    answer = browser.post("/admin/voice/flow/add/", flow_form(*rules, application=chosen))
    assert answer.status_code == 302, answer.context["errors"]
    flow = Flow.objects.get()
    assert (flow.account, flow.connection_id) == (application.account, CONNECTION)
    assert [(rule.do[0]["action"], rule.step) for rule in flow.rules.all()] == [("answer", "menu"), ("hangup", "")]


def test_event_types_are_offered_and_a_browsers_own_memory_of_them_is_not(browser: Client) -> None:
    page = browser.get("/admin/voice/flow/add/").content.decode()
    (box,) = re.findall(r'<input[^>]+name="rules-__prefix__-event_type"[^>]*>', page)
    assert 'list="portal-event-types"' in box
    assert 'autocomplete="off"' in box
    assert '<option value="call.initiated">' in page.partition('<datalist id="portal-event-types">')[2]


def test_an_application_that_telnyx_has_no_longer_is_offered_to_its_own_flow_alone(
    browser: Client, application: CallControlApplication
) -> None:
    CallControlApplication.objects.filter(pk=application.pk).update(missing_since=timezone.now())
    flow, key = make_flow(application.account), f"{application.account_id} {CONNECTION}"
    pages = [browser.get(f"/admin/voice/flow/{page}/") for page in ("add", f"{flow.pk}/change")]
    offered = [dict(page.context["adminform"].form.fields["application"].choices) for page in pages]
    assert [choices.get(key) for choices in offered] == [None, f"Connection {CONNECTION}"]


def test_of_too_many_applications_the_first_are_listed_and_the_one_that_is_asked_for(
    browser: Client, application: CallControlApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.flows.admin._MOST_OFFERED", 1)
    CallControlApplication.objects.create(account=application.account, telnyx_id="2", application_name="z")
    first, other = f"{application.account_id} {CONNECTION}", f"{application.account_id} 2"
    page = browser.get("/admin/voice/flow/add/")
    assert list(dict(page.context["adminform"].form.fields["application"].choices)) == [first]
    assert "Only the first 1 are listed" in page.content.decode()
    form = browser.get("/admin/voice/flow/add/", {"application": other}).context["adminform"].form
    assert list(dict(form.fields["application"].choices)) == [first, other]
    assert form["application"].value() == other
    assert browser.post("/admin/voice/flow/add/", flow_form({"do": ANSWER}, application=other)).status_code == 302
    assert Flow.objects.get().connection_id == "2"


@pytest.mark.parametrize("chosen", ["", "nonsense", "None "])
def test_a_flow_without_an_application_is_told_on_the_form_with_what_was_typed(
    browser: Client, application: CallControlApplication, chosen: str
) -> None:
    answer = browser.post("/admin/voice/flow/add/", flow_form({"do": ANSWER}, name="mine", application=chosen))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == ["application"]
    assert 'value="mine"' in answer.content.decode()
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        ({"do": '[{"action": "fly"}]'}, "do", "0.action: Telnyx has no call action"),
        ({"do": '[{"action": "answer", "parameters": {"nope": 1}}]'}, "do", "0.parameters.nope: Unknown parameter"),
        ({"do": "[{"}, "do", "not JSON"),
        ({"do": ANSWER, "when": '[{"field": "call.from", "op": "like", "value": 1}]'}, "when", "no operator"),
        ({"do": ANSWER, "event_type": ""}, "event_type", "required"),
    ],
)
def test_a_rule_that_cannot_be_carried_out_is_told_on_the_form_and_nothing_is_saved(
    browser: Client, account: TelnyxAccount, rule: dict[str, str], field: str, words: str
) -> None:
    flow = make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    kept = flow.rules.get()
    known = {"id": str(kept.pk), "flow": str(flow.pk), "event_type": "call.answered", "do": HANGUP}
    values = flow_form(known, rule, known=1, of=flow, name="renamed", application=f"{account.pk} {CONNECTION}")
    answer = browser.post(f"/admin/voice/flow/{flow.pk}/change/", values)
    assert answer.status_code == 200
    formset = answer.context["inline_admin_formsets"][0].formset
    assert words in str(formset.errors[1][field])
    flow.refresh_from_db()
    assert (flow.name, flow.rules.count()) == ("greeting", 1)


def test_a_rule_is_changed_and_another_removed(browser: Client, account: TelnyxAccount) -> None:
    flow = make_flow(account, *({"event_type": "call.answered", "do": [{"action": "hangup"}]} for _ in range(2)))
    first, second = flow.rules.all()
    kept = {"id": str(first.pk), "flow": str(flow.pk), "event_type": "call.answered", "do": ANSWER}
    gone = {"id": str(second.pk), "flow": str(flow.pk), "event_type": "call.answered", "do": HANGUP, "DELETE": "on"}
    values = flow_form(kept, gone, known=2, of=flow, application=f"{account.pk} {CONNECTION}")
    assert browser.post(f"/admin/voice/flow/{flow.pk}/change/", values).status_code == 302
    assert [rule.do for rule in flow.rules.all()] == [[{"action": "answer"}]]
    assert {note.actor for note in AuditEvent.objects.filter(action="flow.update")} == {"user: operator"}


def test_a_second_active_flow_is_told_on_the_form(browser: Client, application: CallControlApplication) -> None:
    make_flow(application.account)
    values = flow_form(application=f"{application.account_id} {CONNECTION}", name="second")
    answer = browser.post("/admin/voice/flow/add/", values)
    assert "another active flow" in answer.content.decode()
    assert Flow.objects.count() == 1


def test_the_list_names_the_applications_of_all_its_flows_at_once(
    browser: Client, application: CallControlApplication
) -> None:
    def read() -> tuple[int, str]:
        with CaptureQueriesContext(connection) as asked:
            text = browser.get("/admin/voice/flow/").content.decode()
        return len(asked), text

    make_flow(application.account, name="one")
    few, text = read()
    assert "front desk" in text
    for at in range(7):
        other = CallControlApplication.objects.create(
            account=application.account, application_name=f"desk {at}", telnyx_id=str(at)
        )
        make_flow(application.account, name=f"flow {at}", connection_id=other.telnyx_id)
    make_flow(application.account, name="lost", connection_id="99")
    many, text = read()
    assert many == few
    assert all(words in text for words in ("desk 6", "99"))


def test_flows_take_their_permissions(signed_in: Any, account: TelnyxAccount) -> None:
    flow = make_flow(account)
    reader = signed_in("voice.view_flow")
    url = f"/admin/voice/flow/{flow.pk}/change/"
    assert reader.get(url).status_code == 200
    assert reader.post(url, flow_form(name="renamed", application=f"{account.pk} {CONNECTION}")).status_code == 403
    assert reader.get("/admin/voice/flow/add/").status_code == 403
    assert signed_in("voice.view_call", username="other").get(url).status_code == 403
    assert Flow.objects.get().name == flow.name
    writer = signed_in("voice.view_flow", "voice.add_flow", "voice.change_flow", "voice.change_rule", username="writer")
    assert writer.get("/admin/voice/flow/add/").status_code == 200
    chosen = f"{account.pk} {CONNECTION}"
    assert writer.post(url, flow_form(of=flow, name="renamed", application=chosen)).status_code == 302
    assert Flow.objects.get().name == "renamed"


def test_who_may_change_flows_needs_no_permission_on_rules_beside(signed_in: Any, account: TelnyxAccount) -> None:
    """As over REST, where ``voice.change_flow`` and the right of what the rules do are all it takes."""
    flow = make_flow(account)
    writer = signed_in("voice.view_flow", "voice.change_flow", "voice.control_call")
    rule = {"event_type": "call.answered", "do": ANSWER}
    values = flow_form(rule, of=flow, name="renamed", application=f"{account.pk} {CONNECTION}")
    assert writer.post(f"/admin/voice/flow/{flow.pk}/change/", values).status_code == 302
    assert Flow.objects.get().name == "renamed"
    assert [one.do for one in flow.rules.all()] == [[{"action": "answer"}]]
    values = flow_form(name="second", active="", application=f"{account.pk} {CONNECTION}")
    assert writer.post("/admin/voice/flow/add/", values).status_code == 403
    maker = signed_in("voice.view_flow", "voice.add_flow", "voice.control_call", username="maker")
    CallControlApplication.objects.create(account=account, telnyx_id="77", application_name="other")
    values = flow_form(rule, name="second", application=f"{account.pk} 77")
    assert maker.post("/admin/voice/flow/add/", values).status_code == 302
    assert Flow.objects.get(name="second").rules.count() == 1


def test_a_flow_is_deleted_with_its_rules_and_who_did_it_is_in_the_audit_trail(
    browser: Client, account: TelnyxAccount
) -> None:
    flow = make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    kept = make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]}, connection_id="77")
    url = f"/admin/voice/flow/{flow.pk}/delete/"
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"post": "yes"}).status_code == 302
    assert list(Flow.objects.all()) == [kept]
    assert list(Rule.objects.values_list("flow", flat=True)) == [kept.pk]
    note = AuditEvent.objects.get(action="flow.delete")
    assert (note.actor, note.object_id, note.object_label) == ("user: operator", str(flow.pk), str(flow))
    gone = Flow.history.filter(history_type="-").get()  # type: ignore[attr-defined]
    assert (gone.name, gone.history_user.get_username()) == ("greeting", "operator")


def test_a_flow_is_not_deleted_without_the_permission(signed_in: Any, account: TelnyxAccount) -> None:
    flow = make_flow(account)
    writer = signed_in("voice.view_flow", "voice.change_flow")
    assert writer.post(f"/admin/voice/flow/{flow.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Flow.objects.exists()


def test_each_member_of_a_rule_is_saved_as_the_page_sends_it(browser: Client, account: TelnyxAccount) -> None:
    flow, when = make_flow(account), [{"field": "call.step", "op": "eq", "value": "menu"}]
    told = {"event_type": "call.hangup", "direction": "any", "step": "over"}
    sent = told | {"when": json.dumps(when), "do": "", "stop": ""}
    values = flow_form(sent, of=flow, application=f"{account.pk} {CONNECTION}")
    assert browser.post(f"/admin/voice/flow/{flow.pk}/change/", values).status_code == 302
    wanted = told | {"when": when, "do": [], "stop": False}
    assert flow.rules.values(*wanted).get() == wanted


def test_actions_that_are_no_list_are_told_on_the_form(browser: Client, account: TelnyxAccount) -> None:
    flow = make_flow(account)
    values = flow_form({"do": '{"action": "answer"}'}, of=flow, application=f"{account.pk} {CONNECTION}")
    answer = browser.post(f"/admin/voice/flow/{flow.pk}/change/", values)
    assert answer.status_code == 200
    assert "Must be a list" in str(answer.context["inline_admin_formsets"][0].formset.errors[0]["do"])
    assert not flow.rules.exists()


def test_who_may_only_look_sees_what_rules_do_without_numbers_and_secrets(
    signed_in: Any, account: TelnyxAccount
) -> None:
    when = [{"field": "call.from", "op": "eq", "value": "+493012345678"}]
    dial = {"action": "transfer", "parameters": {"to": "+13125550001", "sip_auth_password": "correct-horse"}}
    flow = make_flow(account, {"event_type": "call.answered", "when": when, "do": [dial]})
    page = signed_in("voice.view_flow").get(f"/admin/voice/flow/{flow.pk}/change/").content.decode()
    shown, hidden = ("&quot;op&quot;: &quot;eq&quot;", "&quot;action&quot;: &quot;transfer&quot;"), "493012345678"
    assert all(words in page for words in shown)
    assert not any(words in page for words in (hidden, "3125550001", "correct-horse"))


def test_who_may_only_look_at_a_flow_sees_for_which_application_it_runs(
    signed_in: Any, application: CallControlApplication
) -> None:
    flow, lost = make_flow(application.account), make_flow(application.account, connection_id="99")
    reader = signed_in("voice.view_flow")
    pages = [reader.get(f"/admin/voice/flow/{one.pk}/change/").content.decode() for one in (flow, lost)]
    assert ["front desk" in page for page in pages] == [True, False]
    assert re.search(r">\s*99\s*<", pages[1])


def test_flows_are_found_by_name_and_application_and_told_apart_by_whether_they_are_on(
    browser: Client, account: TelnyxAccount
) -> None:
    make_flow(account, name="day")
    make_flow(account, name="night", active=False, connection_id="77")
    pages = [browser.get("/admin/voice/flow/", {"q": term}) for term in ("day", "night", "77", "7")]
    found = [[flow.name for flow in page.context["cl"].result_list] for page in pages]
    assert found == [["day"], ["night"], ["night"], []]
    assert [">off</span>" in page.content.decode() for page in pages] == [False, True, True, False]


def test_the_page_tells_its_editor_what_a_rule_may_ask_for_and_do(browser: Client) -> None:
    page = browser.get("/admin/voice/flow/add/").content.decode()
    assert '<option value="call.step">' in page.partition('<datalist id="portal-paths">')[2]
    assert '"gather_using_speak": [{' in page.partition('<script id="portal-actions"')[2]


def test_of_too_many_applications_a_flow_s_own_is_listed_by_its_name_and_chosen(
    browser: Client, application: CallControlApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.flows.admin._MOST_OFFERED", 1)
    account = application.account
    CallControlApplication.objects.create(account=account, telnyx_id="2", application_name="z")
    flow = make_flow(account, connection_id="2")
    form = browser.get(f"/admin/voice/flow/{flow.pk}/change/").context["adminform"].form
    assert list(dict(form.fields["application"].choices).values()) == [f"front desk ({account})", f"z ({account})"]
    assert form["application"].value() == f"{account.pk} 2"


def test_who_may_only_look_sees_what_a_rule_presses_as_it_is_set_up(signed_in: Any, account: TelnyxAccount) -> None:
    """What a caller presses is hidden from them; what somebody set up to be pressed is not."""
    flow = make_flow(
        account,
        {"event_type": "call.answered", "do": [{"action": "send_dtmf", "parameters": {"digits": "7"}}]},
    )
    reader, save = signed_in("voice.view_flow"), flow.history.latest()  # type: ignore[attr-defined]
    for page in ("change/", f"history/{save.history_id}/"):
        assert "&quot;digits&quot;: &quot;7&quot;" in reader.get(f"/admin/voice/flow/{flow.pk}/{page}").content.decode()


def test_applications_are_offered_by_whether_a_flow_of_theirs_is_active(
    browser: Client, application: CallControlApplication
) -> None:
    page = browser.get("/admin/applications/callcontrolapplication/").content.decode()
    assert ["No active flow" in page, "With an active flow" in page] == [True, True]
