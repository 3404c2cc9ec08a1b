"""Commands over REST: their members and their filters."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.factories import make_call, run_owed
from tests.support.rest import send
from voice.commands import outbox

pytestmark = pytest.mark.django_db
CALLS, EVENTS, COMMANDS = "/api/v1/calls/", "/api/v1/call-events/", "/api/v1/commands/"
COMMAND = {"id", "action", "status", "parameters", "call_control_id", "requested_by", "created_at", "attempts", "error"}


def test_a_command_has_every_member_of_the_interface_page(api: APIClient, ring: Any) -> None:
    call = ring()
    made = send(api, f"{CALLS}{call.call_control_id}/actions/answer/")
    run_owed()
    body = api.get(made["Location"]).json()
    assert set(body) >= COMMAND
    assert (body["action"], body["status"], body["parameters"], body["error"]) == ("answer", "ok", {}, None)
    assert (body["requested_by"], body["call_control_id"]) == ("token: tests", call.call_control_id)
    (attempt,) = body["attempts"]
    assert set(attempt) >= {"at", "http_status", "ms", "code"}
    assert (attempt["http_status"], attempt["code"]) == (200, None)
    assert api.get(f"{CALLS}{call.call_control_id}/commands/").json()["results"] == [body]
    assert api.get(COMMANDS).json()["results"] == [body]


def test_every_filter_of_commands_finds_what_it_names(api: APIClient, account: TelnyxAccount) -> None:
    outbox.act(make_call(account), "hangup", {}, PORTAL)
    outbox.act(make_call(account, "b", state="ended"), "answer", {}, PORTAL)
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    for name, value, count in (
        ("action", "answer", 1),
        ("status", "expired", 1),
        ("status", "uncertain", 0),
        ("call_control_id", "v3:a-leg", 1),
        ("account", "main", 2),
        ("created_after", soon, 0),
        ("created_before", soon, 2),
    ):
        assert len(api.get(COMMANDS, {name: value}).json()["results"]) == count, (name, value)
