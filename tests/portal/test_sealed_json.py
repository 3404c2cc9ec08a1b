"""Secrets within parameters are sealed where they are stored, opened for Telnyx alone, and shown nobody."""

import json
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import Client

from portal.models import TelnyxAccount
from portal.sealed_json import SealedJSONField, sealed, unsealed, with_kept_secrets
from tests.support.conferences import telnyx
from tests.support.factories import make_call, make_flow, run_owed
from tests.support.rest import CALLS, FLOWS, api_for, problem
from voice.catalogue import actions
from voice.models import CallCommand, DialBatch, Flow, Rule

SECRET = "correct-horse-battery"
DIAL = {
    "to": "sip:ada@pbx.example",
    "sip_auth_username": "ada",
    "sip_auth_password": SECRET,
    "custom_headers": [{"name": "X-Auth-Token", "value": SECRET}, {"name": "X-Ticket", "value": "4711"}],
}


@pytest.fixture(scope="module", autouse=True)
def _the_sdk_was_read() -> None:
    """Reading it may take longer than PostgreSQL lets the transaction of a test be idle."""
    actions.check("transfer", DIAL)


def stored(model: type[models.Model], column: str) -> str:
    """The column's text in the database, of every row."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{column}" FROM "{model._meta.db_table}"')
        return json.dumps(cursor.fetchall(), default=str)


def test_what_is_sealed_opens_again_and_is_sealed_once() -> None:
    kept = sealed(DIAL)
    assert SECRET not in json.dumps(kept)
    assert kept["custom_headers"][1] == DIAL["custom_headers"][1]
    assert sealed(kept) == kept
    assert unsealed(kept) == DIAL
    assert sealed({"sip_auth_password": "{{ event.payload.code }}"}) == {
        "sip_auth_password": "{{ event.payload.code }}"
    }


def test_hidden_secrets_are_kept_in_their_place_only() -> None:
    kept = [{"parameters": sealed(DIAL)}]
    shown = [{"parameters": DIAL | {"sip_auth_password": "•••", "to": "•••"}}]
    again = with_kept_secrets(shown, kept)
    assert again[0]["parameters"]["sip_auth_password"] == kept[0]["parameters"]["sip_auth_password"]
    assert again[0]["parameters"]["to"] == "•••"
    assert with_kept_secrets(shown, [{}])[0]["parameters"]["sip_auth_password"] == "•••"


@pytest.mark.django_db
def test_a_command_is_stored_sealed_and_sent_open(account: TelnyxAccount, operator: User, client: Client) -> None:
    call, api = make_call(account), api_for(operator)
    with telnyx(transfer={"result": "ok"}) as wire:
        TelnyxAccount.objects.update(base_url=f"{wire.url}/v2")
        answer = api.post(f"{CALLS}{call.call_control_id}/actions/transfer/", DIAL, format="json")
        assert answer.status_code == 202, answer.json()
        run_owed()
        (request,) = wire.requests
    command = CallCommand.objects.get()
    assert command.status == "ok", command.error
    assert json.loads(request.partition(b"\r\n\r\n")[2])["sip_auth_password"] == SECRET
    assert SECRET not in stored(CallCommand, "parameters")
    client.force_login(operator)
    told = [
        answer,
        api.get(f"/api/v1/commands/{command.pk}/"),
        client.get(f"/admin/voice/callcommand/{command.pk}/change/"),
    ]
    for shown in told:
        text = shown.content.decode()
        assert SECRET not in text
        assert "nacl1:" not in text
        assert "4711" in text


@pytest.mark.django_db
@pytest.mark.alone("an account need not be named while there is only one")
def test_braces_in_a_secret_make_no_placeholder_of_it_where_nothing_fills_one_in(
    account: TelnyxAccount, operator: User
) -> None:
    """A rule's placeholder stands as it is; a command's or a batch's secret is sealed whatever is in it."""
    call, api, odd = make_call(account), api_for(operator), DIAL | {"sip_auth_password": "ab{{cd"}
    assert api.post(f"{CALLS}{call.call_control_id}/actions/transfer/", odd, format="json").status_code == 202
    told = {"connection_id": "1", "from": "+13125550100", "numbers": ["+13125550001"], "per_second": 1}
    told |= {"parameters": {"sip_auth_username": "ada", "sip_auth_password": "ab{{cd"}}
    assert api.post("/api/v1/dial-batches/", told, format="json").status_code == 201
    assert "ab{{cd" not in stored(CallCommand, "parameters") + stored(DialBatch, "parameters")
    for command in CallCommand.objects.all():
        assert unsealed(command.parameters)["sip_auth_password"] == "ab{{cd"
    filled = {"action": "transfer", "parameters": DIAL | {"sip_auth_password": "{{ event.payload.code }}"}}
    make_flow(account, {"event_type": "call.answered", "do": [filled]})
    assert "{{ event.payload.code }}" in stored(Rule, "do")


