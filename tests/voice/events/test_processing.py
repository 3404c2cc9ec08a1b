"""What becomes of a stored event: applied once, whatever dies on the way."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from applications.models import CallControlApplication, TexmlApplication
from portal import sql
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import receive, status_of
from tests.support.factories import CONNECTION, make_event, make_flow, run_owed
from tests.support.rows import Call, CallCommand, CallEvent
from voice.events import processing
from voice.models import Recording

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_a_call_is_made_of_its_events(account: TelnyxAccount) -> None:
    for event in receive(account, make_event(), make_event("call.answered", 1), make_event("call.hangup", 5)):
        processing.process(event.pk)
    call = Call.objects.get()
    assert (call.state, call.direction, call.from_number) == ("ended", "incoming", "+13125550101")
    assert set(CallEvent.objects.values_list("status", "call")) == {("processed", call.pk)}


def test_an_event_is_applied_once(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    (event,) = receive(account, make_event())
    assert len(processing.process(event.pk).commands) == 1
    assert processing.process(event.pk) == processing.FollowUp()
    assert CallCommand.objects.count() == 1


def test_a_leased_event_is_left_to_its_holder(account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    CallEvent.objects.update(lease_until=Now() + timedelta(seconds=30))
    processing.process(event.pk)
    assert status_of(event) == "received"
    CallEvent.objects.update(lease_until=Now() - timedelta(seconds=1))
    processing.process(event.pk)
    assert status_of(event) == "processed"


def test_a_poisonous_event_is_dead_after_eight_attempts_and_says_so(account: TelnyxAccount) -> None:
    event, other = receive(account, make_event(), make_event(leg="other"))
    CallEvent.objects.filter(pk=other.pk).update(attempts=8)  # it is only like it
    with mock.patch.object(processing, "changes", side_effect=RuntimeError("poison")):
        for _ in range(8):
            assert status_of(event) == "received"
            CallEvent.objects.update(lease_until=None)
            processing.process(event.pk)
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("dead", 8)
    assert event.processed_at is not None
    assert "RuntimeError" in event.error
    assert not Call.objects.exists()
    other.refresh_from_db()
    assert (other.status, other.attempts, other.error) == ("received", 8, "")


def test_what_fails_is_tried_again_after_a_second_then_two_then_four(account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    with mock.patch.object(processing, "changes", side_effect=RuntimeError("poison")):
        for seconds in (1, 2, 4, 8, 16, 32, 64):
            before = sql.clock()
            processing.process(event.pk)
            event.refresh_from_db()
            assert event.lease_until is not None
            assert before <= event.lease_until - timedelta(seconds=seconds) <= sql.clock()
            CallEvent.objects.update(lease_until=None)


def test_what_failed_seven_times_may_work_at_the_eighth(account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    CallEvent.objects.filter(pk=event.pk).update(attempts=7, error="It failed.")
    processing.process(event.pk)
    event.refresh_from_db()
    assert (event.status, event.attempts, event.error) == ("processed", 8, "")


def test_why_an_event_failed_is_told_also_when_its_last_process_died(account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    CallEvent.objects.filter(pk=event.pk).update(attempts=8, error="It failed.")
    processing.process(event.pk)
    event.refresh_from_db()
    assert (event.status, event.error) == ("dead", "It failed.")


@pytest.mark.parametrize("acts", [True, False])
def test_an_event_that_tells_nothing_new_is_ignored_unless_a_rule_acts_on_it(
    account: TelnyxAccount, acts: bool
) -> None:
    hang_up = {"event_type": "call.hold", "direction": "any", "do": [{"action": "hangup"}]}
    make_flow(account, hang_up, connection_id=CONNECTION if acts else "77")
    begun = [make_event(seconds=-9), make_event("call.answered", -1)]
    for event in receive(account, *begun, make_event("call.hold", -5)):  # it comes after what was later
        processing.process(event.pk)
    held = CallEvent.objects.get(event_type="call.hold")
    assert (held.status, held.call) == ("processed" if acts else "ignored", Call.objects.get())
    assert CallCommand.objects.count() == int(acts)


def test_a_rule_reads_the_call_and_moves_its_step(account: TelnyxAccount) -> None:
    make_flow(
        account,
        {
            "event_type": "call.answered",
            "do": [{"action": "gather", "parameters": {"maximum_digits": 1}}],
            "step": "menu",
        },
        {
            "event_type": "call.gather.ended",
            "when": [{"field": "call.step", "op": "eq", "value": "menu"}],
            "do": [{"action": "transfer", "parameters": {"to": "{{ event.payload.from }}"}}],
            "step": "transferred",
        },
    )
    gathered = make_event("call.gather.ended", 3, digits="1", status="valid")
    for event in receive(account, make_event(), make_event("call.answered", 1), gathered):
        processing.process(event.pk)
    first, second = CallCommand.objects.order_by("created_at")
    assert (first.action, second.action, second.parameters) == ("gather", "transfer", {"to": "+13125550101"})
    assert second.requested_by == "rule: greeting #2"
    assert Call.objects.get().step == "transferred"


def test_rules_belong_to_incoming_legs_unless_they_say_otherwise(account: TelnyxAccount) -> None:
    answer = [{"action": "hangup"}]
    make_flow(
        account,
        {"event_type": "call.initiated", "do": answer, "stop": False},
        {"event_type": "call.initiated", "do": answer, "direction": "outgoing", "stop": False},
        {
            "event_type": "call.initiated",
            "when": [{"field": "event.payload.direction", "op": "eq", "value": "outgoing"}],
            "do": answer,
            "stop": False,
        },
    )
    (event,) = receive(account, make_event(direction="outgoing"))
    processing.process(event.pk)
    assert [command.requested_by for command in CallCommand.objects.order_by("sequence")] == [
        "rule: greeting #2",
        "rule: greeting #3",
    ]


def test_an_event_of_an_undecided_call_waits_for_its_direction(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    answered, initiated = receive(account, make_event("call.answered", 1), make_event("call.initiated"))
    processing.process(answered.pk)
    answered.refresh_from_db()
    assert (answered.status, answered.attempts) == ("received", 0)
    assert answered.lease_until == answered.received_at + timedelta(seconds=2)
    released = processing.process(initiated.pk).events
    assert released == [answered.pk]
    processing.process(answered.pk)
    assert CallCommand.objects.get().action == "hangup"


def test_the_beginning_of_a_call_waits_for_nobody_to_tell_its_direction(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.initiated", "direction": "any", "do": [{"action": "answer"}]})
    (event,) = receive(account, make_event(direction=None))
    processing.process(event.pk)
    assert (status_of(event), CallCommand.objects.get().action) == ("processed", "answer")


@pytest.mark.parametrize(
    ("source", "event_type", "connection_id", "names_it"),
    [
        ("backfill", "call.answered", CONNECTION, False),  # for what was recovered no rule runs
        ("webhook", "call.bridged", CONNECTION, False),
        ("webhook", "call.answered", "77", True),
    ],
)
def test_what_can_meet_no_rule_waits_for_no_direction(
    account: TelnyxAccount, source: str, event_type: str, connection_id: str, names_it: bool
) -> None:
    make_flow(account, {"event_type": event_type, "do": [{"action": "hangup"}]}, connection_id=connection_id)
    document = make_event("call.answered")
    if not names_it:
        del document["data"]["payload"]["connection_id"]
    (event,) = receive(account, document)
    CallEvent.objects.filter(pk=event.pk).update(source=source)
    processing.process(event.pk)
    assert (status_of(event), Call.objects.get().state) == ("processed", "answered")
    assert not CallCommand.objects.exists()


def test_after_two_seconds_it_meets_only_rules_for_any_direction(account: TelnyxAccount) -> None:
    hang_up = {"event_type": "call.answered", "do": [{"action": "hangup"}], "stop": False}
    make_flow(account, hang_up, hang_up | {"direction": "any"})
    (event,) = receive(account, make_event("call.answered"))
    CallEvent.objects.update(received_at=datetime.now(UTC) - timedelta(seconds=3))
    processing.process(event.pk)
    assert CallCommand.objects.get().requested_by == "rule: greeting #2"


def test_a_late_event_changes_the_log_and_not_the_phone(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    (event,) = receive(account, make_event(seconds=-3600))
    processing.process(event.pk)
    run_owed()
    command = CallCommand.objects.get()
    assert (command.status, command.attempts) == ("expired", [])
    assert Call.objects.get().state == "parked"


def test_a_missing_value_expires_the_command_and_the_later_ones(account: TelnyxAccount) -> None:
    transfer = {"action": "transfer", "parameters": {"to": "{{ event.payload.nobody }}"}}
    make_flow(account, {"event_type": "call.initiated", "do": [transfer, {"action": "hangup"}]})
    (event,) = receive(account, make_event())
    processing.process(event.pk)
    run_owed()
    first, second = CallCommand.objects.order_by("sequence")
    assert (first.status, second.status) == ("expired", "expired")
    assert "event.payload.nobody" in first.error


def test_an_unknown_application_is_processed_and_asks_for_a_pull(account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    assert processing.process(event.pk).pull_account == account.pk
    assert Call.objects.get().connection_id == CONNECTION


def test_only_the_first_event_of_a_call_asks_for_a_pull(account: TelnyxAccount) -> None:
    first, second = receive(account, make_event(), make_event("call.answered", 1))
    assert processing.process(first.pk).pull_account == account.pk
    assert processing.process(second.pk).pull_account is None


@pytest.mark.parametrize("kind", [CallControlApplication, TexmlApplication])
def test_an_event_of_an_application_of_its_account_asks_for_no_pull(account: TelnyxAccount, kind: Any) -> None:
    kind.objects.create(account=account, telnyx_id=CONNECTION)
    (event,) = receive(account, make_event())
    assert processing.process(event.pk).pull_account is None


def test_an_event_that_names_no_application_asks_for_no_pull(account: TelnyxAccount) -> None:
    document = make_event()
    del document["data"]["payload"]["connection_id"]
    (event,) = receive(account, document)
    assert processing.process(event.pk) == processing.FollowUp()
    assert (status_of(event), Call.objects.get().connection_id) == ("processed", "")


def test_an_event_of_another_accounts_application_is_quarantined(account: TelnyxAccount) -> None:
    other = make_account("other")
    CallControlApplication.objects.create(account=other, telnyx_id=CONNECTION)
    (event,) = receive(account, make_event())
    processing.process(event.pk)
    event.refresh_from_db()
    assert (event.status, event.reason) == ("quarantined", "foreign_account")
    assert "other" in event.error
    assert not Call.objects.exists()


@pytest.mark.parametrize("event_type", ["conference.created", "call.recording.saved"])
def test_an_event_of_another_accounts_application_that_names_no_call_is_quarantined_too(
    account: TelnyxAccount, event_type: str
) -> None:
    CallControlApplication.objects.create(account=make_account("other"), telnyx_id=CONNECTION)
    document = make_event(event_type, conference_id="c1" if event_type.startswith("conference") else None)
    del document["data"]["payload"]["call_control_id"]
    (event,) = receive(account, document)
    processing.process(event.pk)
    event.refresh_from_db()
    assert (event.status, event.reason, event.conference) == ("quarantined", "foreign_account", None)


def test_an_event_without_a_call_is_linked_by_its_leg_or_ignored(account: TelnyxAccount) -> None:
    saved = make_event("call.recording.saved")
    saved["data"]["payload"].pop("call_control_id")
    lonely = make_event("conference.created", leg="nobody")
    lonely["data"]["payload"] = {"region": "US"}
    for event in receive(account, make_event(), saved, lonely):
        processing.process(event.pk)
    assert Call.objects.get().has_recording
    assert status_of(CallEvent.objects.get(event_type="conference.created")) == "ignored"


@pytest.mark.django_db(transaction=True)
def test_with_nobody_else_running_the_sweep_processes_everything(account: TelnyxAccount) -> None:
    receive(account, *(make_event(leg=str(at)) for at in range(20)))
    call_command("sweep", "--once")
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert Call.objects.count() == 20


def test_statements_per_event_do_not_grow_with_the_log(
    account: TelnyxAccount, django_assert_max_num_queries: Any
) -> None:
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    events = receive(
        account, make_event(), *(make_event("call.hold", at) for at in range(30)), make_event("call.answered", 40)
    )
    for event in events[:-1]:
        processing.process(event.pk)
    with django_assert_max_num_queries(10):
        processing.process(events[-1].pk)


@pytest.mark.parametrize("leg", ["b", "nobody's"])
def test_an_event_that_names_only_its_leg_touches_no_call_of_another(account: TelnyxAccount, leg: str) -> None:
    saved = make_event("call.recording.saved", 1, leg)
    saved["data"]["payload"].pop("call_control_id")
    of_another = make_event(leg="d")
    of_another["data"]["payload"]["call_leg_id"] = saved["data"]["payload"]["call_leg_id"]
    begun = [make_event(leg=one) for one in ("a", "b", "c")]
    for event in [*receive(account, *begun), *receive(make_account("other"), of_another), *receive(account, saved)]:
        processing.process(event.pk)
    recorded = Call.objects.filter(has_recording=True).values_list("account__name", "call_control_id")
    assert list(recorded) == ([("main", "v3:b-leg")] if leg == "b" else [])


def test_an_event_of_a_recording_that_tells_nothing_new_of_its_call_is_processed(account: TelnyxAccount) -> None:
    told = {"recording_started_at": make_event("x", -8)["data"]["occurred_at"], "channels": "dual", "format": "mp3"}
    later, earlier = (make_event("call.recording.saved", at, recording_id=str(uuid.uuid4()), **told) for at in (-1, -5))
    for event in receive(account, make_event(seconds=-9), later, earlier):
        processing.process(event.pk)
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert Recording.objects.filter(call=Call.objects.get()).count() == 2


def test_an_event_of_a_conference_that_tells_nothing_new_of_its_call_is_processed(account: TelnyxAccount) -> None:
    begun = [make_event(seconds=-9), make_event("call.answered", -1)]
    joined = make_event("conference.participant.joined", -5, conference_id="3fa85f64-5717-4562-b3fc-2c963f66afa6")
    for event in receive(account, *begun, joined):
        processing.process(event.pk)
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}


def test_an_event_that_is_run_again_stays_one_on_which_a_rule_has_acted(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.hold", "direction": "any", "do": [{"action": "hangup"}]})
    begun = [make_event(seconds=-9), make_event("call.answered", -1)]
    *_, held = receive(account, *begun, make_event("call.hold", -5))  # it tells nothing new
    for _ in range(2):
        for event_id in processing.due(9):
            processing.process(event_id)
        assert (status_of(held), CallCommand.objects.count()) == ("processed", 1)
        CallEvent.objects.filter(pk=held.pk).update(status="received", attempts=0)


def test_an_event_that_tells_nothing_new_of_a_call_that_is_over_has_its_end_judged_again(
    account: TelnyxAccount,
) -> None:
    begun = [make_event(seconds=-9), make_event("call.answered", -2), make_event("call.hangup", -1)]
    *told, late = receive(account, *begun, make_event("call.hold", -5))
    for event in told:
        processing.process(event.pk)
    Call.objects.update(judge_at=None)
    processing.process(late.pk)
    assert (status_of(late), Call.objects.get().judge_at is not None) == ("ignored", True)


def test_a_path_of_a_rule_into_a_text_meets_nothing_and_harms_no_event(account: TelnyxAccount) -> None:
    when = [{"field": "event.payload.digits.first", "op": "eq", "value": "1"}]
    transfer = {"action": "transfer", "parameters": {"to": "{{ event.payload.digits.0 }}"}}
    make_flow(
        account,
        {"event_type": "call.gather.ended", "when": when, "do": [{"action": "hangup"}]},
        {"event_type": "call.gather.ended", "do": [transfer]},
    )
    events = receive(account, make_event(), make_event("call.gather.ended", 1, digits="1"))
    for event in events:
        processing.process(event.pk)
    assert [status_of(event) for event in events] == ["processed"] * 2
    command = CallCommand.objects.get()
    assert (command.action, command.status) == ("transfer", "expired")


def test_the_oldest_events_are_due_first_and_no_more_than_asked_for(account: TelnyxAccount) -> None:
    events = receive(account, *(make_event(leg=str(at)) for at in range(5)))
    order = [events[at] for at in (3, 0, 4, 1, 2)]
    now = datetime.now(UTC)
    for age, event in enumerate(reversed(order), start=1):
        CallEvent.objects.filter(pk=event.pk).update(received_at=now - timedelta(minutes=age))
    assert processing.due(9) == [event.pk for event in order]
    assert processing.due(2) == [event.pk for event in order[:2]]
