"""Permissions and scopes of calls, events and commands over REST."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.factories import make_call
from tests.support.rest import CALLS, COMMANDS, EVENTS, api_for, problem, send
from tests.support.rows import CallCommand
from tests.support.telnyx_answers import telnyx_says
from voice.catalogue import actions

pytestmark = pytest.mark.django_db
DIAL = {"connection_id": "77", "from": "+13125550100", "to": "+13125550001"}
READING = ("voice.view_call", "voice.view_callevent", "voice.view_callcommand")


@pytest.mark.alone("an account need not be named while there is only one")
def test_every_action_asks_for_its_permission(account: TelnyxAccount, user_with: Any) -> None:
    url = f"{CALLS}{make_call(account).call_control_id}/actions"
    costly = {"transfer", "refer"}
    reader = api_for(user_with(*READING, username="reader"))
    controller = api_for(user_with(*READING, "voice.control_call", username="controller"))
    dialler = api_for(user_with(*READING, "voice.dial", username="dialler"))
    for name in actions.names():
        problem(send(reader, f"{url}/{name}/", {"?": 1}), 403)
        refused, allowed = (controller, dialler) if name in costly else (dialler, controller)
        problem(send(refused, f"{url}/{name}/", {"?": 1}), 403)
        assert "?" in problem(send(allowed, f"{url}/{name}/", {"?": 1}), 400)["errors"], name
    for client in (reader, controller):
        problem(send(client, CALLS, DIAL), 403)
    assert not CallCommand.objects.exists()
    assert send(dialler, CALLS, DIAL).status_code == 202


def test_without_seeing_calls_nobody_acts_on_one(account: TelnyxAccount, user_with: Any) -> None:
    client = api_for(user_with("voice.control_call", "voice.dial"))
    problem(send(client, f"{CALLS}{make_call(account).call_control_id}/actions/hangup/"), 403)


@pytest.mark.parametrize(
    ("url", "permission"),
    [
        (CALLS, "voice.view_call"),
        (f"{CALLS}v3:a-leg/?account=main", "voice.view_call"),
        (f"{CALLS}v3:a-leg/events/?account=main", "voice.view_callevent"),
        (f"{CALLS}v3:a-leg/commands/?account=main", "voice.view_callcommand"),
        (EVENTS, "voice.view_callevent"),
        (COMMANDS, "voice.view_callcommand"),
        (f"/api/v1/sessions/{uuid.uuid5(uuid.NAMESPACE_URL, 'session')}/?account=main", "voice.view_call"),
        ("/api/v1/flows/", "voice.view_flow"),
    ],
)
def test_reading_takes_the_permission_of_what_is_read(
    account: TelnyxAccount, user_with: Any, url: str, permission: str
) -> None:
    make_call(account)
    others = {*READING, "voice.view_flow", "voice.dial", "voice.control_call"} - {permission}
    problem(api_for(user_with(*others, username="others")).get(url), 403)
    assert api_for(user_with(permission)).get(url).status_code == 200


def test_what_is_alive_at_telnyx_is_told_to_who_may_see_calls(account: TelnyxAccount, user_with: Any) -> None:
    url = f"/api/v1/active-calls/?connection_id=77&account={account.name}"
    others = {*READING, "voice.dial", "voice.control_call"} - {"voice.view_call"}
    with telnyx_says(account, active_calls={"data": [], "meta": {"total_items": 0}}) as listener:
        problem(api_for(user_with(*others, username="others")).get(url), 403)
        assert not listener.requests
        assert api_for(user_with("voice.view_call")).get(url).status_code == 200


@pytest.mark.parametrize(
    ("scope", "method", "url", "status"),
    [
        ("calls:read", "get", CALLS, 200),
        ("calls:read", "get", COMMANDS, 200),
        ("calls:read", "get", f"{CALLS}v3:a-leg/events/?account=main", 200),
        ("calls:read", "get", "/api/v1/active-calls/?connection_id=77&account=main", 503),
        ("calls:write", "post", CALLS, 400),
        ("calls:write", "post", f"{CALLS}v3:a-leg/actions/hangup/?account=main", 202),
        ("calls:write", "post", f"{CALLS}v3:a-leg/refresh/?account=main", 503),
        ("events:read", "get", EVENTS, 200),
        ("flows:read", "get", "/api/v1/flows/", 200),
        ("flows:write", "post", "/api/v1/flows/", 400),
    ],
)
def test_a_token_needs_the_scope(
    account: TelnyxAccount, operator: Any, scope: str, method: str, url: str, status: int
) -> None:
    """With it, an address that would ask Telnyx is let through to where nobody answers."""
    make_call(account)
    every = {f"{area}:{right}" for area in ("applications", "calls", "events", "flows") for right in ("read", "write")}
    without = getattr(api_for(operator, *(every - {scope})), method)(url, {}, format="json")
    assert scope in problem(without, 403)["detail"]
    assert getattr(api_for(operator, scope), method)(url, {}, format="json").status_code == status


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("url", [f"{CALLS}v3:a-leg/?account=main", EVENTS, COMMANDS])
def test_what_happened_cannot_be_changed(api: APIClient, account: TelnyxAccount, method: str, url: str) -> None:
    make_call(account)
    problem(getattr(api, method)(url, {}, format="json"), 405)
