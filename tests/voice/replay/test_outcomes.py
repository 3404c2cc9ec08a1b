"""What becomes of an event that is run again: its own row, its room, its recording, and what is owed of its call."""

from typing import Any

import pytest

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.clocks import is_near
from tests.support.events import receive
from tests.support.factories import CONNECTION, make_call, make_event, make_flow, run_owed
from tests.support.replays import ROOM, a_call, again, lines, quarantine
from tests.support.rows import Call, CallCommand, CallEvent, Conference
from tests.support.times import ago
from voice.events import processing
from voice.models import Recording
from voice.replay import apply
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db
READ = (
    *("event_id", "dedupe_key", "event_type", "occurred_at", "attempt", "payload"),
    *("call_control_id", "call_leg_id", "call_session_id", "connection_id"),
)


def test_what_becomes_readable_tells_all_that_its_webhook_would_have_told(account: TelnyxAccount) -> None:
    document = make_event()
    receive(account, document)
    told = CallEvent.objects.values(*READ).get()
    CallEvent.objects.all().delete()
    quarantine(account, document)
    assert CallEvent.objects.values(*READ).get() != told
    again()
    assert CallEvent.objects.values(*READ).get() == told
    assert CallEvent.objects.get().attempts == 1


def of(kind: str) -> dict[str, Any]:
    """An event of a call that is known, of a room as a whole, or of a leg that nobody knows."""
    if kind == "a call":
        return make_event("call.answered", -50)
    document = make_event("conference.created", -50, conference_id=ROOM) if kind == "a room" else make_event(leg="x")
    del document["data"]["payload"]["call_control_id"]
    if kind == "a room":
        del document["data"]["payload"]["call_leg_id"]
    return document


@pytest.mark.parametrize(("kind", "status"), [("a call", "processed"), ("a room", "processed"), ("nobody", "ignored")])
def test_a_dead_event_that_changes_nothing_becomes_what_it_was_good_for(
    account: TelnyxAccount, kind: str, status: str
) -> None:
    receive(account, make_event(seconds=-60))
    (event,) = receive(account, of(kind))
    run_owed()
    CallEvent.objects.filter(pk=event.pk).update(status="dead", attempts=8, error="defect")
    row = again(Selection(ids=(str(event.pk),)))
    event.refresh_from_db()
    assert (event.status, event.error, event.attempts) == (status, "", 1)
    told = {("event", str(event.pk)): (False, {"status": ["dead", status]}, "")}
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False) == told


def test_what_was_of_use_once_stays_so_though_others_tell_it_better_by_now(account: TelnyxAccount) -> None:
    told = (make_event(seconds=-60), make_event("call.dtmf.received", -50), make_event("call.hangup", -10))
    for document in told:
        receive(account, document)
        run_owed()
    before = list(CallEvent.objects.order_by("pk").values())
    assert {one["status"] for one in before} == {"processed"}
    assert again().counts == {"unchanged": 3}
    assert list(CallEvent.objects.order_by("pk").values()) == before


def test_a_call_that_is_changed_is_judged_anew_and_no_other(account: TelnyxAccount) -> None:
    a_call(account)
    Call.objects.update(judge_at=None)
    again()
    assert Call.objects.get().judge_at is None
    Call.objects.update(state="ringing", ended_at=None)
    again()
    assert Call.objects.get().judge_at is not None


def test_what_waited_for_the_direction_of_a_call_is_due_once_a_replay_has_put_it_right(account: TelnyxAccount) -> None:
    (begun,) = receive(account, make_event(seconds=-60))
    run_owed()
    Call.objects.update(direction="")
    waiting, other = receive(account, make_event("call.answered", -50), make_event("call.answered", -50, "b"))
    CallEvent.objects.filter(status="received").update(lease_until=ago(-60))
    again(Selection(ids=(str(begun.pk),)))
    assert Call.objects.get().direction == "incoming"
    for event in (waiting, other):
        event.refresh_from_db()
    assert (waiting.status, waiting.lease_until, other.lease_until is None) == ("received", None, False)


def test_a_recording_is_put_right_too(account: TelnyxAccount) -> None:
    saved = {"recording_id": "867ab9ea-049e-5ad8-a254-c2fc1dbbb3b2", "channels": "dual", "format": "mp3"}
    receive(account, make_event(seconds=-60), make_event("call.recording.saved", -10, **saved))
    run_owed()
    before = Recording.objects.values().get()
    assert (before["channels"], before["format"]) == ("dual", "mp3")
    Recording.objects.update(channels="", format="")
    again()
    assert Recording.objects.values().get() == before


