"""Dials and actions over REST: accepted as commands, or refused by the schema."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.rest import CALLS, of_call, problem, send
from tests.support.rows import CallCommand

pytestmark = pytest.mark.django_db
DIAL = {"connection_id": "77", "from": "+13125550100", "to": "+13125550001"}


def test_with_several_accounts_a_dial_names_one(api: APIClient, account: TelnyxAccount) -> None:
    make_account("second")
    assert set(problem(send(api, CALLS, DIAL), 400)["errors"]) == {"account"}
    assert send(api, CALLS, DIAL | {"account": "second"}).status_code == 202
    command = CallCommand.objects.get()
    assert (command.account.name, command.parameters) == ("second", DIAL)


@pytest.mark.alone("an account need not be named while there is only one")
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


def test_an_action_takes_wire_names(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{CALLS}{make_call(account).call_control_id}/actions/transfer/?account=main"
    assert send(api, url, {"to": "+13125550001", "from": "+13125550100"}).status_code == 202
    assert set(problem(send(api, url, {"to": "+13125550001", "form": "x"}), 400)["errors"]) == {"form"}
    assert set(problem(send(api, url, {}), 400)["errors"]) == {"to"}
    assert CallCommand.objects.get().parameters == {"to": "+13125550001", "from": "+13125550100"}


def test_an_action_on_an_unknown_call_is_404(api: APIClient) -> None:
    problem(send(api, f"{CALLS}v3:nobody/actions/answer/"), 404, "not_found")


@pytest.mark.parametrize("name", ["fly", "dial", "with_raw_response", "_post", "Answer", "answer2"])
def test_an_unknown_action_is_404(api: APIClient, account: TelnyxAccount, name: str) -> None:
    problem(send(api, f"{CALLS}{make_call(account).call_control_id}/actions/{name}/?account=main"), 404)
    assert not CallCommand.objects.exists()


def test_an_action_on_an_ended_call_is_accepted_and_expired(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, f"{CALLS}{make_call(account, state='ended').call_control_id}/actions/hangup/?account=main")
    assert (answer.status_code, answer.json()["status"]) == (202, "expired")
    assert answer.json()["error"] == "The call has already ended."


def test_secrets_of_a_command_are_not_sent_as_the_dots_that_they_were_read_as(
    api: APIClient, account: TelnyxAccount
) -> None:
    header = {"name": "X-Auth-Token", "value": "correct-horse"}
    secret = {"sip_auth_username": "ada", "sip_auth_password": "correct-horse", "custom_headers": [header]}
    told = send(api, CALLS, DIAL | secret | {"account": account.name}).json()
    shown = {name: told["parameters"][name] for name in secret}
    url = of_call(make_call(account), "actions", "transfer")
    for address, body in ((CALLS, DIAL | shown | {"account": account.name}), (url, {"to": DIAL["to"]} | shown)):
        assert set(problem(send(api, address, body), 400)["errors"]) == {"sip_auth_password", "custom_headers"}
    assert CallCommand.objects.count() == 1


@pytest.mark.parametrize("what", ["dial", "send_dtmf"])
def test_a_command_is_made_by_the_key_that_its_request_has(api: APIClient, account: TelnyxAccount, what: str) -> None:
    """So that a repeat finds it whatever became of the first answer; without a key each is another wish."""
    call, key = make_call(account), {"Idempotency-Key": "k"}
    url, body = (CALLS, DIAL | {"account": account.name}), {"digits": "1"}
    address, given = url if what == "dial" else (of_call(call, "actions", what), body)
    for headers, is_by_it in ((key, True), ({}, False)):
        CallCommand.objects.all().delete()
        assert send(api, address, given, **headers).status_code == 202
        assert CallCommand.objects.get().intent_key.startswith("person:rest:") is is_by_it
