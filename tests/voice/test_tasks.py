"""Messages carry ids; run eagerly they do what the sweep does."""

import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from portal.celery import app
from portal.models import TelnyxAccount
from portal.runtime import wakeups
from portal.sandbox.server.server import Sandbox
from tests.support.factories import make_event, make_flow
from tests.support.sandbox_ledger import effects
from tests.support.webhooks import post_webhook
from voice import tasks
from voice.events import intake, processing
from voice.models import Call, CallCommand, CallEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What would be published."""
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: sent.append((task, identifier)))
    return sent


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wake-up is a task run at once."""
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, one: app.tasks[task].apply(args=[one], throw=True))


@pytest.mark.django_db(transaction=True)
def test_a_stored_webhook_wakes_its_processing(account: TelnyxAccount, messages: list[Any]) -> None:
    event = make_event()
    for _ in range(2):
        post_webhook(Client(), account, event)
    assert messages == [("voice.process_event", str(CallEvent.objects.get().pk))]


def test_signed_nonsense_wakes_nobody(account: TelnyxAccount, messages: list[Any]) -> None:
    post_webhook(Client(), account, b"{")
    assert messages == []


def test_processing_wakes_the_first_command_and_the_pull_of_an_unknown_application(
    account: TelnyxAccount, messages: list[Any]
) -> None:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}, {"action": "hangup"}]})
    post_webhook(Client(), account, make_event())
    messages.clear()
    tasks.process_event(str(CallEvent.objects.get().pk))
    assert messages == [
        ("applications.pull_account", str(account.pk)),
        ("voice.send_command", str(CallCommand.objects.get(sequence=0).pk)),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_thread_that_processed_an_event_sends_its_first_command_and_wakes_the_next(
    ring: Callable[..., Call], messages: list[Any], sandbox: Sandbox
) -> None:
    call = ring(direction="")
    steps = [{"action": "answer"}, {"action": "hangup"}]
    make_flow(call.account, {"event_type": "call.initiated", "do": steps}, connection_id=call.connection_id)
    told = {"call_control_id": call.call_control_id, "connection_id": call.connection_id}
    body = json.dumps(make_event(**told)).encode()
    event, _ = intake.record(call.account, "webhook", {}, body, timezone.now())

    def work() -> None:
        tasks.process_event(str(event.pk))
        connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(work).result(20)
    assert effects(sandbox) == [("answer", "executed")]
    second = CallCommand.objects.get(action="hangup")
    assert [one for one in messages if one[0] == "voice.send_command"] == [("voice.send_command", str(second.pk))]


def test_one_message_may_carry_several_events(account: TelnyxAccount, messages: list[Any]) -> None:
    for leg in "abc":
        post_webhook(Client(), account, make_event(leg=leg))
    tasks.process_event(*(str(event.pk) for event in CallEvent.objects.all()), str(uuid.uuid4()))
    assert set(CallEvent.objects.values_list("status", "attempts")) == {("processed", 1)}


def test_an_event_that_waited_for_the_direction_is_woken(account: TelnyxAccount, messages: list[Any]) -> None:
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    for event in (make_event("call.answered", 1), make_event()):
        post_webhook(Client(), account, event)
    answered, initiated = (CallEvent.objects.get(event_type=name).pk for name in ("call.answered", "call.initiated"))
    processing.process(answered)
    messages.clear()
    tasks.process_event(str(initiated))
    assert ("voice.process_event", str(answered)) in messages


def test_sending_one_wakes_the_next_of_the_call(ring: Callable[..., Call], messages: list[Any], api: Any) -> None:
    url = f"/api/v1/calls/{ring().call_control_id}/actions"
    first, second = (api.post(f"{url}/{name}/", {}, format="json").json()["id"] for name in ("answer", "hangup"))
    assert messages == [("voice.send_command", first), ("voice.send_command", second)]
    messages.clear()
    tasks.send_command(first)
    assert messages == [("voice.send_command", second)]


def test_an_id_nobody_knows_is_no_error(messages: list[Any]) -> None:
    tasks.process_event(str(uuid.uuid4()))
    tasks.send_command(str(uuid.uuid4()))
    assert messages == []


@pytest.mark.usefixtures("eager")
def test_run_by_tasks_alone_a_call_is_answered_and_hung_up(
    ring: Callable[..., Call], account: TelnyxAccount, sandbox: Sandbox
) -> None:
    call = ring()
    at_sandbox = TelnyxAccount.objects.get(name="sandbox")
    at_sandbox.public_key = account.public_key
    at_sandbox.save()
    steps = [{"action": "answer"}, {"action": "hangup"}]
    make_flow(at_sandbox, {"event_type": "call.initiated", "do": steps}, connection_id=call.connection_id)
    told = {"call_control_id": call.call_control_id, "connection_id": call.connection_id}
    post_webhook(Client(), at_sandbox, make_event(**told))
    assert CallEvent.objects.get().status == "processed"
    assert list(CallCommand.objects.order_by("sequence").values_list("status", flat=True)) == ["ok", "ok"]
    assert effects(sandbox) == [("answer", "executed"), ("hangup", "executed")]
