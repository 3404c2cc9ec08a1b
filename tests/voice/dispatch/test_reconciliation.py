"""Uncertain commands, settled by the webhooks that answer them."""

from typing import Any

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import made_uncertain, seen
from tests.support.events import receive
from tests.support.factories import make_call, make_event, run_owed
from tests.support.reconciliation import dialled, entry, hear, look, uncertain
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice import tasks
from voice.commands import outbox
from voice.dispatch import reconciliation, sender

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
OTHER = "+13125550177"
SPEAK = {"payload": "Hello", "voice": "female"}


def test_a_webhook_that_came_before_it_was_given_up_settles_it_at_the_first_look(account: TelnyxAccount) -> None:
    call = make_call(account)
    command = outbox.act(call, "speak", SPEAK, PORTAL)
    CallCommand.objects.update(first_sent_at=ago(30), status="sending", lease_until=ago(-600))
    hear(account, make_event("call.speak.started", -20))
    assert look(made_uncertain(command)).status == "ok"


def test_the_new_call_settles_a_dial_and_becomes_its_call(account: TelnyxAccount) -> None:
    command = dialled(account)
    hear(account, make_event(seconds=-20, direction="outgoing", to=OTHER))
    hear(account, make_event(seconds=-20, leg="c"))
    assert seen(command).is_open_question
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing"))
    command = seen(command)
    assert (command.status, command.call_control_id) == ("ok", "v3:b-leg")
    assert command.call == Call.objects.get(call_control_id="v3:b-leg")


