"""What a person asks for becomes a row, once, and an audit event."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from portal import sql
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.schemas import InvalidParameters
from tests.support.accounts import make_account
from tests.support.clocks import is_near, set_wrong
from tests.support.commands import made_uncertain
from tests.support.conferences import ROOM, make_room
from tests.support.factories import make_call
from tests.support.rest import COMMANDS, api_for, problem, send
from tests.support.rows import CallCommand
from tests.support.texml_resources import URL, wired
from voice.commands import outbox
from voice.conferences import queues

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
DIAL = {"connection_id": "77", "from": "+13125550100", "to": "+13125550001"}


@pytest.fixture
def ada(operator: User) -> Actor:
    return Actor("user: ada", operator, request_id="request-1")


def test_an_action_is_queued_in_the_name_of_who_asked(account: TelnyxAccount, ada: Actor) -> None:
    call = make_call(account)
    command = outbox.act(call, "speak", {"payload": "Hello", "voice": "female"}, ada)
    kept = CallCommand.objects.get()
    assert kept == command
    assert (kept.status, kept.call, kept.call_control_id) == ("queued", call, call.call_control_id)
    assert (kept.requested_by, kept.user, kept.event) == ("user: ada", ada.user, None)
    assert kept.parameters == {"payload": "Hello", "voice": "female"}
    assert kept.expires_at > timezone.now()
    note = AuditEvent.objects.get()
    assert (note.action, note.actor, note.request_id) == ("call.speak", "user: ada", "request-1")
    assert (note.object_type, note.object_id) == ("voice.call", str(call.pk))
    assert note.details == {"command": str(kept.pk), "status": "queued"}


def test_an_audit_event_holds_no_whole_number(account: TelnyxAccount, ada: Actor) -> None:
    outbox.dial(account, DIAL, ada)
    outbox.act(make_call(account), "transfer", {"to": "+13125550001"}, ada)
    for note in AuditEvent.objects.all():
        assert "5550001" not in f"{note.object_label} {note.details}"


def test_a_dial_has_no_call_yet(account: TelnyxAccount, ada: Actor) -> None:
    command = outbox.dial(account, DIAL, ada)
    assert (command.action, command.call, command.call_control_id) == ("dial", None, "")
    assert AuditEvent.objects.get().object_id == str(account.pk)


def test_what_is_asked_of_a_conference_is_noted_of_it(account: TelnyxAccount, ada: Actor) -> None:
    room, call = make_room(account), make_call(account)
    told: dict[str, Any] = {"path": [room.conference_id], "conference": room}
    command = outbox.place(account, "conferences.hold", {"call_control_ids": [call.call_control_id]}, ada, **told)
    assert (command.conference, AuditEvent.objects.get().object_id) == (room, str(room.pk))


def test_a_participant_of_texml_is_named_by_a_calls_id_or_by_a_label(account: TelnyxAccount, ada: Actor) -> None:
    call = make_call(account)
    for who, control_id, leg in ((call.call_control_id, call.call_control_id, call), ("ada", "", None)):
        made = outbox.place(account, "texml.participants.update", {"Muted": True}, ada, path=[ROOM, who])
        command = CallCommand.objects.get(pk=made.pk)
        assert (command.call_control_id, command.call) == (control_id, leg)


@pytest.mark.parametrize(("control_id", "named"), [("v3:b-leg", True), ("v" * 512, True), ("v" * 513, False)])
def test_a_call_that_is_not_known_of_this_account_is_named_as_far_as_it_can_be_one(
    account: TelnyxAccount, ada: Actor, control_id: str, named: bool
) -> None:
    make_call(make_account("branch"), "b", state="ended")
    made = outbox.place(account, "texml.calls.hang_up", {"Status": "completed"}, ada, path=[control_id])
    assert (made.status, made.call, made.call_control_id) == ("queued", None, control_id if named else "")


@pytest.mark.parametrize("state", ["answered", "ended"])
def test_what_is_queued_may_be_an_ended_calls(account: TelnyxAccount, ada: Actor, state: str) -> None:
    call = make_call(account, state=state)
    made = queues.act_on_call(account, "support", call.call_control_id, "queues.calls.remove", {}, ada)
    assert (made.status, made.call) == ("queued", call if call.is_alive else None)
    assert (made.call_control_id, made.queue_name) == (call.call_control_id, "support")


def test_the_same_wish_twice_is_one_command(account: TelnyxAccount, ada: Actor) -> None:
    first, second = (outbox.dial(account, DIAL, ada, intent="form-1") for _ in range(2))
    assert first.pk == second.pk
    assert (CallCommand.objects.count(), AuditEvent.objects.count()) == (1, 1)
    assert outbox.dial(account, DIAL, ada, intent="form-2").pk != first.pk


def test_without_an_intent_every_wish_is_its_own(account: TelnyxAccount, ada: Actor) -> None:
    for _ in range(2):
        outbox.dial(account, DIAL, ada)
    assert CallCommand.objects.count() == 2


@pytest.mark.parametrize("seconds", [-60, 60])
def test_its_times_are_the_database_s(
    account: TelnyxAccount, ada: Actor, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    call = make_call(account)
    set_wrong(monkeypatch, seconds)
    command = outbox.act(call, "speak", {"payload": "Hello", "voice": "female"}, ada)
    assert (is_near(command.created_at), is_near(command.expires_at, 15)) == (True, True)
    command = outbox.dial(account, DIAL, ada)
    assert (is_near(command.created_at), is_near(command.counted_at), is_near(command.expires_at, 20)) == (True,) * 3


@pytest.mark.parametrize("state", ["ended", "lost"])
def test_a_call_that_is_over_expires_the_command_at_once(account: TelnyxAccount, ada: Actor, state: str) -> None:
    command = outbox.act(make_call(account, state=state), "hangup", {}, ada)
    assert (command.status, command.error) == ("expired", "The call has already ended.")
    assert command.finished_at is not None
    assert AuditEvent.objects.get().details["status"] == "expired"


def test_whether_a_call_is_answered_is_telnyxs_to_judge(account: TelnyxAccount, ada: Actor) -> None:
    assert outbox.act(make_call(account, state="parked"), "send_dtmf", {"digits": "1"}, ada).status == "queued"


@pytest.mark.parametrize(
    ("action", "parameters", "name"),
    [
        ("answer", {"nonsense": 1}, "nonsense"),
        ("speak", {"payload": "Hello", "voice": "female", "paylod": "x"}, "paylod"),
        ("speak", {"voice": "female"}, "payload"),
        ("speak", {"payload": 7, "voice": "female"}, "payload"),
        ("gather", {"maximum_digits": "1"}, "maximum_digits"),
        ("transfer", {"to": "+13125550001", "from_": "+13125550100"}, "from_"),
        ("reject", {"cause": "TIRED"}, "cause"),
        ("hangup", {"command_id": str(uuid.uuid4())}, "command_id"),
        ("hangup", [], "parameters"),
        ("hangup", None, "parameters"),
    ],
)
def test_what_the_sdk_would_not_take_is_refused_by_name(
    account: TelnyxAccount, ada: Actor, action: str, parameters: Any, name: str
) -> None:
    with pytest.raises(InvalidParameters) as refused:
        outbox.act(make_call(account), action, parameters, ada)
    assert list(refused.value.errors) == [name]
    assert not CallCommand.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("name", ["connection_id", "from", "to"])
def test_a_dial_without_what_it_needs_is_refused(account: TelnyxAccount, ada: Actor, name: str) -> None:
    with pytest.raises(InvalidParameters) as refused:
        outbox.dial(account, {key: value for key, value in DIAL.items() if key != name}, ada)
    assert list(refused.value.errors) == [name]


def test_what_is_sent_while_somebody_waits_tells_how_many_milliseconds_it_took(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[dict[str, Any]] = []

    def send(*_: Any) -> dict[str, Any]:
        command = CallCommand.objects.get()
        begun.extend(command.attempts)
        monkeypatch.setattr(sql, "clock", lambda: command.created_at + timedelta(seconds=2.5))
        return {}

    monkeypatch.setattr("voice.texml.requests.send", send)
    wired("http://127.0.0.1:9")
    saved = api.post(f"{URL}secrets/", {"name": "crm", "value": "a secret"}, format="json").json()
    assert [sorted(attempt) for attempt in begun] == [["at", "code", "http_status", "ms"]]
    assert [(attempt["outcome"], attempt["ms"]) for attempt in saved["attempts"]] == [("ok", 2500)]


def test_what_is_sent_again_is_of_the_same_queue_and_call(api: APIClient, account: TelnyxAccount) -> None:
    call = make_call(account)
    made = queues.act_on_call(account, "support", call.call_control_id, "queues.calls.remove", {}, PORTAL)
    lost = made_uncertain(made)
    told = send(api, f"{COMMANDS}{lost.pk}/settle/", {"verdict": "send_again"}).json()
    again = CallCommand.objects.get(pk=told["id"])
    assert (again.pk != lost.pk, again.status, again.action) == (True, "queued", "queues.calls.remove")
    assert (again.queue_name, again.path, again.parameters) == ("support", lost.path, lost.parameters)
    assert (again.call, again.call_control_id) == (call, call.call_control_id)


def test_who_may_not_dial_does_not_send_again_what_calls_somebody(account: TelnyxAccount, user_with: Any) -> None:
    document = {"Texml": "<Response><Dial>+13125550001</Dial></Response>"}
    call = make_call(account, is_texml=True)
    told: dict[str, Any] = {"path": [call.call_control_id]}
    lost = made_uncertain(outbox.place(account, "texml.calls.redirect", document, PORTAL, **told))
    controls = api_for(user_with("voice.view_callcommand", "voice.control_call"))
    refused = problem(send(controls, f"{COMMANDS}{lost.pk}/settle/", {"verdict": "send_again"}), 403)
    assert "voice.dial" in refused["detail"]
    assert (CallCommand.objects.get().pk, CallCommand.objects.get().is_open_question) == (lost.pk, True)
