"""Which commands a flow makes of an event."""

from typing import Any

import pytest
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.events import receive
from tests.support.factories import CONNECTION, FROM, TO, make_call, make_event, make_flow
from tests.support.rows import CallCommand, CallEvent
from tests.support.times import ago
from voice.events import processing
from voice.flows.conditions import CALL_FIELDS
from voice.flows.rules import Decision, commands_for

pytestmark = pytest.mark.django_db


def decide(account: TelnyxAccount, *rules: dict[str, Any], **payload: Any) -> Decision:
    flow = make_flow(account, *rules)
    now = timezone.now()
    event = CallEvent(account=account, event_type="call.answered", received_at=now, payload=payload)
    return commands_for(make_call(account), event, flow.rules.all(), now)


def rule(*actions: str, **more: Any) -> dict[str, Any]:
    return {"event_type": "call.answered", "do": [{"action": action} for action in actions]} | more


def actions(decision: Decision) -> list[tuple[int, str]]:
    return [(command.sequence, command.action) for command in decision.commands]


def test_rules_run_in_order_until_one_that_says_stop(account: TelnyxAccount) -> None:
    made = decide(account, rule("answer", stop=False), rule("hangup", "leave_queue"), rule("answer"))
    assert actions(made) == [(0, "answer"), (1, "hangup"), (2, "leave_queue")]


def test_a_rule_that_does_not_match_stops_nothing(account: TelnyxAccount) -> None:
    never = [{"field": "event.payload.digits", "op": "eq", "value": "9"}]
    assert actions(decide(account, rule("answer", when=never), rule("hangup"), digits="1")) == [(0, "hangup")]


def test_all_conditions_must_hold(account: TelnyxAccount) -> None:
    one, two = ({"field": "event.payload.digits", "op": "eq", "value": value} for value in ("1", "2"))
    assert actions(decide(account, rule("hangup", when=[one, two]), digits="1")) == []


@pytest.mark.parametrize("field", ["call.direction", "event.payload.direction"])
def test_a_rule_that_asks_for_the_direction_meets_legs_of_that_one_whatever_else_it_asks(
    account: TelnyxAccount, field: str
) -> None:
    wanted = {"event.payload.digits": "1", field: "outgoing"}
    flow = make_flow(account, rule("hangup", when=[{"field": k, "op": "eq", "value": v} for k, v in wanted.items()]))
    now, told = timezone.now(), {"digits": "1", "direction": "outgoing"}
    event = CallEvent(account=account, event_type="call.answered", received_at=now, payload=told)
    call = make_call(account, direction="outgoing")
    assert actions(commands_for(call, event, flow.rules.all(), now)) == [(0, "hangup")]


def test_the_last_step_that_is_told_holds(account: TelnyxAccount) -> None:
    made = decide(account, rule(step="first", stop=False), rule(step="second", stop=False), rule(stop=False))
    assert (made.step, made.matched) == ("second", True)
    assert made.commands == []


def test_without_a_match_the_step_stays(account: TelnyxAccount) -> None:
    made = decide(account, rule("hangup", direction="outgoing", step="never"))
    assert (made.step, made.matched, made.commands) == (None, False, [])


def test_what_is_filled_in_is_checked_again(account: TelnyxAccount) -> None:
    entry = {"action": "gather", "parameters": {"maximum_digits": "{{ event.payload.digits }}"}}
    (command,) = decide(account, rule(do=[entry]), digits="many").commands
    assert command.status == "expired"
    assert "maximum_digits" in command.error


def test_what_telnyx_would_refuse_is_kept_as_it_was_filled_in(account: TelnyxAccount) -> None:
    entry = {"action": "gather", "parameters": {"maximum_digits": "{{ event.payload.digits }}"}}
    (command,) = decide(account, rule(do=[entry]), digits="many").commands
    assert (command.status, command.parameters) == ("expired", {"maximum_digits": "many"})


