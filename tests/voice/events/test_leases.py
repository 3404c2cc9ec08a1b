"""Who has an event: leased once, counted once, closed by one of those that have it; and in how few statements."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from applications.models import CallControlApplication
from portal import sql
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.clocks import is_near
from tests.support.factories import CONNECTION, make_call, make_event, make_flow
from tests.support.reconciliation import uncertain
from tests.support.rows import Call, CallCommand, CallEvent, Conference, ConferenceParticipant
from tests.support.webhooks import post_webhook
from voice.events import leases, processing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
ROOM = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def receive(account: TelnyxAccount, *documents: dict[str, Any]) -> list[CallEvent]:
    for document in documents:
        assert post_webhook(Client(), account, document).status_code == 200
    ids = [document["data"]["id"] for document in documents]
    return [CallEvent.objects.get(event_id=identifier) for identifier in ids]


def now(event: CallEvent) -> CallEvent:
    return CallEvent.objects.get(pk=event.pk)


def lease_runs_out(event: CallEvent) -> None:
    CallEvent.objects.filter(pk=event.pk).update(lease_until=Now() - timedelta(seconds=1))


# --- One of two ------------------------------------------------------------------------------------------------------


def test_an_event_is_claimed_by_one_of_two(account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    leased = leases.lease(event.pk)
    assert leased is not None
    assert (is_near(now(event).lease_until, 30), is_near(leased.at)) == (True, True)
    assert leases.lease(event.pk) is None
    assert leases.lease_fresh([event.pk]) == {}
    assert now(event).attempts == 1
    lease_runs_out(event)
    assert leases.lease(event.pk) is not None
    assert now(event).attempts == 2


def test_what_is_claimed_knows_the_time_of_the_database_without_asking_it(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    (event,) = receive(account, make_event())
    leased = leases.lease(event.pk)
    assert leased is not None
    later = leased.claimed + 7
    monkeypatch.setattr(leases, "uptime", lambda: later)
    assert leased.now() == leased.at + timedelta(seconds=7)


def test_a_worker_that_slept_over_its_lease_commits_nothing(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    (event,) = receive(account, make_event())
    sleeper = leases.lease(event.pk)
    assert sleeper is not None
    lease_runs_out(event)
    assert len(processing.process(event.pk).commands) == 1
    before = now(event)
    assert processing._work(sleeper) == processing.FollowUp()
    assert (CallCommand.objects.count(), now(event).processed_at) == (1, before.processed_at)


def test_nor_while_another_one_is_at_it(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    (event,) = receive(account, make_event())
    sleeper = leases.lease(event.pk)
    lease_runs_out(event)
    other = leases.lease(event.pk)
    assert sleeper is not None
    assert other is not None
    assert processing._work(sleeper) == processing.FollowUp()
    assert not Call.objects.exists()
    assert len(processing._work(other).commands) == 1
    assert now(event).status == "processed"


def test_nor_does_it_wait_or_fail_in_the_others_place(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    (event,) = receive(account, make_event("call.answered"))
    sleeper = leases.lease(event.pk)
    lease_runs_out(event)
    assert leases.lease(event.pk) is not None
    held = now(event)
    assert sleeper is not None
    processing._work(sleeper)
    monkeypatch.setattr(processing, "changes", lambda *_, **__: 1 / 0)
    processing._work(sleeper)
    assert (now(event).lease_until, now(event).attempts, now(event).error) == (held.lease_until, 2, "")


def test_an_event_that_became_a_webhook_meanwhile_is_left_to_its_own_turn(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    (event,) = receive(account, make_event())
    CallEvent.objects.update(source="backfill")
    claimed = leases.lease(event.pk)
    assert claimed is not None
    CallEvent.objects.update(source="webhook", lease_until=None)  # as intake does, leaving the attempt counted
    assert processing._work(claimed) == processing.FollowUp()
    assert now(event).status == "received"
    assert len(processing.process(event.pk).commands) == 1


def test_what_is_not_owed_any_more_is_left_as_it_is(account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    claimed = leases.lease(event.pk)
    assert claimed is not None
    CallEvent.objects.update(status="quarantined", error="by somebody else")
    assert processing._work(claimed) == processing.FollowUp()
    assert (now(event).status, now(event).error, Call.objects.exists()) == ("quarantined", "by somebody else", False)


def test_a_call_that_another_event_makes_in_this_moment_is_the_call_of_both(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    (event,) = receive(account, make_event())
    really = sql.insert

    def slower(row: Any) -> bool:
        told = {"account": account, "call_control_id": "v3:a-leg", "state": "answered"}
        Call.objects.get_or_create(**told, defaults={"started_at": event.received_at + timedelta(seconds=9)})
        return really(row)

    monkeypatch.setattr(sql, "insert", slower)
    processing.process(event.pk)
    call = Call.objects.get()
    assert (now(event).status, now(event).call) == ("processed", call)
    assert (call.direction, call.started_at < event.received_at + timedelta(seconds=9)) == ("incoming", True)


def test_an_event_that_kills_whoever_processes_it_is_dead_in_the_end(account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    for _ in range(processing.MAX_ATTEMPTS):
        assert leases.lease(event.pk) is not None  # and its process is gone
        lease_runs_out(event)
    processing.process(event.pk)
    assert (now(event).status, now(event).lease_until) == ("dead", None)
    assert "died" in now(event).error


# --- Many at once ----------------------------------------------------------------------------------------------------


def test_many_are_processed_in_the_order_they_came(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [make_event("call.hold", at, leg=str(at % 3)) for at in range(25)]
    wanted = [event.pk for event in receive(account, *documents)]
    CallEvent.objects.filter(pk__in=wanted[4:7]).update(attempts=2)  # tried before, they keep their place
    order: list[Any] = []
    work = processing._work
    monkeypatch.setattr(processing, "_work", lambda claimed: order.append(claimed.event.pk) or work(claimed))
    list(processing.process_all(processing.due(99)))
    assert order == wanted
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}


def test_what_follows_of_many_is_woken_and_not_begun(account: TelnyxAccount) -> None:
    """Nobody sends while others of them wait."""
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    events = receive(account, *(make_event(leg=str(at)) for at in range(3)))
    found = list(processing.process_all([event.pk for event in events]))
    assert [(len(following.commands), following.begun) for following in found] == [(1, None)] * 3
    assert set(CallCommand.objects.values_list("status", flat=True)) == {"queued"}


def test_one_that_fails_undoes_none_of_the_others(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    events = receive(account, *(make_event(leg=str(at)) for at in range(5)))
    really = processing.changes

    def poisonous(call: Call, event: CallEvent) -> Any:
        return 1 / 0 if event.pk == events[2].pk else really(call, event)

    monkeypatch.setattr(processing, "changes", poisonous)
    list(processing.process_all([event.pk for event in events]))
    assert [now(event).status for event in events] == ["processed"] * 2 + ["received"] + ["processed"] * 2
    assert Call.objects.count() == 4


def test_an_event_that_kills_the_process_costs_the_others_one_attempt(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = receive(account, *(make_event(leg=str(at)) for at in range(5)))

    class Killed(BaseException):
        pass

    def kill(*_: Any) -> Any:
        raise Killed

    monkeypatch.setattr(processing, "_work", kill)
    for _ in range(3):
        with pytest.raises(Killed):
            list(processing.process_all([event.pk for event in events]))
        CallEvent.objects.update(lease_until=None)
    assert [now(event).attempts for event in events] == [3, 1, 1, 1, 1]


def test_those_that_somebody_else_has_are_left_out(account: TelnyxAccount) -> None:
    first, second = receive(account, make_event(leg="a"), make_event(leg="b"))
    assert leases.lease(first.pk) is not None
    list(processing.process_all([first.pk, second.pk]))
    assert (now(first).status, now(second).status) == ("received", "processed")


# --- Few statements --------------------------------------------------------------------------------------------------


def in_conference(event_type: str, at: int, **payload: Any) -> dict[str, Any]:
    return make_event(event_type, at, conference_id=ROOM, **payload)


def of_no_call(document: dict[str, Any]) -> dict[str, Any]:
    for name in ("call_control_id", "call_leg_id"):
        document["data"]["payload"].pop(name)
    return document


# What one event costs, the transaction's begin and end among it. The claim is the first.
COSTS: dict[str, tuple[int, Callable[[int], dict[str, Any]]]] = {
    "of a known call": (6, lambda at: make_event("call.hold", at)),
    "the first of a call": (7, lambda at: make_event(leg=f"new{at}")),
    "with a rule that makes commands": (8, lambda at: make_event("call.answered", at)),
    "without a call": (4, lambda at: of_no_call(make_event("call.recording.saved", at))),
    "of a conference": (11, lambda at: in_conference("conference.participant.joined", at)),
    "of a conference as a whole": (7, lambda at: of_no_call(in_conference("conference.playback.started", at))),
}


@pytest.mark.parametrize("case", COSTS)
def test_the_statements_of_an_event_are_few_and_stay_as_many(account: TelnyxAccount, case: str) -> None:
    allowed, make = COSTS[case]
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION)
    actions = [{"action": "speak", "parameters": {"payload": "Hello", "voice": "female"}}]
    flow = make_flow(account, {"event_type": "call.answered", "do": actions, "stop": False})
    for event in receive(account, make_event(), in_conference("conference.participant.joined", 0)):
        processing.process(event.pk)
    assert statements(*receive(account, make(100))) == allowed
    for position in range(1, 10):  # ten rules, three commands each, a log of forty events, thirty calls
        flow.rules.create(position=position, event_type="call.answered", do=actions * 3, stop=False)
    documents = [make_event("call.hold", at) for at in range(10)] + [make_event(leg=str(at)) for at in range(30)]
    list(processing.process_all([event.pk for event in receive(account, *documents)]))
    (event,) = receive(account, make(200))
    assert statements(event) == allowed
    assert now(event).status == ("ignored" if case == "without a call" else "processed")


def statements(event: CallEvent) -> int:
    with CaptureQueriesContext(connection) as captured:
        processing.process(event.pk)
    return len(captured)


def test_what_was_recovered_looks_for_no_rules(account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION)
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    begun, recovered = receive(account, make_event(), make_event("call.answered", 1))
    CallEvent.objects.filter(pk=recovered.pk).update(source="backfill")
    processing.process(begun.pk)
    assert (statements(recovered), CallCommand.objects.count()) == (COSTS["of a known call"][0], 0)


def test_many_events_share_their_claim(account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION)
    processing.process(receive(account, make_event())[0].pk)
    events = receive(account, *(make_event("call.hold", at) for at in range(20)))
    with CaptureQueriesContext(connection) as captured:
        list(processing.process_all([event.pk for event in events]))
    assert len(captured) == 2 + 20 * 5


def test_only_what_may_answer_an_uncertain_command_is_looked_at_for_that(account: TelnyxAccount) -> None:
    answered, held = receive(account, make_event("call.answered"), make_event("call.hold"))
    call = Call.objects.create(account=account, call_control_id="v3:x", started_at=answered.received_at)
    told = {"account": account, "call": call, "action": "answer", "status": "uncertain", "intent_key": "x"}
    command = CallCommand.objects.create(created_at=answered.received_at, expires_at=answered.received_at, **told)
    assert processing.process(answered.pk).may_answer == answered.pk
    assert processing.process(held.pk).may_answer is None
    CallCommand.objects.filter(pk=command.pk).update(settled_at=answered.received_at)
    (again,) = receive(account, make_event("call.answered", 1))
    assert processing.process(again.pk).may_answer is None


def test_an_event_that_is_not_applied_answers_no_command_yet(account: TelnyxAccount) -> None:
    uncertain(make_call(account, "x"), "answer")
    CallControlApplication.objects.create(account=make_account("other"), telnyx_id="77")
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    documents = [
        make_event("call.answered"),
        make_event("call.answered", leg="b", connection_id="77"),
        make_event("call.answered", leg="c", direction="incoming"),
    ]
    found = list[CallEvent]()
    with mock.patch("voice.events.processing.commands_for", side_effect=RuntimeError):  # what is decided fails
        for document in documents:
            found += receive(account, document)
            assert processing.process(found[-1].pk).may_answer is None
    assert [now(event).status for event in found] == ["received", "quarantined", "received"]


def test_a_conferences_rows_are_made_once(account: TelnyxAccount) -> None:
    documents = [in_conference("conference.participant.joined", at) for at in range(2)]
    for event in receive(account, make_event(), *documents):
        processing.process(event.pk)
    assert (Conference.objects.count(), ConferenceParticipant.objects.count()) == (1, 1)
