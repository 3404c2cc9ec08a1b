"""Which event answers which command: the one it caused, and no other."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.commands import seen
from tests.support.factories import TO, make_call, make_event
from tests.support.reconciliation import dialled, hear, look, sent_ok, uncertain
from tests.support.rows import CallCommand, CallEvent
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.catalogue import actions
from voice.catalogue.correlation import ANSWERS
from voice.dispatch import reconciliation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
OTHER = "+13125550177"
SPEAK = {"payload": "Hello", "voice": "female"}
RECORD = {"channels": "dual", "format": "mp3"}


@pytest.mark.parametrize(
    ("event_type", "payload"),
    [
        ("call.playback.ended", {"status": "completed"}),
        ("call.playback.ended", {}),
        ("call.speak.ended", {"status": "completed"}),  # as one that was stopped
    ],
)
def test_what_may_have_come_to_its_end_was_not_stopped(
    account: TelnyxAccount, event_type: str, payload: dict[str, Any]
) -> None:
    command = uncertain(make_call(account), "stop_playback")
    hear(account, make_event(event_type, -20, **payload))
    assert seen(command).is_open_question


def test_a_dial_is_known_by_its_number_however_it_was_written(account: TelnyxAccount) -> None:
    command = dialled(account, "+1 (312) 555-0199")
    hear(account, make_event("call.initiated", -20, direction="outgoing", leg="new"))
    assert (seen(command).status, seen(command).call_control_id) == ("ok", "v3:new-leg")


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


def test_every_action_is_answered_by_an_event_but_these() -> None:
    without = {"add_ai_assistant_messages", "join_ai_assistant", "pause_recording", "resume_recording", "send_dtmf"}
    without |= {"send_sip_info", "start_noise_suppression", "stop_noise_suppression", "stop_transcription"}
    without |= {"switch_supervisor_role", "update_client_state"}
    of_conferences = {"hold", "unhold", "mute", "unmute", "record_start", "record_pause", "record_resume"}
    of_conferences |= {"send_dtmf", "update"}
    every = {actions.DIAL, *actions.names(), *actions.conference_names()}
    assert every - ANSWERS.keys() == without | {f"conferences.{name}" for name in of_conferences}
    assert all(ANSWERS.values())


def test_an_event_heard_before_it_was_sent_settles_nothing(account: TelnyxAccount) -> None:
    call = make_call(account)
    hear(account, make_event("call.speak.started", 0))
    CallEvent.objects.update(received_at=ago(31))
    command = uncertain(call, "speak", SPEAK)
    with telnyx_says(account):
        assert look(command).is_open_question


@pytest.mark.parametrize("behind", [0, 5])
def test_an_event_heard_at_the_moment_of_its_sending_may_be_its_own(account: TelnyxAccount, behind: float) -> None:
    """By Telnyx's clock it was then, or as long before as that may be behind."""
    call = make_call(account)
    hear(account, make_event("call.speak.started", -40))
    command = uncertain(call, "speak", SPEAK)
    assert command.first_sent_at
    happened = command.first_sent_at - timedelta(seconds=behind)
    CallEvent.objects.update(received_at=command.first_sent_at, occurred_at=happened)
    with telnyx_says(account):
        assert look(command).status == "ok"


def test_an_event_heard_before_another_was_sent_is_not_that_ones(account: TelnyxAccount) -> None:
    """Of clocks that may differ by seconds ours is one, so it has to be here before, too."""
    call = make_call(account)
    lost = uncertain(call, "speak", SPEAK, sent=60)
    sent_ok(call, "speak", SPEAK, 30)
    hear(account, make_event("call.speak.started", -32))
    assert seen(lost).is_open_question
    CallEvent.objects.update(received_at=ago(31))
    with telnyx_says(account):
        assert look(lost).status == "ok"


@pytest.mark.parametrize("is_dial", [True, False])
def test_an_event_of_another_account_settles_nothing(account: TelnyxAccount, is_dial: bool) -> None:
    """Of the same application, numbers and session: nobody there has sent anything."""
    neighbour = make_account("neighbour")
    command = dialled(account) if is_dial else uncertain(make_call(account), "transfer", {"to": TO})
    hear(neighbour, make_event("call.initiated", -20, leg="new", direction="outgoing"))
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


# --- What something else may have caused ----------------------------------------------------------------------------


TWICE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("start_transcription", {}, ["call.transcription", "call.transcription"]),
    (
        "gather_using_ai",
        {"parameters": {"type": "object"}},
        ["call.ai_gather.partial_results", "call.ai_gather.partial_results", "call.ai_gather.ended"],
    ),
    ("refer", {"sip_address": "sip:a@b.example"}, ["call.refer.started", "call.refer.completed"]),
    ("start_streaming", {"stream_url": "wss://a.example"}, ["streaming.started", "streaming.failed"]),
    ("start_playback", {"audio_url": "https://a.example/a.wav", "loop": 3}, ["call.playback.started"] * 3),
]


@pytest.mark.parametrize(("action", "parameters", "events"), TWICE, ids=[one[0] for one in TWICE])
def test_all_that_one_command_brings_is_its_own(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], events: list[str]
) -> None:
    call = make_call(account)
    lost = uncertain(call, action, parameters, sent=30)
    sent_ok(call, action, parameters, 25)
    for at, name in enumerate(events):
        hear(account, make_event(name, at - 20))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_what_a_command_brings_often_proves_it_where_there_is_no_other(account: TelnyxAccount) -> None:
    lost = uncertain(make_call(account), "start_transcription")
    hear(account, make_event("call.transcription", -20))
    assert seen(lost).status == "ok"