def test_a_verdict_leaves_alone_what_becomes_of_its_row_meanwhile(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, really = dialled(account), reconciliation.call_of_dial

    def meanwhile(*given: Any) -> Any:
        CallCommand.objects.filter(pk=command.pk).update(held_why="meanwhile")
        return really(*given)

    monkeypatch.setattr(reconciliation, "call_of_dial", meanwhile)
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing"))
    assert (seen(command).status, seen(command).held_why) == ("ok", "meanwhile")
    assert seen(command).call == Call.objects.get(call_control_id="v3:b-leg")


def test_a_verdict_that_comes_too_late_makes_no_call(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    command, really = dialled(account), reconciliation.call_of_dial

    def meanwhile(*given: Any) -> Any:
        made = really(*given)
        CallCommand.objects.filter(pk=command.pk).update(settled_at=ago(0))  # by a person
        return made

    monkeypatch.setattr(reconciliation, "call_of_dial", meanwhile)
    event = make_event(seconds=-20, leg="b", direction="outgoing")["data"]
    record = {"data": [entry("webhook", "call.initiated", event=event)], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        look(command)
    assert not Call.objects.exists()


def test_nor_does_it_while_another_question_is_open(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    command, really = dialled(account), reconciliation.call_of_dial
    other = uncertain(make_call(account), "send_dtmf", {"digits": "1"})

    def meanwhile(*given: Any) -> Any:
        made = really(*given)
        CallCommand.objects.filter(pk=command.pk).update(settled_at=ago(0))  # by a person
        return made

    monkeypatch.setattr(reconciliation, "call_of_dial", meanwhile)
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing"))
    assert (seen(other).is_open_question, seen(command).call) == (True, None)


def test_of_two_on_a_call_whose_session_is_not_known_one_webhook_settles_neither(account: TelnyxAccount) -> None:
    call = make_call(account, call_session_id="")
    both = [uncertain(call, "speak", SPEAK, sent=sent) for sent in (30, 28)]
    hear(account, make_event("call.speak.started", -20, call_session_id=None))
    assert all(seen(one).is_open_question for one in both)


def test_the_webhook_of_a_call_whose_session_is_not_known_settles_its_command(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account, call_session_id=""), "speak", SPEAK)
    hear(account, make_event("call.speak.started", -20, call_session_id=None))
    assert seen(command).status == "ok"


def test_a_webhook_that_tells_nothing_new_of_its_call_may_settle_a_command(account: TelnyxAccount) -> None:
    for event in (make_event(seconds=-90), make_event("call.answered", -1)):
        hear(account, event)
    command = uncertain(Call.objects.get(), "speak", SPEAK)
    hear(account, make_event("call.speak.started", -20))
    told = CallEvent.objects.get(event_type="call.speak.started")
    assert (told.status, seen(command).status) == ("ignored", "ok")


def test_a_webhook_that_is_processed_late_settles_its_command_whatever_came_since(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    event, later = receive(account, make_event("call.speak.started", -20), make_event("call.answered", -1, leg="b"))
    CallEvent.objects.filter(pk=later.pk).update(received_at=ago(-60))
    tasks.process_event(str(event.pk))
    assert seen(command).status == "ok"


def test_one_call_does_not_settle_two_dials_to_the_same_number(account: TelnyxAccount) -> None:
    both = [dialled(account, sent=30), dialled(account, sent=29)]
    hear(account, make_event(seconds=-20, direction="outgoing"))
    assert all(seen(one).is_open_question for one in both)


def test_the_new_leg_settles_a_transfer(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "transfer", {"to": OTHER})
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing", to=OTHER))
    assert seen(command).status == "ok"


def test_a_transfer_that_its_new_leg_settles_stays_the_callers(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost = uncertain(call, "transfer", {"to": OTHER})
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing", to=OTHER))
    lost = seen(lost)
    assert (lost.status, lost.call, lost.call_control_id) == ("ok", call, "v3:a-leg")


def test_what_was_never_sent_is_not_weighed_however_much_there_is(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_MOST", 1)
    call = make_call(account)
    command = uncertain(call, "speak", SPEAK)
    for digits in "12":
        outbox.act(call, "send_dtmf", {"digits": digits}, PORTAL)
    hear(account, make_event("call.speak.started", -20))
    assert seen(command).status == "ok"


def test_what_else_its_call_tells_hides_no_answer_however_much_there_is(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_MOST", 1)
    command = uncertain(make_call(account), "speak", SPEAK)
    for at in (-25, -24):
        hear(account, make_event("call.dtmf.received", at, digit="1"))
    hear(account, make_event("call.speak.started", -20))
    assert seen(command).status == "ok"


# --- The whole way ---------------------------------------------------------------------------------------------------


def test_a_dial_answered_503_503_200_makes_one_call(
    sandbox_account: TelnyxAccount, connection_id: str, http: Any, sandbox: Any
) -> None:
    values = {"connection_id": connection_id, "from": "+13125550100", "to": "+13125550001"}
    command = outbox.dial(sandbox_account, values, PORTAL)
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "status", "value": 503, "times": 2})
    for _ in range(3):
        CallCommand.objects.update(lease_until=None)
        run_owed()
    command = seen(command)
    assert [(one["http_status"], one["outcome"]) for one in command.attempts] == [
        (503, "uncertain"),
        (503, "uncertain"),
        (200, "ok"),
    ]
    assert len(sandbox.store.live_calls(connection_id)) == 1
    assert Call.objects.get() == command.call


def test_a_dial_that_acted_and_was_never_heard_of_is_settled_by_its_webhook(
    sandbox_account: TelnyxAccount, account: TelnyxAccount, connection_id: str, http: Any, sandbox: Any
) -> None:
    sandbox_account.public_key = account.public_key
    sandbox_account.save()
    values = {"connection_id": connection_id, "from": "+13125550100", "to": "+13125550001"}
    command = outbox.dial(sandbox_account, values, PORTAL)
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "act_then_cut"})
    sender.send(command.pk)
    CallCommand.objects.update(lease_until=None, first_sent_at=ago(51))
    sender.send(command.pk)
    assert seen(command).is_open_question
    ((_, control_id),) = sandbox.store.live_calls(connection_id)
    told = {"call_control_id": control_id, "connection_id": connection_id, "direction": "outgoing"}
    numbers = {"from": "+13125550100", "to": "+13125550001"}
    hear(sandbox_account, make_event(seconds=-50, **told, **numbers))
    command = seen(command)
    assert (command.status, command.call) == ("ok", Call.objects.get(call_control_id=control_id))


def test_a_command_without_a_webhook_is_found_in_the_sandboxs_record(
    ring: Any, sandbox_account: TelnyxAccount, sandbox: Any
) -> None:
    call = ring()
    leg = sandbox.store.call(call.call_control_id).call_leg_id
    Call.objects.update(call_leg_id=leg)
    answered = outbox.act(call, "answer", {}, PORTAL)
    sender.send(answered.pk)
    command = outbox.act(Call.objects.get(), "send_dtmf", {"digits": "1"}, PORTAL)
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "act_then_cut"})
    sender.send(command.pk)
    CallCommand.objects.filter(pk=command.pk).update(lease_until=None, first_sent_at=ago(51))
    sender.send(command.pk)
    assert seen(command).is_open_question
    assert look(command).settlement.startswith("Settled from Telnyx's record")
