"""Stored events run again: calls become what their events tell, nothing is done twice, and nothing is half-way."""

import random
import re
import threading
import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from applications.models import CallControlApplication
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_event, make_flow, run_owed
from tests.support.tables import every_table
from tests.support.webhooks import post_webhook
from voice import processing, replay, replay_runs, tasks
from voice.models import Call, CallCommand, CallEvent, Conference, ConferenceParticipant, Replay
from voice.replay_ledger import as_json
from voice.selection import Selection

pytestmark = pytest.mark.django_db

ADA = Actor("user: ada")
EVERYTHING = Selection()
OURS = (Call, CallEvent, CallCommand, Conference, ConferenceParticipant)
ROOM = "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"
ANSWER = {"event_type": "call.initiated", "do": [{"action": "answer"}]}


def receive(account: TelnyxAccount, *documents: dict[str, Any]) -> None:
    for document in documents:
        assert post_webhook(Client(), account, document).status_code == 200


def a_call(account: TelnyxAccount, leg: str = "a") -> None:
    """A call of four events, worked off."""
    bridged = make_event("call.bridged", -10, leg)
    receive(account, make_event(leg=leg, seconds=-20), make_event("call.answered", -17, leg), bridged)
    receive(account, make_event("call.hangup", -1, leg))
    run_owed()


def table(model: Any) -> list[dict[str, Any]]:
    """Every row whole, bodies and facts included, in a fixed order."""
    return list(model.objects.order_by("pk").values())


def tables() -> dict[str, list[dict[str, Any]]]:
    return {model.__name__: table(model) for model in OURS}


def rehearse(selection: Selection = EVERYTHING) -> Replay:
    row = replay_runs.look(selection, ADA)
    return worked_off(row)


def run(row: Replay, *, side_effects: bool = False) -> Replay:
    assert replay_runs.begin(row, ADA, side_effects=side_effects)
    return worked_off(row)


def again(selection: Selection = EVERYTHING, *, side_effects: bool = False) -> Replay:
    return run(rehearse(selection), side_effects=side_effects)


def worked_off(row: Replay) -> Replay:
    for _ in range(9):
        replay_runs.work(row.pk, 5)
        row.refresh_from_db()
    assert not row.is_open
    return row


def lines(row: Replay, *, is_rehearsed: bool) -> dict[tuple[str, str], Any]:
    """What was told, by place; of the calls' own record of their sources only where there is one."""
    found = row.lines.filter(is_rehearsed=is_rehearsed)
    return {
        (line.kind, line.key): (line.is_new, line.changes, line.said) for line in found if line.changes or line.said
    }


# --- Calls become what their events tell ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "ringing", "ended_at": None},
        {"from_number": "+1999", "from_reversed": "9991+"},
        {"to_reversed": "gone"},
        {"hangup_cause": "user_busy", "hangup_source": "", "answered_at": timezone.now(), "started_at": timezone.now()},
        {"direction": "outgoing", "call_leg_id": "", "call_session_id": "other", "connection_id": ""},
        {"facts": {}},
        {"facts": {}, "state": "initiated", "bridged_at": None, "sip_hangup_cause": "503"},
        {"state": "lost"},
    ],
)
def test_a_call_spoiled_by_hand_becomes_byte_for_byte_what_it_was(
    account: TelnyxAccount, wrong: dict[str, Any]
) -> None:
    a_call(account)
    a_call(account, "b")
    before = tables()
    Call.objects.filter(call_control_id="v3:a-leg").update(**wrong)
    assert table(Call) != before["Call"]
    again()
    assert table(Call) == before["Call"]
    assert len(table(CallEvent)) == len(before["CallEvent"])
    assert [row["body"] for row in table(CallEvent)] == [row["body"] for row in before["CallEvent"]]


