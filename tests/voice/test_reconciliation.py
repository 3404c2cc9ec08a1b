"""The way out of uncertain: webhooks, Telnyx's record, the call's status, and at last a person."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.commands import made_uncertain
from tests.support.factories import CONNECTION, FROM, TO, make_call, make_event, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rest import api_for
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice import commands, dispatch, reconciliation, tasks
from voice.models import Call, CallCommand, CallEvent

pytestmark = pytest.mark.django_db
OTHER = "+13125550177"


def uncertain(call: Call, action: str, parameters: dict[str, Any] | None = None, **when: float) -> CallCommand:
    return made_uncertain(commands.act(call, action, parameters or {}, PORTAL), **when)


def sent_ok(call: Call, action: str, parameters: dict[str, Any], seconds: float) -> CallCommand:
    command = commands.act(call, action, parameters, PORTAL)
    CallCommand.objects.filter(pk=command.pk).update(status="ok", first_sent_at=ago(seconds), finished_at=ago(seconds))
    return command


def hear(account: TelnyxAccount, event: dict[str, Any]) -> None:
    """A webhook comes in and is processed as a worker does it."""
    assert post_webhook(Client(), account, event).status_code == 200
    tasks.process_event(str(CallEvent.objects.get(event_id=event["data"]["id"]).pk))


def look(command: CallCommand) -> CallCommand:
    """The look that is due is taken."""
    CallCommand.objects.filter(pk=command.pk, lease_until__isnull=False).update(lease_until=ago(1))
    for due in reconciliation.due(99):
        reconciliation.reconcile(due)
    return seen(command)


def seen(command: CallCommand) -> CallCommand:
    return CallCommand.objects.get(pk=command.pk)


SPEAK = {"payload": "Hello", "voice": "female"}
ASK = SPEAK | {"maximum_digits": 1}
CASES: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("answer", {}, "call.answered", {}),
    ("hangup", {}, "call.hangup", {}),
    ("reject", {"cause": "USER_BUSY"}, "call.hangup", {}),
    ("speak", SPEAK, "call.speak.started", {}),
    ("gather", {}, "call.gather.ended", {"digits": "1", "status": "valid"}),
    ("gather_using_speak", ASK, "call.gather.ended", {"digits": "1", "status": "valid"}),
    ("start_playback", {"audio_url": "https://a.example/a.wav"}, "call.playback.started", {}),
    ("stop_playback", {}, "call.playback.ended", {}),
    ("bridge", {"call_control_id": "v3:other"}, "call.bridged", {}),
    ("start_streaming", {"stream_url": "wss://a.example"}, "streaming.failed", {}),
    ("start_forking", {}, "call.fork.started", {}),
    ("enqueue", {"queue_name": "support"}, "call.enqueued", {}),
    ("refer", {"sip_address": "sip:a@b.example"}, "call.refer.started", {}),
]


@pytest.mark.parametrize(("action", "parameters", "event_type", "payload"), CASES)
def test_the_webhook_that_answers_it_settles_it(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], event_type: str, payload: dict[str, Any]
) -> None:
    command = uncertain(make_call(account), action, parameters)
    hear(account, make_event(event_type, -20, **payload))
    command = seen(command)
    assert (command.status, command.is_open_question) == ("ok", False)
    assert command.settlement.startswith(f"Settled from the webhook {event_type}")
    assert command.settled_at is not None


def test_a_webhook_that_came_before_it_was_given_up_settles_it_at_the_first_look(account: TelnyxAccount) -> None:
    call = make_call(account)
    command = commands.act(call, "speak", SPEAK, PORTAL)
    CallCommand.objects.update(first_sent_at=ago(30), status="sending", lease_until=ago(-9))
    hear(account, make_event("call.speak.started", -20))
    assert look(made_uncertain(command)).status == "ok"


@pytest.mark.parametrize(
    ("event_type", "told"),
    [
        ("call.speak.started", {"seconds": -50}),  # before it was sent
        ("call.speak.started", {"leg": "b"}),  # on another call
        ("call.speak.ended", {}),  # the end of an earlier one
        ("call.playback.started", {}),
    ],
)
def test_what_it_did_not_cause_settles_nothing(account: TelnyxAccount, event_type: str, told: dict[str, Any]) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    hear(account, make_event(event_type, **({"seconds": -20} | told)))
    assert seen(command).is_open_question


def test_an_event_heard_before_it_was_sent_settles_nothing(account: TelnyxAccount) -> None:
    call = make_call(account)
    hear(account, make_event("call.speak.started", 0))
    CallEvent.objects.update(received_at=ago(31))
    command = uncertain(call, "speak", SPEAK)
    with telnyx_says(account):
        assert look(command).is_open_question


def test_an_event_with_anothers_client_state_is_not_its_answer(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "speak", SPEAK | {"client_state": "bWluZQ=="})
    hear(account, make_event("call.speak.started", -20, client_state="b3RoZXI="))
    assert seen(command).is_open_question
    hear(account, make_event("call.speak.started", -19, client_state="bWluZQ=="))
    assert seen(command).status == "ok"


def test_an_event_that_answers_another_command_settles_nothing(account: TelnyxAccount) -> None:
    call = make_call(account)
    command = uncertain(call, "speak", SPEAK, sent=30)
    sent_ok(call, "speak", SPEAK, 25)
    hear(account, make_event("call.speak.started", -24))
    assert seen(command).is_open_question
    hear(account, make_event("call.speak.started", -22))
    assert seen(command).status == "ok"


def test_of_two_uncertain_ones_and_one_event_neither_is_settled(account: TelnyxAccount) -> None:
    call = make_call(account)
    both = [uncertain(call, "speak", SPEAK, sent=30), uncertain(call, "speak", SPEAK, sent=28)]
    hear(account, make_event("call.speak.started", -20))
    assert all(seen(one).is_open_question for one in both)
    hear(account, make_event("call.speak.started", -18))
    assert [look(one).status for one in both] == ["ok", "ok"]


def test_of_two_uncertain_ones_the_event_between_them_is_the_firsts(account: TelnyxAccount) -> None:
    call = make_call(account)
    first, second = uncertain(call, "speak", SPEAK, sent=60), uncertain(call, "speak", SPEAK, sent=20)
    hear(account, make_event("call.speak.started", -50))
    assert (seen(first).status, seen(second).status) == ("ok", "uncertain")


def dialled(account: TelnyxAccount, to: str = TO, **when: float) -> CallCommand:
    values = {"connection_id": CONNECTION, "from": FROM, "to": to}
    return made_uncertain(commands.dial(account, values, PORTAL), **when)


def test_the_new_call_settles_a_dial_and_becomes_its_call(account: TelnyxAccount) -> None:
    command = dialled(account)
    hear(account, make_event(seconds=-20, direction="outgoing", to=OTHER))
    hear(account, make_event(seconds=-20, leg="c"))
    assert seen(command).is_open_question
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing"))
    command = seen(command)
    assert (command.status, command.call_control_id) == ("ok", "v3:b-leg")
    assert command.call == Call.objects.get(call_control_id="v3:b-leg")


def test_one_call_does_not_settle_two_dials_to_the_same_number(account: TelnyxAccount) -> None:
    both = [dialled(account, sent=30), dialled(account, sent=29)]
    hear(account, make_event(seconds=-20, direction="outgoing"))
    assert all(seen(one).is_open_question for one in both)


def test_the_new_leg_settles_a_transfer(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "transfer", {"to": OTHER})
    hear(account, make_event(seconds=-20, leg="b", direction="outgoing", to=OTHER))
    assert seen(command).status == "ok"


# --- Telnyx's own record, and the call's status ---------------------------------------------------------------------


def entry(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    at = ago(20).isoformat()
    return {"record_type": "call_event", "type": kind, "name": name, "event_timestamp": at, "metadata": metadata}


def test_telnyxs_record_of_the_command_settles_it(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    record = {"data": [entry("command", "send_dtmf", command_id=str(command.pk))], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record) as telnyx:
        command = look(command)
    assert (command.status, command.settlement[:29]) == ("ok", "Settled from Telnyx's record:")
    assert f"filter[leg_id]={command.call.call_leg_id}".encode() in telnyx.requests[0].replace(b"%5B", b"[").replace(
        b"%5D", b"]"
    )


def test_a_webhook_that_only_telnyx_knows_of_settles_it(account: TelnyxAccount) -> None:
    call = make_call(account)
    command = uncertain(call, "speak", SPEAK)
    event = make_event("call.speak.started", -20)["data"]
    record = {"data": [entry("webhook", "call.speak.started", event=event)], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).status == "ok"


def test_a_dial_is_found_in_the_record_and_its_call_made(account: TelnyxAccount) -> None:
    command = dialled(account)
    event = make_event(seconds=-20, leg="b", direction="outgoing")["data"]
    record = {"data": [entry("webhook", "call.initiated", event=event)], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        command = look(command)
    assert (command.status, command.call_control_id) == ("ok", "v3:b-leg")
    assert Call.objects.get().direction == "outgoing"


def test_a_record_that_has_others_ids_but_not_this_one_says_it_did_not_happen(account: TelnyxAccount) -> None:
    call = make_call(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    command = uncertain(call, "send_dtmf", {"digits": "1"}, sent=90, over=70)
    record = {"data": [entry("command", "send_dtmf", command_id=str(other.pk))], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).status == "expired"
    assert "does not have this command" in seen(command).settlement


def test_a_record_that_tells_no_ids_proves_nothing(account: TelnyxAccount) -> None:
    call = make_call(account)
    sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    command = uncertain(call, "send_dtmf", {"digits": "1"}, sent=90, over=70)
    record = {"data": [entry("command", "send_dtmf")], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).is_open_question


def test_a_fresh_record_may_lag_behind(account: TelnyxAccount) -> None:
    call = make_call(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    command = uncertain(call, "send_dtmf", {"digits": "1"}, sent=20, over=10)
    record = {"data": [entry("command", "send_dtmf", command_id=str(other.pk))], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(command).is_open_question


def test_an_end_in_the_calls_status_settles_a_hangup(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "hangup")
    over = {"data": {"is_alive": False, "end_time": timezone.now().isoformat()}}
    with telnyx_says(account, call_events={"data": []}, calls=over):
        assert look(command).status == "ok"


def test_a_living_call_settles_no_hangup(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "hangup")
    with telnyx_says(account, call_events={"data": []}, calls={"data": {"is_alive": True}}):
        assert look(command).is_open_question


def test_the_client_state_in_the_status_settles_its_update(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "update_client_state", {"client_state": "bWluZQ=="})
    with telnyx_says(account, call_events={"data": []}, calls={"data": {"is_alive": True, "client_state": "bWluZQ=="}}):
        assert look(command).status == "ok"


def test_a_state_that_is_already_set_is_not_sent_again(account: TelnyxAccount) -> None:
    command = commands.act(make_call(account), "update_client_state", {"client_state": "bWluZQ=="}, PORTAL)
    told = {"data": {"is_alive": True, "client_state": "bWluZQ=="}}
    with telnyx_says(account, actions="503 Service Unavailable", calls=told) as telnyx:
        dispatch.send(command.pk)
        CallCommand.objects.update(lease_until=None, first_sent_at=ago(55))  # longer than a command_id would last
        dispatch.send(command.pk)
        assert [line.split(b" ")[0] for line in telnyx.requests] == [b"PUT", b"GET"]
    assert (seen(command).status, seen(command).settlement) == ("ok", "Settled from the call's status at Telnyx.")


def test_a_state_that_is_not_set_yet_is_sent_again(account: TelnyxAccount) -> None:
    command = commands.act(make_call(account), "update_client_state", {"client_state": "bWluZQ=="}, PORTAL)
    answers = iter(["503 Service Unavailable", {"data": {"result": "ok"}}])
    with telnyx_says(account, actions=lambda _: next(answers), calls={"data": {"is_alive": True}}) as telnyx:
        dispatch.send(command.pk)
        CallCommand.objects.update(lease_until=None)
        dispatch.send(command.pk)
        assert len(telnyx.requests) == 3
    assert seen(command).status == "ok"


def test_an_ended_call_at_the_repeat_leaves_the_first_attempt_unknown(account: TelnyxAccount) -> None:
    command = commands.act(make_call(account), "hangup", {}, PORTAL)
    ended = b'{"errors": [{"code": "90018", "title": "Call has already ended"}]}'
    for told in (answer("503 Service Unavailable"), answer("422 Unprocessable Entity", ended)):
        with serving(told) as server:
            TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
            CallCommand.objects.update(lease_until=None)
            dispatch.send(command.pk)
    assert seen(command).is_open_question
    assert "attempt before" in seen(command).error


def test_an_outage_is_looked_at_again_later_and_not_for_ever(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    assert look(command).lease_until is not None
    CallCommand.objects.update(finished_at=ago(901))
    assert look(command).lease_until is None
    assert reconciliation.due(9) == []
    assert reconciliation.needs_a_person(seen(command))


def test_two_at_once_look_once(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    with telnyx_says(account, call_events={"data": []}, calls={"data": {"is_alive": True}}) as telnyx:
        reconciliation.reconcile(command.pk)
        reconciliation.reconcile(command.pk)
        assert len(telnyx.requests) == 1


def test_the_sweep_looks(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    assert reconciliation.due(9) == [command.pk]


# --- Money, and persons ----------------------------------------------------------------------------------------------


PAY = {"payment_connector_id": "1", "charge_amount": "9.95"}


def pay(account: TelnyxAccount) -> CallCommand:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    CallCommand.objects.filter(pk=command.pk).update(action="pay", parameters=PAY)
    return seen(command)


def test_money_is_never_settled_but_by_a_person(account: TelnyxAccount) -> None:
    command = pay(account)
    assert reconciliation.needs_a_person(command)
    assert reconciliation.for_a_person().get() == command
    hear(account, make_event("call.payment.completed", -20))
    with telnyx_says(account, call_events={"data": [entry("command", "pay", command_id=str(command.pk))]}):
        assert look(command).is_open_question


def test_it_is_a_persons_after_fifteen_minutes(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "speak", SPEAK, sent=900, over=870)
    assert list(reconciliation.for_a_person()) == []
    CallCommand.objects.update(finished_at=ago(901))
    assert list(reconciliation.for_a_person()) == [command]


@pytest.mark.parametrize(("verdict", "status"), [("it_happened", "ok"), ("it_did_not", "expired")])
def test_a_person_says_what_became_of_it(account: TelnyxAccount, api: Any, verdict: str, status: str) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    told = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": verdict}, format="json")
    assert (told.status_code, told.json()["status"]) == (200, status)
    assert told.json()["settlement"].startswith("Settled by token: tests")
    assert AuditEvent.objects.get(action="command.settle").details == {"verdict": verdict}
    again = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": verdict}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "not_uncertain")


def test_sent_again_it_is_a_new_command_under_a_new_id(account: TelnyxAccount, api: Any) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    told = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    made = CallCommand.objects.get(pk=told.json()["id"])
    assert (told.status_code, told["Location"]) == (202, f"/api/v1/commands/{made.pk}/")
    assert (made.pk != command.pk, made.status, made.repeats, made.parameters) == (True, "queued", command, SPEAK)
    old = seen(command)
    assert (old.status, old.is_open_question) == ("uncertain", False)
    assert str(made.pk) in old.settlement
    api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    assert CallCommand.objects.count() == 2


def test_only_who_may_do_it_may_decide_it(account: TelnyxAccount, user_with: Any) -> None:
    command = dialled(account)
    url, body = f"/api/v1/commands/{command.pk}/settle/", {"verdict": "it_did_not"}
    controls = api_for(user_with("voice.view_callcommand", "voice.control_call", username="controls"))
    assert controls.post(url, body, format="json").status_code == 403
    dials = api_for(user_with("voice.view_callcommand", "voice.dial", username="dials"))
    assert dials.post(url, {"verdict": "perhaps"}, format="json").status_code == 400
    assert seen(command).is_open_question
    assert dials.post(url, body, format="json").status_code == 200


def test_in_the_browser_there_are_three_buttons(account: TelnyxAccount, signed_in: Any) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    page = f"/admin/voice/callcommand/{command.pk}/change/"
    looks = signed_in("voice.view_callcommand", username="looks")
    assert "Did it happen?" not in looks.get(page).content.decode()
    url = f"/admin/voice/callcommand/{command.pk}/settle/"
    assert looks.post(url, {"verdict": "it_happened"}).status_code == 403
    controls = signed_in("voice.view_callcommand", "voice.control_call", username="controls")
    seen_page = controls.get(page).content.decode()
    assert all(name in seen_page for name in reconciliation.VERDICTS)
    assert controls.post(url, {"verdict": "perhaps"}).status_code == 404
    assert controls.post(url, {"verdict": "it_happened"}).status_code == 302
    assert seen(command).status == "ok"
    assert "Settled by user: controls" in controls.get(page).content.decode()


def test_sent_again_from_the_browser_leads_to_the_new_command(account: TelnyxAccount, browser: Client) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    told = browser.post(f"/admin/voice/callcommand/{command.pk}/settle/", {"verdict": "send_again"})
    made = CallCommand.objects.exclude(pk=command.pk).get()
    assert told["Location"] == f"/admin/voice/callcommand/{made.pk}/change/"


# --- The whole way ---------------------------------------------------------------------------------------------------


def test_a_dial_answered_503_503_200_makes_one_call(
    sandbox_account: TelnyxAccount, connection_id: str, http: Any, sandbox: Any
) -> None:
    values = {"connection_id": connection_id, "from": "+13125550100", "to": "+13125550001"}
    command = commands.dial(sandbox_account, values, PORTAL)
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "status", "value": 503, "times": 2})
    for _ in range(3):
        CallCommand.objects.update(lease_until=None)
        run_owed()
    command = seen(command)
    assert [(one["http_status"], one["outcome"]) for one in command.attempts] == [
        (503, "uncertain"),
        (503, "uncertain"),
        (200, "ok"),
    ]
    assert len(sandbox.store.live_calls(connection_id)) == 1
    assert Call.objects.get() == command.call


def test_a_dial_that_acted_and_was_never_heard_of_is_settled_by_its_webhook(
    sandbox_account: TelnyxAccount, account: TelnyxAccount, connection_id: str, http: Any, sandbox: Any
) -> None:
    sandbox_account.public_key = account.public_key
    sandbox_account.save()
    values = {"connection_id": connection_id, "from": "+13125550100", "to": "+13125550001"}
    command = commands.dial(sandbox_account, values, PORTAL)
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "act_then_cut"})
    dispatch.send(command.pk)
    CallCommand.objects.update(lease_until=None, first_sent_at=ago(51))
    dispatch.send(command.pk)
    assert seen(command).is_open_question
    ((_, control_id),) = sandbox.store.live_calls(connection_id)
    told = {"call_control_id": control_id, "connection_id": connection_id, "direction": "outgoing"}
    numbers = {"from": "+13125550100", "to": "+13125550001"}
    hear(sandbox_account, make_event(seconds=-50, **told, **numbers))
    command = seen(command)
    assert (command.status, command.call) == ("ok", Call.objects.get(call_control_id=control_id))


def test_a_command_without_a_webhook_is_found_in_the_sandboxs_record(
    ring: Any, sandbox_account: TelnyxAccount, sandbox: Any
) -> None:
    call = ring()
    leg = sandbox.store.call(call.call_control_id).call_leg_id
    Call.objects.update(call_leg_id=leg)
    answered = commands.act(call, "answer", {}, PORTAL)
    dispatch.send(answered.pk)
    command = commands.act(Call.objects.get(), "send_dtmf", {"digits": "1"}, PORTAL)
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "act_then_cut"})
    dispatch.send(command.pk)
    CallCommand.objects.filter(pk=command.pk).update(lease_until=None, first_sent_at=ago(51))
    dispatch.send(command.pk)
    assert seen(command).is_open_question
    assert look(command).settlement.startswith("Settled from Telnyx's record")
