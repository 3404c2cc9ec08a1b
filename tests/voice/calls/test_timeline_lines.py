"""What one line of a call's story says, whom it asks, and which lines are trouble."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.call_pages import page
from tests.support.commands import act, of_event
from tests.support.conferences import SAID, make_room, room_event
from tests.support.documents import published
from tests.support.events import tell
from tests.support.factories import make_call, make_event
from tests.support.reconciliation import sent_ok, uncertain
from tests.support.rows import Call, CallCommand, CallEvent, Conference, ConferenceParticipant
from tests.support.times import ago
from voice.calls import timeline
from voice.models import TexmlFetch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def lines(call: Call, user: Any) -> list[timeline.Entry]:
    return timeline.entries(timeline.legs(call), user)


@pytest.mark.parametrize(
    ("action", "parameters", "said"),
    [
        ("transfer", {"to": "+13125550001", "audio_url": "https://a.example/a.wav"}, "+1 312-555-0001"),
        ("speak", {"payload": "x" * 121, "voice": "female"}, f"“{'x' * 120}”"),
        ("start_playback", {"audio_url": "https://a.example/a.wav"}, "“https://a.example/a.wav”"),
        ("send_dtmf", {"digits": "12"}, "“12”"),
        ("reject", {"cause": "USER_BUSY"}, "“USER_BUSY”"),
        ("answer", {"stream_url": "wss://a.example"}, ""),
    ],
)
def test_a_command_says_its_main_parameter(
    account: TelnyxAccount, operator: Any, action: str, parameters: dict[str, Any], said: str
) -> None:
    call = make_call(account)
    act(call, action, **parameters)
    (line,) = lines(call, operator)
    assert line.detail == (f"by portal · {said}" if said else "by portal")


@pytest.mark.parametrize(
    ("event_type", "payload", "detail"),
    [
        ("call.speak.ended", {"status": "completed", "result": "human", "reason": "x"}, "completed"),
        ("call.levitated", {"status": "", "result": "human", "reason": "x"}, "human"),
        ("call.levitated", {"reason": "out of range"}, "out of range"),
        ("call.levitated", {"status": "y" * 201}, "y" * 200),
        ("call.cost", {"total_cost": "0.0055", "status": "success"}, "0.0055"),
        ("call.cost", {"total_cost": None}, ""),
        ("call.gather.ended", {"digits": "12", "status": None}, "digits 12"),
        ("call.initiated", {"from": None}, "— → +1 312-555-0199"),
        ("call.initiated", {"from": "+13125550101", "to": ""}, "+1 312-555-0101 → —"),
    ],
)
def test_an_event_says_how_it_went_by_the_first_word_that_is_there(
    account: TelnyxAccount, operator: Any, event_type: str, payload: dict[str, Any], detail: str
) -> None:
    tell(account, make_event(event_type, **payload))
    assert [line.detail for line in lines(Call.objects.get(), operator)] == [detail]


@pytest.mark.parametrize(
    ("status", "is_trouble"),
    [("queued", False), ("sending", False), ("ok", False), ("refused", True), ("uncertain", True), ("expired", True)],
)
def test_a_command_that_did_not_do_it_is_trouble(
    account: TelnyxAccount, operator: Any, status: str, is_trouble: bool
) -> None:
    call = make_call(account)
    act(call, "answer")
    CallCommand.objects.update(status=status)
    assert [line.is_trouble for line in lines(call, operator)] == [is_trouble]


@pytest.mark.parametrize(
    ("event_type", "status", "is_trouble"),
    [
        *(("call.answered", status, False) for status in ("received", "processed", "ignored")),
        *(("call.answered", status, True) for status in ("dead", "quarantined")),
        *((name, "processed", True) for name in ("streaming.failed", "call.recording.error", "texml.recording.absent")),
    ],
)
def test_an_event_that_tells_of_a_failure_or_is_one_is_trouble(
    account: TelnyxAccount, operator: Any, event_type: str, status: str, is_trouble: bool
) -> None:
    tell(account, make_event("call.answered"))
    CallEvent.objects.update(event_type=event_type, status=status)
    assert [line.is_trouble for line in lines(Call.objects.get(), operator)] == [is_trouble]


def test_an_open_question_is_put_to_who_may_decide_it(account: TelnyxAccount, user_with: Any) -> None:
    call, said = make_call(account), {"payload": "Hello", "voice": "female"}
    uncertain(call, "speak", said)
    sent_ok(call, "gather_using_speak", said, 20)

    def asked(*permissions: str) -> dict[str, bool]:
        person = user_with("voice.view_callcommand", *permissions, username=f"person-{len(permissions)}")
        return {line.name: line.asks for line in lines(call, person)}

    assert asked() == {"speak": False, "gather_using_speak": False}
    assert asked("voice.control_call") == {"speak": True, "gather_using_speak": False}


def test_a_recording_says_when_it_began_where_that_is_told(account: TelnyxAccount, operator: Any) -> None:
    began = datetime(2026, 11, 20, 9, tzinfo=UTC)
    tell(
        account,
        make_event("call.recording.saved", -9, recording_started_at=began.isoformat()),
        make_event("call.recording.saved", -8),
    )
    assert [line.began for line in lines(Call.objects.get(), operator)] == [began, None]


def fetches(call: Call, number: int, **told: Any) -> None:
    """Fetches of a document by this call, a second apart, that are no event's."""
    same = {"version": 1, "proof": "get", "verdict": "served", "milliseconds": 1, "body": "", **told}
    TexmlFetch.objects.bulk_create(
        TexmlFetch(at=call.started_at + timedelta(seconds=at), call_control_id=call.call_control_id, **same)
        for at in range(number)
    )