def test_a_call_whose_row_is_gone_comes_back(account: TelnyxAccount) -> None:
    a_call(account)
    before = Call.objects.values().get()
    Call.objects.all().delete()
    row = again()
    after = Call.objects.values().get()
    assert {name: value for name, value in after.items() if name != "id"} == {
        name: value for name, value in before.items() if name != "id"
    }
    assert set(CallEvent.objects.values_list("call", flat=True)) == {after["id"]}
    assert [line.is_new for line in row.lines.all()] == [True, True]
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False)


def test_running_again_what_is_right_changes_nothing_at_all(account: TelnyxAccount) -> None:
    a_call(account)
    before = tables()
    row = again()
    assert tables() == before
    assert (row.state, row.counts) == ("done", {"unchanged": 4})
    assert not row.lines.exists()


def test_a_conference_is_put_right_too(account: TelnyxAccount) -> None:
    receive(account, make_event(seconds=-60))
    for name, at in (("created", -50), ("participant.joined", -49), ("participant.left", -30), ("ended", -20)):
        receive(account, make_event(f"conference.{name}", at, conference_id=ROOM, reason="all_left"))
    run_owed()
    before = table(Conference), table(ConferenceParticipant)
    Conference.objects.update(state="in_progress", ended_at=None, end_reason="")
    ConferenceParticipant.objects.update(left_at=None)
    row = rehearse()
    assert table(Conference) != before[0]
    kinds = {kind for kind, _ in lines(row, is_rehearsed=True)}
    assert kinds == {"conference", "participant"}
    run(row)
    assert (table(Conference), table(ConferenceParticipant)) == before
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False)


# --- Dead and quarantined -------------------------------------------------------------------------------------------


def die(account: TelnyxAccount, document: dict[str, Any]) -> CallEvent:
    """An event that a defect kills eight times."""
    receive(account, document)
    with mock.patch.object(processing, "changes", side_effect=RuntimeError("defect")):
        for _ in range(8):
            CallEvent.objects.filter(status="received").update(lease_until=None)
            run_owed()
    event = CallEvent.objects.get(event_id=document["data"]["id"])
    assert (event.status, event.attempts) == ("dead", 8)
    return event


def test_a_dead_event_goes_through_once_the_defect_is_mended(account: TelnyxAccount) -> None:
    event = die(account, make_event())
    row = rehearse(Selection(statuses=("dead",)))
    assert row.counts == {"changed": 1, "through": 1}
    assert not Call.objects.exists()
    run(row)
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("processed", 1, "")
    assert event.call == Call.objects.get()


def test_a_dead_event_whose_handler_failed_is_asked_again_with_side_effects_only(account: TelnyxAccount) -> None:
    failing = mock.Mock(side_effect=RuntimeError("defect"))
    with mock.patch.object(processing.handling, "add", failing):
        receive(account, make_event())
        for _ in range(8):
            CallEvent.objects.update(lease_until=None)
            run_owed()
    event = CallEvent.objects.get()
    assert event.status == "dead"
    with mock.patch.object(processing.handling, "add", failing):
        again(side_effects=True)
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("received", 1)  # a new budget, with its distances
    CallEvent.objects.update(lease_until=None)
    run_owed()
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("processed", 2)


def test_what_still_fails_stays_as_it_is_and_keeps_no_other_waiting(account: TelnyxAccount) -> None:
    event = die(account, make_event())
    a_call(account, "b")
    Call.objects.update(state="ringing")
    before = CallEvent.objects.filter(pk=event.pk).values().get()
    row, real = rehearse(), replay.changes

    def changes(call: Call, one: CallEvent, **how: Any) -> Any:
        if one.pk == event.pk:
            raise RuntimeError("defect")
        return real(call, one, **how)

    with mock.patch.object(replay, "changes", changes):
        run(row)
    assert CallEvent.objects.filter(pk=event.pk).values().get() == before
    assert (row.state, row.counts["failed"], row.done) == ("done", 1, 5)
    assert row.lines.get(kind="event", is_rehearsed=False).said == "RuntimeError while it was run again."
    assert Call.objects.get(call_control_id="v3:b-leg").state == "ended"


