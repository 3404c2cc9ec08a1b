"""Every action of the SDK with just what it requires, by REST and from the browser, carried out by the sandbox."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.telnyx import schemas
from tests.support.html_forms import typed
from tests.support.rows import Call, CallCommand
from tests.support.sandbox_actions import FIRST, RINGING, VALUES, sample
from tests.support.sandbox_http import Http
from voice.catalogue import actions
from voice.dispatch import sender

pytestmark = pytest.mark.django_db
EVERY = actions.names()


@pytest.fixture
def line(ring: Callable[..., Call], http: Http) -> Callable[[str], tuple[Call, dict[str, Any]]]:
    """A call at the sandbox on which the action makes sense, and what the action requires."""

    def make(action: str) -> tuple[Call, dict[str, Any]]:
        call = ring(direction="incoming")
        other = ring() if action == "bridge" else None
        given = VALUES | ({"call_control_id": other.call_control_id} if other else {})
        for one in (call, other):
            if one is not None and action not in RINGING:
                assert http.act(one.call_control_id, "answer")[0] == 200
        if before := FIRST.get(action):
            _send(call, before, _required(before, given))
        return call, _required(action, given)

    return make


def _required(action: str, given: dict[str, Any]) -> dict[str, Any]:
    return {one.name: sample(one, given) for one in actions.parameters(action) if one.required}


def _send(call: Call, action: str, body: dict[str, Any]) -> None:
    schemas.validate(actions.method(action), body)
    command = CallCommand.objects.create(
        account=call.account,
        call=call,
        call_control_id=call.call_control_id,
        action=action,
        parameters=body,
        intent_key=f"before:{action}",
        requested_by="tests",
        created_at=call.started_at,
        expires_at=call.started_at.replace(year=call.started_at.year + 1),
    )
    _carried_out(command)


def _carried_out(command: CallCommand) -> None:
    sender.send(command.pk)
    command.refresh_from_db()
    assert (command.status, command.error) == ("ok", "")


@pytest.mark.parametrize("action", EVERY)
def test_by_rest(api: APIClient, line: Any, action: str) -> None:
    call, body = line(action)
    made = api.post(f"/api/v1/calls/{call.call_control_id}/actions/{action}/", body, format="json")
    assert made.status_code == 202, made.json()
    _carried_out(CallCommand.objects.get(pk=made.json()["id"]))


@pytest.mark.parametrize("action", EVERY)
def test_from_the_browser(browser: Client, line: Any, action: str) -> None:
    call, body = line(action)
    url = f"/admin/voice/call/{call.pk}/do/{action}/"
    form = browser.get(url).context["form"]
    shown = {name: form[name].value() for name in form.fields}  # as a browser posts it: with what the form shows
    filled = {name: "" if value is None else str(value) for name, value in shown.items()}
    made = browser.post(url, filled | {name: typed(value) for name, value in body.items()})
    assert made.status_code == 302, made.context["form"].errors
    _carried_out(CallCommand.objects.get(action=action, requested_by="user: operator"))
