"""Uncertain commands, settled by Telnyx's own record and the status of the call."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.commands import made_uncertain, seen
from tests.support.conferences import ROOM, make_room
from tests.support.factories import CONNECTION, make_call, make_event
from tests.support.http_servers import answer, serving
from tests.support.reconciliation import awaits_the_next_look, dialled, entry, hear, look, sent_ok, uncertain
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.commands import outbox
from voice.dispatch import reconciliation, sender

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
SPEAK = {"payload": "Hello", "voice": "female"}
LEG = ("call_control_id", "call_leg_id")


def test_telnyxs_record_of_the_command_settles_it(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    record = {"data": [entry("command", "send_dtmf", command_id=str(command.pk))], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record) as telnyx:
        command = look(command)
    assert (command.status, command.settlement[:29]) == ("ok", "Settled from Telnyx's record:")
    assert f"filter[leg_id]={command.call.call_leg_id}".encode() in telnyx.requests[0].replace(b"%5B", b"[").replace(
        b"%5D", b"]"
    )


@pytest.mark.parametrize(("kind", "status"), [("command", "ok"), ("webhook", "uncertain")])
def test_only_a_command_of_the_record_tells_by_its_id_however_that_is_written(
    account: TelnyxAccount, kind: str, status: str
) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    line = entry(kind, "send_dtmf", command_id=str(command.pk).upper())
    with telnyx_says(account, call_events={"data": [line], "meta": {"total_pages": 1}}):
        assert look(command).status == status


def test_the_id_of_a_command_is_found_wherever_its_entry_has_it(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    line = entry("command", "send_dtmf", requests=[{"command_id": str(command.pk)}])
    with telnyx_says(account, call_events={"data": [line], "meta": {"total_pages": 1}}):
        assert look(command).status == "ok"


def test_a_dial_is_looked_for_in_the_record_of_its_application(account: TelnyxAccount) -> None:
    command = dialled(account)
    with telnyx_says(account, call_events={"data": []}) as telnyx:
        assert look(command).is_open_question
    assert f"filter[connection_id]={CONNECTION}" in unquote(telnyx.requests[0].decode())


def test_a_call_whose_command_the_record_has_stays_as_it_was(account: TelnyxAccount) -> None:
    call = make_call(account)
    before = Call.objects.values().get()
    command = uncertain(call, "send_dtmf", {"digits": "1"})
    line = entry("command", "send_dtmf", command_id=str(command.pk)) | {"call_leg_id": call.call_leg_id}
    with telnyx_says(account, call_events={"data": [line], "meta": {"total_pages": 1}}):
        assert look(command).status == "ok"
    assert Call.objects.values().get() == before


@pytest.mark.parametrize(
    ("settled_by", "status"),
    [("its entry", "ok"), ("its refusal", "refused"), ("its webhook", "ok"), ("another's entry", "expired")],
)
def test_where_the_record_settles_a_hangup_the_calls_status_is_not_asked_for(
    account: TelnyxAccount, settled_by: str, status: str
) -> None:
    call = make_call(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    command = uncertain(call, "hangup", sent=90, over=70)
    lines = {
        "its entry": entry("command", "hangup", command_id=str(command.pk)),
        "its refusal": entry("command", "hangup", command_id=str(command.pk), status="failed"),
        "its webhook": entry("webhook", "call.hangup", event=make_event("call.hangup", -80)["data"]),
        "another's entry": entry("command", "send_dtmf", command_id=str(other.pk)),
    }
    record = {"data": [lines[settled_by]], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record, calls={"data": {"is_alive": True}}) as telnyx:
        assert look(command).status == status
        assert len(telnyx.requests) == 1


@pytest.mark.parametrize(
    "left_out",  # the entry names them as well, and the leg's id stands for the call's
    [(), *((name,) for name in ("event_type", "occurred_at", *LEG)), LEG],
)
def test_a_webhook_that_only_telnyx_knows_of_settles_it(account: TelnyxAccount, left_out: tuple[str, ...]) -> None:
    call = make_call(account)
    command = uncertain(call, "speak", SPEAK)
    event = make_event("call.speak.started", -20)["data"]
    for name in left_out:
        event.pop(name, None)
        event["payload"].pop(name, None)
    line = entry("webhook", "call.speak.started", event=event)
    line |= {"call_leg_id": call.call_leg_id} if left_out == LEG else {}
    record = {"data": [line], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).status == "ok"


def test_a_webhook_of_before_the_command_does_not_settle_it_however_late_its_entry_is(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "speak", SPEAK, sent=40)
    line = entry("webhook", "call.speak.started", event=make_event("call.speak.started", -50)["data"])
    with telnyx_says(account, call_events={"data": [line], "meta": {"total_pages": 1}}):
        assert look(command).is_open_question


@pytest.mark.parametrize("lacking", ["payload", "occurred_at"])
def test_a_webhook_of_the_record_that_cannot_be_read_is_passed_over(account: TelnyxAccount, lacking: str) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    event = make_event("call.speak.started", -20)["data"]
    broken = entry("webhook", "call.speak.started", event=event | {"id": "broken", lacking: None})
    lines = [broken | {"event_timestamp": None}]
    with telnyx_says(account, call_events={"data": lines, "meta": {"total_pages": 1}}):
        assert look(command).is_open_question
        lines.append(entry("webhook", "call.speak.started", event=event))
        assert look(command).status == "ok"


def test_a_dial_is_found_in_the_record_and_its_call_made(account: TelnyxAccount) -> None:
    command = dialled(account)
    event = make_event(seconds=-20, leg="b", direction="outgoing")["data"]
    record = {"data": [entry("webhook", "call.initiated", event=event)], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record) as telnyx:
        command = look(command)
    assert (command.status, command.call_control_id) == ("ok", "v3:b-leg")
    assert command.first_sent_at is not None
    since = (command.first_sent_at - timedelta(seconds=5)).isoformat()
    assert f"filter[occurred_at][gte]={since}" in unquote(telnyx.requests[0].decode())
    assert Call.objects.get().direction == "outgoing"


def test_a_record_that_has_others_ids_but_not_this_one_says_it_did_not_happen(account: TelnyxAccount) -> None:
    call = make_call(account)
    other, _ = (sent_ok(call, "send_dtmf", {"digits": digit}, 100) for digit in "23")  # of several one is enough
    command = uncertain(call, "send_dtmf", {"digits": "1"}, sent=90, over=70)
    lines = [entry("command", "send_dtmf", command_id=str(other.pk)), entry("webhook", "call.dtmf.received")]
    record = {"data": lines, "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).status == "expired"
    assert "does not have this command" in seen(command).settlement


def test_a_command_that_has_no_id_may_have_happened_though_the_record_does_not_have_it(account: TelnyxAccount) -> None:
    call = make_call(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    command = uncertain(call, "switch_supervisor_role", {"role": "monitor"}, sent=90, over=70)
    record = {"data": [entry("command", "send_dtmf", command_id=str(other.pk))], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).is_open_question


def test_what_was_sent_to_a_conference_may_have_happened_though_the_legs_record_does_not_have_it(
    account: TelnyxAccount,
) -> None:
    call, room = make_call(account), make_room(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    named = {"call_control_id": call.call_control_id}
    command = outbox.place(account, "conferences.join", named, PORTAL, path=[ROOM], conference=room)
    assert command.call == call
    record = {"data": [entry("command", "send_dtmf", command_id=str(other.pk))], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(made_uncertain(command, sent=90, over=70)).is_open_question


def test_a_record_that_tells_no_ids_proves_nothing(account: TelnyxAccount) -> None:
    call = make_call(account)
    sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    command = uncertain(call, "send_dtmf", {"digits": "1"}, sent=90, over=70)
    record = {"data": [entry("command", "send_dtmf")], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).is_open_question


@pytest.mark.parametrize("status", ["refused", "uncertain"])
def test_only_the_id_of_one_that_was_carried_out_says_that_the_record_tells_ids(
    account: TelnyxAccount, status: str
) -> None:
    call = make_call(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    CallCommand.objects.filter(pk=other.pk).update(status=status)  # of an uncertain one no look is due
    command = uncertain(call, "send_dtmf", {"digits": "1"}, sent=90, over=70)
    record = {"data": [entry("command", "send_dtmf", command_id=str(other.pk))], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).is_open_question


def test_a_record_that_was_not_read_whole_proves_nothing_by_what_it_lacks(account: TelnyxAccount) -> None:
    call = make_call(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    command = uncertain(call, "send_dtmf", {"digits": "1"}, sent=90, over=70)
    lines = [entry("command", "send_dtmf", command_id=str(other.pk))] * 250
    with telnyx_says(account, call_events={"data": lines, "meta": {"total_pages": 9}}):
        assert look(command).is_open_question


def test_of_a_leg_whose_id_is_not_known_the_record_is_not_asked(account: TelnyxAccount) -> None:
    """It would tell of every leg."""
    command = uncertain(make_call(account, call_leg_id=""), "hangup")
    with telnyx_says(account, call_events={"data": []}, calls={"data": {"is_alive": True}}) as telnyx:
        assert look(command).is_open_question
        assert [b"/call_events" in request for request in telnyx.requests] == [False]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_dial_that_the_record_has_is_the_call_of_the_leg_that_it_names(
    account: TelnyxAccount, is_known: bool
) -> None:
    make_call(make_account("elsewhere"), "b", call_control_id="v3:elsewhere")
    mine = make_call(account, "b", direction="outgoing") if is_known else None
    command, leg = dialled(account), make_event(leg="b")["data"]["payload"]["call_leg_id"]
    line = entry("command", "dial", command_id=str(command.pk)) | {"call_leg_id": leg}
    with telnyx_says(account, call_events={"data": [line], "meta": {"total_pages": 1}}):
        command = look(command)
    assert (command.status, command.settlement) == ("ok", "Settled from Telnyx's record: it has the command dial.")
    assert (command.call, Call.objects.filter(account=account).count()) == (mine, int(is_known))


def test_a_fresh_record_may_lag_behind(account: TelnyxAccount) -> None:
    call = make_call(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    command = uncertain(call, "send_dtmf", {"digits": "1"}, sent=20, over=10)
    record = {"data": [entry("command", "send_dtmf", command_id=str(other.pk))], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).is_open_question


OVER = {"data": {"is_alive": False, "end_time": "2026-01-02T03:04:05Z"}}


@pytest.mark.parametrize(
    ("action", "parameters", "told", "is_proof"),
    [
        ("hangup", {}, OVER, True),
        ("reject", {"cause": "USER_BUSY"}, OVER, True),
        ("speak", SPEAK, OVER, False),
        ("hangup", {}, {"data": {"is_alive": False, "end_time": None}}, False),
        ("hangup", {}, {"data": {"is_alive": True, "end_time": OVER["data"]["end_time"]}}, False),
        ("hangup", {}, "404 Not Found", False),  # it may be too old, or not this account's
    ],
)
def test_an_end_in_the_calls_status_settles_a_hangup(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], told: Any, is_proof: bool
) -> None:
    command = uncertain(make_call(account), action, parameters)
    with telnyx_says(account, call_events={"data": []}, calls=told):
        command = look(command)
    assert (command.status == "ok") is is_proof, command.settlement
    assert is_proof or awaits_the_next_look(command)


def test_a_living_call_settles_no_hangup(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "hangup")
    with telnyx_says(account, call_events={"data": []}, calls={"data": {"is_alive": True}}):
        command = look(command)
    assert command.is_open_question
    assert awaits_the_next_look(command)


def test_the_client_state_in_the_status_settles_its_update(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "update_client_state", {"client_state": "bWluZQ=="})
    with telnyx_says(account, call_events={"data": []}, calls={"data": {"is_alive": True, "client_state": "bWluZQ=="}}):
        assert look(command).status == "ok"


def test_a_state_that_is_already_set_is_not_sent_again(account: TelnyxAccount) -> None:
    command = outbox.act(make_call(account), "update_client_state", {"client_state": "bWluZQ=="}, PORTAL)
    told = {"data": {"is_alive": True, "client_state": "bWluZQ=="}}
    with telnyx_says(account, actions="503 Service Unavailable", calls=told) as telnyx:
        sender.send(command.pk)
        CallCommand.objects.update(lease_until=None, first_sent_at=ago(55))  # longer than a command_id would last
        sender.send(command.pk)
        assert [line.split(b" ")[0] for line in telnyx.requests] == [b"PUT", b"GET"]
    command = seen(command)
    assert (command.status, command.settlement) == ("ok", "Settled from the call's status at Telnyx.")
    assert command.settled_at == command.finished_at is not None


def test_a_state_that_is_not_set_yet_is_sent_again(account: TelnyxAccount) -> None:
    command = outbox.act(make_call(account), "update_client_state", {"client_state": "bWluZQ=="}, PORTAL)
    answers = iter(["503 Service Unavailable", {"data": {"result": "ok"}}])
    with telnyx_says(account, actions=lambda _: next(answers), calls={"data": {"is_alive": True}}) as telnyx:
        sender.send(command.pk)
        CallCommand.objects.update(lease_until=None)
        sender.send(command.pk)
        assert len(telnyx.requests) == 3
    assert seen(command).status == "ok"


def test_the_role_of_a_supervisor_is_set_again_however_late(account: TelnyxAccount) -> None:
    command = outbox.act(make_call(account), "switch_supervisor_role", {"role": "monitor"}, PORTAL)
    answers = iter(["503 Service Unavailable", {"data": {"result": "ok"}}])
    with telnyx_says(account, actions=lambda _: next(answers)) as telnyx:
        sender.send(command.pk)
        CallCommand.objects.update(lease_until=None, first_sent_at=ago(55))  # longer than a command_id would last
        sender.send(command.pk)
        assert len(telnyx.requests) == 2  # there is nothing at Telnyx to read it from
    assert seen(command).status == "ok"


def test_an_ended_call_at_the_repeat_leaves_the_first_attempt_unknown(account: TelnyxAccount) -> None:
    command = outbox.act(make_call(account), "speak", SPEAK, PORTAL)
    ended = b'{"errors": [{"code": "90018", "title": "Call has already ended"}]}'
    for told in (answer("503 Service Unavailable"), answer("422 Unprocessable Entity", ended)):
        with serving(told) as server:
            TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
            CallCommand.objects.update(lease_until=None)
            sender.send(command.pk)
    assert seen(command).is_open_question
    assert "attempt before" in seen(command).error


def test_a_refusal_after_a_sender_died_leaves_its_attempt_unknown(account: TelnyxAccount) -> None:
    command = outbox.act(make_call(account), "speak", SPEAK, PORTAL)
    on_the_wire = {"at": ago(3).isoformat(), "http_status": None, "ms": None, "code": None}
    told = {"status": "sending", "first_sent_at": ago(3), "attempts": [on_the_wire], "lease_until": ago(1)}
    CallCommand.objects.update(**told)
    with serving(answer("422 Unprocessable Entity", b'{"errors": [{"code": "90034"}]}')) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    assert seen(command).is_open_question
    assert "attempt before" in seen(command).error


def test_an_outage_is_looked_at_again_later_and_not_for_ever(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    assert look(command).lease_until is not None
    CallCommand.objects.update(finished_at=ago(901))
    assert look(command).lease_until is None
    assert reconciliation.due(9) == []
    assert reconciliation.needs_a_person(seen(command))


def test_a_slow_clock_of_the_web_server_lets_no_other_command_out(account: TelnyxAccount) -> None:
    call = make_call(account)
    lost = uncertain(call, "speak", SPEAK, sent=60, over=30)
    sent_ok(call, "speak", SPEAK, 2)
    hear(account, make_event("call.speak.started", -1))
    CallEvent.objects.filter(event_type="call.speak.started").update(received_at=ago(40))
    assert look(lost).is_open_question, seen(lost).settlement


def test_two_at_once_look_once(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    with telnyx_says(account, call_events={"data": []}, calls={"data": {"is_alive": True}}) as telnyx:
        reconciliation.reconcile(command.pk)
        reconciliation.reconcile(command.pk)
        assert len(telnyx.requests) == 1


def test_the_sweep_looks(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    assert reconciliation.due(9) == [command.pk]


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"status": "failed"}, "Telnyx refused it."),
        ({"errors": [{"code": 10010, "detail": "Not allowed"}]}, "Telnyx refused it (10010)."),
        ({"telnyx_error": {"error_code": "D13"}, "errors": [{"code": 10010}]}, "Telnyx refused it (D13)."),
    ],
)
def test_a_command_that_the_record_has_as_refused_was_not_carried_out(
    account: TelnyxAccount, metadata: dict[str, Any], words: str
) -> None:
    command = dialled(account)
    line = entry("command", "dial", command_id=str(command.pk), **metadata)
    with telnyx_says(account, call_events={"data": [line], "meta": {"total_pages": 1}}):
        command = look(command)
    assert (command.status, command.settlement) == ("refused", f"Settled from Telnyx's record: {words}")
    assert not Call.objects.exists()


@pytest.mark.parametrize("first", ["failed", "success"])
def test_of_several_attempts_in_the_record_one_that_was_carried_out_counts(account: TelnyxAccount, first: str) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    both = [first, "success" if first == "failed" else "failed"]
    lines = [entry("command", "send_dtmf", command_id=str(command.pk), status=status) for status in both]
    with telnyx_says(account, call_events={"data": lines, "meta": {"total_pages": 1}}):
        assert look(command).status == "ok"