def test_of_very_many_fetches_the_first_and_the_last_are_told(account: TelnyxAccount, operator: Any) -> None:
    call = make_call(account)
    fetches(call, 502, document=published(account))
    told = lines(call, operator)
    assert [line.kind for line in told].count("fetch") == 500
    (at,) = [at for at, line in enumerate(told) if line.kind == "cut"]
    assert (at, told[at].title, told[at].source) == (250, "2 fetches between these not shown", "fetch")
    assert (told[at - 1].offset, told[at + 1].offset) == (249, 252)


def test_a_fetch_says_that_another_answer_was_given_and_is_its_own_account_s(
    account: TelnyxAccount, operator: Any
) -> None:
    call = make_call(account)
    fetches(call, 1, document=published(account, name="Menu"), verdict="apology")
    fetches(call, 1, document=published(make_account("branch"), name="Theirs"))
    fetches(make_call(account, "b", call_session_id="another"), 1, document=published(account, name="Sales"))
    (line,) = lines(call, operator)
    assert (line.leg, line.detail) == ("A", "fetched Menu v1 (the apology: it could not be filled)")


def test_a_command_says_how_long_it_was_held_back_and_what_became_of_it(account: TelnyxAccount, operator: Any) -> None:
    call = make_call(account)
    command = act(call, "answer")
    rows = CallCommand.objects.filter(pk=command.pk)
    rows.update(held_since=command.created_at, held_why="Telnyx asks to wait.")
    assert [line.detail for line in lines(call, operator)] == ["by portal · held back: Telnyx asks to wait."]
    rows.update(
        first_sent_at=command.created_at + timedelta(seconds=7), error="It may have acted.", settlement="It has."
    )
    assert [line.detail for line in lines(call, operator)] == [
        "by portal · held back for 7 s: Telnyx asks to wait. · It may have acted. · It has."
    ]


def test_an_answer_says_after_how_long_it_came(account: TelnyxAccount, operator: Any) -> None:
    """At once, where Telnyx's clock is behind ours."""
    tell(account, make_event(seconds=-60), make_event("call.answered", -40), make_event("call.speak.started", -30))
    call, said = Call.objects.get(), {"payload": "Hello", "voice": "female"}
    wanted: list[tuple[str, dict[str, Any], str, float]] = [
        ("answer", {}, "call.answered", 3.04),
        ("speak", said, "call.speak.started", -2),
    ]
    for action, parameters, event_type, after in wanted:
        sent = CallEvent.objects.get(event_type=event_type).happened_at - timedelta(seconds=after)
        CallCommand.objects.filter(pk=sent_ok(call, action, parameters, 9).pk).update(first_sent_at=sent)
    answers = [(line.name, line.answered) for line in lines(call, operator) if line.answered]
    assert [(name, answer.title, answer.seconds) for name, answer in answers] == [
        ("answer", "Answered", 3.0),
        ("speak", "Speaking started", 0.0),
    ]


def test_what_happens_to_a_conference_as_a_whole_has_nobody_s_letter(account: TelnyxAccount, operator: Any) -> None:
    tell(
        account,
        room_event("conference.participant.joined", -9),
        room_event("conference.playback.started", -8, "", **SAID),
    )
    room = Conference.objects.get()
    ConferenceParticipant.objects.create(conference=room, call_control_id="v3:unknown", joined_at=ago(5))
    assert [(line.name, line.leg, line.source) for line in timeline.of_conference(room, operator)] == [
        ("conference.participant.joined", "A", ""),
        ("conference.playback.started", "", "conference"),
    ]


