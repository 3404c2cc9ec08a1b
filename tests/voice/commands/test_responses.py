"""The answer to a command over REST: 202 with the command, the same to the same wish."""

import pytest
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.factories import make_call
from tests.support.rest import CALLS, COMMANDS, of_call, problem, send
from tests.support.rest_examples import COMMAND
from tests.support.rows import CallCommand

pytestmark = pytest.mark.django_db
DIAL = {"connection_id": "77", "from": "+13125550100", "to": "+13125550001"}


@pytest.mark.alone("an account need not be named while there is only one")
def test_a_dial_is_accepted_with_its_command(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, CALLS, DIAL)
    command = CallCommand.objects.get()
    assert (answer.status_code, answer["Location"]) == (202, f"{COMMANDS}{command.pk}/")
    body = answer.json()
    assert set(body) >= COMMAND
    assert (body["id"], body["action"], body["status"]) == (str(command.pk), "dial", "queued")
    assert (body["parameters"], body["attempts"], body["call_control_id"]) == (DIAL, [], None)
    assert api.get(answer["Location"]).json() == body


@pytest.mark.alone("an account need not be named while there is only one")
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
    for _ in range(2):
        send(api, of_call(call, "actions", "send_dtmf"), {"digits": "1"}, **{"Idempotency-Key": "press"})
    problem(send(api, of_call(call, "actions", "hangup"), {"digits": "1"}, **{"Idempotency-Key": "press"}), 422)
    assert CallCommand.objects.count() == 1
