"""When an uncertain command is looked at: one at a time, again later, and by the sweep."""

from typing import Any

import pytest
from django.core.management import call_command

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.clocks import is_near
from tests.support.commands import act, made_uncertain, seen
from tests.support.factories import make_call
from tests.support.reconciliation import awaits_the_next_look, dialled, entry, look, uncertain
from tests.support.rows import CallCommand
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.calls import telnyx_record
from voice.conferences import queues
from voice.dispatch import reconciliation, sender

pytestmark = pytest.mark.django_db(transaction=True)
NOTHING: dict[str, Any] = {"data": [], "meta": {"total_pages": 1, "total_results": 0}}
KEYS = {"digits": "1"}


def lost_queue_command(account: TelnyxAccount, action: str, **parameters: Any) -> CallCommand:
    return made_uncertain(queues.act(account, "support", action, parameters, PORTAL))


def queue(max_size: int) -> dict[str, Any]:
    return {"data": {"name": "support", "max_size": max_size, "created_at": ago(9000).isoformat()}}


def test_a_look_at_one_command_leaves_the_others_due(account: TelnyxAccount) -> None:
    call = make_call(account)
    first, second = uncertain(call, "send_dtmf", KEYS), uncertain(call, "send_dtmf", KEYS)
    before = seen(second).lease_until
    with telnyx_says(account, call_events=NOTHING, calls={"data": {"is_alive": True}}):
        reconciliation.reconcile(first.pk)
    assert seen(second).lease_until == before
    assert reconciliation.due(9) == [second.pk]


def test_a_look_is_at_the_command_that_was_named_whatever_was_asked_since(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost, later = (uncertain(call, "send_dtmf", KEYS) for _ in range(2))
    CallCommand.objects.filter(pk=lost.pk).update(created_at=ago(60))
    line = entry("command", "send_dtmf", command_id=str(lost.pk))
    with telnyx_says(account, call_events={"data": [line], "meta": {"total_pages": 1}}):
        reconciliation.reconcile(lost.pk)
    assert [seen(one).status for one in (lost, later)] == ["ok", "uncertain"]


def test_a_dial_of_which_nothing_is_known_is_looked_for_again_at_its_next_time(account: TelnyxAccount) -> None:
    lost = dialled(account)
    with telnyx_says(account, call_events=NOTHING):
        assert look(lost).is_open_question
    assert awaits_the_next_look(seen(lost))


def test_whoever_looks_has_a_minute_before_another_one_may(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, held = uncertain(make_call(account), "send_dtmf", KEYS), list[Any]()

    def slowly(*_: object) -> telnyx_record.Record:
        held.append((is_near(seen(lost).lease_until, 60), reconciliation.due(9)))
        return telnyx_record.Record([], complete=True)

    monkeypatch.setattr(telnyx_record, "read", slowly)
    reconciliation.reconcile(lost.pk)
    assert held == [(True, [])]


def test_the_first_look_comes_a_few_seconds_after_it_was_given_up(account: TelnyxAccount) -> None:
    command = act(make_call(account), "start_siprec")
    with telnyx_says(account, actions="503 Service Unavailable"):
        sender.send(command.pk)
    assert (seen(command).status, is_near(seen(command).lease_until, 5)) == ("uncertain", True)


def test_what_has_waited_longest_is_looked_at_first(account: TelnyxAccount) -> None:
    call = make_call(account)
    made = [uncertain(call, "send_dtmf", KEYS) for _ in range(3)]
    for command, waits in zip(made, (20, 30, 10), strict=True):
        CallCommand.objects.filter(pk=command.pk).update(lease_until=ago(waits))
    assert reconciliation.due(9) == [made[1].pk, made[0].pk, made[2].pk]
    assert reconciliation.due(1) == [made[1].pk]


def test_the_sweep_looks_and_looks_again_when_it_is_time(account: TelnyxAccount) -> None:
    lost = uncertain(make_call(account), "hangup", {})
    alive = {"data": {"is_alive": True}}
    with telnyx_says(account, call_events=NOTHING, calls=lambda _: alive) as telnyx:
        call_command("sweep", "--once")
        looked, waits = len(telnyx.requests), seen(lost)
        assert looked > 0
        assert waits.is_open_question
        assert waits.lease_until is not None
        call_command("sweep", "--once")
        assert len(telnyx.requests) == looked  # not before its time
        alive["data"] = {"is_alive": False, "end_time": ago(5).isoformat()}
        CallCommand.objects.update(lease_until=ago(1))
        call_command("sweep", "--once")
    assert (seen(lost).status, seen(lost).settled_at is not None) == ("ok", True)


@pytest.mark.parametrize(
    ("action", "parameters", "told", "is_so"),
    [
        ("queues.update", {"max_size": 7}, queue(7), True),
        ("queues.update", {"max_size": 7}, queue(5), False),
        ("queues.update", {"max_size": 7}, "404 Not Found", False),
        ("queues.delete", {}, "404 Not Found", True),
        ("queues.delete", {}, queue(5), False),
        ("queues.delete", {}, "500 Oops", False),
    ],
)
def test_the_state_of_a_queue_at_telnyx_settles_what_was_to_set_it(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], told: Any, is_so: bool
) -> None:
    lost = lost_queue_command(account, action, **parameters)
    with telnyx_says(account, queues=told):
        call_command("sweep", "--once")
    lost = seen(lost)
    assert (lost.status, lost.is_open_question) == (("ok", False) if is_so else ("uncertain", True))
    assert is_so or awaits_the_next_look(lost)


@pytest.mark.parametrize(("told", "requests"), [(queue(7), 1), (queue(5), 2), ("404 Not Found", 2)])
def test_a_change_of_a_queue_is_sent_again_only_where_it_is_not_made(
    account: TelnyxAccount, told: Any, requests: int
) -> None:
    command = queues.act(account, "support", "queues.update", {"max_size": 7}, PORTAL)
    with telnyx_says(account, queues="503 Service Unavailable"):
        sender.send(command.pk)
    CallCommand.objects.update(lease_until=None, first_sent_at=ago(55))  # longer than an id would be remembered
    asked = iter([told, queue(7)])
    with telnyx_says(account, queues=lambda _: next(asked)) as telnyx:
        sender.send(command.pk)
        assert len(telnyx.requests) == requests
    assert seen(command).status == "ok"