def quarantine(account: TelnyxAccount, document: dict[str, Any], **columns: Any) -> CallEvent:
    """A row as an older version, whose reader knew less, would have left it."""
    receive(account, document)
    event = CallEvent.objects.get(event_id=document["data"]["id"])
    blank = dict.fromkeys(("event_type", "call_control_id", "call_leg_id", "call_session_id", "connection_id"), "")
    told = {
        "dedupe_key": f"sha256:{event.pk.hex}",
        "event_id": None,
        "payload": None,
        "occurred_at": None,
        "attempt": None,
    }
    CallEvent.objects.filter(pk=event.pk).update(
        **blank | told | {"status": "quarantined", "error": "a key nobody knew", "attempts": 0} | columns
    )
    event.refresh_from_db()
    return event


def test_a_quarantined_event_that_can_be_read_by_now_is_read_from_its_bytes(account: TelnyxAccount) -> None:
    document = make_event()
    event = quarantine(account, document)
    row = rehearse()
    assert row.counts == {"changed": 1, "readable": 1}
    assert CallEvent.objects.get().status == "quarantined"
    run(row)
    after = CallEvent.objects.get()
    assert (after.pk, bytes(after.body), after.received_at) == (event.pk, bytes(event.body), event.received_at)
    told = (after.event_id, after.dedupe_key, after.event_type, after.call_control_id, after.status, after.error)
    identifier = document["data"]["id"]
    assert told == (identifier, identifier, "call.initiated", "v3:a-leg", "processed", "")
    assert Call.objects.get().state == "parked"
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False)


def test_what_still_cannot_be_read_stays_and_says_why(account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, b'{"data": 1}').status_code == 200
    before = tables()
    row = again()
    assert tables() == before
    assert row.counts == {"kept": 1}
    assert "envelope" in row.lines.get(is_rehearsed=False).said


def test_a_quarantined_copy_of_a_stored_event_stays(account: TelnyxAccount) -> None:
    document = make_event()
    copy = quarantine(account, document)
    receive(account, document)
    run_owed()
    before = tables()
    row = again(Selection(ids=(str(copy.pk),)))
    assert tables() == before
    assert {line.said for line in row.lines.all()} == {"The same event is stored already."}


def test_of_two_quarantined_copies_the_first_one_is_taken(account: TelnyxAccount) -> None:
    document = make_event()
    quarantine(account, document)
    quarantine(account, document)
    row = again()
    assert sorted(CallEvent.objects.values_list("status", flat=True)) == ["processed", "quarantined"]
    assert row.counts == {"changed": 1, "readable": 1, "kept": 1}
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False)


def test_an_event_of_another_account_stays_quarantined_until_the_application_is_ours(account: TelnyxAccount) -> None:
    other = make_account("other")
    application = CallControlApplication.objects.create(account=other, telnyx_id=CONNECTION)
    receive(account, make_event())
    run_owed()
    before = tables()
    row = again()
    assert tables() == before
    assert "other" in row.lines.get(is_rehearsed=False).said
    application.delete()
    again()
    assert CallEvent.objects.get().status == "processed"


# --- Side effects ---------------------------------------------------------------------------------------------------


def test_without_side_effects_nothing_is_sent_even_for_a_fresh_event(account: TelnyxAccount) -> None:
    receive(account, make_event())
    run_owed()
    make_flow(account, ANSWER | {"step": "menu"})
    again()
    run_owed()
    assert not CallCommand.objects.exists()
    assert Call.objects.get().step == ""


def test_with_side_effects_a_fresh_events_rules_run_once(account: TelnyxAccount) -> None:
    receive(account, make_event())
    run_owed()
    make_flow(account, ANSWER)
    row = again(side_effects=True)
    command = CallCommand.objects.get()
    assert (command.action, row.counts["commands"]) == ("answer", 1)
    before = CallEvent.objects.values().get()
    assert before["status"] == "processed"
    second = again(side_effects=True)
    assert CallCommand.objects.get().pk == command.pk
    assert "commands" not in second.counts
    assert CallEvent.objects.get().status == "processed"


