"""Stored events run again: calls become what their events tell, and nothing is done twice."""

from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import receive
from tests.support.factories import CONNECTION, make_event, make_flow, run_owed
from tests.support.replays import ADA, ROOM, a_call, again, die, lines, quarantine, rehearse, run
from tests.support.rows import Call, CallCommand, CallEvent, Conference, ConferenceParticipant
from tests.support.webhooks import post_webhook
from voice.events import processing
from voice.replay import apply, runs
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db
OURS = (Call, CallEvent, CallCommand, Conference, ConferenceParticipant)
OWED = "judge_at"  # when a call's end is to be judged is no fact of the call: a replay that changes it asks for that
UNTOLD = {"id", OWED}
ANSWER = {"event_type": "call.initiated", "do": [{"action": "answer"}]}


def table(model: Any) -> list[dict[str, Any]]:
    """Every row whole, bodies and facts included, in a fixed order."""
    rows = model.objects.order_by("pk").values()
    return [{name: value for name, value in row.items() if name != OWED} for row in rows]


def tables() -> dict[str, list[dict[str, Any]]]:
    return {model.__name__: table(model) for model in OURS}


# --- Calls become what their events tell -----------------------------------------------------------------------------


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


def test_a_call_that_lives_and_was_written_down_as_lost_by_hand_lives_again(account: TelnyxAccount) -> None:
    receive(account, make_event(seconds=-30), make_event("call.answered", -20))
    run_owed()
    before = table(Call)
    Call.objects.update(state="lost", ended_at=timezone.now())
    assert again().counts == {"changed": 1, "unchanged": 1}
    assert table(Call) == before


def test_a_call_whose_row_is_gone_comes_back(account: TelnyxAccount) -> None:
    a_call(account)
    before = Call.objects.values().get()
    Call.objects.all().delete()
    row = again()
    after = Call.objects.values().get()
    assert {name: value for name, value in after.items() if name not in UNTOLD} == {
        name: value for name, value in before.items() if name not in UNTOLD
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
    for leg in "ab":
        receive(account, make_event(seconds=-60, leg=leg))
    for name, at in (("created", -50), ("participant.joined", -49), ("participant.left", -30), ("ended", -20)):
        for leg in "ab" if name.startswith("participant.") else "a":
            receive(account, make_event(f"conference.{name}", at, leg, conference_id=ROOM, reason="all_left"))
    run_owed()
    before = table(Conference), table(ConferenceParticipant)
    Conference.objects.update(state="in_progress", ended_at=None, end_reason="")
    ConferenceParticipant.objects.update(left_at=None)
    row = rehearse()
    assert table(Conference) != before[0]
    told = {(kind, key.rpartition(":")[2]) for kind, key in lines(row, is_rehearsed=True)}
    assert told == {("conference", ROOM), ("participant", "a-leg"), ("participant", "b-leg")}
    run(row)
    assert (table(Conference), table(ConferenceParticipant)) == before
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False)


# --- Dead and quarantined --------------------------------------------------------------------------------------------


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
    with mock.patch.object(processing.handler_commands, "add", failing):
        receive(account, make_event())
        for _ in range(8):
            CallEvent.objects.update(lease_until=None)
            run_owed()
    event = CallEvent.objects.get()
    assert event.status == "dead"
    with mock.patch.object(processing.handler_commands, "add", failing):
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
    row, real = rehearse(), apply.changes

    def changes(call: Call, one: CallEvent, **how: Any) -> Any:
        if one.pk == event.pk:
            raise RuntimeError("defect")
        return real(call, one, **how)

    with mock.patch.object(apply, "changes", changes):
        run(row)
    assert CallEvent.objects.filter(pk=event.pk).values().get() == before
    assert (row.state, row.counts["failed"], row.done) == ("done", 1, 5)
    assert row.lines.get(kind="event", is_rehearsed=False).said == "RuntimeError while it was run again."
    assert Call.objects.get(call_control_id="v3:b-leg").state == "ended"


def test_a_quarantined_event_that_can_be_read_by_now_is_read_from_its_bytes(account: TelnyxAccount) -> None:
    document = make_event()
    event = quarantine(account, document)
    row = rehearse()
    assert row.counts == {"changed": 1, "readable": 1}
    assert CallEvent.objects.get().status == "quarantined"
    run(row)
    after = CallEvent.objects.get()
    assert (after.pk, bytes(after.body), after.received_at) == (event.pk, bytes(event.body), event.received_at)
    told = (after.event_id, after.dedupe_key, after.event_type, after.call_control_id)
    identifier = document["data"]["id"]
    assert told == (identifier, identifier, "call.initiated", "v3:a-leg")
    assert (after.status, after.error, after.reason) == ("processed", "", "")
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


