"""Which event answers which command: the one it caused, and no other."""

from typing import Any

import pytest

from portal.models import TelnyxAccount
from tests.support.commands import seen
from tests.support.factories import make_call, make_event
from tests.support.reconciliation import hear, look, sent_ok, uncertain
from tests.support.rows import CallEvent
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
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
