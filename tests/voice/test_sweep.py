"""The sweep: whatever a wake-up missed is done all the same, once, also after a database was away."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connections
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal import stopping
from portal.actors import PORTAL
from portal.models import Heartbeat, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.batches import begin
from tests.support.clock import Gate
from tests.support.factories import make_call, make_event, make_flow
from tests.support.polling import eventually
from tests.support.rows import CallCommand, CallEvent
from tests.support.sandbox_ledger import wire
from tests.support.webhooks import post_webhook
from voice.commands import outbox
from voice.dispatch import sender
from voice.events import intake, processing
from voice.management.commands.sweep import Sweep
from voice.models import Suspension

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sweep() -> Iterator[Sweep]:
    with ThreadPoolExecutor(2) as senders:
        yield Sweep(senders)


def statuses() -> dict[str, str]:
    return dict(CallCommand.objects.values_list("action", "status"))


def test_once_sends_what_is_queued(ring: Any, http: Any, sandbox: Sandbox) -> None:
    call = ring()
    http.act(call.call_control_id, "answer")
    outbox.act(call, "speak", {"payload": "Hello", "voice": "female"}, PORTAL)
    outbox.act(call, "send_dtmf", {"digits": "1"}, PORTAL)
    call_command("sweep", "--once")
    assert statuses() == {"speak": "ok", "send_dtmf": "ok"}
    before = len(wire(sandbox))
    call_command("sweep", "--once")
    assert len(wire(sandbox)) == before


def test_once_tells_on_a_terminal_how_much_is_done(account: TelnyxAccount) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    assert post_webhook(Client(), account, make_event()).status_code == 200
    err = Terminal()
    call_command("sweep", "--once", stderr=err)
    assert "\rdone: " in err.getvalue()


def test_once_goes_from_event_to_rule_to_command(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}, {"action": "hangup"}]})
    assert post_webhook(Client(), account, make_event()).status_code == 200
    call_command("sweep", "--once")
    assert CallEvent.objects.get().status == "processed"
    assert statuses() == {"answer": "queued", "hangup": "queued"}  # nobody answers at this account's address
    assert [len(command.attempts) for command in CallCommand.objects.order_by("sequence")] == [1, 0]


def test_once_ends_though_a_command_waits_for_another_ones_fate(ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    outbox.act(call, "answer", {}, PORTAL)
    now = timezone.now()
    CallCommand.objects.update(status="sending", first_sent_at=now, lease_until=now + timedelta(seconds=60))
    outbox.act(call, "hangup", {}, PORTAL)
    call_command("sweep", "--once")
    assert statuses() == {"answer": "sending", "hangup": "queued"}
    assert wire(sandbox) == []


def test_once_leaves_the_signals_of_its_process_alone(account: TelnyxAccount) -> None:
    before = signal.getsignal(signal.SIGTERM)
    call_command("sweep", "--once")
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_round_survives_a_database_that_is_away(
    sweep: Sweep, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the server closed the connection")

    assert post_webhook(Client(), account, make_event()).status_code == 200
    with monkeypatch.context() as broken:
        broken.setattr(processing, "due", away)
        sweep.safely()
        broken.setattr(Heartbeat, "beat", away)
        sweep.next_beat = 0
        sweep.safely()
    assert CallEvent.objects.get().status == "received"
    sweep.safely()
    assert CallEvent.objects.get().status == "processed"


def test_one_command_that_breaks_does_not_stop_the_others(
    sweep: Sweep, ring: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (outbox.act(ring(leg=leg), "answer", {}, PORTAL) for leg in "ab")
    send = sender.send
    monkeypatch.setattr(sender, "send", lambda one: 1 / 0 if one == bad.pk else send(one))

    def done() -> bool:
        sweep.safely()
        return CallCommand.objects.get(pk=good.pk).status == "ok"

    eventually(done)
    assert CallCommand.objects.get(pk=bad.pk).status == "queued"


def test_it_is_not_handed_to_a_second_sender_while_the_first_is_at_it(
    sweep: Sweep, ring: Any, sandbox: Sandbox, gate: Gate
) -> None:
    outbox.act(ring(), "answer", {}, PORTAL)
    sandbox.faults.add({"fault": "drip", "value": 1})
    for _ in range(20):
        sweep.safely()
    assert gate.reached.wait(60)
    gate.opened.set()
    eventually(lambda: sweep.round() == 0)
    assert len(wire(sandbox)) == 1


def test_a_slow_telnyx_does_not_hold_up_events(
    sweep: Sweep, ring: Any, account: TelnyxAccount, sandbox: Sandbox, gate: Gate
) -> None:
    command = outbox.act(ring(), "answer", {}, PORTAL)
    sandbox.faults.add({"fault": "drip", "value": 1})
    sweep.safely()
    assert gate.reached.wait(60)
    assert post_webhook(Client(), account, make_event(leg="b")).status_code == 200
    sweep.safely()
    assert CallEvent.objects.get().status == "processed"
    assert CallCommand.objects.get(pk=command.pk).status == "sending"
    gate.opened.set()
    eventually(lambda: CallCommand.objects.get(pk=command.pk).status == "ok")


def test_it_beats_so_that_an_operator_sees_it_lives(sweep: Sweep) -> None:
    sweep.safely()
    assert Heartbeat.objects.filter(name="sweep").exists()


def test_as_a_service_it_works_until_sigterm(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping._Process, "is_ending", False)  # and afterwards again
    make_call(account)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    events = iter([make_event(), make_event("call.hangup", 1)])

    def live() -> None:
        try:
            for event in events:
                post_webhook(Client(), account, event)
                eventually(lambda: not CallEvent.objects.filter(status="received").exists())
        finally:
            connections.close_all()
            while signal.getsignal(signal.SIGTERM) is before[signal.SIGTERM]:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)

    outside = threading.Thread(target=live)
    outside.start()
    try:
        call_command("sweep")
    finally:
        outside.join(60)
        for number, handler in before.items():
            signal.signal(number, handler)
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}


def test_it_goes_on_at_once_while_more_is_due_than_one_round_takes(
    sweep: Sweep, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("voice.management.commands.sweep._BATCH", 2)
    for leg in "abc":
        assert post_webhook(Client(), account, make_event(leg=leg)).status_code == 200
    sweep.safely()
    assert (sweep.has_more, CallEvent.objects.filter(status="received").count()) == (True, 1)
    with monkeypatch.context() as broken:
        broken.setattr(processing, "due", away)
        sweep.safely()
        assert not sweep.has_more  # a database that is away is not asked again at once
    sweep.safely()
    assert (sweep.has_more, CallEvent.objects.filter(status="received").count()) == (False, 0)


def test_what_a_call_s_later_events_tell_is_known_before_its_first_command_goes(
    sandbox_account: TelnyxAccount, sandbox: Sandbox
) -> None:
    make_flow(sandbox_account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    for event in (make_event(), *(make_event("call.hold", at) for at in range(15)), make_event("call.hangup", 20)):
        intake.record(sandbox_account, "webhook", {}, json.dumps(event).encode(), timezone.now())
    owed: list[int] = []

    class Noting(ThreadPoolExecutor):
        def submit(self, *work: Any) -> Any:
            if work[1:] == (CallCommand.objects.get().pk,):
                owed.append(CallEvent.objects.filter(status="received").count())
            return super().submit(*work)

    with Noting(1) as senders:
        Sweep(senders).round()
    assert (owed, statuses(), wire(sandbox)) == ([0], {"answer": "expired"}, [])


def test_a_batch_follows_its_suspension_whoever_died_before_he_paused_or_resumed_it(
    api: APIClient, account: TelnyxAccount, sweep: Sweep
) -> None:
    batch = begin(api, 2)
    row = Suspension.objects.create(account=account, since=batch.created_at, requested_by="user: ada")
    suspension, states = row.pk, []
    for _ in range(2):
        if states:
            row.delete()
        sweep.next_settle = 0.0
        sweep.round()
        batch.refresh_from_db()
        states.append((batch.status, batch.paused_for))
    assert states == [("paused", suspension), ("running", None)]
