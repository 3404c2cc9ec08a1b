"""The call that an accepted dial makes."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import act, dial, seen
from tests.support.factories import make_call, make_event, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.texml import form
from tests.support.times import ago
from tests.support.webhooks import post_texml, post_webhook
from voice.dispatch import sender
from voice.events import processing
from voice.texml import calls

pytestmark = pytest.mark.django_db
TEXML = {"From": "+13125550100", "To": "+13125550001"}
STARTED = datetime.now(UTC) - timedelta(minutes=1)


def texml_dial(account: TelnyxAccount) -> CallCommand:
    return calls.dial(account, TEXML | {"connection_id": "77"}, PORTAL)


def hear_of(call: dict[str, Any], account: TelnyxAccount) -> None:
    """The webhook that tells of a dialled call, taken in and processed."""
    event = make_event(**call, direction="outgoing", state="bridging", start_time=STARTED.isoformat())
    assert post_webhook(Client(), account, event).status_code == 200
    processing.process(CallEvent.objects.get(event_id=event["data"]["id"]).pk)


def hear_callback(account: TelnyxAccount, callback: bytes) -> None:
    assert post_texml(Client(), account, callback).status_code == 200
    for event_id in processing.due(9):
        processing.process(event_id)


def test_an_accepted_dial_makes_the_call(sandbox_account: TelnyxAccount, connection_id: str, http: Any) -> None:
    command = dial(sandbox_account, connection_id)
    sender.send(command.pk)
    call, command = Call.objects.get(), seen(command)
    assert (call.state, call.direction, call.from_number, call.to_number) == (
        "initiated",
        "outgoing",
        "+13125550100",
        "+13125550001",
    )
    assert (call.connection_id, call.to_reversed, call.ended_at) == (connection_id, "10005552131+", None)
    assert call.call_session_id
    assert (command.call, command.call_control_id) == (call, call.call_control_id)


@pytest.mark.parametrize("length", [64, 65])
def test_parties_and_ids_longer_than_their_columns_cost_an_accepted_dial_nothing(
    account: TelnyxAccount, length: int
) -> None:
    address, long_id = f"sip:{'x' * 300}@example.com", "9" * length
    kept = long_id if length == 64 else ""  # a part is no id
    made = {"call_control_id": "v3:dialled", "call_leg_id": long_id, "call_session_id": long_id}
    with serving(answer("200 OK", json.dumps({"data": made}).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = dial(account, "77", address)
        sender.send(command.pk)
    call = Call.objects.get()
    assert (seen(command).status, seen(command).call, len(seen(command).attempts)) == ("ok", call, 1)
    assert (call.to_number, call.to_reversed) == (address[:255], address[:255][::-1])
    assert (call.call_leg_id, call.call_session_id, call.connection_id) == (kept, kept, "77")


def test_a_dialled_call_began_when_its_dial_was_sent_first(account: TelnyxAccount) -> None:
    command, tried = dial(account, "77"), [{"at": ago(9).isoformat(), "outcome": "uncertain"}]
    told = {"status": "sending", "first_sent_at": ago(9), "lease_until": ago(1), "attempts": tried}
    CallCommand.objects.filter(pk=command.pk).update(**told)
    made = {"call_control_id": "v3:dialled"}
    with serving(answer("200 OK", json.dumps({"data": made}).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    command = seen(command)
    assert (command.status, command.answer) == ("ok", made)
    assert Call.objects.get().started_at == command.first_sent_at == told["first_sent_at"]


def test_a_dialled_call_is_its_own_accounts_whoever_has_another_one(account: TelnyxAccount) -> None:
    make_call(account, "b")
    made = {"call_control_id": "v3:a-leg"}  # as the neighbour has one
    with serving(answer("200 OK", json.dumps({"data": made}).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = dial(account, "77")
        sender.send(command.pk)
    call = Call.objects.get(call_control_id="v3:a-leg")
    assert (call.account, call.state, seen(command).call) == (account, "initiated", call)


def test_a_refused_dial_makes_no_call(sandbox_account: TelnyxAccount, http: Any) -> None:
    command = dial(sandbox_account, "1")
    sender.send(command.pk)
    assert seen(command).status == "refused"
    assert not Call.objects.exists()


@pytest.mark.parametrize("webhook_first", [True, False])
def test_the_webhook_of_a_dialled_call_may_come_before_or_after_its_answer(
    account: TelnyxAccount, webhook_first: bool
) -> None:
    call = {"call_control_id": "v3:dialled", "call_leg_id": str(uuid.uuid4()), "call_session_id": str(uuid.uuid4())}
    data = call | {"record_type": "call", "is_alive": False, "end_time": "2026-01-02T03:04:06Z", "client_state": None}
    numbers = {"from": "+13125550100", "to": "+13125550001", "connection_id": "77"}
    if webhook_first:
        hear_of(call | numbers, account)
    with serving(answer("200 OK", json.dumps({"data": data}).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = dial(account, "77")
        sender.send(command.pk)
    if not webhook_first:
        hear_of(call | numbers, account)
    row = Call.objects.get()
    assert seen(command).call == row
    assert (row.state, row.direction, row.connection_id) == ("initiated", "outgoing", "77")
    assert (row.from_number, row.to_number, row.call_leg_id) == ("+13125550100", "+13125550001", call["call_leg_id"])
    assert row.started_at == STARTED
    assert row.ended_at is None


@pytest.mark.parametrize(("event_type", "state"), [("call.hangup", "ended"), ("call.answered", "answered")])
def test_what_was_heard_before_the_dials_answer_stays(account: TelnyxAccount, event_type: str, state: str) -> None:
    call = {"call_control_id": "v3:dialled", "call_leg_id": str(uuid.uuid4()), "call_session_id": str(uuid.uuid4())}
    event = make_event(event_type, **call)
    assert post_webhook(Client(), account, event).status_code == 200
    run_owed()
    with serving(answer("200 OK", json.dumps({"data": call}).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(dial(account, "77").pk)
    assert (Call.objects.get().state, Call.objects.get().direction) == (state, "outgoing")


@pytest.mark.parametrize(
    ("named", "is_call"),
    [(None, False), (7, False), ("", False), ("v" * 512, True), ("v" * 513, False)],
)
def test_a_dial_whose_answer_names_no_call_is_accepted_all_the_same(
    account: TelnyxAccount, named: Any, is_call: bool
) -> None:
    with serving(answer("200 OK", json.dumps({"data": {"call_control_id": named}}).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = dial(account, "77")
        sender.send(command.pk)
    command = seen(command)
    assert (command.status, command.call is not None, Call.objects.exists()) == ("ok", is_call, is_call)
    assert command.call_control_id == (named if is_call else "")


@pytest.mark.parametrize("data", [{"call_control_id": "v3:nowhere"}, {"call_control_id": 7}, ["v3:nowhere"], None])
def test_the_call_that_a_refusal_names_is_evidence_and_no_call(account: TelnyxAccount, data: Any) -> None:
    body = {"errors": [{"code": 10010, "detail": "Not allowed D13"}], "data": data}
    with serving(answer("403 Forbidden", json.dumps(body).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = dial(account, "77")
        sender.send(command.pk)
    command = seen(command)
    assert (command.status, command.call, command.call_control_id) == ("refused", None, "")
    assert not Call.objects.exists()
    named = command.attempts[0].get("call_control_id")
    assert named == ("v3:nowhere" if data == {"call_control_id": "v3:nowhere"} else None)


@pytest.mark.parametrize(
    "body", [b"<html>No</html>", b'["v3:nowhere"]', b'{"data": {"call_control_id": "%s"}}' % (b"v" * 513)]
)
def test_a_refusal_that_names_no_call_is_final_as_any_other(account: TelnyxAccount, body: bytes) -> None:
    with serving(answer("403 Forbidden", body)) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = dial(account, "77")
        sender.send(command.pk)
    command = seen(command)
    assert (command.status, "call_control_id" in command.attempts[0]) == ("refused", False)


@pytest.mark.parametrize("named", [{"call_sid": "v3:nowhere"}, {"data": {"call_control_id": "v3:nowhere"}}])
def test_the_call_that_a_refusal_of_a_texml_dial_names_is_evidence_and_no_call(
    account: TelnyxAccount, named: dict[str, Any]
) -> None:
    body = {"errors": [{"code": "10010", "detail": "Not allowed D13"}], **named}
    with serving(answer("403 Forbidden", json.dumps(body).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = texml_dial(account)
        sender.send(command.pk)
    assert (seen(command).status, seen(command).attempts[0]["call_control_id"]) == ("refused", "v3:nowhere")
    assert not Call.objects.exists()


def test_an_accepted_texml_dial_makes_a_texml_call(account: TelnyxAccount) -> None:
    with serving(answer("200 OK", b'{"call_sid": "v3:dialled", "status": "queued"}')) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(texml_dial(account).pk)
    call = Call.objects.get()
    assert (call.call_control_id, call.direction, call.state) == ("v3:dialled", "outgoing", "initiated")
    assert (call.is_texml, call.connection_id) == (True, "77")


@pytest.mark.parametrize("callback_first", [True, False])
def test_whom_a_callback_names_outweighs_whom_the_dial_asked_for(account: TelnyxAccount, callback_first: bool) -> None:
    """Also one without a time, which weighs least of all events."""
    fetched = form(CallSid="v3:dialled", CallStatus="in-progress", ApiVersion="v2", From="+13125550177")
    with serving(answer("200 OK", b'{"call_sid": "v3:dialled", "status": "queued"}')) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        steps = [partial(sender.send, texml_dial(account).pk), partial(hear_callback, account, fetched)]
        for step in reversed(steps) if callback_first else steps:
            step()
    call = Call.objects.get()
    assert (call.from_number, call.direction, call.call_control_id) == ("+13125550177", "outgoing", "v3:dialled")


def test_what_telnyx_refuses_of_other_commands_names_no_call(account: TelnyxAccount) -> None:
    body = {"errors": [{"code": "90034", "detail": "no"}], "data": {"call_control_id": "v3:a-leg"}}
    with serving(answer("422 Unprocessable Entity", json.dumps(body).encode())) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = act(make_call(account))
        sender.send(command.pk)
    assert "call_control_id" not in seen(command).attempts[0]


def test_an_id_may_have_one_character(account: TelnyxAccount) -> None:
    made = {"call_control_id": "v", "call_leg_id": "l", "call_session_id": "s"}
    body = {"errors": [{"code": "10010", "detail": "Not allowed D13"}], "data": {"call_control_id": "n"}}
    told = (answer("200 OK", json.dumps({"data": made}).encode()), answer("403 Forbidden", json.dumps(body).encode()))
    commands = [dial(account, "77") for _ in told]
    for command, said in zip(commands, told, strict=True):
        with serving(said) as server:
            TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
            sender.send(command.pk)
    call = Call.objects.get()
    assert {name: getattr(call, name) for name in made} == made
    assert [seen(command).status for command in commands] == ["ok", "refused"]
    assert seen(commands[1]).attempts[0]["call_control_id"] == "n"
