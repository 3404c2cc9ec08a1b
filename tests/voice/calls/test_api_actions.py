"""Dials and actions over REST: accepted as commands, or refused by the schema."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.rest import problem, send
from voice.models import CallCommand

pytestmark = pytest.mark.django_db
CALLS, EVENTS, COMMANDS = "/api/v1/calls/", "/api/v1/call-events/", "/api/v1/commands/"
DIAL = {"connection_id": "77", "from": "+13125550100", "to": "+13125550001"}
COMMAND = {"id", "action", "status", "parameters", "call_control_id", "requested_by", "created_at", "attempts", "error"}


def test_a_dial_is_accepted_with_its_command(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, CALLS, DIAL)
    command = CallCommand.objects.get()
    assert (answer.status_code, answer["Location"]) == (202, f"{COMMANDS}{command.pk}/")
    body = answer.json()
    assert set(body) >= COMMAND
    assert (body["id"], body["action"], body["status"]) == (str(command.pk), "dial", "queued")
    assert (body["parameters"], body["attempts"], body["call_control_id"]) == (DIAL, [], None)
    assert api.get(answer["Location"]).json() == body


def test_with_several_accounts_a_dial_names_one(api: APIClient, account: TelnyxAccount) -> None:
    make_account("second")
    assert set(problem(send(api, CALLS, DIAL), 400)["errors"]) == {"account"}
    assert send(api, CALLS, DIAL | {"account": "second"}).status_code == 202
    command = CallCommand.objects.get()
    assert (command.account.name, command.parameters) == ("second", DIAL)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, {"connection_id", "from", "to"}),
        (DIAL | {"nonsense": 1}, {"nonsense"}),
        (DIAL | {"from_": "x"}, {"from_"}),
        (DIAL | {"timeout_secs": "30"}, {"timeout_secs"}),
        (DIAL | {"command_id": str(uuid.uuid4())}, {"command_id"}),
        (DIAL | {"account": 7}, {"account"}),
        ([], {"non_field_errors"}),
    ],
)
def test_a_senseless_dial_is_400_under_its_wire_names(
    api: APIClient, account: TelnyxAccount, body: Any, names: set[str]
) -> None:
    assert set(problem(send(api, CALLS, body), 400)["errors"]) == names
    assert not CallCommand.objects.exists()


def test_the_same_idempotency_key_dials_once(api: APIClient, account: TelnyxAccount) -> None:
    key = {"Idempotency-Key": "call ada"}
    first, again = (send(api, CALLS, DIAL, **key) for _ in range(2))
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (202, 202, "true")
    assert (first.json(), first["Location"]) == (again.json(), again["Location"])
    problem(send(api, CALLS, DIAL | {"to": "+13125550002"}, **key), 422, "idempotency_key_reused")
    assert CallCommand.objects.count() == 1
    send(api, CALLS, DIAL)
    assert CallCommand.objects.count() == 2


def test_the_same_idempotency_key_acts_once(api: APIClient, account: TelnyxAccount) -> None:
    call = make_call(account)
    url = f"{CALLS}{call.call_control_id}/actions/"
    for _ in range(2):
        send(api, f"{url}send_dtmf/", {"digits": "1"}, **{"Idempotency-Key": "press"})
    problem(send(api, f"{url}hangup/", {"digits": "1"}, **{"Idempotency-Key": "press"}), 422)
    assert CallCommand.objects.count() == 1


def test_an_action_takes_wire_names(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{CALLS}{make_call(account).call_control_id}/actions/transfer/"
    assert send(api, url, {"to": "+13125550001", "from": "+13125550100"}).status_code == 202
    assert set(problem(send(api, url, {"to": "+13125550001", "form": "x"}), 400)["errors"]) == {"form"}
    assert set(problem(send(api, url, {}), 400)["errors"]) == {"to"}
    assert CallCommand.objects.get().parameters == {"to": "+13125550001", "from": "+13125550100"}


def test_an_action_on_an_unknown_call_is_404(api: APIClient) -> None:
    problem(send(api, f"{CALLS}v3:nobody/actions/answer/"), 404, "not_found")


@pytest.mark.parametrize("name", ["fly", "dial", "with_raw_response", "_post", "Answer", "answer2"])
def test_an_unknown_action_is_404(api: APIClient, account: TelnyxAccount, name: str) -> None:
    problem(send(api, f"{CALLS}{make_call(account).call_control_id}/actions/{name}/"), 404)
    assert not CallCommand.objects.exists()


def test_an_action_on_an_ended_call_is_accepted_and_expired(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, f"{CALLS}{make_call(account, state='ended').call_control_id}/actions/hangup/")
    assert (answer.status_code, answer.json()["status"]) == (202, "expired")
    assert answer.json()["error"] == "The call has already ended."