def test_a_placeholder_keeps_its_type_and_nothing_else_is_evaluated(account: TelnyxAccount) -> None:
    said = {"payload": "{{ event.payload.text }} {{call.from}}", "voice": "female"}
    count = {"action": "gather", "parameters": {"maximum_digits": "{{ event.payload.count }}"}}
    text = "{{ call.to }} {% now %} ${HOME}"
    made = decide(account, rule(do=[{"action": "speak", "parameters": said}, count]), text=text, count=3)
    assert made.commands[0].parameters["payload"] == "{{ call.to }} {% now %} ${HOME} +13125550101"
    assert made.commands[1].parameters == {"maximum_digits": 3}


def test_a_condition_of_an_older_version_matches_nothing_and_breaks_nothing(account: TelnyxAccount) -> None:
    flow = make_flow(account, rule("hangup"), rule("answer"))
    flow.rules.filter(position=0).update(when=[{"field": "gone", "op": "like", "value": 1}])
    now = timezone.now()
    event = CallEvent(account=account, event_type="call.answered", received_at=now, payload={})
    assert actions(commands_for(make_call(account), event, flow.rules.all(), now)) == [(0, "answer")]


@pytest.mark.parametrize("digits", ["{{ event.payload.nothing }}", "{{ event.payload.digits.0 }}", "many"])
def test_a_command_that_can_never_be_sent_is_over_as_soon_as_it_is_made(account: TelnyxAccount, digits: str) -> None:
    entry = {"action": "gather", "parameters": {"maximum_digits": digits if "{" in digits else 1}}
    flow = make_flow(account, rule(do=[entry]))
    flow.rules.update(do=[{"action": "gather", "parameters": {"maximum_digits": digits}}])  # as an older version let it
    now = timezone.now()
    event = CallEvent(account=account, event_type="call.answered", received_at=now, payload={"digits": "12"})
    (command,) = commands_for(make_call(account), event, flow.rules.all(), now).commands
    assert (command.status, command.created_at, command.finished_at) == ("expired", now, now)
    assert command.error


def test_a_placeholder_may_name_each_field_of_the_call_and_when_and_what_the_event_was(account: TelnyxAccount) -> None:
    call = make_call(account, step="menu", client_state="aGVsbG8=", tags=["vip", "late"], direction="outgoing")
    paths = [*(f"call.{name}" for name in CALL_FIELDS), "event.event_type", "event.occurred_at"]
    payload = " | ".join(f"{{{{ {path} }}}}" for path in paths)
    speak = {"action": "speak", "parameters": {"payload": payload, "voice": "female"}}
    flow = make_flow(account, rule(do=[speak], direction="any"))
    now = timezone.now()
    event = CallEvent(account=account, event_type="call.answered", received_at=now, occurred_at=ago(9), payload={})
    (command,) = commands_for(call, event, flow.rules.all(), now).commands
    told = {"call_control_id": "v3:a-leg", "connection_id": CONNECTION, "direction": "outgoing", "state": "answered"}
    told |= {"from": FROM, "to": TO, "step": "menu", "client_state": "aGVsbG8=", "tags": "['vip', 'late']"}
    told |= {"call_leg_id": call.call_leg_id, "call_session_id": call.call_session_id}
    words = [*(told[name] for name in CALL_FIELDS), "call.answered", event.occurred_at.isoformat()]
    assert command.parameters["payload"].split(" | ") == words


def test_only_the_active_flow_of_the_calls_own_application_acts_in_the_order_of_its_rules(
    account: TelnyxAccount,
) -> None:
    on_hang_up = {"event_type": "call.initiated", "do": [{"action": "hangup"}]}
    make_flow(account, on_hang_up, active=False, name="drawer")
    make_flow(account, on_hang_up, connection_id="77", name="elsewhere")
    answer = {"event_type": "call.initiated", "do": [{"action": "answer"}]}
    flow = make_flow(account, on_hang_up, answer, {"event_type": "call.bridged", "do": [{"action": "hangup"}]})
    flow.rules.filter(position=0).update(position=9)
    (event,) = receive(account, make_event())
    processing.process(event.pk)
    assert [(one.action, one.requested_by) for one in CallCommand.objects.all()] == [("answer", "rule: greeting #2")]
