"""What a replay tells of its changes is what the tables show after it."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.models import TelnyxAccount
from tests.support.events import receive
from tests.support.factories import make_event, make_flow, run_owed
from tests.support.replays import EVERYTHING, ROOM, a_call, die, lines, quarantine, rehearse, run
from tests.support.rows import Call, CallCommand, CallEvent, Conference, ConferenceParticipant, Replay
from voice.replay.ledger import as_json
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db
SCRIPT = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "call.initiated",
                "call.answered",
                "call.bridged",
                "call.hold",
                "call.hangup",
                "call.recording.saved",
                "conference.created",
                "conference.participant.joined",
                "conference.participant.left",
                "conference.ended",
            ]
        ),
        st.sampled_from("ab"),
        st.integers(-60, 0),
        st.sampled_from(["as it came", "no call named", "other number"]),
        st.sampled_from(["as it came", "dead", "quarantined", "ignored"]),
    ),
    max_size=12,
)
SPOILED = st.sampled_from(
    [
        {},
        {"state": "ringing", "ended_at": None},
        {"facts": {}},
        {"from_number": "", "from_reversed": "", "direction": ""},
        {"call_leg_id": ""},
        {"deleted": True},
    ]
)


@given(SCRIPT, SPOILED, st.integers(0, 100))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_dry_run_tells_is_what_the_run_does(
    account: TelnyxAccount, script: Any, spoiled: dict[str, Any], seed: int
) -> None:
    for model in (Replay, CallCommand, CallEvent, ConferenceParticipant, Conference, Call):
        model._default_manager.all().delete()
    play(account, script)
    if spoiled.get("deleted"):
        Call.objects.filter(call_control_id="v3:a-leg").delete()
    elif spoiled:
        Call.objects.filter(call_control_id="v3:a-leg").update(**spoiled)
    before = state()
    row = rehearse(random.Random(seed).choice([EVERYTHING, EVERYTHING, Selection(event_types=("call.*",))]))
    assert state() == before
    foreseen = lines(row, is_rehearsed=True)
    run(row)
    assert lines(row, is_rehearsed=False) == foreseen
    assert told(foreseen, {"call", "conference", "participant"}) == differences(before, state())


def test_of_an_event_that_becomes_readable_it_is_told_what_it_is_then(account: TelnyxAccount) -> None:
    nobodys, ours = make_event(), make_event(leg="b")
    del nobodys["data"]["payload"]["call_control_id"]
    becomes = {quarantine(account, nobodys).pk: "ignored", quarantine(account, ours).pk: "processed"}
    row = run(rehearse())
    for is_rehearsed in (True, False):
        fates = {key: one for (kind, key), one in lines(row, is_rehearsed=is_rehearsed).items() if kind == "event"}
        wanted = {str(pk): (False, {"status": ["quarantined", status]}, "") for pk, status in becomes.items()}
        assert fates == wanted


def test_what_is_due_for_its_rules_is_told_as_what_it_is_after_them(account: TelnyxAccount) -> None:
    event = die(account, make_event())
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    row = run(rehearse(), side_effects=True)
    for is_rehearsed in (True, False):
        told = lines(row, is_rehearsed=is_rehearsed)["event", str(event.pk)]
        assert told == (False, {"status": ["dead", "processed"]}, "")
    assert CallEvent.objects.get().status == "processed"


def play(account: TelnyxAccount, script: Any) -> None:
    for event_type, leg, at, shape, fate in script:
        extra = {"conference_id": ROOM} if event_type.startswith("conference.") else {}
        document = make_event(event_type, at, leg, **extra)
        if shape == "no call named":
            del document["data"]["payload"]["call_control_id"]
        elif shape == "other number":
            document["data"]["payload"]["from"] = f"+1312555{at + 2000}"
        if fate == "quarantined":
            quarantine(account, document)
            continue
        receive(account, document)
        if fate == "as it came":
            run_owed()
        else:
            CallEvent.objects.filter(event_id=document["data"]["id"]).update(status=fate, attempts=8)


def state() -> dict[tuple[str, str], dict[str, Any]]:
    """Every column of every call, conference and participant, by the place that a line names."""
    found = {}
    for call in Call.objects.all():
        found["call", call.call_control_id] = columns(call)
    for room in Conference.objects.all():
        found["conference", room.conference_id] = columns(room)
    for seat in ConferenceParticipant.objects.select_related("conference"):
        found["participant", f"{seat.conference.conference_id}:{seat.call_control_id}"] = columns(seat)
    return found


def columns(row: Any) -> dict[str, Any]:
    # when an end is to be judged, and from when on calls are to be counted anew, is work that is owed, and no fact
    left_out = {"id", "account", "call", "conference", "call_control_id", "conference_id", "judge_at", "recount_after"}
    names = [field.name for field in row._meta.concrete_fields if field.name not in left_out]
    return {name: as_json(getattr(row, name)) for name in names}


def differences(before: dict[Any, Any], after: dict[Any, Any]) -> dict[Any, dict[str, Any]]:
    """What the tables themselves say: per place the columns after the run that were others before."""
    found = {}
    for place, values in after.items():
        old = before.get(place) or blank(place[0])
        if changed := {name: value for name, value in values.items() if value != old[name]}:
            found[place] = changed
    return found


def blank(kind: str) -> dict[str, Any]:
    model = {"call": Call, "conference": Conference, "participant": ConferenceParticipant}[kind]
    return columns(model())


def told(foreseen: dict[Any, Any], kinds: set[str]) -> dict[Any, dict[str, Any]]:
    return {
        place: {name: after for name, (_, after) in changes.items()}
        for place, (_, changes, _) in foreseen.items()
        if place[0] in kinds
    }


def test_before_is_what_stood_there_before_the_first_of_several_changes(account: TelnyxAccount) -> None:
    a_call(account)
    Call.objects.all().delete()
    for is_rehearsed, row in ((True, rehearse()), (False, run(rehearse()))):
        _, changes, _ = lines(row, is_rehearsed=is_rehearsed)["call", "v3:a-leg"]
        assert changes["state"] == [Call().state, "ended"]


def test_what_comes_back_to_what_it_was_is_no_change(account: TelnyxAccount) -> None:
    a_call(account)
    Call.objects.update(facts={})
    _, changes, _ = lines(rehearse(), is_rehearsed=True)["call", "v3:a-leg"]
    assert set(changes) == {"facts"}