def test_who_else_came_is_told_by_the_number_alone(account: TelnyxAccount, operator: Any) -> None:
    theirs = {"call_session_id": "other", "from": "+13125550177"}
    tell(
        account,
        room_event("conference.participant.joined", -9),
        room_event("conference.participant.joined", -8, "b", **theirs),
    )
    told = [(line.leg, line.detail) for line in lines(Call.objects.get(call_control_id="v3:a-leg"), operator)]
    assert told == [("A", ""), ("", "+1 312-555-0177")]


def test_an_end_without_a_cause_says_nothing(account: TelnyxAccount, operator: Any) -> None:
    tell(account, make_event("call.hangup", hangup_cause=None, hangup_source=None))
    assert [line.detail for line in lines(Call.objects.get(), operator)] == [""]


def test_a_command_tells_its_attempts(account: TelnyxAccount, operator: Any) -> None:
    call = make_call(account)
    act(call, "answer")
    tried = [{"at": ago(at).isoformat(), "http_status": 503, "ms": 12, "code": None} for at in (5, 3)]
    CallCommand.objects.update(attempts=tried)
    assert [line.attempts for line in lines(call, operator)] == [tried]


def test_commands_of_one_moment_stand_in_the_order_of_their_rule(account: TelnyxAccount, user_with: Any) -> None:
    call = make_call(account)
    made = of_event(call, *(("send_dtmf", {"digits": str(at)}) for at in range(5)))
    for at, command in enumerate(made):
        CallCommand.objects.filter(pk=command.pk).update(sequence=at * 2 % 5)
    told = lines(call, user_with("voice.view_callcommand"))
    assert [line.id for line in told] == [str(made[at].pk) for at in (0, 3, 1, 4, 2)]


def test_a_fetch_says_how_it_was_proven_and_whose_leg_it_was(account: TelnyxAccount, operator: Any) -> None:
    first = make_call(account, started_at=ago(30))
    second = make_call(account, "b", started_at=ago(20))
    fetches(second, 1, document=published(account, name="Menu"))
    told = [(line.kind, line.source, line.leg, line.offset, line.id) for line in lines(first, operator)]
    assert told == [("fetch", "get", "B", 10.0, str(TexmlFetch.objects.get().pk))]


def test_what_another_in_the_same_conference_did_is_told_by_the_number_and_how_it_went(
    account: TelnyxAccount, operator: Any
) -> None:
    theirs: dict[str, Any] = {"call_session_id": "other", "from": "+13125550177", "status": "completed"}
    tell(
        account,
        room_event("conference.participant.joined", -9),
        room_event("conference.participant.speak.ended", -8, "b", **theirs),
    )
    told = [(line.leg, line.detail) for line in lines(Call.objects.get(call_control_id="v3:a-leg"), operator)]
    assert told == [("A", ""), ("", "+1 312-555-0177 · completed")]


def test_who_was_in_a_conference_is_listed_in_the_order_of_coming(account: TelnyxAccount) -> None:
    room = make_room(account)
    for name, seconds in (("third", 5), ("first", 50), ("second", 20)):
        ConferenceParticipant.objects.create(conference=room, call_control_id=name, joined_at=ago(seconds))
    told = [(letter, row.call_control_id) for letter, row in timeline.participants(room)]
    assert told == [("A", "first"), ("B", "second"), ("C", "third")]


def test_of_the_conferences_of_a_session_50_are_told_of(account: TelnyxAccount, operator: Any) -> None:
    call = make_call(account)
    for at in range(51):
        room = make_room(account, conference_id=f"room-{at}")
        ConferenceParticipant.objects.create(
            conference=room, call_control_id=call.call_control_id, call=call, joined_at=ago(60 - at)
        )
        told = {"source": "webhook", "status": "processed", "body": b"", "event_type": "conference.floor.changed"}
        CallEvent.objects.create(account=account, conference=room, dedupe_key=str(at), received_at=ago(60 - at), **told)
    assert len(lines(call, operator)) == 50


def test_of_more_than_twenty_conferences_the_newest_are_shown_and_that_is_said(
    browser: Client, account: TelnyxAccount
) -> None:
    call = make_call(account)
    for at in range(21):
        room = make_room(account, conference_id=f"room-{at}", name=f"room-{at}", started_at=ago(100 - at))
        ConferenceParticipant.objects.create(conference=room, call=call, call_control_id="?", joined_at=ago(99 - at))
        html = browser.get(page(call)).content.decode() if at > 18 else ""
        assert ("Only the newest 20 are shown." in html) == (at == 20)
    assert (">room-1<" in html, ">room-0<" in html) == (True, False)
