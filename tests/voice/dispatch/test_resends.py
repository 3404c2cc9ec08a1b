"""A command is put back for another attempt while one may follow, and not a moment before its time."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.commands import act, now_due, outcomes, seen
from tests.support.factories import make_call, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rows import AccountBreaker, CallCommand
from tests.support.sandbox_ledger import effects, wire
from tests.support.times import ago
from voice.dispatch import sender

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_an_error_of_telnyx_is_resent_under_the_same_id(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "status", "value": 503})
    sender.send(command.pk)
    waiting = seen(command)
    assert (waiting.status, waiting.finished_at) == ("sending", None)
    assert waiting.lease_until is not None
    now_due(command)
    run_owed()
    assert (seen(command).status, outcomes(command)) == ("ok", ["uncertain", "ok"])
    assert seen(command).first_sent_at == waiting.first_sent_at
    assert effects(sandbox) == [("answer", "executed")]
    assert sandbox.store.entries("commands")[0]["command_id"] == str(command.pk)


def test_a_resend_waits_for_its_time(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    sandbox.faults.add({"fault": "status", "value": 500})
    sender.send(command.pk)
    CallCommand.objects.update(lease_until=timezone.now() + timedelta(seconds=600))
    sender.send(command.pk)
    assert len(wire(sandbox)) == 1


def test_it_is_never_resent_once_telnyx_would_not_recognise_it(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring(), "hangup")
    sandbox.faults.add({"fault": "act_then_cut"})
    sender.send(command.pk)
    now_due(command, first_sent_at=ago(51))
    run_owed()
    command = seen(command)
    assert (command.status, len(wire(sandbox))) == ("uncertain", 1)
    assert "Whether Telnyx carried it out is not known" in command.error


def test_just_inside_the_window_it_is_resent(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring(), "hangup")
    sandbox.faults.add({"fault": "act_then_cut"})
    sender.send(command.pk)
    now_due(command, first_sent_at=ago(45))
    run_owed()
    assert seen(command).status == "ok"
    assert effects(sandbox) == [("hangup", "executed"), ("hangup", "deduplicated")]


def test_when_every_try_is_used_up_it_says_that_nothing_is_known(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring(), "hangup")
    sandbox.faults.add({"fault": "status", "value": 500, "times": None})
    sender.send(command.pk)
    for seconds in (1, 2, 5, 11, 26):
        now_due(command, first_sent_at=ago(seconds))
        AccountBreaker.objects.update(next_probe_at=ago(1))
        sender.send(command.pk)
    assert (seen(command).status, outcomes(command)) == ("uncertain", ["uncertain"] * 6)


def test_nobody_at_the_address_means_nothing_was_sent(account: TelnyxAccount) -> None:
    command = act(make_call(account))
    sender.send(command.pk)
    waiting = seen(command)
    assert (waiting.status, waiting.first_sent_at, outcomes(command)) == ("queued", None, ["unavailable"])
    now_due(command)
    sender.send(command.pk)
    assert (seen(command).status, seen(command).first_sent_at) == ("queued", None)
    now_due(command, expires_at=ago(1))
    sender.send(command.pk)
    expired = seen(command)
    assert (expired.status, len(expired.attempts)) == ("expired", 2)
    assert expired.error.startswith("Too late")
    assert "Telnyx cannot be reached" in expired.error


def test_too_many_requests_waits_as_long_as_telnyx_asks(account: TelnyxAccount) -> None:
    with serving(answer("429 Too Many Requests", b"{}", retry_after="33")) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = act(make_call(account), "hangup")
        sender.send(command.pk)
        sender.send(command.pk)
        assert len(server.requests) == 1
    waiting = seen(command)
    assert (waiting.status, waiting.first_sent_at) == ("queued", None)
    assert waiting.lease_until
    assert timedelta(seconds=20) < waiting.lease_until - timezone.now() < timedelta(seconds=34)


def test_what_may_have_happened_is_not_forgotten_when_telnyx_says_that_it_is_asked_too_much(
    account: TelnyxAccount,
) -> None:
    command = act(make_call(account), "speak", payload="Hello", voice="female")
    with serving(answer("503 Service Unavailable")) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    first = seen(command).first_sent_at
    assert first is not None
    now_due(command)
    busy = b'{"errors": [{"code": "10011", "detail": "Too many requests"}]}'
    with serving(answer("429 Too Many Requests", busy, retry_after="3")) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    waiting = seen(command)
    assert outcomes(command) == ["uncertain", "unavailable"]
    assert (waiting.first_sent_at, waiting.error_code) == (first, "10011")
