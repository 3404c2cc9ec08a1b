"""Every action of the SDK, by REST and from the browser: what was asked reaches the wire, and nobody else may ask."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support import samples
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.html_forms import typed
from tests.support.http_servers import Listener, answer, serving
from tests.support.rest import api_for
from tests.support.rows import Call, CallCommand
from voice.catalogue import actions, retry_policy
from voice.dialling import rights
from voice.dispatch import sender

pytestmark = pytest.mark.django_db
EVERY = actions.names()
CONTROL_ID = "v3:a-leg"


@pytest.fixture
def wire() -> Iterator[Listener]:
    """Somebody who says yes to everything and remembers it."""
    with serving(answer("200 OK", b'{"data": {"result": "ok"}}')) as listener:
        yield listener


@pytest.fixture
def call(wire: Listener) -> Call:
    return make_call(make_account("wired", f"{wire.url}/v2"))


def request(wire: Listener) -> tuple[str, str, dict[str, Any]]:
    """Method, path and body of the one request that arrived."""
    (raw,) = wire.requests
    head, _, body = raw.partition(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
    return method, path, json.loads(body or b"{}")


def sent(wire: Listener) -> dict[str, Any]:
    """The body on the wire of the only command, without the id that makes a repeat harmless."""
    command = CallCommand.objects.get()
    sender.send(command.pk)
    command.refresh_from_db()
    assert command.status == "ok", command.error
    method, path, body = request(wire)
    assert (method, path.rpartition("/")[0]) in {
        ("POST", "/v2/calls/v3%3Aa-leg/actions"),
        ("PUT", "/v2/calls/v3%3Aa-leg/actions"),
        ("POST", "/v2/calls/v3:a-leg/actions"),
        ("PUT", "/v2/calls/v3:a-leg/actions"),
    }
    if retry_policy.takes_command_id(command.action):
        assert body.pop("command_id") == str(command.pk)
    return body


@pytest.mark.parametrize("action", EVERY)
def test_rest_sends_just_the_required_parameters(api: APIClient, call: Call, wire: Listener, action: str) -> None:
    given = samples.required(actions.method(action))
    made = api.post(f"/api/v1/calls/{CONTROL_ID}/actions/{action}/", given, format="json")
    assert made.status_code == 202, made.json()
    assert sent(wire) == given


@pytest.mark.parametrize("action", EVERY)
def test_rest_sends_every_parameter_under_its_wire_name(
    api: APIClient, call: Call, wire: Listener, action: str
) -> None:
    given = samples.everything(actions.method(action))
    made = api.post(f"/api/v1/calls/{CONTROL_ID}/actions/{action}/", given, format="json")
    assert made.status_code == 202, made.json()
    assert sent(wire) == given


@pytest.mark.parametrize("action", EVERY)
def test_the_browsers_form_sends_what_was_filled_in(browser: Client, call: Call, wire: Listener, action: str) -> None:
    url = f"/admin/voice/call/{call.pk}/do/{action}/"
    form = browser.get(url).context["form"]
    given = samples.everything(actions.method(action))
    filled = {name: typed(value) for name, value in given.items()} | {"intent": str(form["intent"].value())}
    made = browser.post(url, filled)
    assert made.status_code == 302, made.context["form"].errors
    assert sent(wire) == given


@pytest.mark.parametrize("action", EVERY)
def test_without_the_permission_there_is_no_page_no_button_and_no_command(
    user_with: Callable[..., User], client: Client, call: Call, action: str
) -> None:
    person = user_with("voice.view_call", "voice.view_callevent", "voice.view_callcommand")
    client.force_login(person)
    url = f"/admin/voice/call/{call.pk}/do/{action}/"
    assert (client.get(url).status_code, client.post(url, {}).status_code) == (403, 403)
    assert url not in client.get(f"/admin/voice/call/{call.pk}/change/").content.decode()
    refused = api_for(person).post(f"/api/v1/calls/{CONTROL_ID}/actions/{action}/", {}, format="json")
    assert refused.status_code == 403
    assert not CallCommand.objects.exists()
    may = user_with("voice.view_call", *rights.needed(action, {}), username="may")
    client.force_login(may)
    assert (client.get(url).status_code, client.post(url, {}).status_code) == (200, 200)
    assert (
        api_for(may).post(f"/api/v1/calls/{CONTROL_ID}/actions/{action}/", {"?": 1}, format="json").status_code == 400
    )


def test_every_action_stands_under_a_heading_and_in_the_menu(browser: Client, call: Call) -> None:
    page = browser.get(f"/admin/voice/call/{call.pk}/change/").content.decode()
    for action in EVERY:
        assert f"/do/{action}/" in page
    listed = [name for _, members in actions.grouped() for name in members]
    assert sorted(listed) == sorted(EVERY)


@pytest.mark.alone("an account need not be named while there is only one")
def test_dial_sends_every_parameter_under_its_wire_name(api: APIClient, account: TelnyxAccount) -> None:
    given = samples.everything("calls.dial")
    body = {"data": {"call_control_id": "v3:new", "call_leg_id": "x", "call_session_id": "y", "record_type": "call"}}
    with serving(answer("200 OK", json.dumps(body).encode())) as wire:
        TelnyxAccount.objects.update(base_url=f"{wire.url}/v2")
        assert api.post("/api/v1/calls/", given, format="json").status_code == 202
        command = CallCommand.objects.get()
        sender.send(command.pk)
        method, path, told = request(wire)
    assert (method, path) == ("POST", "/v2/calls")
    assert told.pop("command_id") == str(command.pk)
    assert told == given
    assert Call.objects.get().call_control_id == "v3:new"