def test_a_rule_that_came_later_makes_no_second_set_of_commands(account: TelnyxAccount) -> None:
    flow = make_flow(account, ANSWER)
    receive(account, make_event())
    run_owed()
    flow.rules.all().delete()
    flow.rules.create(position=0, event_type="call.initiated", do=[{"action": "hangup"}, {"action": "answer"}])
    again(side_effects=True)
    assert CallCommand.objects.get().action == "answer"
    assert CallEvent.objects.get().status == "processed"


def test_with_side_effects_nothing_old_is_sent_and_nothing_begun_on_an_ended_call(account: TelnyxAccount) -> None:
    receive(account, make_event(seconds=-3600), make_event("call.answered", -5, "b"), make_event(leg="b", seconds=-6))
    receive(account, make_event("call.hangup", -1, "b"))
    run_owed()
    make_flow(account, ANSWER)
    again(side_effects=True)
    run_owed()
    assert [(one.status, one.attempts) for one in CallCommand.objects.all()] == [("expired", [])] * 2


def test_what_was_recovered_drives_nothing_with_side_effects_either(account: TelnyxAccount) -> None:
    receive(account, make_event())
    CallEvent.objects.update(source="backfill")
    run_owed()
    make_flow(account, ANSWER)
    again(side_effects=True)
    assert not CallCommand.objects.exists()
    assert CallEvent.objects.get().status == "processed"


@pytest.mark.parametrize("side_effects", [False, True])
def test_an_event_that_is_still_owed_keeps_its_turn_and_its_rules(account: TelnyxAccount, side_effects: bool) -> None:
    make_flow(account, ANSWER)
    receive(account, make_event())
    row = again(side_effects=side_effects)
    assert row.counts == {"waiting": 1}
    assert CallEvent.objects.get().status == "received"
    run_owed()
    assert CallCommand.objects.get().action == "answer"


def test_a_worker_killed_between_an_event_and_its_rules_leaves_them_owed(account: TelnyxAccount) -> None:
    receive(account, make_event())
    run_owed()
    make_flow(account, ANSWER)
    row = rehearse()
    replay_runs.begin(row, ADA, side_effects=True)
    with mock.patch.object(replay_runs.processing, "process", side_effect=SystemExit), pytest.raises(SystemExit):
        replay_runs.work(row.pk, 5)
    assert CallEvent.objects.get().status == "received"
    run_owed()
    assert CallCommand.objects.get().action == "answer"
    assert CallEvent.objects.get().status == "processed"


# --- The dry run ----------------------------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing(account: TelnyxAccount) -> None:
    a_call(account)
    die(account, make_event(leg="c"))
    quarantine(account, make_event(leg="d"))
    assert post_webhook(Client(), account, b"{").status_code == 200
    receive(account, make_event("conference.participant.joined", -9, conference_id=ROOM))
    run_owed()
    Call.objects.update(state="ringing")
    Conference.objects.update(state="completed")
    before = every_table()
    row = rehearse()
    assert row.state == "ready"
    assert row.counts["changed"] >= 4
    assert every_table() == before


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
    left_out = {"id", "account", "call", "conference", "call_control_id", "conference_id"}
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


# --- The work as a whole --------------------------------------------------------------------------------------------


def many(account: TelnyxAccount, count: int) -> None:
    receive(account, *(make_event(leg=str(at), seconds=-at) for at in range(count)))
    run_owed()
    Call.objects.update(state="ringing")


def test_a_piece_ends_when_its_time_is_over_and_the_next_one_goes_on(account: TelnyxAccount) -> None:
    many(account, 12)
    row = rehearse()
    replay_runs.begin(row, ADA)
    pieces = 0
    while row.is_open:
        replay_runs.work(row.pk, 0.0001)
        row.refresh_from_db()
        pieces += 1
    assert (row.state, row.done, row.total) == ("done", 12, 12)
    assert pieces > 3
    assert set(Call.objects.values_list("state", flat=True)) == {"parked"}
    assert row.lines.filter(is_rehearsed=False).count() == 12


