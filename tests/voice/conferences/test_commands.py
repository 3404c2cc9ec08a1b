"""Commands of a conference: sent in order, never twice, and settled by what Telnyx tells."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support import samples
from tests.support.commands import made_uncertain, seen
from tests.support.conferences import ROOM, SAID, make_room, room_event, telnyx
from tests.support.events import tell
from tests.support.factories import make_call, make_event
from tests.support.http_servers import answer, serving
from tests.support.reconciliation import hear
from tests.support.rows import CallCommand, CallEvent, Conference
from tests.support.telnyx_answers import telnyx_says
from voice.commands import outbox
from voice.dispatch import reconciliation, sender

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
PERSON = {"call_control_id": "v3:a-leg", "muted": True, "on_hold": False, "status": "joined"}


def command_of(room: Conference, action: str, **parameters: Any) -> CallCommand:
    now = timezone.now()
    return CallCommand.objects.create(
        account=room.account,
        action=f"conferences.{action}",
        parameters=parameters,
        conference=room,
        path=[room.conference_id],
        intent_key=f"test:{CallCommand.objects.count()}",
        requested_by="test",
        created_at=now,
        expires_at=now + timedelta(seconds=30),
    )


def test_one_command_of_a_conference_is_on_the_wire_at_a_time(account: TelnyxAccount) -> None:
    room = make_room(account)
    first, second = command_of(room, "mute"), command_of(room, "hold")
    other = command_of(make_room(account, conference_id="another"), "mute")
    CallCommand.objects.filter(pk=first.pk).update(status="sending", lease_until=timezone.now() + timedelta(seconds=30))
    assert sender.due(9) == [other.pk]
    assert sender.send(second.pk) == []
    second.refresh_from_db()
    assert (second.status, second.attempts) == ("queued", [])


def test_the_next_one_follows(account: TelnyxAccount) -> None:
    room = make_room(account)
    first, second = command_of(room, "mute"), command_of(room, "hold")
    with telnyx(other={"result": "ok"}) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        assert sender.send(first.pk) == [second.pk]


@pytest.mark.parametrize(
    ("action", "row", "sends"),
    [
        ("mute", PERSON, 0),
        ("mute", PERSON | {"muted": False}, 1),
        ("unmute", PERSON, 1),
        ("hold", PERSON, 1),
        ("unhold", PERSON, 0),
        ("mute", PERSON | {"status": "left"}, 1),
        ("stop", PERSON, 1),
    ],
)
def test_a_state_is_read_before_it_is_set_again(
    account: TelnyxAccount, action: str, row: dict[str, Any], sends: int
) -> None:
    command = command_of(make_room(account), action, call_control_ids=["v3:a-leg"])
    begun = timezone.now() - timedelta(seconds=2)
    CallCommand.objects.update(
        status="sending", first_sent_at=begun, attempts=[{"at": begun.isoformat(), "outcome": "uncertain"}]
    )
    with telnyx(participants=[row], other={"result": "ok"}) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
        assert sum(raw.startswith(b"POST") for raw in server.requests) == sends
    command.refresh_from_db()
    assert (command.status, bool(command.settlement)) == ("ok", sends == 0)


def test_a_command_whose_state_is_there_already_stays_its_conferences(account: TelnyxAccount) -> None:
    room = make_room(account)
    command = command_of(room, "mute", call_control_ids=["v3:a-leg"])
    begun = timezone.now() - timedelta(seconds=2)
    attempts = [{"at": begun.isoformat(), "outcome": "uncertain"}]
    CallCommand.objects.update(status="sending", first_sent_at=begun, attempts=attempts)
    with telnyx(participants=[PERSON]) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    command.refresh_from_db()
    assert (command.settlement, command.conference) == ("Settled from the state at Telnyx.", room)


OTHER_PERSON = PERSON | {"call_control_id": "v3:b-leg", "muted": False}


@pytest.mark.parametrize(
    ("named", "rows", "sends"),
    [
        ([], [PERSON, OTHER_PERSON], 1),
        ([], [PERSON, OTHER_PERSON | {"muted": True}], 0),
        ([], [PERSON, OTHER_PERSON | {"status": "left"}], 0),
        ([], [], 1),  # who is in it is not told
        (["v3:a-leg"], [PERSON, OTHER_PERSON], 0),
        (["v3:b-leg"], [PERSON, OTHER_PERSON], 1),
        (["v3:a-leg", "v3:b-leg"], [PERSON, OTHER_PERSON], 1),
        (["v3:a-leg", "v3:b-leg"], [PERSON], 1),
    ],
)
def test_all_whom_it_is_about_are_muted_or_it_is_sent_again(
    account: TelnyxAccount, named: list[str], rows: list[dict[str, Any]], sends: int
) -> None:
    """About everybody inside, where nobody is named."""
    command = command_of(make_room(account), "mute", **({"call_control_ids": named} if named else {}))
    begun = timezone.now() - timedelta(seconds=2)
    CallCommand.objects.update(
        status="sending", first_sent_at=begun, attempts=[{"at": begun.isoformat(), "outcome": "uncertain"}]
    )
    with telnyx(participants=rows, other={"result": "ok"}) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
        assert sum(raw.startswith(b"POST") for raw in server.requests) == sends
    command.refresh_from_db()
    assert (command.status, bool(command.settlement)) == ("ok", sends == 0)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        *(("hold", {"on_hold": True}), ("unhold", {"on_hold": False})),
        *(("mute", {"muted": True}), ("unmute", {"muted": False})),
    ],
)
@pytest.mark.parametrize("is_so", [True, False])
def test_each_state_is_read_by_its_own_name(
    account: TelnyxAccount, action: str, told: dict[str, bool], is_so: bool
) -> None:
    lost = uncertain(make_room(account), action, call_control_ids=["v3:a-leg"])
    row = PERSON | (told if is_so else {name: not value for name, value in told.items()})
    with telnyx(participants=[row]) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        reconciliation.reconcile(lost.pk)
    lost.refresh_from_db()
    assert lost.status == ("ok" if is_so else "uncertain")


@pytest.mark.parametrize(("named", "total", "status"), [([], 1, "ok"), ([], 2, "uncertain"), (["v3:a-leg"], 2, "ok")])
def test_that_all_are_muted_is_told_by_a_whole_list_alone(
    account: TelnyxAccount, named: list[str], total: int, status: str
) -> None:
    lost = uncertain(make_room(account), "mute", **({"call_control_ids": named} if named else {}))
    listed = {"data": [PERSON], "meta": {"total_pages": 1, "total_results": total}}
    with telnyx_says(account, participants=listed):
        reconciliation.reconcile(lost.pk)
    lost.refresh_from_db()
    assert lost.status == status


@pytest.mark.parametrize("action", ["play", "send_dtmf", "gather_dtmf_audio"])
def test_what_may_not_be_repeated_is_sent_once(account: TelnyxAccount, action: str) -> None:
    command = command_of(make_room(account), action, **samples.required(f"conferences.actions.{action}"))
    with serving(answer("500 Oops", b"{}")) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        for _ in range(3):
            CallCommand.objects.update(lease_until=None)
            sender.send(command.pk)
        assert len(server.requests) == 1
    assert CallCommand.objects.get().status == "uncertain"


def uncertain(room: Conference, action: str, **parameters: Any) -> CallCommand:
    command = command_of(room, action, **parameters)
    now = timezone.now()
    CallCommand.objects.filter(pk=command.pk).update(
        status="uncertain",
        first_sent_at=now - timedelta(seconds=3),
        finished_at=now,
        lease_until=now - timedelta(seconds=1),
        attempts=[{"at": now.isoformat(), "outcome": "uncertain"}],
    )
    return CallCommand.objects.get(pk=command.pk)


def test_a_webhook_settles_what_was_uncertain(account: TelnyxAccount) -> None:
    command = uncertain(make_room(account), "play", audio_url="https://example.com/a.mp3")
    tell(account, room_event("conference.playback.started", 0, "", **SAID))
    reconciliation.settle_from_event(CallEvent.objects.get().pk)
    command.refresh_from_db()
    assert (command.status, "conference.playback.started" in command.settlement) == ("ok", True)


def test_what_a_leg_of_a_conference_tells_settles_what_was_asked_of_it_there(account: TelnyxAccount) -> None:
    room, call = make_room(account), make_call(account)
    given = samples.required("conferences.actions.gather_dtmf_audio") | {"call_control_id": call.call_control_id}
    command = outbox.place(account, "conferences.gather_dtmf_audio", given, PORTAL, path=[ROOM], conference=room)
    assert command.call == call
    made_uncertain(command)
    hear(account, make_event("call.gather.ended", -20))
    assert seen(command).status == "ok"


def test_the_webhook_of_another_conference_settles_nothing(account: TelnyxAccount) -> None:
    command = uncertain(make_room(account, conference_id="another"), "join", call_control_id="v3:a-leg")
    CallCommand.objects.update(call=make_call(account), call_control_id="v3:a-leg")
    tell(account, room_event("conference.participant.joined", 0))
    reconciliation.settle_from_event(CallEvent.objects.get().pk)
    command.refresh_from_db()
    assert command.status == "uncertain"


ONE, TO_ONE = {"call_control_id": "v3:a-leg"}, {"call_control_ids": ["v3:a-leg"]}


@pytest.mark.parametrize(
    ("action", "parameters", "event_type", "leg", "status"),
    [
        ("join", ONE, "conference.participant.joined", "a", "ok"),
        ("join", ONE, "conference.participant.joined", "b", "uncertain"),
        ("speak", TO_ONE, "conference.participant.speak.started", "a", "ok"),
        ("speak", TO_ONE, "conference.participant.speak.started", "b", "uncertain"),
        ("speak", TO_ONE, "conference.speak.started", "", "uncertain"),
        ("speak", {}, "conference.speak.started", "", "ok"),
    ],
)
def test_the_webhook_of_another_leg_of_the_conference_settles_nothing(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], event_type: str, leg: str, status: str
) -> None:
    command = uncertain(make_room(account), action, **parameters)
    CallCommand.objects.update(call_control_id=parameters.get("call_control_id", ""))
    tell(account, room_event(event_type, 0, leg, **({} if leg else SAID)))
    reconciliation.settle_from_event(CallEvent.objects.get().pk)
    command.refresh_from_db()
    assert command.status == status


def test_the_state_at_telnyx_settles_what_no_webhook_tells(account: TelnyxAccount) -> None:
    command = uncertain(make_room(account), "mute")
    with telnyx(participants=[PERSON]) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        reconciliation.reconcile(command.pk)
    command.refresh_from_db()
    assert (command.status, command.settlement) == ("ok", "Settled from the state at Telnyx.")


def test_a_person_sends_it_again_to_the_same_conference(account: TelnyxAccount, api: APIClient) -> None:
    room = make_room(account)
    command = uncertain(room, "play", audio_url="https://example.com/a.mp3")
    told = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    assert told.status_code == 202, told.json()
    again = CallCommand.objects.exclude(pk=command.pk).get()
    assert (again.action, again.conference, again.path, again.repeats) == (command.action, room, [ROOM], command)
    assert again.parameters == command.parameters


def test_the_event_that_answers_a_command_stands_beside_it(account: TelnyxAccount, browser: Client) -> None:
    room = make_room(account)
    command = command_of(room, "speak", payload="hello", voice="female")
    sent = timezone.now() - timedelta(seconds=5)
    CallCommand.objects.filter(pk=command.pk).update(status="ok", first_sent_at=sent, finished_at=sent)
    tell(account, room_event("conference.speak.started", -4, "", **SAID))
    (entry,) = [
        one
        for one in browser.get(f"/admin/voice/conference/{room.pk}/change/").context["entries"]
        if one.kind == "command"
    ]
    assert entry.answered
    assert entry.answered.title == "Conference speaking started"
    assert (entry.title, entry.detail) == ("Conference: speak", "by test · “hello”")


@pytest.mark.parametrize(
    ("action", "parameters", "event_type", "told"),
    [
        ("leave", ONE, "conference.participant.left", {"leg": "a"}),
        ("end_conference", {}, "conference.ended", {"leg": "a"}),
        *(
            (word, TO_ONE, f"conference.participant.{kind}.started", {"leg": "a"})
            for word, kind in (("speak", "speak"), ("play", "playback"))
        ),
        ("stop", {}, "conference.playback.ended", SAID | {"leg": ""}),
        ("stop", TO_ONE, "conference.participant.playback.ended", {"leg": "a"}),
        ("record_stop", {}, "conference.recording.saved", SAID | {"leg": ""}),
    ],
)
def test_each_event_of_a_conference_settles_what_brings_it(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], event_type: str, told: dict[str, Any]
) -> None:
    """Two that wished for the same have it both."""
    room, is_wish = make_room(account), action not in {"speak", "play"}
    both = [uncertain(room, action, **parameters) for _ in range(2 if is_wish else 1)]
    CallCommand.objects.update(call_control_id=parameters.get("call_control_id", ""))
    tell(account, room_event(event_type, 0, **told))
    reconciliation.settle_from_event(CallEvent.objects.get().pk)
    assert {CallCommand.objects.get(pk=one.pk).status for one in both} == {"ok"}
