"""Every event that an action brings answers it, and what a parameter brings may be its command's."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support import samples
from tests.support.commands import made_uncertain, seen
from tests.support.conferences import make_room, room_event
from tests.support.factories import CONNECTION, FROM, TO, make_call, make_event
from tests.support.reconciliation import hear, look, sent_ok, uncertain
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.catalogue import actions
from voice.commands import outbox
from voice.conferences import service
from voice.dispatch import reconciliation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
BEGAN, ENDED = {"recording_started_at": 29}, {"recording_ended_at": 25}  # seconds ago
CANCELLED: dict[str, Any] = {"status": "cancelled"}
DIGIT: dict[str, Any] = {"digits": "1"}
WAV, STREAMING, TALK = "https://a.example/a.wav", "streaming.started", "call.conversation.created"
SPEAK = {"payload": "Hello", "voice": "female"}
# beside what must be given
GIVEN: dict[str, dict[str, Any]] = {
    "refer": {"sip_address": "sip:a@b.example"},
    "start_playback": {"audio_url": WAV},
    "start_streaming": {"stream_url": "wss://a.example"},
}
ANSWERED: list[tuple[str, str, dict[str, Any]]] = [
    ("answer", "call.answered", {}),
    ("hangup", "call.hangup", {}),
    ("reject", "call.hangup", {}),
    ("transfer", "call.bridged", {}),
    ("transfer", "call.initiated", {"leg": "new", "direction": "outgoing", "to": "+13125550001"}),
    ("bridge", "call.bridged", {}),
    *(("refer", f"call.refer.{word}", {}) for word in ("started", "failed", "completed")),
    ("speak", "call.speak.started", {}),
    ("start_playback", "call.playback.started", {}),
    *(("stop_playback", f"call.{word}.ended", CANCELLED) for word in ("playback", "speak")),
    *((name, "call.gather.ended", DIGIT | {"status": "valid"}) for name in ("gather", "gather_using_speak")),
    *((name, "call.gather.ended", DIGIT) for name in ("gather_using_audio", "stop_gather")),
    *(("gather_using_ai", f"call.ai_gather.{word}", {}) for word in ("ended", "partial_results")),
    ("start_recording", "call.recording.error", BEGAN),
    ("stop_recording", "call.recording.saved", ENDED),
    *(("start_streaming", f"{name}streaming.{word}", {}) for name in ("", "call.") for word in ("started", "failed")),
    *(("stop_streaming", f"{name}streaming.stopped", {}) for name in ("", "call.")),
    *((f"{word}_forking", f"call.fork.{told}", {}) for word, told in (("start", "started"), ("stop", "stopped"))),
    *(("start_siprec", f"{name}siprec.{word}", {}) for name in ("", "call.") for word in ("started", "failed")),
    *(("stop_siprec", f"{name}siprec.stopped", {}) for name in ("", "call.")),
    ("start_transcription", "call.transcription", {}),
    ("enqueue", "call.enqueued", {}),
    ("leave_queue", "call.dequeued", {}),
    *(
        (name, f"call.conversation.{word}", {})
        for name in ("start_ai_assistant", "start_conversation_relay")
        for word in ("created", "start_failed")
    ),
    *((name, "call.conversation.ended", {}) for name in ("stop_ai_assistant", "stop_conversation_relay")),
]


@pytest.mark.parametrize(("action", "event_type", "payload"), ANSWERED)
def test_each_event_that_an_action_brings_settles_it(
    account: TelnyxAccount, action: str, event_type: str, payload: dict[str, Any]
) -> None:
    given = samples.required(actions.method(action)) | GIVEN.get(action, {})
    command = uncertain(make_call(account), action, given)
    times = {name: ago(at).isoformat() for name, at in payload.items() if name.startswith("recording_")}
    hear(account, make_event(event_type, -20, **payload | times))
    command = seen(command)
    assert (command.status, command.is_open_question) == ("ok", False)
    assert command.settlement.startswith(f"Settled from the webhook {event_type}")
    assert command.settled_at is not None


@pytest.mark.parametrize("event_type", ["call.payment.progress", "call.payment.completed"])
def test_what_is_told_of_a_payment_stands_beside_it_and_decides_nothing(
    account: TelnyxAccount, event_type: str
) -> None:
    call = make_call(account)
    paid = sent_ok(call, "pay", {}, 40)
    hear(account, make_event(event_type, -35))
    assert getattr(reconciliation.answer_of(seen(paid)), "event_type", None) == event_type
    lost = uncertain(call, "pay", {}, sent=30)
    hear(account, make_event(event_type, -20))
    assert seen(lost).is_open_question


@pytest.mark.parametrize(
    ("action", "event_type"),
    [
        *(("hangup", "call.hangup"), ("reject", "call.hangup"), ("answer", "call.answered")),
        *(("leave_queue", "call.dequeued"), ("stop_gather", "call.gather.ended")),
    ],
)
def test_each_that_wished_for_what_came_about_has_it(account: TelnyxAccount, action: str, event_type: str) -> None:
    call, parameters = make_call(account), samples.required(actions.method(action))
    both = [uncertain(call, action, parameters, sent=sent) for sent in (30, 28)]
    hear(account, make_event(event_type, -20))
    assert [seen(one).status for one in both] == ["ok", "ok"]


CAUSES: list[tuple[str, dict[str, Any], str, dict[str, Any], str]] = [
    *(
        ("gather_using_audio", played, "start_playback", played, "call.playback.started")
        for played in ({"audio_url": WAV}, {"media_name": "menu"})
    ),
    ("gather_using_speak", SPEAK | {"maximum_digits": 1}, "speak", SPEAK, "call.speak.started"),
    ("answer", {"stream_url": "wss://a.example"}, "start_streaming", {"stream_url": "wss://b.example"}, STREAMING),
    ("answer", {"transcription": True}, "start_transcription", {}, "call.transcription"),
    ("gather_using_ai", {"parameters": {}, "assistant": {"model": "a"}}, "start_ai_assistant", {}, TALK),
    (
        *("answer", {"conversation_relay_config": {"url": "wss://a.example"}}),
        *("start_conversation_relay", {"conversation_relay_url": "wss://a.example"}, TALK),
    ),
    ("transfer", {"to": "+13125550177"}, "bridge", {"call_control_id": "v3:other"}, "call.bridged"),
]


@pytest.mark.parametrize(("cause", "with_it", "action", "parameters", "event_type"), CAUSES)
def test_an_event_that_another_command_may_have_brought_settles_nothing(
    account: TelnyxAccount,
    cause: str,
    with_it: dict[str, Any],
    action: str,
    parameters: dict[str, Any],
    event_type: str,
) -> None:
    call = make_call(account)
    sent_ok(call, cause, with_it, 25)
    lost = uncertain(call, action, parameters, sent=30)
    hear(account, make_event(event_type, -20))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_of_a_speech_in_a_loop_each_event_may_be_that_one_s(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost = uncertain(call, "speak", SPEAK, sent=30)
    sent_ok(call, "speak", SPEAK | {"loop": 3}, 25)
    for at in range(3):
        hear(account, make_event("call.speak.started", at - 20))
    assert seen(lost).is_open_question, seen(lost).settlement


def dialled(call: Call, **more: Any) -> None:
    """A dial that Telnyx accepted 25 seconds ago; ``call`` is its leg."""
    command = outbox.dial(call.account, {"connection_id": CONNECTION, "from": FROM, "to": TO, **more}, PORTAL)
    told = {"status": "ok", "call": call, "call_control_id": call.call_control_id}
    CallCommand.objects.filter(pk=command.pk).update(**told, first_sent_at=ago(25), finished_at=ago(25))


@pytest.mark.parametrize(("more", "status"), [({"conference_config": {"id": "room"}}, "uncertain"), ({}, "ok")])
def test_who_joined_may_have_been_dialled_into_the_conference(
    account: TelnyxAccount, more: dict[str, Any], status: str
) -> None:
    call, room = make_call(account, direction="outgoing"), make_room(account)
    lost = made_uncertain(service.act(room, "conferences.join", {"call_control_id": call.call_control_id}, PORTAL))
    dialled(call, **more)
    hear(account, room_event("conference.participant.joined", -20))
    assert seen(lost).status == status, seen(lost).settlement


@pytest.mark.parametrize(
    ("more", "status"), [({"conference_config": {"conference_name": "standup"}}, "uncertain"), ({}, "ok")]
)
def test_a_conference_may_have_been_made_by_a_dial(account: TelnyxAccount, more: dict[str, Any], status: str) -> None:
    call = make_call(account, direction="outgoing")
    asked = {"call_control_id": call.call_control_id, "name": "standup"}
    lost = made_uncertain(service.create(account, asked, PORTAL))
    dialled(call, **more)
    hear(account, room_event("conference.created", -20))
    assert seen(lost).status == status, seen(lost).settlement


@pytest.mark.parametrize(("linked", "status"), [("v3:a-leg", "uncertain"), ("v3:other-leg", "ok")])
def test_a_leg_may_have_been_bridged_by_the_dial_that_links_to_it(
    account: TelnyxAccount, linked: str, status: str
) -> None:
    lost = uncertain(make_call(account), "transfer", {"to": "+13125550177"}, sent=30)
    dialled(make_call(account, "b", call_session_id="another", direction="outgoing"), link_to=linked)
    hear(account, make_event("call.bridged", -20))
    assert seen(lost).status == status, seen(lost).settlement


SAY: dict[str, Any] = {"payload": "Hello", "voice": "female"}


@pytest.mark.parametrize(("early", "status"), [(4.9, "ok"), (5.1, "uncertain")])
def test_telnyxs_clock_may_be_behind_ours_by_five_seconds(account: TelnyxAccount, early: float, status: str) -> None:
    lost, event = uncertain(make_call(account), "speak", SAY), make_event("call.speak.started", -20)
    happened = datetime.fromisoformat(event["data"]["occurred_at"])
    CallCommand.objects.filter(pk=lost.pk).update(first_sent_at=happened + timedelta(seconds=early))
    hear(account, event)
    assert seen(lost).status == status, seen(lost).settlement


def lost_dial(account: TelnyxAccount) -> CallCommand:
    asked = {"connection_id": CONNECTION, "from": FROM, "to": TO}
    return made_uncertain(outbox.dial(account, asked, PORTAL))


@pytest.mark.parametrize(("late", "status"), [(299, "ok"), (301, "uncertain")])
def test_a_dial_brings_its_call_within_five_minutes(account: TelnyxAccount, late: float, status: str) -> None:
    lost, event = lost_dial(account), make_event("call.initiated", -20, leg="new", direction="outgoing")
    happened = datetime.fromisoformat(event["data"]["occurred_at"])
    CallCommand.objects.filter(pk=lost.pk).update(first_sent_at=happened - timedelta(seconds=late))
    hear(account, event)
    assert seen(lost).status == status, seen(lost).settlement


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({}, "ok"),
        ({"from": "+13125550177"}, "uncertain"),
        ({"to": "+13125550177"}, "uncertain"),
        ({"connection_id": "77"}, "uncertain"),
        ({"direction": "incoming"}, "uncertain"),
    ],
)
def test_a_dials_call_goes_out_between_its_numbers_by_its_application(
    account: TelnyxAccount, told: dict[str, str], status: str
) -> None:
    lost = lost_dial(account)
    hear(account, make_event("call.initiated", -20, leg="new", **{"direction": "outgoing"} | told))
    assert seen(lost).status == status, seen(lost).settlement


def test_what_a_parameter_brings_need_not_carry_the_client_state_of_its_command(account: TelnyxAccount) -> None:
    call = make_call(account)
    sent_ok(call, "answer", {"stream_url": "wss://a.example", "client_state": "bWluZQ=="}, 25)
    lost = uncertain(call, "start_streaming", {"stream_url": "wss://b.example"}, sent=30)
    hear(account, make_event("streaming.started", -20))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_who_wished_for_an_end_has_it_whosever_client_state_is_told(account: TelnyxAccount) -> None:
    lost = uncertain(make_call(account), "hangup", {"client_state": "bWluZQ=="})
    hear(account, make_event("call.hangup", -20, client_state="b3RoZXI="))
    assert seen(lost).status == "ok", seen(lost).settlement


def test_what_bridges_two_legs_may_be_told_on_both_at_one_moment(account: TelnyxAccount) -> None:
    call = make_call(account)
    make_call(account, "b", direction="outgoing")
    lost = uncertain(call, "bridge", {"call_control_id": "v3:b-leg"}, sent=30)
    theirs, ours = (make_event("call.bridged", -20, leg) for leg in "ba")
    ours["data"]["occurred_at"] = theirs["data"]["occurred_at"]
    for event in (theirs, ours):
        hear(account, event)
    assert seen(lost).status == "ok", seen(lost).settlement


@pytest.mark.parametrize(("session", "status"), [({}, "uncertain"), ({"call_session_id": "another"}, "ok")])
def test_a_transfer_of_another_leg_of_the_session_may_be_what_bridged_this_one(
    account: TelnyxAccount, session: dict[str, str], status: str
) -> None:
    lost = uncertain(make_call(account), "bridge", {"call_control_id": "v3:z-leg"}, sent=30)
    sent_ok(make_call(account, "b", direction="outgoing", **session), "transfer", {"to": "+13125550177"}, 25)
    hear(account, make_event("call.bridged", -20))
    assert seen(lost).status == status, seen(lost).settlement


def test_who_gave_no_client_state_is_answered_whatever_the_call_has(account: TelnyxAccount) -> None:
    lost = uncertain(make_call(account), "speak", SAY)
    hear(account, make_event("call.speak.started", -20, client_state="b3RoZXI="))
    assert seen(lost).status == "ok", seen(lost).settlement


MINE: dict[str, str] = {"client_state": "bWluZQ=="}


def test_another_command_takes_the_event_that_only_it_can_have(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost = uncertain(call, "speak", SAY | MINE, sent=30)
    sent_ok(call, "speak", SAY, 25)  # either may be its own
    hear(account, make_event("call.speak.started", -20, **MINE))
    assert seen(lost).is_open_question, seen(lost).settlement
    hear(account, make_event("call.speak.started", -18))
    with telnyx_says(account):
        assert look(lost).status == "ok"


def test_of_two_others_each_takes_what_leaves_one_to_the_other(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost = uncertain(call, "speak", SAY, sent=30)
    sent_ok(call, "speak", SAY | MINE, 26)  # the first event alone may be its own
    sent_ok(call, "speak", SAY, 25)
    hear(account, make_event("call.speak.started", -20, **MINE))
    hear(account, make_event("call.speak.started", -18))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_what_nobody_here_brought_is_not_taken_for_its_own(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost = uncertain(call, "speak", SAY, sent=30)
    sent_ok(call, "speak", SAY, 25)
    for at in (-50, -20):  # the first came before either
        hear(account, make_event("call.speak.started", at))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_of_two_loops_either_explains_what_came_while_it_was_alone(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost = uncertain(call, "speak", SAY, sent=60)
    for sent in (55, 20):
        sent_ok(call, "speak", SAY | {"loop": 3}, sent)
    for at in (-50, -45, -10):
        hear(account, make_event("call.speak.started", at))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_what_was_said_on_another_leg_of_the_session_is_told_of_that_one(account: TelnyxAccount) -> None:
    lost = uncertain(make_call(account), "speak", SAY, sent=30)
    sent_ok(make_call(account, "b", direction="outgoing"), "speak", SAY, 25)
    hear(account, make_event("call.speak.started", -20))
    assert seen(lost).status == "ok", seen(lost).settlement


@pytest.mark.parametrize(("other", "status"), [("+13125550177", "ok"), ("+13125550001", "uncertain")])
def test_the_leg_of_a_transfer_is_known_by_its_number(account: TelnyxAccount, other: str, status: str) -> None:
    call = make_call(account)
    lost = uncertain(call, "transfer", {"to": "+13125550001"}, sent=30)
    sent_ok(call, "transfer", {"to": other}, 25)
    hear(account, make_event("call.initiated", -20, leg="new", direction="outgoing", to="+13125550001"))
    assert seen(lost).status == status, seen(lost).settlement


def test_the_leg_that_was_transferred_is_not_the_one_that_came_of_it(account: TelnyxAccount) -> None:
    """It had called the same number."""
    lost = uncertain(make_call(account, direction="outgoing"), "transfer", {"to": TO})
    hear(account, make_event("call.initiated", -20, direction="outgoing"))
    assert seen(lost).is_open_question, seen(lost).settlement


def test_each_command_is_shown_with_its_own_event_in_the_order_in_which_they_were_sent(account: TelnyxAccount) -> None:
    call = make_call(account)
    second, first = (sent_ok(call, "speak", SAY, sent) for sent in (28, 30))
    for at in (-24, -26):  # the later one was heard first
        hear(account, make_event("call.speak.started", at))
    events = sorted(CallEvent.objects.all(), key=lambda event: event.happened_at)
    assert [reconciliation.answer_of(seen(one)) for one in (first, second)] == events


def test_a_dial_may_bring_its_call_at_the_end_of_the_five_minutes(account: TelnyxAccount) -> None:
    lost, event = lost_dial(account), make_event("call.initiated", -20, leg="new", direction="outgoing")
    happened = datetime.fromisoformat(event["data"]["occurred_at"])
    CallCommand.objects.filter(pk=lost.pk).update(first_sent_at=happened - timedelta(minutes=5))
    hear(account, event)
    assert seen(lost).status == "ok", seen(lost).settlement
