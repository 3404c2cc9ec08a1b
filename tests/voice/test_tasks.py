"""Messages carry ids; run eagerly they do what the sweep does."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.celery import app
from portal.models import TelnyxAccount
from portal.runtime import wakeups
from portal.sandbox.server.server import Sandbox
from tests.support.factories import make_event, make_flow
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.sandbox_ledger import effects
from tests.support.webhooks import post_webhook
from voice import tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every wake-up is a task run at once."""
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, one: app.tasks[task].apply(args=[one], throw=True))


def test_one_message_may_carry_several_events(account: TelnyxAccount, messages: list[Any]) -> None:
    for leg in "abc":
        post_webhook(Client(), account, make_event(leg=leg))
    tasks.process_event(*(str(event.pk) for event in CallEvent.objects.all()), str(uuid.uuid4()))
    assert set(CallEvent.objects.values_list("status", "attempts")) == {("processed", 1)}


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