def test_what_another_account_has_under_the_same_id_keeps_no_event_from_being_read(
    account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    document = make_event()
    quarantine(account, document)
    theirs = CallEvent._default_manager.filter(account=neighbour, event_type="call.answered")
    assert theirs.update(dedupe_key=document["data"]["id"]) == 1
    assert again().counts == {"changed": 1, "readable": 1}
    assert CallEvent.objects.get().status == "processed"


def test_of_two_quarantined_copies_the_first_one_is_taken(account: TelnyxAccount) -> None:
    document = make_event()
    quarantine(account, document)
    quarantine(account, document)
    row = again()
    assert sorted(CallEvent.objects.values_list("status", flat=True)) == ["processed", "quarantined"]
    assert row.counts == {"changed": 1, "readable": 1, "kept": 1}
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False)


@pytest.mark.parametrize(("named", "status"), [("a call", "processed"), ("a leg nobody knows", "ignored")])
def test_an_event_of_another_account_stays_quarantined_until_the_application_is_ours(
    account: TelnyxAccount, named: str, status: str
) -> None:
    other = make_account("other")
    application = CallControlApplication.objects.create(account=other, telnyx_id=CONNECTION)
    document = make_event()
    if named != "a call":
        del document["data"]["payload"]["call_control_id"]
    receive(account, document)
    run_owed()
    before = tables()
    row = again()
    assert tables() == before
    assert "other" in row.lines.get(is_rehearsed=False).said
    application.delete()
    again()
    assert CallEvent.objects.get().status == status


@pytest.mark.parametrize("is_gone", [False, True])
def test_an_event_of_an_application_that_is_another_accounts_by_now_is_quarantined(
    account: TelnyxAccount, is_gone: bool
) -> None:
    (event,) = receive(account, make_event())
    run_owed()
    if is_gone:
        Call.objects.all().delete()
    CallControlApplication.objects.create(account=make_account("other"), telnyx_id=CONNECTION)
    before, row = table(Call), again()
    event.refresh_from_db()
    assert (event.status, event.reason, event.call) == ("quarantined", "foreign_account", None)
    assert event.error == "Its application belongs to the account other."
    told = (False, {"status": ["processed", "quarantined"]}, event.error)
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False) == {("event", str(event.pk)): told}
    assert (row.counts, table(Call)) == ({"changed": 1}, before)


# --- Side effects ----------------------------------------------------------------------------------------------------


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
    runs.begin(row, ADA, side_effects=True)
    with mock.patch.object(runs.processing, "process", side_effect=SystemExit), pytest.raises(SystemExit):
        runs.work(row.pk, 5)
    assert CallEvent.objects.get().status == "received"
    run_owed()
    assert CallCommand.objects.get().action == "answer"
    assert CallEvent.objects.get().status == "processed"


def test_an_event_that_somebody_else_worked_off_meanwhile_is_read_anew(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came back from the recovery; while its call is waited for its webhook comes, and is processed too."""
    document = make_event()
    (event,) = receive(account, document)
    CallEvent.objects.update(source="backfill")
    run_owed()
    lock_call = processing.lock_call

    def lock_late(*values: Any) -> Any:
        monkeypatch.setattr(processing, "lock_call", lock_call)
        receive(account, document)
        run_owed()
        return lock_call(*values)

    monkeypatch.setattr(processing, "lock_call", lock_late)
    applied = apply.apply(event.pk, rules=True)
    assert (applied.event.source, applied.is_owed) == ("webhook", True)
    assert CallEvent.objects.get().status == "received"


def test_an_event_that_names_only_its_leg_is_not_run_where_it_was_not_chosen(account: TelnyxAccount) -> None:
    """It was closed for want of its call; a replay of another event makes the leg known."""
    document = make_event()
    leg = document["data"]["payload"]["call_leg_id"]
    (event,) = receive(account, document)
    run_owed()
    Call.objects.update(call_leg_id="", facts={})
    saved = make_event("call.recording.saved", 1, call_leg_id=leg)
    del saved["data"]["payload"]["call_control_id"]
    (waiting,) = receive(account, saved)
    run_owed()
    make_flow(account, ANSWER | {"event_type": "call.recording.saved"})
    again(Selection(ids=(str(event.pk),)), side_effects=True)
    run_owed()
    assert Call.objects.get().call_leg_id == leg
    waiting.refresh_from_db()
    assert (waiting.status, waiting.call) == ("ignored", None)
    assert not CallCommand.objects.exists()
