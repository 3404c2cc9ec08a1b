"""The order of commands: one sender for each call, and commands of one event one after the other."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.clock import Gate
from tests.support.commands import act, now_due, of_event, seen
from tests.support.conferences import ROOM, make_room
from tests.support.factories import make_call, run_owed
from tests.support.polling import eventually
from tests.support.rows import Call, CallCommand, Conference
from tests.support.sandbox_ledger import effects, wire
from tests.support.times import ago
from voice.commands import outbox
from voice.dispatch import sender

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
SPEAK = ("speak", {"payload": "Hello", "voice": "female"})


def test_a_call_has_one_sender_at_a_time(ring: Any, sandbox: Sandbox) -> None:
    first = act(call := ring())
    second = act(call, "hangup")
    CallCommand.objects.filter(pk=first.pk).update(status="sending", first_sent_at=ago(1), lease_until=ago(-600))
    sender.send(second.pk)
    assert (seen(second).status, wire(sandbox)) == ("queued", [])
    now_due(first)
    assert sender.send(first.pk) == [second.pk]
    sender.send(second.pk)
    assert effects(sandbox) == [("answer", "executed"), ("hangup", "executed")]


def test_nothing_is_sent_of_a_command_that_is_not_there() -> None:
    assert sender.send(uuid.uuid4()) == []


def test_an_older_wish_for_the_same_call_goes_first(ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    answered, hung_up = outbox.act(call, "answer", {}, PORTAL), outbox.act(call, "hangup", {}, PORTAL)
    assert sender.send(hung_up.pk) == []
    assert seen(hung_up).status == "queued"
    assert sender.send(answered.pk) == [hung_up.pk]
    sender.send(hung_up.pk)
    assert (seen(answered).status, seen(hung_up).status) == ("ok", "ok")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's clock has six digits of a second")
def test_of_two_wishes_within_a_millisecond_the_one_that_came_first_goes_first(ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    answered, hung_up = outbox.act(call, "answer", {}, PORTAL), outbox.act(call, "hangup", {}, PORTAL)
    CallCommand.objects.update(created_at=answered.created_at)
    assert (sender.send(hung_up.pk), seen(hung_up).status) == ([], "queued")
    assert sender.send(answered.pk) == [hung_up.pk]
    sender.send(hung_up.pk)
    assert (seen(answered).status, seen(hung_up).status) == ("ok", "ok")


def test_what_waits_for_a_resend_does_not_hold_up_a_hang_up(ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    answered, hung_up = outbox.act(call, "answer", {}, PORTAL), outbox.act(call, "hangup", {}, PORTAL)
    CallCommand.objects.filter(pk=answered.pk).update(lease_until=timezone.now() + timedelta(seconds=600))
    sender.send(hung_up.pk)
    assert seen(hung_up).status == "ok"


def test_another_call_does_not_wait(ring: Any, sandbox: Sandbox) -> None:
    act(ring())
    CallCommand.objects.update(status="sending", first_sent_at=ago(1), lease_until=ago(-600))
    other = act(ring(leg="b"))
    sender.send(other.pk)
    assert seen(other).status == "ok"


@pytest.mark.parametrize(
    ("kind", "state", "words"),
    [
        (Call, "ended", "The call has already ended."),
        (Conference, "completed", "The conference has already ended."),
    ],
    ids=["call", "conference"],
)
def test_a_command_to_a_leg_in_a_conference_ends_with_either_of_them(
    account: TelnyxAccount, kind: Any, state: str, words: str
) -> None:
    call, room = make_call(account), make_room(account)
    named = {"call_control_id": call.call_control_id}
    command = outbox.place(account, "conferences.leave", named, PORTAL, path=[ROOM], conference=room)
    kind.objects.update(state=state)
    assert sender.send(command.pk) == []
    assert (command.call, seen(command).status, seen(command).error) == (call, "expired", words)


def test_commands_of_one_event_go_in_order(ring: Any, sandbox: Sandbox) -> None:
    first, second, third = of_event(ring(), ("answer", {}), SPEAK, ("hangup", {}))
    for early in (third, second):
        sender.send(early.pk)
    assert wire(sandbox) == []
    assert sender.send(first.pk) == [second.pk]
    sender.send(third.pk)
    assert sender.send(second.pk) == [third.pk]
    assert sender.send(third.pk) == []
    assert effects(sandbox) == [("answer", "executed"), ("speak", "executed"), ("hangup", "executed")]


def test_a_later_command_waits_while_the_earlier_ones_fate_is_open(ring: Any, sandbox: Sandbox) -> None:
    first, second = of_event(ring(), ("answer", {}), SPEAK)
    sandbox.faults.add({"fault": "status", "value": 503})
    assert sender.send(first.pk) == []
    sender.send(second.pk)
    assert len(wire(sandbox)) == 1
    now_due(first)
    assert sender.send(first.pk) == [second.pk]


def test_what_a_dead_sender_left_is_taken_up_by_the_next(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    CallCommand.objects.update(status="sending", first_sent_at=ago(3), lease_until=ago(1))
    assert sender.due(9) == [command.pk]
    run_owed()
    assert seen(command).status == "ok"
    assert sandbox.store.entries("commands")[0]["command_id"] == str(command.pk)


def test_a_living_senders_command_is_left_alone(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    CallCommand.objects.update(status="sending", first_sent_at=ago(3), lease_until=ago(-600))
    assert sender.due(9) == []
    sender.send(command.pk)
    assert wire(sandbox) == []


@pytest.mark.django_db(transaction=True)
def test_eight_senders_of_one_command_make_one_request(ring: Any, sandbox: Sandbox, gate: Gate) -> None:
    command = act(ring())
    sandbox.faults.add({"fault": "drip", "value": 1})
    at_once = threading.Barrier(8)

    def send() -> None:
        at_once.wait()
        try:
            sender.send(command.pk)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as senders:
        sending = [senders.submit(send) for _ in range(8)]
        eventually(lambda: sum(one.done() for one in sending) == 7, "the end of those who come too late")
        gate.opened.set()
        for done in sending:
            done.result()
    assert seen(command).status == "ok"
    assert len(wire(sandbox)) == 1
