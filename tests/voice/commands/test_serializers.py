"""A command over REST, member by member."""

import re
from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.commands import act
from tests.support.factories import make_call, run_owed
from tests.support.rest import CALLS, COMMANDS, send
from tests.support.rest_examples import COMMAND
from tests.support.rows import CallCommand
from tests.support.times import ago

pytestmark = pytest.mark.django_db


@pytest.mark.alone("it lists what there is, of every account")
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
    for at in (attempt["at"], body["created_at"], body["finished_at"]):
        assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{6}Z", at)
    assert api.get(f"{CALLS}{call.call_control_id}/commands/").json()["results"] == [body]
    assert api.get(COMMANDS).json()["results"] == [body]


def test_a_command_is_told_whole_and_when_it_was_settled(api: APIClient, account: TelnyxAccount) -> None:
    command, at = act(make_call(account), "hangup"), ago(5)
    CallCommand.objects.filter(pk=command.pk).update(status="ok", settled_at=at)
    body = api.get(f"{COMMANDS}{command.pk}/").json()
    assert set(body) == COMMAND | {
        *("address", "account", "conference_id", "queue_name", "held_since", "held_why", "finished_at", "answer"),
        *("settlement", "settled_at", "repeats"),
    }
    assert datetime.fromisoformat(body["settled_at"]) == at


def test_an_attempt_that_is_under_way_has_no_outcome_yet(api: APIClient, account: TelnyxAccount) -> None:
    command, at = act(make_call(account), "hangup"), ago(1)
    attempt: dict[str, Any] = {"at": at.isoformat(), "http_status": None, "ms": None, "code": None}
    CallCommand.objects.filter(pk=command.pk).update(status="sending", first_sent_at=at, attempts=[attempt])
    (told,) = api.get(f"{COMMANDS}{command.pk}/").json()["attempts"]
    assert datetime.fromisoformat(told.pop("at")) == at
    assert told == {"http_status": None, "ms": None, "code": None}
