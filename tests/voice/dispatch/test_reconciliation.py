"""Uncertain commands, settled by the webhooks that answer them."""

from typing import Any

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import made_uncertain, seen
from tests.support.factories import make_call, make_event, run_owed
from tests.support.reconciliation import dialled, hear, look, sent_ok, uncertain
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.commands import outbox
from voice.dispatch import sender
from voice.models import Call, CallCommand, CallEvent

pytestmark = pytest.mark.django_db
OTHER = "+13125550177"
SPEAK = {"payload": "Hello", "voice": "female"}
ASK = SPEAK | {"maximum_digits": 1}
CASES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("answer", {}, "call.answered", {}),
    ("hangup", {}, "call.hangup", {}),
    ("reject", {"cause": "USER_BUSY"}, "call.hangup", {}),
    ("speak", SPEAK, "call.speak.started", {}),
    ("gather", {}, "call.gather.ended", {"digits": "1", "status": "valid"}),
    ("gather_using_speak", ASK, "call.gather.ended", {"digits": "1", "status": "valid"}),
    ("start_playback", {"audio_url": "https://a.example/a.wav"}, "call.playback.started", {}),
    ("stop_playback", {}, "call.playback.ended", {}),
    ("bridge", {"call_control_id": "v3:other"}, "call.bridged", {}),
    ("start_streaming", {"stream_url": "wss://a.example"}, "streaming.failed", {}),
    ("start_forking", {}, "call.fork.started", {}),
    ("enqueue", {"queue_name": "support"}, "call.enqueued", {}),
    ("refer", {"sip_address": "sip:a@b.example"}, "call.refer.started", {}),
]


@pytest.mark.parametrize(("action", "parameters", "event_type", "payload"), CASES)
def test_the_webhook_that_answers_it_settles_it(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], event_type: str, payload: dict[str, Any]
) -> None:
    command = uncertain(make_call(account), action, parameters)
    hear(account, make_event(event_type, -20, **payload))
    command = seen(command)
    assert (command.status, command.is_open_question) == ("ok", False)
    assert command.settlement.startswith(f"Settled from the webhook {event_type}")
    assert command.settled_at is not None


def test_a_webhook_that_came_before_it_was_given_up_settles_it_at_the_first_look(account: TelnyxAccount) -> None:
    call = make_call(account)
    command = outbox.act(call, "speak", SPEAK, PORTAL)
    CallCommand.objects.update(first_sent_at=ago(30), status="sending", lease_until=ago(-9))
    hear(account, make_event("call.speak.started", -20))
    assert look(made_uncertain(command)).status == "ok"


@pytest.mark.parametrize(
    ("event_type", "told"),
    [
        ("call.speak.started", {"seconds": -50}),  # before it was sent
        ("call.speak.started", {"leg": "b"}),  # on another call
        ("call.speak.ended", {}),  # the end of an earlier one
        ("call.playback.started", {}),
    ],
)
def test_what_it_did_not_cause_settles_nothing(account: TelnyxAccount, event_type: str, told: dict[str, Any]) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    hear(account, make_event(event_type, **({"seconds": -20} | told)))
    assert seen(command).is_open_question


def test_an_event_heard_before_it_was_sent_settles_nothing(account: TelnyxAccount) -> None:
    call = make_call(account)
    hear(account, make_event("call.speak.started", 0))
    CallEvent.objects.update(received_at=ago(31))
    command = uncertain(call, "speak", SPEAK)
    with telnyx_says(account):
        assert look(command).is_open_question


def test_an_event_with_anothers_client_state_is_not_its_answer(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "speak", SPEAK | {"client_state": "bWluZQ=="})
    hear(account, make_event("call.speak.started", -20, client_state="b3RoZXI="))
    assert seen(command).is_open_question
    hear(account, make_event("call.speak.started", -19, client_state="bWluZQ=="))
    assert seen(command).status == "ok"


def test_an_event_that_answers_another_command_settles_nothing(account: TelnyxAccount) -> None:
    call = make_call(account)
    command = uncertain(call, "speak", SPEAK, sent=30)
    sent_ok(call, "speak", SPEAK, 25)
    hear(account, make_event("call.speak.started", -24))
    assert seen(command).is_open_question
    hear(account, make_event("call.speak.started", -22))
    assert seen(command).status == "ok"


def test_of_two_uncertain_ones_and_one_event_neither_is_settled(account: TelnyxAccount) -> None:
    call = make_call(account)
    both = [uncertain(call, "speak", SPEAK, sent=30), uncertain(call, "speak", SPEAK, sent=28)]
    hear(account, make_event("call.speak.started", -20))
    assert all(seen(one).is_open_question for one in both)
    hear(account, make_event("call.speak.started", -18))
    assert [look(one).status for one in both] == ["ok", "ok"]


def test_of_two_uncertain_ones_the_event_between_them_is_the_firsts(account: TelnyxAccount) -> None:
    call = make_call(account)
    first, second = uncertain(call, "speak", SPEAK, sent=60), uncertain(call, "speak", SPEAK, sent=20)
    hear(account, make_event("call.speak.started", -50))
    assert (seen(first).status, seen(second).status) == ("ok", "uncertain")


def test_the_new_call_settles_a_dial_and_becomes_its_call(account: TelnyxAccount) -> None:
    command = dialled(account)
    hear(account, make_event(seconds=-20, direction="outgoing", to=OTHER))
    hear(account, make_event(seconds=-20, leg="c"))
    assert seen(command).is_open_question
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing"))
    command = seen(command)
    assert (command.status, command.call_control_id) == ("ok", "v3:b-leg")
    assert command.call == Call.objects.get(call_control_id="v3:b-leg")


def test_one_call_does_not_settle_two_dials_to_the_same_number(account: TelnyxAccount) -> None:
    both = [dialled(account, sent=30), dialled(account, sent=29)]
    hear(account, make_event(seconds=-20, direction="outgoing"))
    assert all(seen(one).is_open_question for one in both)


def test_the_new_leg_settles_a_transfer(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "transfer", {"to": OTHER})
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing", to=OTHER))
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
