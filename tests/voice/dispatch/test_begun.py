"""Commands born ``sending``: in their event's commit, where nothing stands before them, and safe if nobody comes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.models import CallControlApplication
from portal import stopping
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.commands import act, now_due, of_event, outcomes, seen
from tests.support.factories import CONNECTION, make_call, make_event, make_flow
from tests.support.http_servers import Listener, answer, serving
from tests.support.rows import AccountBreaker, Call, CallCommand, CallEvent
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.dispatch import sender
from voice.events import processing
from voice.events.processing import FollowUp
from voice.models import Suspension

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
YES = answer("200 OK", b'{"data": {"result": "ok"}}')
ANSWER = {"event_type": "call.initiated", "do": [{"action": "answer"}]}
HANG_UP = {"event_type": "call.answered", "do": [{"action": "hangup"}, {"action": "hangup"}]}


@pytest.fixture
def telnyx() -> Any:
    with serving(YES) as listener:
        yield listener


@pytest.fixture
def wired(db: None, telnyx: Listener) -> TelnyxAccount:
    account = make_account("wired", f"{telnyx.url}/v2")
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION)
    make_flow(account, ANSWER, HANG_UP)
    return account


def process(account: TelnyxAccount, document: dict[str, Any], *, sends: bool = True) -> FollowUp:
    assert post_webhook(Client(), account, document).status_code == 200
    return processing.process(CallEvent.objects.get(event_id=document["data"]["id"]).pk, sends=sends)


def begun(account: TelnyxAccount) -> sender.Begun:
    following = process(account, make_event())
    assert following.commands == []
    assert following.begun is not None
    return following.begun


def test_its_row_is_there_before_its_request(wired: TelnyxAccount, telnyx: Listener) -> None:
    command = seen(begun(wired).command)
    assert (command.status, outcomes_open(command), telnyx.requests) == ("sending", [None], [])
    assert command.first_sent_at is not None
    assert command.lease_until == command.first_sent_at + timedelta(seconds=30)
    assert abs(command.first_sent_at - timezone.now()) < timedelta(seconds=20)
    assert sender.send(command.pk) == []  # a wake-up that came as well
    assert (command.pk in sender.due(99), telnyx.requests) == (False, [])


def outcomes_open(command: CallCommand) -> list[Any]:
    return [attempt.get("outcome") for attempt in command.attempts]


def test_while_it_is_on_the_wire_its_attempt_tells_when_that_began(wired: TelnyxAccount) -> None:
    command = seen(begun(wired).command)
    assert command.first_sent_at is not None
    at = command.first_sent_at.isoformat()
    assert command.attempts == [{"at": at, "http_status": None, "ms": None, "code": None}]


def test_then_it_is_sent_once_and_the_next_one_of_its_event_may_go(wired: TelnyxAccount, telnyx: Listener) -> None:
    make_call(wired)
    following = process(wired, make_event("call.answered"))
    assert following.begun is not None
    first, second = CallCommand.objects.order_by("sequence")
    assert sender.send_begun(following.begun) == [second.pk]
    assert (seen(first).status, outcomes(first), seen(second).status) == ("ok", ["ok"], "queued")
    assert sender.send(first.pk) == []
    assert len(telnyx.requests) == 1
    assert str(first.pk).encode() in telnyx.requests[0]


def test_who_does_not_send_leaves_it_queued(wired: TelnyxAccount) -> None:
    following = process(wired, make_event(), sends=False)
    command = CallCommand.objects.get()
    assert (following.begun, following.commands) == (None, [command.pk])
    assert (command.status, command.attempts, command.lease_until) == ("queued", [], None)


# --- What stands before it -------------------------------------------------------------------------------------------


def _queued(account: TelnyxAccount) -> None:
    act(Call.objects.get(), "send_dtmf", digits="1")


def _on_the_wire(account: TelnyxAccount) -> None:
    _queued(account)
    CallCommand.objects.update(status="sending", first_sent_at=ago(1), lease_until=ago(-60))


def _waits_for_its_resend(account: TelnyxAccount) -> None:
    _on_the_wire(account)
    CallCommand.objects.update(attempts=[{"at": ago(1).isoformat(), "outcome": "uncertain"}])


def _of_another_event(account: TelnyxAccount) -> None:
    of_event(Call.objects.get(), ("speak", {"payload": "Hello", "voice": "female"}))


def _breaker(**told: Any) -> Callable[[TelnyxAccount], None]:
    def make(account: TelnyxAccount) -> None:
        AccountBreaker.objects.create(account=account, since=ago(9), **told)

    return make


def _suspended(account: TelnyxAccount) -> None:
    Suspension.objects.create(account=account, since=ago(9), requested_by="user: ada")


STANDS_BEFORE: dict[str, Callable[[TelnyxAccount], None]] = {
    "a wish of somebody": _queued,
    "a command on the wire": _on_the_wire,
    "one that waits for its resend": _waits_for_its_resend,
    "one of an earlier event": _of_another_event,
    "the breaker, open": _breaker(state="open", next_probe_at=ago(-6000)),
    "the breaker, whose probe is due": _breaker(state="open", next_probe_at=ago(1)),
    "the breaker, half-open": _breaker(state="half-open", next_probe_at=ago(-6000)),
    "too many requests": _breaker(wait_until=ago(-6000)),
    "too many dials": _breaker(dials_wait_until=ago(-6000)),
    "a suspension": _suspended,
    "the end of this process": lambda account: stopping.begin(),
}


@pytest.mark.parametrize("case", STANDS_BEFORE)
def test_where_anything_stands_before_it_it_is_claimed_as_any_other(
    wired: TelnyxAccount, telnyx: Listener, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping._Process, "is_ending", False)
    make_call(wired)
    STANDS_BEFORE[case](wired)
    following = process(wired, make_event("call.answered"))
    command = CallCommand.objects.get(action="hangup", sequence=0)
    assert (following.begun, following.commands) == (None, [command.pk])
    assert (command.status, command.attempts, telnyx.requests) == ("queued", [], [])


def _is_over(account: TelnyxAccount) -> None:
    _queued(account)
    CallCommand.objects.update(status="uncertain")


def _of_others(account: TelnyxAccount) -> None:
    act(make_call(account, "b"))
    _breaker(state="open")(make_account("other"))


NOT_BEFORE_IT: dict[str, Callable[[TelnyxAccount], None]] = {
    "trouble that is over": _breaker(recent="oxo", wait_until=ago(9), dials_wait_until=ago(9)),
    "a command that is over": _is_over,
    "what is another call's and another account's": _of_others,
}


@pytest.mark.parametrize("case", NOT_BEFORE_IT)
def test_what_is_over_or_anothers_does_not_stand_before_it(wired: TelnyxAccount, case: str) -> None:
    make_call(wired)
    NOT_BEFORE_IT[case](wired)
    assert process(wired, make_event("call.answered")).begun is not None


@pytest.mark.parametrize(
    ("before", "seconds", "words"), [((), -60, "Too late"), (("call.hangup",), -1, "The call has already ended.")]
)
def test_what_makes_no_sense_any_more_is_not_begun(
    wired: TelnyxAccount, telnyx: Listener, before: tuple[str, ...], seconds: float, words: str
) -> None:
    for event_type in before:
        process(wired, make_event(event_type))
    following = process(wired, make_event(seconds=seconds))
    assert following.begun is None
    for command_id in following.commands:
        sender.send(command_id)
    command = CallCommand.objects.get()
    assert (command.status, words in command.error, telnyx.requests) == ("expired", True, [])


def test_what_a_limit_forbids_is_not_begun(wired: TelnyxAccount, telnyx: Listener) -> None:
    transfer = {"action": "transfer", "parameters": {"to": "+881612345678"}}
    make_flow(wired, {"event_type": "call.initiated", "do": [transfer]}, connection_id="77")
    following = process(wired, make_event(connection_id="77"))
    command = CallCommand.objects.get()
    assert (following.begun, command.status, command.first_sent_at, telnyx.requests) == (None, "expired", None, [])


def test_what_dials_is_begun_and_counts_against_the_limits(wired: TelnyxAccount, telnyx: Listener) -> None:
    transfer = {"action": "transfer", "parameters": {"to": "+13125550001"}}
    make_flow(wired, {"event_type": "call.initiated", "do": [transfer]}, connection_id="77")
    following = process(wired, make_event(connection_id="77"))
    assert following.begun is not None
    sender.send_begun(following.begun)
    command = CallCommand.objects.get()
    assert (command.status, command.dials, command.counted_at is None) == ("ok", 1, False)


# --- If nobody comes -------------------------------------------------------------------------------------------------


def lease_runs_out(command: CallCommand) -> None:
    CallCommand.objects.filter(pk=command.pk).update(lease_until=ago(1))


def test_of_one_whose_worker_died_before_it_was_sent_the_sweep_sends_the_same(
    wired: TelnyxAccount, telnyx: Listener
) -> None:
    command = begun(wired).command
    lease_runs_out(command)
    assert command.pk in sender.due(99)
    sender.send(command.pk)
    assert (seen(command).status, outcomes_open(seen(command))) == ("ok", [None, "ok"])
    assert [str(command.pk).encode() in request for request in telnyx.requests] == [True]


def test_a_worker_that_slept_meanwhile_neither_sends_nor_writes(wired: TelnyxAccount, telnyx: Listener) -> None:
    sleeper = begun(wired)
    lease_runs_out(sleeper.command)
    sender.send(sleeper.command.pk)
    before = seen(sleeper.command)
    assert sender.send_begun(sender.Begun(sleeper.command, sleeper.at - 31)) == []
    after = seen(sleeper.command)
    assert (after.attempts, after.finished_at) == (before.attempts, before.finished_at)
    assert len(telnyx.requests) == 1


def test_what_is_never_sent_twice_is_uncertain_then(wired: TelnyxAccount, telnyx: Listener) -> None:
    make_flow(wired, {"event_type": "call.initiated", "do": [{"action": "start_siprec"}]}, connection_id="77")
    following = process(wired, make_event(connection_id="77"))
    assert following.begun is not None
    command = following.begun.command
    lease_runs_out(command)
    sender.send(command.pk)
    assert (seen(command).status, telnyx.requests) == ("uncertain", [])


def test_at_the_end_of_the_process_it_is_free_again_at_once(
    wired: TelnyxAccount, telnyx: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = begun(wired)
    monkeypatch.setattr(stopping._Process, "is_ending", True)
    assert sender.send_begun(mine) == []
    command = seen(mine.command)
    assert (command.status, command.first_sent_at, telnyx.requests) == ("queued", None, [])
    monkeypatch.setattr(stopping._Process, "is_ending", False)
    now_due(command)
    sender.send(command.pk)
    assert seen(command).status == "ok"


def test_an_event_that_is_not_committed_begins_nothing(wired: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "_insert", lambda commands: 1 / 0)
    following = process(wired, make_event())
    assert (following.begun, CallCommand.objects.exists()) == (None, False)


# --- In how few statements -------------------------------------------------------------------------------------------


def test_an_event_and_its_command_take_few_statements(wired: TelnyxAccount) -> None:
    """Ten until the request leaves, begin and commit among them, and one after its answer."""
    document = make_event(leg="new")
    assert post_webhook(Client(), wired, document).status_code == 200
    event = CallEvent.objects.get(event_id=document["data"]["id"])
    with CaptureQueriesContext(connection) as before:
        following = processing.process(event.pk, sends=True)
    assert following.begun is not None
    with CaptureQueriesContext(connection) as after:
        assert sender.send_begun(following.begun) == []
    assert (len(before), len(after)) == (10, 1)


def test_a_command_that_is_asked_for_by_itself_takes_few(wired: TelnyxAccount) -> None:
    command = act(make_call(wired))
    with CaptureQueriesContext(connection) as captured:
        assert sender.send(command.pk) == []
    assert (seen(command).status, len(captured)) == ("ok", 7)
