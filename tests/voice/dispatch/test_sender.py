"""Sending a command: one attempt at a time, one effect at Telnyx, and honest words when that cannot be known."""

from typing import Any

import httpx
import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx import client
from tests.support.batches import begin
from tests.support.clock import Gate
from tests.support.commands import act, dial, now_due, of_event, outcomes, seen
from tests.support.factories import make_call, run_owed
from tests.support.http_servers import answer, serving
from tests.support.limits import limit
from tests.support.rows import AccountBreaker, Call, CallCommand
from tests.support.sandbox_ledger import effects, wire
from tests.support.times import ago
from voice.conferences import queues
from voice.dialling import batches
from voice.dispatch import sender

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
SPEAK = ("speak", {"payload": "Hello", "voice": "female"})


# --- Outcomes --------------------------------------------------------------------------------------------------------


def test_a_command_is_carried_out_under_its_own_id(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    sender.send(command.pk)
    command = seen(command)
    assert (command.status, command.error, command.lease_until) == ("ok", "", None)
    assert command.answer == {"result": "ok"}
    (attempt,) = command.attempts
    assert (attempt["http_status"], attempt["code"], attempt["outcome"]) == (200, None, "ok")
    (line,) = sandbox.store.entries("commands")
    assert (line["command_id"], line["action"], line["outcome"]) == (str(command.pk), "answer", "executed")


def test_a_command_that_is_done_is_not_sent_again(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    for _ in range(3):
        sender.send(command.pk)
    assert len(wire(sandbox)) == 1


def test_a_refusal_is_final_and_expires_what_was_to_follow(ring: Any, http: Any, sandbox: Sandbox) -> None:
    call = ring()
    http.act(call.call_control_id, "hangup")  # the row does not know it yet
    first, *later = of_event(call, ("answer", {}), SPEAK, ("hangup", {}))
    sender.send(first.pk)
    first = seen(first)
    assert (first.status, first.error_code) == ("refused", "90018")
    assert first.error.startswith("The call has already ended.")
    assert first.attempts[0]["http_status"] == 422
    assert {(seen(one).status, seen(one).error) for one in later} == {
        ("expired", "An earlier command of the same event failed.")
    }
    run_owed()
    assert len([line for line in wire(sandbox) if "/actions/answer" in line["path"]]) == 1
    assert not [line for line in wire(sandbox) if "/actions/speak" in line["path"]]


def test_what_was_to_follow_a_refusal_ends_when_that_does(account: TelnyxAccount) -> None:
    first, later = of_event(make_call(account), ("answer", {}), SPEAK)
    with serving(answer("422 Unprocessable Entity", b'{"errors": [{"code": "90034"}]}')) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(first.pk)
    ended = seen(first).finished_at
    assert ended is not None
    assert (seen(later).status, seen(later).finished_at) == ("expired", ended)


def test_a_refusal_with_a_long_code_is_final_as_any_other(account: TelnyxAccount) -> None:
    refusal = b'{"errors":[{"code":"call_control_id_not_found"}]}'
    command = act(make_call(account), "speak", payload="Hello", voice="female")
    with serving(answer("422 Unprocessable Entity", refusal)) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    command = seen(command)
    assert (command.status, outcomes(command), len(server.requests)) == ("refused", ["refused"], 1)
    assert (command.error_code, command.attempts[0]["code"]) == ("call_control_id_not_", "call_control_id_not_found")
    assert "call_control_id_not_found" in command.error


@pytest.mark.parametrize("escape", ["\\ud83d", "\\u0000"])
def test_a_refusal_in_words_that_no_database_takes_is_final_as_any_other(account: TelnyxAccount, escape: str) -> None:
    """Who repeats the beginning of a text cuts an emoji in two."""
    body = '{"errors":[{"code":"9@","detail":"Not so: @"}],"data":{"call_control_id":"v3:@"}}'.replace("@", escape)
    command = dial(account, "77")
    with serving(answer("422 Unprocessable Entity", body.encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    command = seen(command)
    assert (command.status, outcomes(command), len(server.requests)) == ("refused", ["refused"], 1)
    assert (command.error, command.error_code) == ("Not so: \ufffd (Telnyx code 9\ufffd)", "9\ufffd")
    assert (command.attempts[0]["code"], command.attempts[0]["call_control_id"]) == ("9\ufffd", "v3:\ufffd")


def test_a_refusal_expires_nothing_but_what_waits_of_its_event(ring: Any, http: Any, neighbour: TelnyxAccount) -> None:
    call = ring()
    http.act(call.call_control_id, "hangup")
    first, forbidden = of_event(call, ("answer", {}), SPEAK)
    CallCommand.objects.filter(pk=forbidden.pk).update(status="expired", error="A limit forbids it.")
    of_another = of_event(make_call(neighbour, "elsewhere"), ("answer", {}), SPEAK)
    sender.send(first.pk)
    assert (seen(first).status, seen(forbidden).error) == ("refused", "A limit forbids it.")
    for command in of_another:
        command.refresh_from_db()
    assert {command.status for command in of_another} == {"queued"}


def test_what_failed_of_another_event_keeps_nothing_back(ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    failed, _ = of_event(call, ("answer", {}), SPEAK)
    CallCommand.objects.filter(event=failed.event).update(status="refused")
    first, second = of_event(call, ("answer", {}), SPEAK)
    for command in (first, second):
        sender.send(command.pk)
    assert (seen(first).status, seen(second).status) == ("ok", "ok")


@pytest.mark.parametrize("action", ["hangup", "reject"])
@pytest.mark.parametrize("lost_before", [False, True])
def test_a_hang_up_of_a_call_that_is_over_has_what_it_wanted(
    ring: Any, http: Any, sandbox: Sandbox, action: str, lost_before: bool
) -> None:
    call = ring()
    http.act(call.call_control_id, "hangup")  # the row does not know it yet
    first, later = of_event(call, (action, {"cause": "CALL_REJECTED"} if action == "reject" else {}), SPEAK)
    if lost_before:
        sandbox.faults.add({"method": "POST", "path": f"/actions/{action}", "fault": "status", "value": 503})
        sender.send(first.pk)
        now_due(first)
    sender.send(first.pk)
    first = seen(first)
    assert (first.status, first.error, first.error_code) == ("ok", "", "")
    assert first.settlement.startswith("The call had already ended")
    assert (first.attempts[-1]["http_status"], first.attempts[-1]["code"]) == (422, "90018")
    assert seen(later).status == "queued"  # Telnyx's to judge


def test_a_dial_carried_out_without_an_answer_makes_one_call(
    sandbox_account: TelnyxAccount, connection_id: str, http: Any, sandbox: Sandbox
) -> None:
    command = dial(sandbox_account, connection_id)
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "act_then_cut"})
    sender.send(command.pk)
    assert seen(command).status == "sending"
    assert not Call.objects.exists()
    now_due(command)
    run_owed()
    assert (seen(command).status, outcomes(command)) == ("ok", ["uncertain", "ok"])
    assert effects(sandbox) == [("dial", "executed"), ("dial", "deduplicated")]
    ((_, control_id),) = sandbox.store.live_calls(connection_id)
    assert Call.objects.get().call_control_id == control_id


def test_silence_is_uncertain_and_asked_again(
    ring: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    command = act(ring())
    patient_key = sandbox_account.api_key
    sandbox.faults.add({"fault": "hang", "value": 2})
    with monkeypatch.context() as impatient:
        impatient.setattr(client, "_TIMEOUT", httpx.Timeout(0.3, connect=2))
        change_key(sandbox_account, "KEY-impatient")  # a client is kept for each key
        sender.send(command.pk)
    change_key(sandbox_account, patient_key)
    waiting = seen(command)
    assert (waiting.status, outcomes(command)) == ("sending", ["uncertain"])
    assert "did not answer in time" in waiting.error
    now_due(command)
    run_owed()
    assert (seen(command).status, seen(command).error) == ("ok", "")
    assert effects(sandbox) == [("answer", "executed")]


def change_key(account: TelnyxAccount, key: str) -> None:
    account.api_key = key
    account.save()


def test_what_takes_no_command_id_gets_one_attempt(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring(), "start_siprec")
    sandbox.faults.add({"fault": "status", "value": 503, "times": None})
    sender.send(command.pk)
    now_due(command)
    run_owed()
    assert (seen(command).status, outcomes(command), len(wire(sandbox))) == ("uncertain", ["uncertain"], 1)


def test_what_takes_no_command_id_is_not_taken_up_after_its_sender_died(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring(), "start_siprec")
    CallCommand.objects.update(status="sending", first_sent_at=ago(3), lease_until=ago(1))
    sender.send(command.pk)
    assert seen(command).status == "uncertain"
    assert "would not recognise a repeat" in seen(command).error
    assert wire(sandbox) == []


def test_an_answer_without_data_is_uncertain(account: TelnyxAccount) -> None:
    with serving(answer("200 OK", b'{"result": "ok"}')) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = act(make_call(account), "start_siprec")
        sender.send(command.pk)
    assert (seen(command).status, seen(command).answer) == ("uncertain", None)


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a\nb", "ü" * 200, "%2e%2e", "a b?c#d", " "])
def test_a_queue_of_any_name_brings_its_command_to_an_end(account: TelnyxAccount, name: str) -> None:
    with serving(answer("200 OK", b'{"data": {"result": "ok"}}')) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        account.refresh_from_db()
        command = queues.act(account, name, "queues.update", {"max_size": 5}, PORTAL)
        sender.send(command.pk)
        asked = len(server.requests)
    assert (seen(command).status, asked) == (("refused", 0) if name in {"..", "."} else ("ok", 1))


def test_what_could_not_be_asked_is_no_probe_that_telnyx_answered(account: TelnyxAccount) -> None:
    waiting = {"state": "open", "next_probe_at": ago(1), "recent": "xxxxx", "why": "silence"}
    AccountBreaker.objects.create(account=account, since=ago(60), **waiting)
    command = queues.act(account, "..", "queues.delete", {}, PORTAL)
    sender.send(command.pk)
    assert (seen(command).status, AccountBreaker.objects.get().state) == ("refused", "half-open")


# --- What is not sent ------------------------------------------------------------------------------------------------


def test_a_call_that_ended_meanwhile_takes_no_command(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    Call.objects.update(state="ended")
    sender.send(command.pk)
    assert (seen(command).status, seen(command).error) == ("expired", "The call has already ended.")
    assert (seen(command).attempts, wire(sandbox)) == ([], [])


@pytest.mark.parametrize("status", ["queued", "sending"])
def test_a_call_that_ended_meanwhile_may_still_be_in_its_queue(account: TelnyxAccount, status: str) -> None:
    call = make_call(account)
    command = queues.act_on_call(account, "support", call.call_control_id, "queues.calls.remove", {}, PORTAL)
    assert command.call == call
    Call.objects.update(state="ended")
    begun = ago(3) if status == "sending" else None
    CallCommand.objects.update(status=status, first_sent_at=begun, lease_until=ago(1))
    with serving(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n") as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
        assert [request.split(b" ")[0] for request in server.requests] == [b"DELETE"]
    assert seen(command).status == "ok"


def test_a_paused_batch_holds_back_nothing_but_its_own_lines(api: Any, account: TelnyxAccount) -> None:
    limit(account, dials_per_minute=None)
    batches.pause(begin(api, 2), PORTAL)
    command, line = act(make_call(account), "hangup"), begin(api, 1).commands.get()
    now_due(line)
    assert set(sender.due(9)) == {command.pk, line.pk}


def test_a_stale_command_is_not_begun(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    CallCommand.objects.update(expires_at=ago(1))
    sender.send(command.pk)
    assert (seen(command).status, seen(command).attempts, wire(sandbox)) == ("expired", [], [])
    assert seen(command).error.startswith("Too late")


def test_an_end_while_it_was_on_the_wire_leaves_it_uncertain(ring: Any, sandbox: Sandbox) -> None:
    command = act(ring())
    Call.objects.update(state="ended")
    CallCommand.objects.update(status="sending", first_sent_at=ago(3), lease_until=ago(1))
    sender.send(command.pk)
    assert (seen(command).status, wire(sandbox)) == ("uncertain", [])
