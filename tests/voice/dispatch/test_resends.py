"""A command is put back for another attempt while one may follow, and not a moment before its time."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.commands import act, now_due, outcomes, seen
from tests.support.factories import make_call, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rows import AccountBreaker, CallCommand
from tests.support.sandbox_ledger import effects, wire
from tests.support.telnyx_answers import telnyx_says
from tests.support.texml_resources import DIAL, ROOM
from tests.support.times import ago
from voice.commands import outbox
from voice.conferences import queues
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


# --- Over a later wish ------------------------------------------------------------------------------------------------

OVERTAKEN = "A later command about the same was sent meanwhile. Whether Telnyx carried it out is not known."


def lost(command: CallCommand, seconds: float = 9) -> CallCommand:
    """It was asked for and sent so many seconds ago, nothing was heard of it, and its next try is due."""
    tried = [{"at": ago(seconds).isoformat(), "outcome": "uncertain"}]
    now_due(command, status="sending", created_at=ago(seconds), first_sent_at=ago(seconds), attempts=tried)
    return command


def changed(account: TelnyxAccount, max_size: int, name: str = "support") -> CallCommand:
    return queues.act(account, name, queues.UPDATE, {"max_size": max_size}, PORTAL)


@pytest.mark.parametrize(
    ("action", "parameters", "later", "wanted"),
    [
        (queues.UPDATE, {"max_size": 5}, queues.UPDATE, {"max_size": 9}),
        (queues.DELETE, {}, queues.CREATE, {"queue_name": "support"}),
        (queues.UPDATE, {"max_size": 5}, queues.DELETE, {}),
    ],
)
def test_a_later_wish_for_a_queue_stands_and_the_earlier_one_is_not_sent_again(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], later: str, wanted: dict[str, Any]
) -> None:
    first = queues.act(account, "support", action, parameters, PORTAL)
    with telnyx_says(account, queues="503 Service Unavailable"):
        sender.send(first.pk)
    now_due(first, created_at=ago(9), first_sent_at=ago(9))
    if later == queues.CREATE:
        second = queues.create(account, wanted, PORTAL)
    else:
        second = queues.act(account, "support", later, wanted, PORTAL)
    with telnyx_says(account, queues={"data": {"name": "support", "max_size": 9}}) as telnyx:
        for command in (second, first):
            sender.send(command.pk)
        assert len(telnyx.requests) == 1
    assert [seen(command).status for command in (second, first)] == ["ok", "uncertain"]
    assert seen(first).error == OVERTAKEN


ADA, ON_THE_LINE = [ROOM, "ada"], {"To": DIAL["To"], "From": DIAL["From"], "Label": "ada"}
RECORDING, RECORDED = "texml.calls.update_recording", ["v3:unknown", "rec-1"]


@pytest.mark.parametrize(
    ("action", "path", "parameters", "later", "its_path", "wanted"),
    [
        ("texml.queues.delete", ["support"], {}, "texml.queues.create", [], {"FriendlyName": "support"}),
        ("texml.queues.update", ["support"], {"MaxSize": 5}, "queues.update", ["support"], {"max_size": 9}),
        ("texml.participants.update", ADA, {"Muted": True}, "texml.participants.update", ADA, {"Muted": False}),
        ("texml.participants.remove", ADA, {}, "texml.participants.dial", [ROOM], ON_THE_LINE),
        (RECORDING, RECORDED, {"Status": "paused"}, RECORDING, RECORDED, {"Status": "in-progress"}),
    ],
)
@pytest.mark.parametrize("status", ["ok", "sending", "uncertain", "refused"])
def test_what_names_neither_a_known_call_nor_a_conference_is_not_sent_again_over_a_later_wish(
    account: TelnyxAccount,
    action: str,
    path: list[str],
    parameters: dict[str, Any],
    later: str,
    its_path: list[str],
    wanted: dict[str, Any],
    status: str,
) -> None:
    name = "support" if "queues" in action else ""
    first = lost(outbox.place(account, action, parameters, PORTAL, path=path, queue_name=name))
    second = outbox.place(account, later, wanted, PORTAL, path=its_path, queue_name=name)
    CallCommand.objects.filter(pk=second.pk).update(status=status, first_sent_at=ago(1))
    sender.send(first.pk)  # nobody answers there
    assert (seen(first).error == OVERTAKEN) == (status != "refused")
    assert status == "refused" or (seen(first).status, len(seen(first).attempts)) == ("uncertain", 1)


@pytest.mark.parametrize("later", [queues.UPDATE_CALL, queues.REMOVE_CALL])
@pytest.mark.parametrize(("who", "is_overtaken"), [("v3:unknown", True), ("v3:another", False)])
def test_of_who_waits_in_a_queue_a_later_wish_about_the_same_caller_stands(
    account: TelnyxAccount, later: str, who: str, is_overtaken: bool
) -> None:
    kept: dict[str, Any] = {"keep_after_hangup": True}
    first = lost(queues.act_on_call(account, "support", "v3:unknown", queues.UPDATE_CALL, kept, PORTAL))
    values = {"keep_after_hangup": False} if later == queues.UPDATE_CALL else {}
    second = queues.act_on_call(account, "support", who, later, values, PORTAL)
    CallCommand.objects.filter(pk=second.pk).update(status="ok", first_sent_at=ago(1))
    sender.send(first.pk)
    assert (seen(first).error == OVERTAKEN) == is_overtaken


@pytest.mark.parametrize(
    ("name", "seconds", "sent"),
    [("sales", 1, 1), ("support", 60, 1), ("support", 1, None)],
    ids=["of another queue", "an earlier wish", "not sent"],
)
def test_what_overtakes_nothing_lets_a_change_be_sent_again(
    account: TelnyxAccount, name: str, seconds: float, sent: float | None
) -> None:
    first, other = lost(changed(account, 5)), changed(account, 9, name)
    status = "queued" if sent is None else "ok"
    sent_at = None if sent is None else ago(sent)
    CallCommand.objects.filter(pk=other.pk).update(created_at=ago(seconds), status=status, first_sent_at=sent_at)
    with telnyx_says(account, queues={"data": {"name": "support", "max_size": 9}}) as telnyx:
        sender.send(first.pk)
        assert len(telnyx.requests) == 2  # it is read, and sent
    assert seen(first).status == "ok"


def test_another_member_of_the_same_participant_is_no_later_wish_about_it(account: TelnyxAccount) -> None:
    first = lost(outbox.place(account, "texml.participants.update", {"Muted": True}, PORTAL, path=ADA))
    second = outbox.place(account, "texml.participants.update", {"Hold": True}, PORTAL, path=ADA)
    CallCommand.objects.filter(pk=second.pk).update(status="ok", first_sent_at=ago(1))
    sender.send(first.pk)
    assert seen(first).error != OVERTAKEN
