"""Senders that sleep, refusals after silence, hang-ups behind a resend, ways round the limits."""

import itertools
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from portal import sql
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.errors import TelnyxRefused, TelnyxUnavailable, TelnyxUncertain
from portal.times import uptime
from tests.support.accounts import make_account
from tests.support.batches import begin
from tests.support.commands import act, dial, now_due, outcomes, seen
from tests.support.factories import CONNECTION, make_call, make_flow
from tests.support.http_servers import answer, serving
from tests.support.rest import api_for, problem
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.commands import outbox
from voice.dialling import batches
from voice.dispatch import circuit_breaker, reconciliation, sender
from voice.events import processing

pytestmark = pytest.mark.django_db
YES = answer("200 OK", b'{"data": {"result": "ok"}}')


def test_a_hang_up_passes_an_answer_that_waits_for_its_resend(ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    sandbox.faults.add({"fault": "status", "value": 503, "path": "/v2/calls", "times": 1})
    answered = act(call)
    sender.send(answered.pk)
    assert (seen(answered).status, outcomes(answered)) == ("sending", ["uncertain"])
    hung_up = act(call, "hangup")
    sender.send(hung_up.pk)
    assert seen(hung_up).status == "ok"


def test_a_refusal_after_silence_does_not_undo_the_silence() -> None:
    no = answer("422 Unprocessable Entity", b'{"errors":[{"code":"90010","title":"channel limit"}]}')
    with serving(answer("503 Service Unavailable", b"{}")) as silent, serving(no) as refusing:
        command = dial(make_account("wired", f"{silent.url}/v2"), "1")
        sender.send(command.pk)
        now_due(command)
        TelnyxAccount.objects.update(base_url=f"{refusing.url}/v2")
        sender.send(command.pk)
    assert outcomes(command) == ["uncertain", "refused"]
    assert seen(command).status == "uncertain"


def test_a_sender_that_slept_overwrites_nothing() -> None:
    with serving(YES) as listener:
        command = act(make_call(make_account("wired", f"{listener.url}/v2")))
        sleeper = sender._claim(command.pk)
        assert sleeper is not None
        CallCommand.objects.filter(pk=command.pk).update(lease_until=ago(1))
        sender.send(command.pk)
        sender._settle(sleeper, sender._Outcome(error=TelnyxUncertain("late")))
    done = seen(command)
    assert (done.status, done.finished_at is None, len(done.attempts)) == ("ok", False, 2)


def test_nor_while_another_one_has_it() -> None:
    command = act(make_call(make_account()))
    sleeper = sender._claim(command.pk)
    assert sleeper is not None
    sleeper.lease_until = ago(1)
    CallCommand.objects.filter(pk=command.pk).update(lease_until=sleeper.lease_until)
    assert sender._claim(command.pk) is not None
    held = seen(command)
    assert sender._settle(sleeper, sender._Outcome(error=TelnyxUncertain("late"))) == []
    assert (seen(command).lease_until, seen(command).attempts) == (held.lease_until, held.attempts)


@pytest.mark.parametrize(
    ("action", "late"),
    [
        ("hangup", {"error": TelnyxUncertain("HTTP 503", http_status=503)}),
        ("start_siprec", {"error": TelnyxUncertain("HTTP 503", http_status=503)}),
        ("hangup", {"error": TelnyxUnavailable("429", http_status=429)}),
        ("hangup", {"error": TelnyxRefused("no", code="90018", http_status=422)}),
        ("dial", {"answer": {"call_control_id": "v3:late"}}),
    ],
    ids=["resent", "uncertain", "put back", "refused", "ok"],
)
def test_nor_when_its_lease_ends_in_the_midst_of_writing_down_what_came_of_it(
    monkeypatch: pytest.MonkeyPatch, action: str, late: dict[str, Any]
) -> None:
    """It stalls behind the lock of the breaker's row, after it has looked whether the lease is still its own."""
    with serving(answer("200 OK", b'{"data": {"call_control_id": "v3:a", "result": "ok"}}')) as listener:
        account = make_account("wired", f"{listener.url}/v2")
        command = dial(account, "1") if action == "dial" else act(make_call(account), action)
        sleeper = sender._claim(command.pk)
        assert sleeper is not None

        def stalled(*told: Any) -> None:
            monkeypatch.undo()
            CallCommand.objects.filter(pk=command.pk).update(lease_until=ago(1))
            sender.send(command.pk)

        monkeypatch.setattr(circuit_breaker, "record_outcome", stalled)
        assert sender._settle(sleeper, sender._Outcome(**late)) == []
    done = seen(command)
    assert (done.status, len(done.attempts)) == (("uncertain", 1) if action == "start_siprec" else ("ok", 2))
    assert not Call.objects.filter(call_control_id="v3:late").exists()


@pytest.mark.parametrize(
    "late",
    [
        TelnyxUncertain("HTTP 503", http_status=503),
        TelnyxUnavailable("429", http_status=429),
        TelnyxRefused("no", code="90034", http_status=422),
    ],
    ids=["resent", "put back", "refused"],
)
def test_nor_when_another_one_has_it_on_the_wire_by_then(monkeypatch: pytest.MonkeyPatch, late: Any) -> None:
    command, held = act(make_call(make_account())), list[CallCommand]()
    sleeper = sender._claim(command.pk)
    assert sleeper is not None

    def stalled(*_: object) -> None:
        now_due(command)
        assert sender._claim(command.pk) is not None
        CallCommand.objects.filter(pk=command.pk).update(lease_until=ago(-60))
        held.append(seen(command))

    monkeypatch.setattr(circuit_breaker, "record_outcome", stalled)
    sender._settle(sleeper, sender._Outcome(error=late))
    row = seen(command)
    assert (row.status, row.lease_until, row.attempts) == ("sending", held[0].lease_until, held[0].attempts)


def test_when_an_uncertain_one_is_looked_at_first_goes_by_the_clock_of_the_leases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(answer("503 Service Unavailable")) as listener:
        command = act(make_call(make_account("wired", f"{listener.url}/v2")), "start_siprec")
        slow = ago(600)
        monkeypatch.setattr(timezone, "now", lambda: slow)
        sender.send(command.pk)
        monkeypatch.undo()
    assert seen(command).status == "uncertain"
    assert reconciliation.due(9) == []
    assert seen(command).finished_at > ago(60)


def test_a_sender_that_slept_sends_nothing_outside_the_window() -> None:
    with serving(YES) as listener:
        command = act(make_call(make_account("wired", f"{listener.url}/v2")))
        sleeper = sender._claim(command.pk)
        assert sleeper is not None
        sleeper.first_sent_at = ago(100)
        assert sender._attempt(sleeper).word == "uncertain"
        assert listener.requests == []


@pytest.mark.parametrize(("slept", "word", "requests"), [(2, "ok", 1), (25, "uncertain", 0)])
def test_the_window_may_end_while_a_sender_sleeps_after_its_claim(slept: float, word: str, requests: int) -> None:
    with serving(YES) as listener:
        command = act(make_call(make_account("wired", f"{listener.url}/v2")))
        sleeper = sender._claim(command.pk)
        assert sleeper is not None
        sleeper.first_sent_at = ago(30)
        assert sender._attempt(sleeper, uptime() - slept).word == word
        assert len(listener.requests) == requests


@pytest.mark.parametrize("said", [YES, answer("422 Unprocessable Entity", b'{"errors": [{"code": "90034"}]}')])
def test_how_long_telnyx_took_is_told_in_milliseconds(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    with serving(said) as listener:
        command = act(make_call(make_account("wired", f"{listener.url}/v2")))
        monkeypatch.setattr(sender, "uptime", itertools.count(100, 0.25).__next__)  # each look at it is a little later
        sender.send(command.pk)
    assert [attempt["ms"] for attempt in seen(command).attempts] == [500]


def test_what_is_found_done_at_telnyx_is_answered_and_timed_as_any_other(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = act(make_call(account), "update_client_state", client_state="bWluZQ==")
    told = {"data": {"is_alive": True, "client_state": "bWluZQ=="}}
    with telnyx_says(account, actions="503 Service Unavailable", calls=told):
        sender.send(command.pk)
        now_due(command)
        monkeypatch.setattr(sender, "uptime", itertools.count(100, 0.25).__next__)  # each look at it is a little later
        sender.send(command.pk)
    command = seen(command)
    assert (command.status, command.answer, outcomes(command)) == ("ok", {"result": "ok"}, ["uncertain", "ok"])
    assert command.attempts[-1]["ms"] == 250


@pytest.mark.parametrize("action", ["hangup", "switch_supervisor_role"])  # the second takes no command_id
def test_a_sender_that_was_stopped_for_longer_than_its_lease_sends_nothing(action: str) -> None:
    parameters = {"role": "monitor"} if action == "switch_supervisor_role" else {}
    with serving(YES) as listener:
        command = outbox.act(make_call(make_account("wired", f"{listener.url}/v2")), action, parameters, PORTAL)
        sleeper = sender._claim(command.pk)
        assert sleeper is not None
        assert sender._attempt(sleeper, uptime() - 31).word == "unavailable"
        assert listener.requests == []


@pytest.mark.parametrize(("word", "status"), [("cancel", "expired"), ("pause", "queued")])
def test_a_line_on_the_wire_is_not_dialled_again_after_cancel_or_pause(api: Any, word: str, status: str) -> None:
    with serving(answer("200 OK", b'{"data": {"call_control_id": "v3:n"}}')) as listener:
        make_account("wired", f"{listener.url}/v2")
        batch = begin(api, 2)
        line = batch.commands.order_by("sequence").first()
        CallCommand.objects.filter(pk=line.pk).update(lease_until=None)
        claimed = sender._claim(line.pk)
        assert claimed is not None
        getattr(batches, word)(batch, PORTAL)
        sender._settle(claimed, sender._Outcome(error=TelnyxUnavailable("429", http_status=429)))
        CallCommand.objects.filter(pk=line.pk).update(lease_until=None)
        sender.send(line.pk)
        assert (seen(line).status, listener.requests) == (status, [])


def test_an_event_does_not_delete_the_call_that_another_one_just_made(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flow(account, {"event_type": "call.answered", "do": [{"action": "hangup"}]})
    now = timezone.now()
    told = {"account": account, "source": "webhook", "received_at": now, "occurred_at": now, "body": b"{}"}
    ids = {"event_type": "call.answered", "call_control_id": "v3:a-leg", "connection_id": CONNECTION}
    event = CallEvent.objects.create(dedupe_key="e", payload={}, **told, **ids)
    really = sql.insert

    def slower(row: Any) -> bool:
        Call.objects.get_or_create(account=account, call_control_id="v3:a-leg", defaults={"started_at": now})
        return really(row)

    monkeypatch.setattr(sql, "insert", slower)
    processing.process(event.pk)
    assert Call.objects.count() == 1


@pytest.mark.alone("an account need not be named while there is only one")
@pytest.mark.parametrize(
    ("to", "limit"),
    [
        ("sip:011882123456789@sip.telnyx.com", "blocked_prefixes"),
        ("sip:9005551234@sip.telnyx.com", "allow_premium"),
        ("sip:19005551234@sip.telnyx.eu", "allow_premium"),
        ("sip:19005551234@sip.telnyx.com.", "allow_premium"),
        ("sip:19005551234@192.76.120.10", "allow_premium"),
        ("sip:tel%3A+19005551234@sip.telnyx.com", "allow_premium"),
        ("sip:0000881612345678@sip.telnyx.com", "blocked_prefixes"),
    ],
)
def test_a_sip_address_is_no_way_round_the_limits(api: Any, account: TelnyxAccount, to: str, limit: str) -> None:
    made = api.post("/api/v1/calls/", {"connection_id": "1", "from": "+13125550100", "to": to}, format="json")
    assert (made.status_code, made.json()["limit"]) == (403, limit)
    assert not CallCommand.objects.exists()


@pytest.mark.alone("an account need not be named while there is only one")
@pytest.mark.parametrize("user", ["19005551234@x", "19005551234:pw", "19005551234%40x"])
def test_a_sip_user_in_a_roundabout_form_is_not_called(api: Any, account: TelnyxAccount, user: str) -> None:
    wish = {"connection_id": "1", "from": "+13125550100", "to": f"sip:{user}@sip.telnyx.com"}
    assert list(problem(api.post("/api/v1/calls/", wish, format="json"), 400)["errors"]) == ["to"]
    assert not CallCommand.objects.exists()


def test_numbers_in_answers_and_keys_pressed_are_masked(account: TelnyxAccount, user_with: Any) -> None:
    person: User = user_with("voice.view_callcommand", "voice.view_callevent")
    command = dial(account, "1")
    CallCommand.objects.filter(pk=command.pk).update(answer={"to": "+13125550001"}, settlement="to +13125550001")
    told = api_for(person).get(f"/api/v1/commands/{command.pk}/").json()
    assert "+13125550001" not in f"{told['answer']} {told['settlement']}"
    event = CallEvent.objects.create(
        account=account,
        dedupe_key="e",
        source="webhook",
        received_at=timezone.now(),
        body=b"{}",
        event_type="call.gather.ended",
        payload={"digits": "4111111111111111"},
    )
    assert "41111111" not in api_for(person).get(f"/api/v1/call-events/{event.pk}/").content.decode()


@pytest.mark.alone("an account need not be named while there is only one")
def test_nobody_dials_through_a_flow_who_may_not_dial(account: TelnyxAccount, user_with: Any) -> None:
    person = user_with("voice.add_flow", "voice.change_flow", "voice.view_flow", "voice.control_call")
    transfer = {"action": "transfer", "parameters": {"to": "+13125550001"}}
    body = {"name": "x", "connection_id": "77", "rules": [{"event_type": "call.initiated", "do": [transfer]}]}
    refused = api_for(person).post("/api/v1/flows/", body, format="json")
    assert refused.status_code == 403
    body["rules"][0]["do"] = [{"action": "hangup"}]
    assert api_for(person).post("/api/v1/flows/", body, format="json").status_code == 201


def tool(to: str) -> dict[str, Any]:
    transfer = {"from": "+13125550100", "targets": [{"to": to}]}
    return {"assistant": {"id": "a", "tools": [{"type": "transfer", "transfer": transfer}]}}


@pytest.mark.parametrize(
    ("to", "status", "code"),
    [
        ("+19005551234", 403, "limit_exceeded"),
        *((to, 400, "invalid") for to in ("19005551234", "0019005551234", "{{ number }}")),
    ],
)
def test_an_assistants_tool_is_no_way_round_the_limits(
    api: Any, account: TelnyxAccount, to: str, status: int, code: str
) -> None:
    call = make_call(account)
    url = f"/api/v1/calls/{call.call_control_id}/actions/start_ai_assistant/?account=main"
    problem(api.post(url, tool(to), format="json"), status, code)
    assert not CallCommand.objects.exists()


def test_an_assistant_that_may_call_somebody_takes_the_permission_to_dial(
    account: TelnyxAccount, user_with: Any
) -> None:
    call, person = make_call(account), user_with("voice.view_call", "voice.control_call")
    url = f"/api/v1/calls/{call.call_control_id}/actions/start_ai_assistant/?account=main"
    assert api_for(person).post(url, tool("+13125550001"), format="json").status_code == 403
    # one that is kept at Telnyx may have tools that nobody here knows
    assert api_for(person).post(url, {"assistant": {"id": "a"}}, format="json").status_code == 403
    dialler = user_with("voice.view_call", "voice.control_call", "voice.dial", username="dialler")
    assert api_for(dialler).post(url, {"assistant": {"id": "a"}}, format="json").status_code == 202