def test_a_room_whose_row_is_gone_comes_back_and_its_events_are_of_it_again(account: TelnyxAccount) -> None:
    receive(account, make_event(seconds=-60))
    (joined,) = receive(account, make_event("conference.participant.joined", -50, conference_id=ROOM))
    run_owed()
    Conference.objects.all().delete()
    row = again()
    joined.refresh_from_db()
    assert joined.conference == Conference.objects.get()
    foreseen = lines(row, is_rehearsed=True)
    assert lines(row, is_rehearsed=False) == foreseen
    new = {place: is_new for place, (is_new, *_) in foreseen.items()}
    assert new == {("conference", ROOM): True, ("participant", f"{ROOM}:v3:a-leg"): True}


def test_a_call_that_is_there_stays_there_while_its_event_is_read_anew(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_event()
    (event,) = receive(account, document)
    CallEvent.objects.update(source="backfill")
    run_owed()
    call, lock_call = Call.objects.get(), processing.lock_call

    def lock_late(*values: Any) -> Any:
        monkeypatch.setattr(processing, "lock_call", lock_call)
        receive(account, document)  # its webhook has come after all
        return lock_call(*values)

    monkeypatch.setattr(processing, "lock_call", lock_late)
    assert apply.apply(event.pk, rules=False).outcome is apply.Outcome.WAITING
    assert Call.objects.get() == call


def test_of_two_copies_that_are_another_accounts_each_says_so(account: TelnyxAccount) -> None:
    document = make_event()
    for _ in range(2):
        quarantine(account, document)
    CallControlApplication.objects.create(account=make_account("other"), telnyx_id=CONNECTION)
    row = again()
    assert row.counts == {"kept": 2}
    for is_rehearsed in (True, False):
        said = [line.said for line in row.lines.filter(is_rehearsed=is_rehearsed)]
        assert said == ["Its application belongs to the account other."] * 2


@pytest.mark.parametrize(("was", "becomes"), [("dead", "processed"), ("processed", "quarantined")])
def test_an_event_whose_status_changes_was_closed_then(account: TelnyxAccount, was: str, becomes: str) -> None:
    (event,) = receive(account, make_event(seconds=-60))
    run_owed()
    CallEvent.objects.update(status=was, processed_at=ago(9000))
    if becomes == "quarantined":
        CallControlApplication.objects.create(account=make_account("other"), telnyx_id=CONNECTION)
    again()
    event.refresh_from_db()
    assert (event.status, is_near(event.processed_at)) == (becomes, True)


def test_an_event_that_names_no_leg_is_of_no_call_whose_leg_is_not_known(account: TelnyxAccount) -> None:
    make_call(account, call_leg_id="", started_at=ago(60), answered_at=ago(50))
    document = make_event("call.hangup", -1)
    for name in ("call_control_id", "call_leg_id"):
        del document["data"]["payload"][name]
    receive(account, document)
    run_owed()
    row = again()
    assert lines(row, is_rehearsed=True) == lines(row, is_rehearsed=False) == {}
    assert Call.objects.get().state == "answered"


@pytest.mark.parametrize(
    "meanwhile", [{"status": "ignored"}, {"source": "backfill"}, {"attempts": 5}, {"processed_at": ago(5)}]
)
def test_an_event_that_somebody_else_had_while_its_call_was_made_is_read_anew_and_makes_it_itself(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any]
) -> None:
    (event,) = receive(account, make_event(seconds=-60))
    run_owed()
    Call.objects.all().delete()
    lock_call, locked = processing.lock_call, list[Any]()

    def lock(*values: Any) -> Any:
        locked.append(values)
        found = lock_call(*values)
        if len(locked) == 1:
            CallEvent.objects.filter(pk=event.pk).update(**meanwhile)
        return found

    monkeypatch.setattr(processing, "lock_call", lock)
    applied = apply.apply(event.pk, rules=False)
    assert (len(locked), applied.differences[0].is_new, Call.objects.count()) == (2, True, 1)


def test_a_lease_that_was_left_behind_keeps_no_rules_from_running(account: TelnyxAccount) -> None:
    receive(account, make_event(seconds=-3))
    run_owed()
    CallEvent.objects.update(lease_until=ago(-600))
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    again(side_effects=True)
    assert (CallCommand.objects.get().action, CallEvent.objects.get().status) == ("answer", "processed")