def test_each_further_slice_begins_where_the_last_one_ended(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_runs, "_SLICE", 2)
    many(account, 5)
    with CaptureQueriesContext(connection) as told:
        assert rehearse().done == 5
    slices = [one["sql"] for one in told if one["sql"].endswith("LIMIT 2")]
    assert len(slices) == 4
    bounds = [re.search(r'"received_at" >= ([^)]+?) AND|"received_at" >= ([^)]+)\)', sql) for sql in slices]
    assert [bool(bound) for bound in bounds] == [False, True, True, True]  # an OR alone is no beginning for an index


@pytest.mark.parametrize("slow", ["total", "slice"])
def test_counting_and_looking_for_events_may_take_longer_than_an_events_lease(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    many(account, 2)
    row, real, taken = replay_runs.look(EVERYTHING, ADA), replay_runs.rows, []

    def rows(one: Replay) -> Any:
        if (one.total is None) == (slow == "total"):  # it takes an hour less than the lease that then holds
            lease = Replay.objects.get(pk=one.pk).lease_until
            assert lease is not None
            taken.append(lease - timezone.now() > timedelta(minutes=9))
        return real(one)

    monkeypatch.setattr(replay_runs, "rows", rows)
    replay_runs.work(row.pk, 5)
    row.refresh_from_db()
    assert (row.state, row.done) == ("ready", 2)
    assert taken
    assert all(taken)


def test_a_cancelled_one_stops_between_two_events(account: TelnyxAccount) -> None:
    many(account, 12)
    row = rehearse()
    replay_runs.begin(row, ADA)
    real, seen = replay_runs._one, []

    def one(*given: Any) -> None:
        seen.append(given)
        if len(seen) == 5:
            replay_runs.cancel(Replay.objects.get(pk=row.pk), ADA)
        real(*given)

    with mock.patch.object(replay_runs, "_one", one):
        replay_runs.work(row.pk, 5)
    row.refresh_from_db()
    assert (row.state, row.done) == ("cancelled", 4)
    assert Call.objects.filter(state="parked").count() == 4
    assert replay_runs.owed(9) == []
    replay_runs.work(row.pk, 5)
    assert Call.objects.filter(state="parked").count() == 4


def test_a_worker_that_lost_its_lease_writes_nothing_more(account: TelnyxAccount) -> None:
    many(account, 6)
    row = rehearse()
    replay_runs.begin(row, ADA)
    real, stolen = replay_runs._one, []

    def one(*given: Any) -> None:
        if not stolen:
            stolen.append(given)
            Replay.objects.filter(pk=row.pk).update(lease_until=Now() - timedelta(seconds=1))
            replay_runs.work(row.pk, 5)  # another worker takes it over and does all of it
            Call.objects.update(state="ringing")
        real(*given)

    with mock.patch.object(replay_runs, "_one", one):
        replay_runs.work(row.pk, 5)
    assert set(Call.objects.values_list("state", flat=True)) == {"ringing"}
    row.refresh_from_db()
    assert (row.state, row.done, row.counts) == ("done", 6, {"changed": 6})


def test_after_a_killed_worker_the_next_one_goes_on_behind_it(account: TelnyxAccount) -> None:
    many(account, 8)
    row = rehearse()
    replay_runs.begin(row, ADA)
    real, seen = replay.apply, 0

    def apply(event_id: uuid.UUID, *, rules: bool) -> Any:
        nonlocal seen
        seen += 1
        if seen == 4:
            raise SystemExit
        return real(event_id, rules=rules)

    with mock.patch.object(replay, "apply", apply), pytest.raises(SystemExit):
        replay_runs.work(row.pk, 5)
    assert Call.objects.filter(state="parked").count() == 3
    assert replay_runs.owed(9) == []  # its lease still holds
    Replay.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert replay_runs.owed(9) == [row.pk]
    worked_off(row)
    assert (row.state, row.done, row.counts) == ("done", 8, {"changed": 8})
    assert row.lines.filter(is_rehearsed=False).count() == 8


def test_an_event_that_kills_every_worker_ends_the_replay_and_is_named(account: TelnyxAccount) -> None:
    many(account, 3)
    poison = CallEvent.objects.order_by("received_at").first()
    row, real = rehearse(), replay.apply
    replay_runs.begin(row, ADA)

    def apply(event_id: uuid.UUID, *, rules: bool) -> Any:
        if event_id == poison.pk:
            raise SystemExit
        return real(event_id, rules=rules)

    with mock.patch.object(replay, "apply", apply):
        for _ in range(replay_runs.MOST_CLAIMS):
            with pytest.raises(SystemExit):
                replay_runs.work(row.pk, 5)
            Replay.objects.update(lease_until=None)
        replay_runs.work(row.pk, 5)
    row.refresh_from_db()
    assert row.state == "failed"
    assert str(poison.pk) in row.problem
    assert AuditEvent.objects.filter(action="replay.end").exists()


def test_a_database_that_is_away_fails_no_event(account: TelnyxAccount) -> None:
    many(account, 3)
    row = rehearse()
    replay_runs.begin(row, ADA)
    with mock.patch.object(replay, "apply", side_effect=OperationalError), pytest.raises(OperationalError):
        replay_runs.work(row.pk, 5)
    Replay.objects.update(lease_until=None)
    assert worked_off(row).counts == {"changed": 3}


def test_events_that_come_later_are_not_among_them(account: TelnyxAccount) -> None:
    many(account, 2)
    row = rehearse()
    many(account, 1)
    assert run(row).total == 2


def test_it_runs_once_however_often_it_is_begun(account: TelnyxAccount) -> None:
    many(account, 2)
    row = run(rehearse())
    assert not replay_runs.begin(row, ADA)
    assert AuditEvent.objects.filter(action="replay.run").count() == 1


def test_the_audit_trail_tells_of_runs_and_not_of_dry_runs(account: TelnyxAccount) -> None:
    many(account, 2)
    row = rehearse(Selection(statuses=("processed",)))
    assert not AuditEvent.objects.filter(action__startswith="replay").exists()
    run(row)
    end, begin = AuditEvent.objects.filter(action__startswith="replay").order_by("-id")
    assert (begin.action, begin.actor, end.action) == ("replay.run", "user: ada", "replay.end")
    assert begin.details == {"selection": {"statuses": ["processed"]}, "side_effects": False}
    assert end.details == {"side_effects": False, "state": "done", "total": 2, "done": 2, "counts": {"changed": 2}}


@pytest.mark.django_db(transaction=True)
def test_the_sweep_works_it_off_without_anybody_being_woken(account: TelnyxAccount) -> None:
    many(account, 3)
    row = replay_runs.look(EVERYTHING, ADA)
    call_command("sweep", "--once")
    row.refresh_from_db()
    assert (row.state, row.counts) == ("ready", {"changed": 3})
    replay_runs.begin(row, ADA)
    call_command("sweep", "--once")
    row.refresh_from_db()
    assert row.state == "done"
    assert set(Call.objects.values_list("state", flat=True)) == {"parked"}


def test_the_task_does_a_piece(account: TelnyxAccount) -> None:
    many(account, 2)
    row = replay_runs.look(EVERYTHING, ADA)
    tasks.work_replay(str(row.pk))
    row.refresh_from_db()
    assert row.state == "ready"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_run_each_event_once(account: TelnyxAccount) -> None:
    many(account, 10)
    row = rehearse()
    replay_runs.begin(row, ADA)

    def worker() -> None:
        for _ in range(20):
            replay_runs.work(row.pk, 0.005)
        connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worked_off(row)
    assert (row.done, row.counts) == (10, {"changed": 10})


def test_a_month_later_it_is_gone(account: TelnyxAccount) -> None:
    many(account, 1)
    old = again()
    Replay.objects.update(created_at=timezone.now() - timedelta(days=31))
    rehearse()
    assert not Replay.objects.filter(pk=old.pk).exists()
    assert AuditEvent.objects.filter(action="replay.end").exists()
