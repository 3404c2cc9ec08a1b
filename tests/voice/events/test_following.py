"""What processing leaves to be done is done, or somebody is woken for it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.factories import make_event, make_flow
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.sandbox_ledger import effects
from tests.support.webhooks import post_webhook
from voice import tasks
from voice.dispatch import sender
from voice.events import following, intake, processing

pytestmark = pytest.mark.django_db


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


def test_an_event_that_waited_for_the_direction_is_woken(account: TelnyxAccount, messages: list[Any]) -> None:
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    for event in (make_event("call.answered", 1), make_event()):
        post_webhook(Client(), account, event)
    answered, initiated = (CallEvent.objects.get(event_type=name).pk for name in ("call.answered", "call.initiated"))
    processing.process(answered)
    messages.clear()
    tasks.process_event(str(initiated))
    assert ("voice.process_event", str(answered)) in messages


def test_who_waited_for_a_call_is_woken_before_telnyx_is_asked_for_its_first_command(
    account: TelnyxAccount, messages: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = ({"event_type": name, "do": [{"action": "answer"}]} for name in ("call.initiated", "call.answered"))
    make_flow(account, *rules)
    for event in (make_event("call.answered", 1), make_event()):
        post_webhook(Client(), account, event)
    answered, initiated = (CallEvent.objects.get(event_type=name).pk for name in ("call.answered", "call.initiated"))
    assert processing.process(answered).commands == []
    messages.clear()
    when_asked: list[Any] = []

    def ask(*_: Any, **__: Any) -> dict[str, Any]:
        when_asked.extend(messages)
        return {"data": {"result": "ok"}}

    monkeypatch.setattr(sender, "ask", ask)
    following.wake_following(processing.process(initiated, sends=True))
    assert when_asked[0] == ("voice.process_event", str(answered))
    assert CallCommand.objects.get(action="answer").status == "ok"