@pytest.mark.django_db
def test_a_secret_whose_key_is_gone_is_not_sent(account: TelnyxAccount, operator: User, settings: Any) -> None:
    call = make_call(account)
    with telnyx(transfer={"result": "ok"}) as wire:
        TelnyxAccount.objects.update(base_url=f"{wire.url}/v2")
        api_for(operator).post(f"{CALLS}{call.call_control_id}/actions/transfer/", DIAL, format="json")
        sealed_with = CallCommand.objects.get().parameters["sip_auth_password"].split(":")[1]
        other = sealed_with.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
        command = CallCommand.objects.get()
        command.parameters["sip_auth_password"] = command.parameters["sip_auth_password"].replace(sealed_with, other)
        command.save()
        run_owed()
        assert wire.requests == []
    command.refresh_from_db()
    assert command.status == "refused"
    assert "A secret of this command cannot be read" in command.error


@pytest.mark.django_db
def test_a_flows_secret_is_shown_nobody_and_stays_when_the_flow_is_saved(
    account: TelnyxAccount, operator: User
) -> None:
    rule = {"event_type": "call.answered", "do": [{"action": "transfer", "parameters": DIAL}]}
    flow, api = make_flow(account, rule), api_for(operator)
    assert SECRET not in stored(Rule, "do") + stored(Rule.history.model, "do")
    read = api.get(f"{FLOWS}{flow.pk}/").json()
    assert read["rules"][0]["do"][0]["parameters"]["sip_auth_password"] == "•••"
    written = {name: read[name] for name in ("name", "connection_id", "active", "rules")}
    assert api.put(f"{FLOWS}{flow.pk}/", written | {"name": "renamed"}, format="json").status_code == 200
    assert unsealed(Flow.objects.get().rules.get().do)[0]["parameters"] == DIAL
    moved = [{"event_type": "call.hangup"}, *written["rules"]]
    assert api.put(f"{FLOWS}{flow.pk}/", written | {"rules": moved}, format="json").status_code == 200
    assert unsealed(Flow.objects.get().rules.get(position=1).do)[0]["parameters"] == DIAL
    moved[1]["do"][0]["parameters"]["to"] = "+13125550009"
    other = api.put(f"{FLOWS}{flow.pk}/", written | {"rules": moved}, format="json")
    assert "Enter that value whole" in problem(other, 400)["errors"]["rules.1.do"][0]


@pytest.mark.django_db
def test_the_page_of_a_flow_shows_no_secret(browser: Client, account: TelnyxAccount) -> None:
    flow = make_flow(account, {"event_type": "call.answered", "do": [{"action": "transfer", "parameters": DIAL}]})
    text = browser.get(f"/admin/voice/flow/{flow.pk}/change/").content.decode()
    assert "X-Ticket" in text
    assert SECRET not in text
    assert "nacl1:" not in text


@pytest.mark.django_db
def test_what_was_stored_before_is_sealed_by_the_migration(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(SealedJSONField, "get_db_prep_value", models.JSONField.get_db_prep_value)
        make_flow(account, {"event_type": "call.answered", "do": [{"action": "transfer", "parameters": DIAL}]})
        make_flow(account, {"event_type": "call.answered", "do": [{"action": "answer"}]}, active=False)
    assert SECRET in stored(Rule, "do")
    fill = import_module("voice.migrations.0015_sealed_parameters").fill
    fill(apps, SimpleNamespace(connection=connection))
    assert SECRET not in stored(Rule, "do") + stored(Rule.history.model, "do")
