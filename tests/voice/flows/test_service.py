"""Flows through their service: what cannot be carried out is refused when it is saved, not when a call is waiting."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_call, make_flow
from tests.support.rows import CallCommand, Flow, Rule
from voice import models
from voice.flows.service import check_rules, delete_flow, save_flow

pytestmark = pytest.mark.django_db
ANSWER = {"event_type": "call.initiated", "do": [{"action": "answer"}]}
HANGUP = {"event_type": "call.answered", "do": [{"action": "hangup"}], "step": "goodbye"}


def unsaved(account: TelnyxAccount, **columns: Any) -> Flow:
    return Flow(account=account, **({"name": "greeting", "connection_id": CONNECTION} | columns))


def rule(*do: Any, **more: Any) -> dict[str, Any]:
    return {"event_type": "call.initiated", "do": list(do)} | more


def test_a_flow_is_saved_with_its_rules_in_order(account: TelnyxAccount, operator: User) -> None:
    flow = save_flow(unsaved(account), [ANSWER, HANGUP], Actor("user: ada", operator))
    first, second = flow.rules.all()
    assert (first.position, first.do, first.direction, first.stop) == (0, ANSWER["do"], "incoming", True)
    assert (second.position, second.step) == (1, "goodbye")
    assert flow.history.get().history_user == operator
    note = AuditEvent.objects.get()
    assert (note.action, note.object_id, note.details) == ("flow.create", str(flow.pk), {"rules": 2})


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (rule({"action": "fly"}), "rules.0.do.0.action"),
        (rule({"action": "dial", "parameters": {}}), "rules.0.do.0.action"),
        (rule({"action": "answer"}, {"action": "_post"}), "rules.0.do.1.action"),
        (rule({"action": "speak", "parameters": {"voice": "female"}}), "rules.0.do.0.parameters.payload"),
        (rule({"action": "answer", "parameters": {"volume": 9}}), "rules.0.do.0.parameters.volume"),
        (
            rule({"action": "gather", "parameters": {"maximum_digits": "one"}}),
            "rules.0.do.0.parameters.maximum_digits",
        ),
        (rule({"action": "answer", "parameters": {"command_id": "x"}}), "rules.0.do.0.parameters.command_id"),
        (rule({"action": "transfer", "parameters": {"to": "{{ secrets.key }}"}}), "rules.0.do.0.parameters"),
        (rule({"action": "transfer", "parameters": {"to": "{{ call.account }}"}}), "rules.0.do.0.parameters"),
        (rule({"action": "transfer", "parameters": {"to": "{{ event.payload }}"}}), "rules.0.do.0.parameters"),
        (rule({"action": "answer", "parameters": {"volume": "{{ call.from }}"}}), "rules.0.do.0.parameters.volume"),
        (rule({"action": "answer", "when": []}), "rules.0.do.0.when"),
        (rule("answer"), "rules.0.do.0"),
        (rule(when=[{"field": "event.payload.digits", "op": "matches", "value": "."}]), "rules.0.when.0"),
        (rule(when=[{"field": "event.secret", "op": "eq", "value": 1}]), "rules.0.when.0"),
        (rule(when={"field": "call.from"}), "rules.0.when"),
        (rule(*[{"action": "answer"}] * 21), "rules.0.do"),
    ],
)
def test_a_rule_that_cannot_be_carried_out_is_refused_at_its_place(
    account: TelnyxAccount, given: dict[str, Any], place: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        save_flow(unsaved(account), [given], PORTAL)
    assert list(refused.value.message_dict) == [place]
    assert not Flow.objects.exists()
    assert not Rule.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_placeholder_may_stand_where_another_type_is_wanted() -> None:
    check_rules([rule({"action": "gather", "parameters": {"maximum_digits": "{{ event.payload.digits }}"}})])
    check_rules([rule({"action": "transfer", "parameters": {"to": "{{ event.payload.from }}"}})])


def test_more_than_a_hundred_rules_are_refused() -> None:
    check_rules([ANSWER] * 100)
    with pytest.raises(ValidationError, match="at most 100"):
        check_rules([ANSWER] * 101)


def test_a_rule_has_at_most_fifty_conditions_and_twenty_actions() -> None:
    test, answer = {"field": "call.from", "op": "eq", "value": "1"}, {"action": "answer"}
    check_rules([rule(*[answer] * 20, when=[test] * 50)])
    with pytest.raises(ValidationError, match="at most 50"):
        check_rules([rule(answer, when=[test] * 51)])
    with pytest.raises(ValidationError, match="at most 20"):
        check_rules([rule(*[answer] * 21)])


def test_an_application_has_one_active_flow(account: TelnyxAccount) -> None:
    make_flow(account)
    with pytest.raises(ValidationError, match="another active flow"):
        save_flow(unsaved(account, name="second"), [ANSWER], PORTAL)
    save_flow(unsaved(account, name="in the drawer", active=False), [ANSWER], PORTAL)
    save_flow(unsaved(account, name="elsewhere", connection_id="77"), [ANSWER], PORTAL)
    save_flow(unsaved(make_account("other")), [ANSWER], PORTAL)
    assert Flow.objects.count() == 4


def test_switching_a_second_one_on_is_refused(account: TelnyxAccount) -> None:
    make_flow(account)
    drawer = make_flow(account, active=False, name="in the drawer")
    drawer.active = True
    with pytest.raises(ValidationError, match="another active flow"):
        save_flow(drawer, None, PORTAL)


def test_history_tells_what_changed_and_no_more(account: TelnyxAccount, operator: User) -> None:
    flow = save_flow(unsaved(account), [ANSWER, HANGUP], PORTAL)
    save_flow(flow, [ANSWER, HANGUP | {"step": "end"}], Actor("user: ada", operator))
    first, second = flow.rules.all()
    assert (first.history.count(), second.history.count()) == (1, 2)
    assert (second.history.latest().step, second.history.latest().history_user) == ("end", operator)
    assert AuditEvent.objects.filter(action="flow.update").count() == 1


def test_rules_that_are_gone_are_deleted_and_remembered(account: TelnyxAccount) -> None:
    flow = save_flow(unsaved(account), [ANSWER, HANGUP], PORTAL)
    save_flow(flow, [HANGUP], PORTAL)
    assert [row.event_type for row in flow.rules.all()] == ["call.answered"]
    assert Rule.history.filter(history_type="-").count() == 1


def test_saving_without_rules_leaves_them_alone(account: TelnyxAccount) -> None:
    flow = save_flow(unsaved(account), [ANSWER], PORTAL)
    flow.name = "renamed"
    save_flow(flow, None, PORTAL)
    assert (Flow.objects.get().name, flow.rules.count()) == ("renamed", 1)


def test_what_a_rule_leaves_out_goes_back_to_the_default(account: TelnyxAccount) -> None:
    flow = save_flow(unsaved(account), [HANGUP | {"direction": "any", "stop": False}], PORTAL)
    save_flow(flow, [ANSWER], PORTAL)
    kept = flow.rules.get()
    assert (kept.step, kept.direction, kept.stop, kept.when) == ("", "incoming", True, [])


def test_deleting_a_flow_keeps_its_calls_and_commands_and_says_so(account: TelnyxAccount) -> None:
    flow, call = make_flow(account, ANSWER), make_call(account)
    told = {"requested_by": "rule: greeting #1", "created_at": call.started_at, "expires_at": call.started_at}
    CallCommand.objects.create(account=account, call=call, action="answer", intent_key="one", **told)
    delete_flow(flow, PORTAL)
    assert not Rule.objects.exists()
    assert CallCommand.objects.count() == 1
    assert AuditEvent.objects.get().action == "flow.delete"
    assert Flow.history.filter(history_type="-").count() == 1


@pytest.mark.parametrize("entry", [{}, {"parameters": {}}, {"action": None}])
def test_an_action_without_a_name_is_told_how_one_looks(entry: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="An action looks like") as refused:
        check_rules([rule(entry)])
    assert list(refused.value.message_dict) == ["rules.0.do.0"]


@pytest.mark.parametrize("column", ["name", "connection_id"])
def test_a_flow_has_a_name_and_an_application(account: TelnyxAccount, column: str) -> None:
    with pytest.raises(ValidationError) as refused:
        save_flow(unsaved(account, **{column: ""}), [ANSWER], PORTAL)
    assert list(refused.value.message_dict) == [column]
    assert not Flow.objects.exists()


def test_an_active_flow_that_came_after_the_look_is_told_in_the_same_words(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flow(account)
    monkeypatch.setattr(models.Flow, "full_clean", lambda *_, **__: None)  # when it looked there was none
    with pytest.raises(ValidationError, match="another active flow"):
        save_flow(unsaved(account, name="second"), [ANSWER], PORTAL)
    assert Flow.objects.get().name == "greeting"


def test_what_the_database_refuses_for_another_reason_is_no_saved_flow(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise IntegrityError("it cannot be")

    monkeypatch.setattr(AuditEvent, "note", refuse)
    with pytest.raises(IntegrityError, match="it cannot be"):
        save_flow(unsaved(account), [ANSWER], PORTAL)
    assert not Flow.objects.exists()


def test_of_a_rule_that_is_gone_history_tells_who_took_it_away_and_in_which_save(
    account: TelnyxAccount, operator: User
) -> None:
    flow = save_flow(unsaved(account), [ANSWER, HANGUP], PORTAL)
    save_flow(flow, [ANSWER], Actor("user: ada", operator))
    gone = Rule.history.get(history_type="-")
    assert (gone.event_type, gone.history_user) == ("call.answered", operator)
    assert gone.history_change_reason == f"save {flow.history.latest().history_id}"
