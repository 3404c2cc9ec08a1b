"""Who holds up whom: nobody for ever, nobody a hang-up, and a paused batch only what was not sent."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.batches import begin
from tests.support.commands import act, now_due, outcomes, seen
from tests.support.factories import make_call, make_event, make_flow
from tests.support.http_servers import Listener, answer, serving
from tests.support.limits import limit
from tests.support.rows import Call, CallCommand, Conference
from tests.support.sandbox_ledger import effects
from tests.support.times import ago
from voice.commands import outbox
from voice.dialling import batches
from voice.dispatch import sender
from voice.events import intake, processing

pytestmark = pytest.mark.django_db
SILENCE = answer("503 Service Unavailable")
YES = answer("200 OK", b'{"data": {"result": "ok"}}')
SPEAK = {"payload": "Hello", "voice": "female"}


@pytest.fixture
def telnyx(account: TelnyxAccount) -> Iterator[Callable[[int], Listener]]:
    """A Telnyx that answers so many requests with 503, and then as it should."""
    left = [0]

    def behave(connection: Any) -> None:
        left[0] -= 1
        connection.sendall(SILENCE if left[0] >= 0 else YES)

    with serving(behave) as listener:
        TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{listener.url}/v2")
        account.base_url = f"{listener.url}/v2"

        def silent(times: int) -> Listener:
            left[0] = times
            return listener

        yield silent


def swept() -> None:
    """One round of the sweep."""
    for due in sender.due(99):
        sender.send(due)


def statuses(*commands: CallCommand) -> list[str]:
    return [seen(command).status for command in commands]


def waits_for_a_resend(command: CallCommand, seconds: float = 20) -> CallCommand:
    """It was answered with a 503, and its resend is some time away."""
    sender.send(command.pk)
    CallCommand.objects.filter(pk=command.pk).update(lease_until=ago(-seconds))
    assert (seen(command).status, outcomes(command)) == ("sending", ["uncertain"])
    return command


# --- For ever --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["speak", "answer", "hangup"])
def test_two_that_wait_for_a_resend_both_come_to_an_end(account: TelnyxAccount, telnyx: Any, first: str) -> None:
    telnyx(2)
    call = make_call(account)
    both = [act(call, first, **(SPEAK if first == "speak" else {}))]
    sender.send(both[0].pk)
    both.append(act(call, "hangup"))
    sender.send(both[1].pk)
    assert statuses(*both) == ["sending", "sending"]
    CallCommand.objects.update(lease_until=ago(1))
    for _ in both:
        swept()
    assert statuses(*both) == ["ok", "ok"]


def test_both_are_called_uncertain_when_their_time_is_over(account: TelnyxAccount, telnyx: Any) -> None:
    listener = telnyx(2)
    call = make_call(account)
    for wish in ("speak", SPEAK), ("hangup", {}):
        sender.send(act(call, wish[0], **wish[1]).pk)
    later = act(call, "send_dtmf", digits="1")
    CallCommand.objects.filter(status="sending").update(lease_until=ago(1), first_sent_at=ago(60))
    CallCommand.objects.filter(pk=later.pk).update(expires_at=ago(1))
    for _ in range(3):
        swept()
    assert dict(CallCommand.objects.values_list("action", "status")) == {
        "speak": "uncertain",
        "hangup": "uncertain",
        "send_dtmf": "expired",
    }
    assert len(listener.requests) == 2


@pytest.mark.django_db(transaction=True)
def test_the_sweep_hangs_up_after_a_brown_out(ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    sandbox.faults.add({"fault": "status", "value": 503, "path": "/v2/calls", "times": 2})
    both = [act(call, "answer")]
    sender.send(both[0].pk)
    both.append(act(call, "hangup"))
    sender.send(both[1].pk)
    CallCommand.objects.update(lease_until=ago(1))
    call_command("sweep", "--once")
    assert "sending" not in statuses(*both)
    assert ("hangup", "executed") in effects(sandbox)


def test_a_resend_does_not_wait_for_a_wish_with_an_earlier_time_that_waits_for_it(
    account: TelnyxAccount, telnyx: Any
) -> None:
    """Clocks of two web servers differ, and whose transaction began first may commit last."""
    telnyx(1)
    call = make_call(account)
    sent = waits_for_a_resend(act(call, "speak", **SPEAK))
    other = act(call, "send_dtmf", digits="1")
    CallCommand.objects.filter(pk=other.pk).update(created_at=ago(5))
    CallCommand.objects.filter(pk=sent.pk).update(lease_until=ago(1))
    assert sender.due(9) == [sent.pk]
    assert sender.send(sent.pk) == [other.pk]
    sender.send(other.pk)
    assert statuses(sent, other) == ["ok", "ok"]


def test_many_that_have_to_wait_keep_no_free_one_off_the_list(account: TelnyxAccount, telnyx: Any) -> None:
    telnyx(1)
    call = make_call(account)
    waits_for_a_resend(act(call, "speak", **SPEAK))
    for _ in range(3):
        act(call, "send_dtmf", digits="1")
    free = act(make_call(account, leg="b"))
    assert sender.due(1) == [free.pk]


# --- A hang-up -------------------------------------------------------------------------------------------------------


def test_the_sweep_finds_a_hang_up_whose_wake_up_was_lost(account: TelnyxAccount, telnyx: Any) -> None:
    telnyx(1)
    call = make_call(account)
    waits_for_a_resend(act(call, "speak", **SPEAK))
    hung_up = act(call, "hangup")
    assert sender.due(9) == [hung_up.pk]


def test_a_rules_hang_up_goes_when_what_was_on_the_wire_waits_for_a_resend(account: TelnyxAccount, telnyx: Any) -> None:
    telnyx(1)
    spoken = act(make_call(account), "speak", **SPEAK)
    claimed = sender._claim(spoken.pk)
    assert claimed is not None
    make_flow(account, {"event_type": "call.dtmf.received", "do": [{"action": "hangup"}]})
    body = json.dumps(make_event("call.dtmf.received", digit="#")).encode()
    event, _ = intake.record(account, "webhook", {}, body, timezone.now())
    (hang_up,) = processing.process(event.pk).commands
    assert sender.send(hang_up) == []
    assert sender._settle(claimed, sender._attempt(claimed)) == [hang_up]
    sender.send(hang_up)
    assert CallCommand.objects.get(pk=hang_up).status == "ok"


def test_a_hang_up_passes_wishes_that_have_to_wait_themselves(account: TelnyxAccount, telnyx: Any) -> None:
    telnyx(1)
    call = make_call(account)
    first = waits_for_a_resend(act(call, "speak", **SPEAK))
    behind = [act(call, "speak", **SPEAK), act(call, "send_dtmf", digits="1")]
    hung_up = act(call, "hangup")
    sender.send(hung_up.pk)
    assert statuses(first, *behind, hung_up) == ["sending", "queued", "queued", "ok"]


def test_also_when_it_is_a_conference_that_they_wait_for(account: TelnyxAccount, telnyx: Any) -> None:
    telnyx(1)
    room = Conference.objects.create(account=account, conference_id="room", started_at=timezone.now())
    call, other = make_call(account), make_call(account, leg="b")

    def leave(leg: Call) -> CallCommand:
        named = {"call_control_id": leg.call_control_id}
        return outbox.place(account, "conferences.leave", named, PORTAL, path=["room"], conference=room)

    waits_for_a_resend(leave(other))
    behind = [leave(call), act(call, "speak", **SPEAK)]
    hung_up = act(call, "hangup")
    assert sender.due(9) == [hung_up.pk]
    sender.send(hung_up.pk)
    assert statuses(*behind, hung_up) == ["queued", "queued", "ok"]


def test_a_hang_up_waits_for_what_is_on_the_wire_and_for_its_own_events_earlier_steps(
    account: TelnyxAccount, telnyx: Any
) -> None:
    telnyx(0)
    call = make_call(account)
    spoken = act(call, "speak", **SPEAK)
    assert sender._claim(spoken.pk) is not None
    hung_up = act(call, "hangup")
    assert sender.due(9) == []
    sender.send(hung_up.pk)
    assert statuses(hung_up) == ["queued"]


# --- A paused batch --------------------------------------------------------------------------------------------------


def test_a_line_on_the_wire_comes_to_an_end_while_its_batch_is_paused(api: Any, account: TelnyxAccount) -> None:
    with serving(SILENCE) as listener:
        TelnyxAccount.objects.update(base_url=f"{listener.url}/v2")
        batch = begin(api, 2)
        line = batch.commands.order_by("sequence").first()
        now_due(line)
        sender.send(line.pk)
        batches.pause(batch, PORTAL)
        now_due(line)
        swept()
        assert len(seen(line).attempts) == 2
        now_due(line, first_sent_at=ago(60))
        swept()
        assert (statuses(line), len(listener.requests)) == (["uncertain"], 2)


def test_a_line_of_a_paused_batch_that_was_not_sent_is_not_offered(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 1)
    line = batch.commands.get()
    batches.pause(batch, PORTAL)
    CallCommand.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # it met a 429 meanwhile
    assert sender.due(9) == []
    sender.send(line.pk)
    assert (statuses(line), seen(line).attempts) == (["queued"], [])


def test_a_line_on_the_wire_comes_to_an_end_after_its_batch_was_cancelled(api: Any, account: TelnyxAccount) -> None:
    with serving(SILENCE) as listener:
        TelnyxAccount.objects.update(base_url=f"{listener.url}/v2")
        batch = begin(api, 2)
        line = batch.commands.order_by("sequence").first()
        now_due(line)
        sender.send(line.pk)
        batches.cancel(batch, PORTAL)
        now_due(line)
        swept()
        assert (statuses(line), outcomes(line)) == (["sending"], ["uncertain", "uncertain"])
        assert len(listener.requests) == 2


def test_a_line_that_is_too_late_waits_for_no_room(api: Any, account: TelnyxAccount) -> None:
    line = begin(api, 2).commands.order_by("sequence").first()
    limit(account, concurrent_calls=1)
    make_call(account, direction="outgoing")
    now_due(line, expires_at=ago(1))
    sender.send(line.pk)
    assert (statuses(line), seen(line).error[:8]) == (["expired"], "Too late")


def test_the_refusal_of_a_command_ends_no_line_of_a_batch(api: Any, account: TelnyxAccount) -> None:
    batch, command = begin(api, 3), act(make_call(account))
    with serving(answer("422 Unprocessable Entity", b'{"errors": [{"code": "90034"}]}')) as listener:
        TelnyxAccount.objects.update(base_url=f"{listener.url}/v2")
        sender.send(command.pk)
    assert (statuses(command), statuses(*batch.commands.all())) == (["refused"], ["queued"] * 3)