@pytest.mark.parametrize("named", [{"call_control_id": "v3:a-leg"}, {"queue": "support"}])
def test_a_bridge_sent_to_another_leg_may_be_what_bridged_this_one(
    account: TelnyxAccount, named: dict[str, str]
) -> None:
    call = make_call(account)
    agent = make_call(account, leg="agent", call_session_id="another", direction="outgoing")
    lost = uncertain(call, "transfer", {"to": OTHER}, sent=30)
    sent_ok(agent, "bridge", {"call_control_id": "v3:z"} | named, 25)
    hear(account, make_event("call.bridged", -20))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_what_bridges_two_legs_is_told_on_each_of_them(account: TelnyxAccount) -> None:
    call = make_call(account)
    make_call(account, "b", direction="outgoing")
    lost = uncertain(call, "bridge", {"call_control_id": "v3:b-leg"}, sent=30)
    sent_ok(call, "transfer", {"to": OTHER}, 25)
    for leg, at in (("b", -21), ("a", -20)):
        hear(account, make_event("call.bridged", at, leg))
    assert seen(lost).is_open_question, seen(lost).settlement


@pytest.mark.parametrize("status", ["queued", "sending", "expired"])
def test_whatever_may_have_reached_telnyx_may_have_caused_it(account: TelnyxAccount, status: str) -> None:
    """Tried twice, say: once without an answer, and then Telnyx asked to wait (429)."""
    call = make_call(account)
    lost = uncertain(call, "speak", SPEAK, sent=30)
    CallCommand.objects.filter(pk=sent_ok(call, "speak", SPEAK, 25).pk).update(status=status)
    hear(account, make_event("call.speak.started", -20))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_what_telnyx_refused_has_caused_nothing(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost = uncertain(call, "speak", SPEAK, sent=30)
    CallCommand.objects.filter(pk=sent_ok(call, "speak", SPEAK, 25).pk).update(status="refused")
    hear(account, make_event("call.speak.started", -20))
    assert seen(lost).status == "ok"


@pytest.mark.parametrize(("began", "is_proof"), [(-60, False), (None, False), (-29, True)])
def test_a_recording_is_known_by_when_it_began(account: TelnyxAccount, began: float | None, is_proof: bool) -> None:
    """Settings of the application or of the profile begin recordings, too."""
    lost = uncertain(make_call(account), "start_recording", RECORD, sent=30)
    told = {"recording_started_at": ago(-began).isoformat()} if began else {}
    hear(account, make_event("call.recording.saved", -5, **told))
    assert (seen(lost).status == "ok") is is_proof, seen(lost).settlement


def test_a_recording_that_came_with_the_answer_may_be_that_one(account: TelnyxAccount) -> None:
    call = make_call(account)
    sent_ok(call, "answer", {"record": "record-from-answer"}, 32)
    lost = uncertain(call, "start_recording", RECORD, sent=30)
    hear(account, make_event("call.recording.saved", -5, recording_started_at=ago(29).isoformat()))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_a_recording_that_began_before_the_answer_leaves_the_answer_its_own(account: TelnyxAccount) -> None:
    """It ended after the answer was sent, and did not begin with it."""
    call = make_call(account)
    sent_ok(call, "answer", {"record": "record-from-answer"}, 32)
    lost = uncertain(call, "start_recording", RECORD, sent=30)
    for began, at in ((60, -6), (31, -5)):
        told = {"recording_started_at": ago(began).isoformat(), "recording_ended_at": ago(10).isoformat()}
        hear(account, make_event("call.recording.saved", at, **told))
    assert seen(lost).is_open_question, seen(lost).settlement


@pytest.mark.parametrize(("ended", "is_proof"), [(60, False), (29, True)])
def test_a_recording_that_had_ended_before_was_not_stopped_by_it(
    account: TelnyxAccount, ended: float, is_proof: bool
) -> None:
    lost = uncertain(make_call(account), "stop_recording", sent=30)
    told = {"recording_started_at": ago(99).isoformat(), "recording_ended_at": ago(ended).isoformat()}
    hear(account, make_event("call.recording.saved", -5, **told))
    assert (seen(lost).status == "ok") is is_proof, seen(lost).settlement


def test_two_events_that_two_others_may_have_caused_do_not_prove_the_first(account: TelnyxAccount) -> None:
    """The first event may be the second's, and the second event the third's."""
    call = make_call(account)
    first = uncertain(call, "speak", SPEAK, sent=60)
    uncertain(call, "speak", SPEAK, sent=55)
    uncertain(call, "speak", SPEAK, sent=20)
    hear(account, make_event("call.speak.started", -50))
    hear(account, make_event("call.speak.started", -10))
    assert look(first).is_open_question, seen(first).settlement


def test_one_moment_told_twice_is_one_event(account: TelnyxAccount) -> None:
    """A redelivery may come under a fresh event id."""
    call = make_call(account)
    lost = uncertain(call, "speak", SPEAK, sent=30)
    sent_ok(call, "speak", SPEAK, 25)
    event = make_event("call.speak.started", -20)
    hear(account, event)
    hear(account, {**event, "data": event["data"] | {"id": str(uuid.uuid4())}})
    assert seen(lost).is_open_question, seen(lost).settlement


def test_what_an_uncertain_command_may_have_caused_is_not_shown_as_its_answer(account: TelnyxAccount) -> None:
    """A person decides by what stands there."""
    call = make_call(account)
    lost = uncertain(call, "speak", SPEAK, sent=30)
    uncertain(call, "speak", SPEAK, sent=28)
    hear(account, make_event("call.speak.started", -20))
    assert reconciliation.answer_of(lost) is None
